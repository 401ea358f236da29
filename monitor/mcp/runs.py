"""The runs that the given state folders know, and the files that may be read: their logs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from monitor.base.errors import MonitorError
from monitor.live.watched import log_id
from monitor.store.store import Seen, look

HISTORY = 1_000
"""Newest transitions of each log that are looked at."""


class KnownRun(NamedTuple):
    """A log that a state folder knows."""

    handle: str
    """What names it in a question: a digest, so that no text of a log has to be repeated."""
    state: Path
    seen: Seen
    is_watched: bool


def known_runs(states: Sequence[Path]) -> list[KnownRun]:
    """Return the runs of the state folders. Raises StateError for a folder that holds none."""
    return [
        KnownRun(log_id(state, seen.log), state, seen, process is not None)
        for state in states
        for process, all_ in [look(state, history_limit=HISTORY)]
        for seen in all_
    ]


def find(states: Sequence[Path], name: str) -> KnownRun:
    """Return the run of a handle or of the path of a known log. Raises MonitorError for anything else."""
    found = [each for each in known_runs(states) if name in (each.handle, each.seen.log)]
    if not found:
        what = "is neither a run nor a log of the given state folders"
        raise MonitorError("run", what, expected="the field run of list_runs")
    return found[0]


def lines_of(run: KnownRun, first: int, last: int, most_bytes: int) -> Iterator[tuple[int, str]]:
    """Yield lines of a run's log with their numbers. Raises MonitorError for a log that is not the one that was read.

    Each line is cut after ``most_bytes``.
    """
    path = Path(run.seen.log)
    position = run.seen.saved.position
    try:
        if path.resolve() != path and (position is None or path.stat().st_ino != position.inode):
            # A link that was set since could lead to any file.
            raise MonitorError("run", "its log leads to another file now", expected="the file that the watch has read")
        if not path.is_file():
            raise MonitorError("run", "its log is not a file", expected="a text log")
        with path.open("rb") as stream:
            number, is_start = 1, True
            while number <= last and (data := stream.readline(most_bytes)):
                if is_start and number >= first:
                    yield number, data.rstrip(b"\r\n").decode("utf-8", "replace")
                is_start = data.endswith(b"\n")
                number += is_start
    except OSError as error:
        raise MonitorError(
            "run", f"its log cannot be read ({error.strerror})", expected="a log that is there"
        ) from None
