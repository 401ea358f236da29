"""What is known of all runs at one moment: plain data, made once for every page, answer and metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from monitor.alert import Alert, State
from monitor.api import Log
from monitor.base.escape import redact, terminal, unmarked
from monitor.base.wording import log_name
from monitor.conditions import Outcome
from monitor.engine.step import Engine
from monitor.live.resumed import resumed
from monitor.live.watched import Unread, known_snapshot, log_id, unread
from monitor.pipeline import is_blind
from monitor.report.judgement import judge
from monitor.report.run_state import RunVerdict, run_state_of
from monitor.report.sections.progress import remaining
from monitor.report.summary import Summary, summary_of
from monitor.run.ended import Ended
from monitor.run.last_values import LastValues, last_values
from monitor.snapshot import Snapshot, with_sources
from monitor.store.store import Seen
from monitor.web.curves import loss_curve, sparkline

SHOWN_PROBLEMS = 4
"""Most problems of one run that the page over all runs names; the rest is counted."""


class Row(NamedTuple):
    """One run on the page over all runs, in words that are safe to show."""

    id: str
    name: str
    host: str
    log: str
    folder: str
    """The log's folder, or the one above it where the name has the log's folder in it."""
    mark: str
    """``ok``, ``caution``, ``breach`` or ``unknown``."""
    state: str
    """How the run goes or ended, with the cause."""
    is_running: bool
    place: str
    figures: str
    problems: tuple[str, ...]
    counted: str
    """The number of problems in words."""
    progress: float | None
    """Share of the planned steps, else of the planned epochs, that is done."""
    eta_at: float | None
    """When the run should end, in seconds since 1970-01-01 UTC."""
    seen_at: float | None
    """The last sign of life: when the log was last written, in seconds since 1970-01-01 UTC."""
    loss: float | None
    spark: str
    """The newest losses as points of a line, 100 wide and 24 high."""

    @property
    def urgent(self) -> tuple[object, ...]:
        """What people must see at once when it changes; the rest may wait a moment."""
        return self.mark, self.state, self.problems, self.is_running


@dataclass(frozen=True)
class Entry:
    """One run, with everything that its page needs."""

    id: str
    directory: Path
    """The state folder of its watch."""
    is_watched: bool
    files: tuple[Seen, ...]
    """Its main log, then its other files."""
    log: Log
    summary: Summary
    verdict: RunVerdict
    behind: Unread
    row: Row
    judged_at: float
    """Time of day, in seconds since 1970-01-01 UTC."""

    @property
    def snapshot(self) -> Snapshot:
        """The run as of `judged_at`."""
        return self.log.snapshot

    @cached_property
    def outcomes(self) -> tuple[tuple[str, Outcome], ...]:
        """What each rule comes to."""
        return tuple((each.rule.alert, each.outcome) for each in judge(self.snapshot))

    @property
    def firing(self) -> list[Alert]:
        """The alerts that fire now, in all of its files."""
        return [alert for alert in self.snapshot.open if alert.state is State.FIRING]


class Board(NamedTuple):
    """All runs."""

    entries: dict[str, Entry]
    """By id, in the order of their state folders and logs."""
    troubles: tuple[str, ...]
    """State folders that cannot be read, and why."""
    judged_at: float

    def find(self, name: str) -> Entry | None:
        """Return the run with this id, or else the only one whose own run id this is."""
        if name in self.entries:
            return self.entries[name]
        same = [each for each in self.entries.values() if each.snapshot.run.id == name]
        return same[0] if len(same) == 1 else None


def entry_of(
    directory: Path, files: Sequence[Seen], engine: Engine, *, is_watched: bool, wall: float, host: str
) -> Entry:
    """Judge one run at the time of day ``wall``, by the rules of the engine: as `monitor status` does."""
    main = files[0]
    at = wall if is_watched else None
    snapshots = [known_snapshot(each, engine, wall=at) for each in files]
    snapshot = with_sources(snapshots[0], snapshots[1:])
    log = Log(
        snapshot,
        snapshot.history,
        all(is_blind(resumed(each.log, engine, each.saved)) for each in files),
        host,
        fired_earlier=any(each.saved.fired for each in files),
    )
    summary = summary_of(snapshot)
    verdict = run_state_of(snapshot.run, snapshot.open, snapshot.now, is_following=snapshot.is_following)
    name = log_id(directory, main.log)
    return Entry(
        id=name,
        directory=directory,
        is_watched=is_watched,
        files=tuple(files),
        log=log,
        summary=summary,
        verdict=verdict,
        behind=unread(main),
        row=_row(name, snapshot, summary, main, wall),
        judged_at=wall,
    )


def _row(name: str, snapshot: Snapshot, summary: Summary, main: Seen, wall: float) -> Row:
    values = last_values(snapshot.run)
    losses = loss_curve(snapshot)
    problems = [f"{each.title}" for each in summary.problems[:SHOWN_PROBLEMS]]
    more = len(summary.problems) - SHOWN_PROBLEMS
    is_running = snapshot.end.ended is Ended.RUNNING
    left = remaining(snapshot.run.attempt) if is_running else None
    return Row(
        id=name,
        name=safe(summary.name),
        host=safe(summary.host),
        log=safe(snapshot.log),
        folder=safe(snapshot.log.removesuffix(log_name(snapshot.log)).rstrip("/") or "/"),
        mark=summary.mark.name.lower(),
        state=safe(summary.state),
        is_running=is_running,
        place=safe(summary.place),
        figures=safe(summary.figures),
        problems=(*map(safe, problems), *([f"{more} more"] if more > 0 else [])),
        counted=safe(summary.counted),
        progress=_share(values),
        eta_at=None if left is None else wall + left.seconds,
        seen_at=_seen_at(main),
        loss=values.loss,
        spark=sparkline(losses),
    )


def safe(text: str) -> str:
    """Return a text from a log for any page: one bounded line without secrets, codes and marks of our own."""
    return unmarked(redact(terminal(text, 300)))


def _share(values: LastValues) -> float | None:
    for done, planned in ((values.step, values.steps), (values.epochs_done, values.epochs)):
        if done is not None and planned:
            return min(1.0, max(0.0, done / planned))
    return None


def _seen_at(seen: Seen) -> float | None:
    """Return when the log was written last, by its file; by the watch where the file is gone."""
    try:
        return Path(seen.log).stat().st_mtime
    except OSError:
        return seen.saved.line_came_at
