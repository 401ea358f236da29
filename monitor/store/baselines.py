"""Summaries of runs in a state folder: those that a person saved by name, and one of every finished run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.base.atomicfile import write_atomically
from monitor.base.errors import MonitorError
from monitor.run.attempt import Status
from monitor.run.summary import FORMAT, RunSummary, SummaryError

FOLDER = "baselines"
FINISHED = "finished"
"""The folder within it for finished runs, which have no name."""
FINISHED_KEPT = 200
"""Most finished runs kept, the newest; saved baselines stay until they are removed."""
BYTES_LIMIT = 16 << 20
"""A larger file is not a summary; that of a run with very many series has 4 MiB."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENDED_WELL = (Status.COMPLETED, Status.STOPPED)


class BaselineError(MonitorError):
    """A baseline does not exist, or cannot have that name."""


@dataclass(frozen=True)
class Stored:
    """One summary in a state folder."""

    name: str
    path: Path
    is_saved: bool
    """Whether a person saved it; else a watch added it when its run finished."""
    at: float
    """When it was written, in seconds since 1970-01-01 UTC."""


class Baselines:
    """The summaries in one state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER

    def save(self, name: str, summary: RunSummary) -> Path:
        """Save a summary under a name, replacing an earlier one. Raises BaselineError, ReportError."""
        return self._write(self.folder / f"{_checked(name)}.json", summary)

    def add_finished(self, summary: RunSummary) -> Path | None:
        """Save the summary of a run that ended well, and drop the oldest ones; return None for any other run."""
        if summary.status not in _ENDED_WELL:
            return None
        path = self._write(self.folder / FINISHED / f"{_name_of(summary.run)}.json", summary)
        for old in [each for each in self.stored() if not each.is_saved][FINISHED_KEPT:]:
            old.path.unlink(missing_ok=True)
        return path

    def find(self, name: str) -> RunSummary | None:
        """Return the baseline with that name, or the finished run with that id; None if there is neither.

        Raises SummaryError if it cannot be read.
        """
        found = self._find(name)
        return None if found is None else read_summary(found.path)

    def remove(self, name: str) -> Path:
        """Remove a baseline. Raises BaselineError if there is none."""
        found = self._find(name)
        if found is None:
            raise BaselineError(name, f"is not a baseline in {self.folder}", expected=self.expected())
        found.path.unlink(missing_ok=True)
        return found.path

    def stored(self) -> list[Stored]:
        """Return all summaries: the saved ones by name, then the finished runs, newest first."""
        saved = sorted(self._in(self.folder, is_saved=True), key=lambda each: each.name)
        finished = sorted(
            self._in(self.folder / FINISHED, is_saved=False), key=lambda each: (each.at, each.name), reverse=True
        )
        return saved + finished

    def expected(self) -> str:
        """Return the existing names, for a message."""
        names = [each.name for each in self.stored()]
        if not names:
            return f"a name given to monitor baseline save; {self.folder} has none"
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        return f"one of {', '.join(names[:8])}{more}"

    def _find(self, name: str) -> Stored | None:
        return next((each for each in self.stored() if each.name == name), None)

    def _write(self, path: Path, summary: RunSummary) -> Path:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BaselineError(str(path.parent), f"cannot be made ({error.strerror})", expected="a folder") from None
        write_atomically(path, summary.to_json() + "\n")
        return path

    def _in(self, folder: Path, *, is_saved: bool) -> Iterator[Stored]:
        if not folder.is_dir():
            return
        for path in folder.glob("*.json"):
            if path.is_file() and _NAME.fullmatch(path.stem):
                yield Stored(path.stem, path, is_saved, path.stat().st_mtime)


def is_summary(path: Path) -> bool:
    """Return whether a file is a summary rather than a log."""
    try:
        with path.open("rb") as file:
            head = file.read(200)
    except OSError:
        return False
    return head.lstrip().startswith(b"{") and f'"format": "{FORMAT}"'.encode() in head


def read_summary(path: Path) -> RunSummary:
    """Read one file. Raises SummaryError."""
    try:
        if path.stat().st_size > BYTES_LIMIT:
            raise SummaryError(str(path), "is too large", expected="a file that monitor baseline save wrote")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        what = f"cannot be read ({reason})"
        raise SummaryError(str(path), what, expected="a file that monitor baseline save wrote") from None
    return RunSummary.from_json(text, str(path))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        expected = "up to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
        raise BaselineError("baseline", f"{name!r:.80} cannot be a name", expected=expected)
    return name


def _name_of(run: str) -> str:
    """Return the id of a run as a file name; an id that is not a plain word gets its digest."""
    if _NAME.fullmatch(run):
        return run
    digest = hashlib.sha256(run.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    words = re.sub(r"[^A-Za-z0-9._-]+", "-", run).strip("-._")[:40]
    return f"{words}-{digest}" if words else f"run-{digest}"
