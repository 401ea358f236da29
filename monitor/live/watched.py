"""What a watch with a state knows of its runs, for those who look from outside: status, report, serve."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from monitor.alert import Alert, State
from monitor.engine.step import Engine
from monitor.live.resumed import resumed
from monitor.report.run_state import PASSING, RunState, RunVerdict, run_state_of
from monitor.run.sources import Known, Source, companions
from monitor.snapshot import Snapshot
from monitor.store import Saved
from monitor.store.store import Seen
from monitor.tail.ranks import family

ID_DIGITS = 12


def known_snapshot(seen: Seen, engine: Engine, *, wall: float | None) -> Snapshot:
    """Return what a watch knew at its newest commit.

    ``wall`` is the time of day where that watch is running: then the run is judged as of now. None where it is not.
    """
    saved = seen.saved
    is_following = wall is not None and _is_judged(saved) and saved.run.attempt.ended is None
    now = _time_at(saved, wall) if is_following and wall is not None else saved.run.now
    snapshot = resumed(seen.log, engine, saved).snapshot(now, is_following=is_following)
    return replace(snapshot, totals=saved.totals)


def log_id(directory: Path, log: str) -> str:
    """Return an id of a log that a state folder knows: a digest, since its own id is text that several may have."""
    text = f"{directory.absolute()}\0{log}".encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:ID_DIGITS]


def _is_judged(saved: Saved) -> bool:
    """Whether the watch judged the log's silence: by the times of its lines, or where it has none by their arrival."""
    return (saved.run.heard_at if saved.run.now is None else saved.line_came_at) is not None


def _time_at(saved: Saved, wall: float) -> float | None:
    """Return the run's time at a time of day: that of its last line, plus the time since that line came."""
    if saved.run.now is None:
        return wall if _is_judged(saved) else None
    return saved.run.now + (0.0 if saved.line_came_at is None else max(0.0, wall - saved.line_came_at))


class Unread(NamedTuple):
    """What the log has beyond the newest commit."""

    num_bytes: int
    since: float | None
    """When the last of these bytes was written, in seconds since 1970-01-01 UTC; None without any."""


def unread(seen: Seen) -> Unread:
    """Return how much of the log was not read at the newest commit, from the file itself."""
    position = seen.saved.position
    try:
        status = Path(seen.log).stat()
    except OSError:
        return Unread(seen.saved.totals.bytes_behind, None)
    if position is None:
        num_bytes = status.st_size
    elif status.st_ino == position.inode:
        num_bytes = max(0, status.st_size - position.read_offset)
    else:
        # The unread rest of the rotated file, as far as it is known, and all of the new one.
        num_bytes = position.known_bytes - position.read_offset + status.st_size
    return Unread(num_bytes, status.st_mtime if num_bytes else None)


def _run_key(seen: Seen) -> str:
    """Return the key that the logs of one training share: the run id of their start lines, else the family name."""
    known = seen.saved.run
    return known.id if known.id and known.attempt.started is not None else family(seen.log)


def by_run(found: Sequence[Seen], known: Known | None = None) -> list[tuple[str | None, list[Seen]]]:
    """Return the logs by run, the main log first; the name of a rank's log tells which run it belongs to.

    Files of figures that a trainer wrote beside its log are of the log's run. ``known`` keeps what was decided between
    two calls.
    """
    mains = companions((Source(seen.log, seen.saved.run) for seen in found), known)
    keys = {seen.log: _run_key(seen) for seen in found}
    by_family = {family(seen.log): _run_key(seen) for seen in reversed(found) if not seen.saved.run.rank}
    runs: dict[str, list[Seen]] = {}
    for seen in found:
        key = keys[mains.get(seen.log, seen.log)]
        own = by_family.get(family(seen.log), key) if seen.saved.run.rank else key
        runs.setdefault(own, []).append(seen)
    ordered = [sorted(same, key=lambda seen: (seen.log in mains, seen.saved.run.rank or 0)) for same in runs.values()]
    return [(same[0].saved.run.id, same) for same in ordered]


def firing(seen: Seen) -> list[Alert]:
    """Return the alerts that fire now."""
    return [alert for alert in seen.saved.states.open.values() if alert.state is State.FIRING]


def state_at_commit(seen: Seen, *, is_watched: bool) -> RunVerdict:
    """Return the run state at the newest commit; unknown for a run in progress that is not watched."""
    saved = seen.saved
    found = run_state_of(saved.run, saved.states.open.values(), _time_at(saved, saved.committed_at))
    if is_watched or found.state not in PASSING:
        return found
    why = f"not watched now; when last watched: {found.state.value}, {found.why}"
    return found._replace(state=RunState.UNKNOWN, why=why)
