"""Find the run for a report: the named log, else the log of a watch, else the newest log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from monitor.base.clock import SystemClock
from monitor.base.errors import LogError, StateError
from monitor.cli.other_run import default_directory
from monitor.cli.reading import read_log
from monitor.grammar import ProcessGone, ProcessStopping
from monitor.pipeline import Pipeline
from monitor.snapshot import HISTORY_LIMIT, Snapshot
from monitor.store.store import Seen, look
from monitor.tail.opening import ABANDONED_AFTER_S, age_s

LOG_FOLDER = Path("_logs/training")
"""Where the trainer writes its logs, and where to look for the newest."""


class FoundRun(NamedTuple):
    """The run for a report."""

    log: str
    seen: Seen | None = None
    """What a watch knows about it; None where the log must be read."""
    state: Path | None = None
    """The state folder of a watch that follows it."""
    is_watched: bool = False
    """Whether that watch is running."""


def find(log: str | None, state: Path | None, patterns: Sequence[str] = ()) -> FoundRun:
    """Find the run: the named log, else the watch's, else the newest. Raises LogError, which names where it looked."""
    if log is not None:
        if not log:
            raise LogError("LOG", "is empty", expected="a log, or no argument for the newest log")
        return _in_state(state, log) if state is not None else FoundRun(log)
    if state is not None:
        return _in_state(state, None)
    if patterns:
        return FoundRun(str(_newest(_matching(patterns), ", ".join(patterns))))
    directory = default_directory(os.environ)
    try:
        process, seen = look(directory, history_limit=HISTORY_LIMIT)
    except StateError:
        process, seen = None, []
    if process is not None and seen:
        return FoundRun(*_latest(seen), state=directory, is_watched=True)
    return FoundRun(str(_newest(LOG_FOLDER.glob("*.log"), f"{LOG_FOLDER}/*.log", f"; no watch runs on {directory}")))


def _in_state(state: Path, log: str | None) -> FoundRun:
    """Return what a state folder knows about one log, or about the log written last. Raises StateError."""
    process, seen = look(state, history_limit=HISTORY_LIMIT)
    if log is not None:
        seen = [each for each in seen if each.log == str(Path(log).absolute())]
        if not seen:
            return FoundRun(log, state=state)
    if not seen:
        raise StateError(str(state), "has no log yet", expected="the state folder of a watch that has read something")
    name, latest = _latest(seen)
    if process is None and Path(name).is_file() and not _knows_end(latest):
        # No watch is running: the log may have grown since.
        return FoundRun(log or name, state=state)
    return FoundRun(name, latest, state, process is not None)


def _knows_end(seen: Seen) -> bool:
    """Whether the watch saw the process end, which the log alone does not tell, and the log has not grown since."""
    attempt, position = seen.saved.run.attempt, seen.saved.position
    if attempt.stated(ProcessStopping) is None and attempt.stated(ProcessGone) is None:
        return False
    return position is not None and position.read_offset == Path(seen.log).stat().st_size


def _latest(seen: Sequence[Seen]) -> tuple[str, Seen]:
    """Return the log written last, by the time of its file, or of its last line where the file is gone."""
    latest = max(seen, key=lambda each: (_changed_at(each.log), each.saved.run.heard_at or 0.0))
    return latest.log, latest


def _changed_at(log: str) -> float:
    try:
        return Path(log).stat().st_mtime
    except OSError:
        return 0.0


def _matching(patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            yield from path.glob("*.log")
        elif path.is_file():
            yield path
        else:
            place = Path(path.anchor or ".")
            yield from place.glob(str(path.relative_to(place)))


def _newest(candidates: Iterator[Path], where: str, also: str = "") -> Path:
    logs = [path for path in candidates if path.is_file()]
    if not logs:
        raise LogError(where, f"no log there{also}", expected="LOG as an argument, or a training in this folder")
    return max(logs, key=lambda path: (path.stat().st_mtime, path.name))


def read_snapshot(pipeline: Pipeline) -> Snapshot:
    """Read the log to its end and judge it as of now, unless it looks abandoned."""
    read_log(pipeline)
    now = pipeline.run.now
    if now is None or pipeline.run.attempt.ended is not None or pipeline.log == "-":
        return pipeline.snapshot(now, is_following=False)
    silent_s = age_s(pipeline.log, SystemClock().wall())
    if silent_s > ABANDONED_AFTER_S:
        return pipeline.snapshot(now, is_following=False)
    pipeline.pass_time(now + silent_s)
    return pipeline.snapshot(now + silent_s, is_following=True)
