"""Whether a run's findings are right: fault detected, named correctly and in time, and nothing before it.

In: a kind, the log of one of its runs, and what fired on it. Out: plain values for the board.

The first label is right if the first alert after the fault begins, at warning or above and not explained by another,
has the kind's name or one of the few that the kind lists, and nothing fired before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from monitor import grammar
from tests.scoreboard.judge import Finding
from tests.scoreboard.kinds import Kind, Since
from tests.scoreboard.lives import Life, LifeKind
from tests.scoreboard.logs import RunLog

SPIKES_TOLD, RESETS_ALLOWED, VALIDATIONS_OVER = 3, 10, 3
OVER_BEST, DOUBLED = 1.2, 2.0
INTERVAL, WINDOW = 5, 20
"""Number of reports in the interval that is judged, and in the windows to whose medians it is compared."""


class Verdict(NamedTuple):
    """The result of one faulty run."""

    is_shown: bool
    """Whether the run reached the point that defines its kind, from which the bound is counted."""
    is_detected: bool
    is_first_right: bool
    first: str
    """Fault of the first alert; empty for none."""
    early: tuple[str, ...]
    """Rules that fired before the fault began."""
    delay: float | None
    """From the fault's first step to the first right alert, in steps, or in seconds for a story."""
    over: float | None
    """From the point where the bound starts to the first right alert, minus the bound; above 0 is too late."""


def verdict(kind: Kind, log: RunLog, findings: Sequence[Finding], *, seed: int) -> Verdict:
    """Compare what fired with what was provoked."""
    begun_at, begun_line = log.begin_of_epoch(kind.onset_epoch(seed))
    onset = onset_of(kind, log, seed=seed)
    is_early = [not kind.from_start and (f.at, f.line) < (begun_at, begun_line) for f in findings]
    early = tuple(dict.fromkeys(f.rule for f, before in zip(findings, is_early, strict=True) if before))
    after = [f for f, before in zip(findings, is_early, strict=True) if not before]
    right = [f for f in after if f.fault in kind.right]
    since = _since(kind.bound.since, log, onset)
    detected_at = log.step_at(right[0].at) if right else None
    allowed = kind.bound.allowed(log.steps_an_epoch)
    return Verdict(
        is_shown=since is not None,
        is_detected=bool(right),
        is_first_right=bool(after) and not early and after[0].fault in kind.right,
        first=after[0].fault if after else "",
        early=early,
        delay=None if detected_at is None else max(0, detected_at - onset),
        over=None if detected_at is None or since is None else detected_at - since - allowed,
    )


def onset_of(kind: Kind, log: RunLog, *, seed: int) -> int:
    """Return how many steps had been taken when the fault began."""
    _, begun_line = log.begin_of_epoch(kind.onset_epoch(seed))
    return log.step_before(begun_line) + kind.onset_batch(seed, log.steps_an_epoch) - 1


def verdict_of_story(kind: LifeKind, life: Life, findings: Sequence[Finding]) -> Verdict:
    """Compare what fired with the story. Times of a log are in whole milliseconds."""
    early = tuple(dict.fromkeys(f.rule for f in findings if f.at < life.onset_at - 0.001))
    after = [f for f in findings if f.at >= life.onset_at - 0.001]
    right = [f for f in after if f.fault == kind.name]
    delay = max(0.0, round(right[0].at - life.onset_at, 3)) if right else None
    return Verdict(
        is_shown=True,
        is_detected=bool(right),
        is_first_right=bool(after) and not early and after[0].fault == kind.name,
        first=after[0].fault if after else "",
        early=early,
        delay=delay,
        over=None if delay is None else round(delay - life.bound_s, 3),
    )


def _since(since: Since, log: RunLog, onset: int) -> int | None:
    """Return the step from which the bound is counted; None if the run never reached it."""
    match since:
        case Since.ONSET:
            return onset
        case Since.RESETS:
            return _resets(log)
        case Since.RESET:
            return next((reset.step for reset in log.records(grammar.GuardReset) if reset.step > onset), None)
        case Since.SPIKES:
            spoilt = [line for line in log.records(grammar.Train) if line.step > onset and line.batch.part % 2 == 0]
            return spoilt[SPIKES_TOLD - 1].step if len(spoilt) >= SPIKES_TOLD else None
        case Since.DOUBLED:
            return _doubled(log, onset)
        case Since.OVER_BEST:
            return _over_best(log)
        case Since.END:
            return log.last_step


def _resets(log: RunLog) -> int | None:
    """Return the step of the first reset that exceeds the allowed number in its epoch."""
    counted: Counter[int] = Counter()
    for reset in log.records(grammar.GuardReset):
        counted[reset.epoch] += 1
        if counted[reset.epoch] > RESETS_ALLOWED:
            return int(reset.step)
    return None


def _doubled(log: RunLog, onset: int) -> int | None:
    """Return the end of the first interval whose reports all exceed twice the best median of a window before it."""
    lines: list[Any] = log.records(grammar.Train)
    best = float("inf")
    for end in range(WINDOW + INTERVAL, len(lines) + 1):
        losses = [line.loss for line in lines[:end]]
        best = min(best, median(losses[end - INTERVAL - WINDOW : end - INTERVAL]))
        if lines[end - 1].step > onset and min(losses[end - INTERVAL :]) > DOUBLED * best:
            return int(lines[end - 1].step)
    return None


def _over_best(log: RunLog) -> int | None:
    """Return the step of the third validation in a row that is above 1.2 times the best before it."""
    best, in_row = float("inf"), 0
    for step, line in log.with_steps(grammar.Epoch):
        in_row = in_row + 1 if line.val_loss > OVER_BEST * best else 0
        best = min(best, line.val_loss)
        if in_row == VALIDATIONS_OVER:
            return step
    return None
