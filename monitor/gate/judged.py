"""A log with its cases, and how its files are called."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from monitor.api import Log
from monitor.base.escape import terminal
from monitor.base.evidence import Evidence
from monitor.gate.case import Case, cases_of
from monitor.report.summary import summary_of
from monitor.tail.logset import STDIN


class Judged(NamedTuple):
    """One log, judged for a build server."""

    file: str
    """Its path, relative to the working folder if it is in it, as build servers name sources."""
    run: str
    host: str
    cases: list[Case]
    summary: tuple[str, ...]
    """The first screen."""

    @classmethod
    def of(cls, log: Log, *, must_complete: bool) -> Judged:
        """Judge a log; ``must_complete`` makes a run that did not complete a failure."""
        summary = summary_of(log.snapshot)
        cases = list(cases_of(log, summary.state, must_complete=must_complete))
        lines = tuple(map(terminal, summary.lines))
        return cls(_file(log.path), log.snapshot.run.id or "", log.host, cases, lines)

    def file_of(self, evidence: Evidence) -> str:
        """Return the file of a line; another file of the same run has its own."""
        return _file(evidence.path) if evidence.path else self.file


def _file(path: str) -> str:
    """Return a path relative to the working folder, or as it is if it is elsewhere."""
    if path == STDIN:
        return "stdin"
    try:
        return terminal(Path(path).absolute().relative_to(Path.cwd()).as_posix())
    except (ValueError, OSError):
        return terminal(path)
