"""What a live watch knows of one log beyond its bytes: recorded in a facts file beside the state, commit by commit."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.base.errors import StateError
from monitor.store import Saved
from monitor.store.facts import Fact, FactKind, FactsFile, Recorder


class Recording:
    """The recorder of one log, and the file that its facts go to. Without a folder they go nowhere."""

    def __init__(self, directory: Path | None, saved: Saved) -> None:
        """Go on behind what a state knows of. Raises StateError."""
        self.recorder = Recorder(_heard_last(saved))
        self._directory = directory
        self._file: FactsFile | None = None
        self._name, self._num_bytes = saved.facts_file, saved.facts_bytes
        self._unwritten: list[Fact] = []
        if directory is not None and self._name:
            self._file = _open(directory / self._name, self._num_bytes)

    def gather(self) -> None:
        """Take what the recorder has decided on; it is written with the next commit."""
        facts = self.recorder.take()
        if self._directory is not None:
            self._unwritten += facts

    def write(self, saved: Saved) -> None:
        """Write what was gathered, and note in a state how far the file belongs to it. Raises StateError."""
        self.gather()
        if self._unwritten and self._directory is not None:
            if not self._name:
                self._name = _free_name(self._directory, saved.run.id or "run")
            if self._file is None:
                self._file = _open(self._directory / self._name, self._num_bytes)
            try:
                self._num_bytes = self._file.append(self._unwritten)
            except OSError as error:
                raise _trouble(self._file.path, error) from None
            self._unwritten = []
        saved.facts_file, saved.facts_bytes = self._name, self._num_bytes
        saved.holds_heard = self.recorder.is_holding

    def close(self) -> None:
        """Let go of the file; what was not committed is not kept."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _open(path: Path, keep_bytes: int) -> FactsFile:
    try:
        return FactsFile(path, keep_bytes)
    except OSError as error:
        raise _trouble(path, error) from None


def _trouble(path: Path, error: OSError) -> StateError:
    return StateError(str(path), f"cannot be written ({error.strerror})", expected="room on its disk")


def _heard_last(saved: Saved) -> Fact | None:
    heard_at = saved.run.heard_at
    if heard_at is None or not saved.holds_heard:
        return None
    return Fact(FactKind.HEARD, saved.run.lines, heard_at)


def _free_name(directory: Path, run: str) -> str:
    """Return a file name for a run that no other run of this folder has."""
    stem = re.sub(r"[^\w.-]", "_", run)[:80].lstrip(".") or "run"
    name, number = f"{stem}.facts.jsonl", 1
    while (directory / name).exists():
        number += 1
        name = f"{stem}-{number}.facts.jsonl"
    return name
