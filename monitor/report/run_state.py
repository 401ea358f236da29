"""The state of a run in one word, from log, process and GPU, with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.grammar import Gpu, Process
from monitor.run.attempt import Attempt
from monitor.run.ended import Ended, end_of
from monitor.run.process_state import FRESH_S, stuck_words
from monitor.run.run import Run

IDLE_CPU_PCT = 10.0
IDLE_GPU_PCT = 5.0
"""A waiting process uses less. Chosen by hand, 2026-11."""
STALLS = ("stall_silent", "soft_hang")
"""Faults of a run that makes no progress."""


class RunState(StrEnum):
    """What a run is doing, or how it ended."""

    RUNNING = "running"
    FINISHED = "finished"
    CRASHED = "crashed"
    """Ended without finishing."""
    KILLED = "killed"
    """Ended by a signal, or by the kernel for lack of memory."""
    CANCELLED = "cancelled"
    TIME_LIMIT = "time_limit"
    NO_END = "no_end"
    """Its log was read to its end, and says nothing of one."""
    HUNG = "hung"
    """Its log does not grow, and its process is idle."""
    SLOW = "slow"
    """Its log does not grow, but its process or a GPU works."""
    PAUSED = "paused"
    """Silent, as it declared."""
    UNKNOWN = "unknown"


_STATES = {
    Ended.COMPLETED: RunState.FINISHED,
    Ended.STOPPED: RunState.FINISHED,
    Ended.FAILED: RunState.CRASHED,
    Ended.KILLED: RunState.KILLED,
    Ended.CANCELLED: RunState.CANCELLED,
    Ended.TIME_LIMIT: RunState.TIME_LIMIT,
}
PASSING = frozenset({RunState.RUNNING, RunState.HUNG, RunState.SLOW, RunState.PAUSED})
"""States that may change at any moment."""


class RunVerdict(NamedTuple):
    """The state of a run, why, and the evidence."""

    state: RunState
    why: str
    evidence: tuple[Evidence, ...]


def run_state_of(run: Run, alerts: Iterable[Alert], now: float | None, *, is_following: bool = True) -> RunVerdict:
    """Judge a run at time ``now`` by its log, the facts about its process and GPUs, and its open alerts."""
    attempt = run.attempt
    if not attempt.lines:
        return RunVerdict(RunState.UNKNOWN, "no line was written yet", ())
    firing = [alert for alert in alerts if alert.state is State.FIRING]
    last = () if run.last is None else (run.last,)
    crash = next((alert for alert in firing if alert.fault == "crash" and not alert.inhibited_by), None)
    end = end_of(run, is_following=is_following, is_taken_for_dead=crash is not None)
    if end.is_over:
        return RunVerdict(_STATES[end.ended], end.why, end.evidence)
    if crash is not None:
        return RunVerdict(RunState.CRASHED, crash.summary, crash.evidence)
    if attempt.intent.pause is not None and attempt.intent.pause == attempt.phase:
        declared = attempt.intent_evidence["pause"]
        return RunVerdict(RunState.PAUSED, f"it declared a pause for its phase {attempt.phase}", (declared,))
    if stall := next((alert for alert in firing if alert.fault in STALLS), None):
        return _stalled(attempt, stall, now)
    if end.ended is Ended.NO_END:
        return RunVerdict(RunState.NO_END, end.why, end.evidence)
    if now is None or run.heard_at is None:
        return RunVerdict(RunState.UNKNOWN, "no line has a time, so it is unknown whether the run goes on", last)
    return RunVerdict(RunState.RUNNING, f"last heard of {max(0.0, now - run.heard_at):.0f} s ago", last)


def _stalled(attempt: Attempt, stall: Alert, now: float | None) -> RunVerdict:
    """Tell a hung run from a slow one by the use of its process and GPUs."""
    seen = attempt.stated(Process)
    if seen is None or not _is_fresh(seen[1], now):
        why = f"{stall.summary}; nothing is known about its process now: it may hang or be slow"
        return RunVerdict(RunState.UNKNOWN, why, stall.evidence)
    process, evidence = seen
    if words := stuck_words(process.stat):
        return RunVerdict(RunState.HUNG, f"its process {words}", (*stall.evidence, evidence))
    gpus = list(_gpus(attempt, now))
    lines = (*stall.evidence, evidence, *(line for _, line in gpus))
    if process.cpu_pct is None:
        return RunVerdict(RunState.UNKNOWN, f"{stall.summary}; the CPU use of its process is not known yet", lines)
    busiest = max((share for share, _ in gpus), default=None)
    use = f"its process uses {process.cpu_pct:g} % of a processor"
    use += f", its GPUs {busiest:g} %" if busiest is not None else ", the use of its GPUs is unknown"
    if process.cpu_pct < IDLE_CPU_PCT and (busiest is None or busiest < IDLE_GPU_PCT):
        return RunVerdict(RunState.HUNG, f"{stall.summary}; {use}", lines)
    return RunVerdict(RunState.SLOW, f"{stall.summary}, but {use}; an endless loop looks the same", lines)


def _gpus(attempt: Attempt, now: float | None) -> Iterator[tuple[float, Evidence]]:
    """Yield the present use of each GPU, where it is known."""
    for card, evidence in attempt.all_stated(Gpu):
        if card.util_pct is not None and _is_fresh(evidence, now):
            yield card.util_pct, evidence


def _is_fresh(evidence: Evidence, now: float | None) -> bool:
    return now is not None and evidence.at is not None and now - evidence.at <= FRESH_S
