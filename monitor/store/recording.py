"""Record the facts of one log in a facts file next to the state, commit by commit."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.base.errors import StateError
from monitor.store.facts import Fact, FactKind, FactsFile, Recorder
from monitor.store.saved import Saved


class Recording:
    """The recorder of one log, and its facts file. Without a folder, facts are not written."""

    def __init__(self, directory: Path | None, saved: Saved) -> None:
        """Continue after the facts that the state knows of. Raises StateError."""
        self.recorder = Recorder(_heard_last(saved))
        self._directory = directory
        self._file: FactsFile | None = None
        self._name, self._num_bytes = saved.facts_file, saved.facts_bytes
        self._unwritten: list[Fact] = []
        if directory is not None and self._name:
            self._file = _open(directory / self._name, self._num_bytes)

    def gather(self) -> None:
        """Take the recorder's new facts; the next commit writes them."""
        facts = self.recorder.take()
        if self._directory is not None:
            self._unwritten += facts

    def write(self, saved: Saved) -> None:
        """Write the gathered facts, and note in the state how much of the file belongs to it. Raises StateError."""
        self.gather()
        run = saved.run
        if not self._num_bytes and run.id is not None and (self._unwritten or run.generation):
            named = Fact(FactKind.NAMED, 0, None, text=run.log, generation=run.generation)
            self._unwritten.insert(0, named)
        if self._unwritten and self._directory is not None:
            if not self._name:
                self._name = _free_name(self._directory, saved.run.id or "run")
            if self._file is None:
                self._file = _open(self._directory / self._name, self._num_bytes)
            try:
                self._num_bytes = self._file.append(self._unwritten)
            except OSError as error:
                raise _cannot_write(self._file.path, error) from None
            self._unwritten = []
        saved.facts_file, saved.facts_bytes = self._name, self._num_bytes
        saved.holds_heard = self.recorder.is_holding

    def close(self) -> None:
        """Close the file; uncommitted facts are lost."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _open(path: Path, keep_bytes: int) -> FactsFile:
    try:
        return FactsFile(path, keep_bytes)
    except OSError as error:
        raise _cannot_write(path, error) from None


def _cannot_write(path: Path, error: OSError) -> StateError:
    return StateError(str(path), f"cannot be written ({error.strerror})", expected="room on its disk")


def _heard_last(saved: Saved) -> Fact | None:
    heard_at = saved.run.heard_at
    if heard_at is None or not saved.holds_heard:
        return None
    return Fact(FactKind.HEARD, saved.run.lines, heard_at)


def _free_name(directory: Path, run: str) -> str:
    """Return a file name for a run that is still free in this folder."""
    stem = re.sub(r"[^\w.-]", "_", run)[:80].lstrip(".") or "run"
    name, number = f"{stem}.facts.jsonl", 1
    while (directory / name).exists():
        number += 1
        name = f"{stem}-{number}.facts.jsonl"
    return name
