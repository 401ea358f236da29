"""When each kind of line is due next, by the declared or observed cadence."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from monitor.conditions.freshness import cadence_steps, overdue, step_s, switched_off
from monitor.grammar import GradReport, Train
from monitor.reader.signals import CATALOGUE, Labels
from monitor.report.figures import clock_time, duration
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.run.series import Series
from monitor.snapshot import Snapshot

_BY_STEPS = ("train.loss", "encoder_grad.norm", "grad.l2", "weight.l2", "activation.mean", "input.mean")
_BY_EPOCHS = ("epoch.train_loss", "metric.sharpe", "data.features_dead")
"""One signal for each kind of periodic line."""


def due(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return when the next line of each kind is due; nothing once the run has ended."""
    attempt = snapshot.run.attempt
    if attempt.ended is not None:
        return ()
    lacking = set(snapshot.run.dialect.lacks)
    return (*_by_steps(snapshot), *_by_epochs(attempt), *_never_seen(attempt, lacking))


def next_report(attempt: Attempt, every: int) -> str:
    """Return the batch and the step of the next gradient report, at one report every ``every`` steps."""
    stated, train = attempt.stated(GradReport), attempt.stated(Train)
    if stated is None:
        return ""
    report = stated[0]
    step, batch = report.step + every, report.batch + every
    whole = train[0].batch.whole if train else 0
    if not whole or batch <= whole:
        return f"batch {batch} (step {step})"
    place = f"batch {(batch - 1) % whole + 1} of epoch {report.epoch + (batch - 1) // whole} (step {step})"
    # Steps count from 0, batches from 1; with accumulated gradients a step has several batches.
    is_one_a_step = report.step == (report.epoch - 1) * whole + report.batch - 1
    return f"batch {step + 1} of the run, {place}" if is_one_a_step else place


def _by_steps(snapshot: Snapshot) -> Iterator[Statement]:
    attempt = snapshot.run.attempt
    for name in _BY_STEPS:
        newest = _newest(attempt, name)
        if newest is None or newest[1].last.step is None:
            continue
        labels, series = newest
        last, signal = series.last, CATALOGUE[name]
        every = cadence_steps(attempt, signal, series)
        if late := overdue(attempt, name, labels, series):
            yield Statement(signal.tag, late.reason, (last.evidence,), Mark.UNKNOWN)
            continue
        place = next_report(attempt, every) if name == "grad.l2" else ""
        place = place or f"step {(last.step or 0) + every}"
        is_plural = "" if every == 1 else "s"
        words = f"next at {place}, {every} step{is_plural} after the last{_about_when(snapshot, last.step, every)}"
        yield Statement(signal.tag, words, (last.evidence,))


def _about_when(snapshot: Snapshot, last_step: int | None, every: int) -> str:
    attempt, pace = snapshot.run.attempt, step_s(snapshot.run.attempt)
    if pace is None or attempt.step is None or last_step is None or snapshot.now is None or not snapshot.is_following:
        return ""
    left_s = (last_step + every - attempt.step) * pace
    if not 0 <= left_s < 10 * 86_400:
        return ""
    return f", in about {duration(left_s)} ({clock_time(snapshot.now + left_s)})" if left_s >= 1 else ""


def _by_epochs(attempt: Attempt) -> Iterator[Statement]:
    for name in _BY_EPOCHS:
        newest = _newest(attempt, name)
        if newest is None:
            continue
        labels, series = newest
        tag = CATALOGUE[name].tag
        if late := overdue(attempt, name, labels, series):
            yield Statement(tag, late.reason, (series.last.evidence,), Mark.UNKNOWN)
            continue
        yield Statement(tag, f"next with the end of epoch {attempt.epoch}", (series.last.evidence,))


_EXPECTED_TAGS = {
    "grad.l2": "GRAD-MONITOR",
    "encoder_grad.norm": "ENCODER-GRAD",
    "guard.check": "DEGENERACY-GUARD",
    "epoch.train_loss": "EPOCH",
    "metric.sharpe": "METRICS",
}


def _never_seen(attempt: Attempt, lacking: AbstractSet[str]) -> Iterator[Statement]:
    for name, tag in _EXPECTED_TAGS.items():
        if attempt.of(name) or name in lacking or switched_off(attempt, name):
            continue
        if name in _BY_EPOCHS:
            yield Statement(tag, f"none was seen yet; the first is due with the end of epoch {attempt.epoch}")
        else:
            yield Statement(tag, "none was seen, so it is unknown when one is due", mark=Mark.UNKNOWN)


def _newest(attempt: Attempt, name: str) -> tuple[Labels, Series] | None:
    found = attempt.of(name).items()
    return max(found, key=lambda each: each[1].last.serial, default=None)
