"""How far the run is, how fast it goes, and when it should end."""

from __future__ import annotations

import math
from statistics import median
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.grammar import Floor, Phase, Train
from monitor.report.figures import bounded, clock_time, duration, fact, moment
from monitor.report.sections.header import planned_epochs
from monitor.report.statement import Mark, Statement
from monitor.run.attempt import Attempt
from monitor.snapshot import Snapshot


def progress(snapshot: Snapshot) -> tuple[Statement, ...]:
    """Return phase, epoch, batch, loss, speed and the expected end."""
    run, attempt = snapshot.run, snapshot.run.attempt
    train = attempt.stated(Train)
    found = [_phase(attempt), _epoch(attempt)]
    if train is None:
        found += [fact(subject, None) for subject in ("Batch", "Step", "Loss", "Iteration speed")]
    else:
        record, line = train
        found += [
            fact("Batch", f"{record.batch.part}/{record.batch.whole}" if record.batch.whole else None, line),
            fact(run.step_word.capitalize(), record.step, line),
            _loss(attempt, line),
            _rate(attempt),
            fact("Iteration speed", _speed(attempt), line),
        ]
        terms = ", ".join(f"{key}={_short(value)}" for key, value in record.extra)
        if terms:
            found.append(fact("Loss terms", terms, line))
        if record.skipped:
            found.append(Statement("Skipped steps", str(record.skipped), (line,), Mark.CAUTION))
    found.append(_floor(attempt))
    found.append(_eta(snapshot))
    elapsed = None if run.now is None or attempt.began_at is None else duration(run.now - attempt.began_at)
    found.append(fact("Duration so far", elapsed, *([run.last] if run.last and elapsed else [])))
    return bounded(found)


class Remaining(NamedTuple):
    """The remaining time of a run."""

    seconds: float
    this_epoch_s: float
    """Part of it until the present epoch ends."""
    basis: str
    """Basis of the estimate, in words."""
    evidence: Evidence


def remaining(attempt: Attempt) -> Remaining | None:
    """Return the time until the planned end; None where it is unknown.

    Once an epoch has ended: whole epochs at their median time, the present one by its batches. Before: the remaining
    batches at the last speed, without validation.
    """
    planned = planned_epochs(attempt)
    try:
        pace = _seconds_per_epoch(attempt)
        if planned is None or pace is None:
            return None
        per_epoch, basis, line = pace
        epochs = max(0.0, planned[0] - attempt.epochs_done - _share_of_epoch(attempt))
        seconds, this_epoch_s = epochs * per_epoch, (1 - _share_of_epoch(attempt)) * per_epoch
    except OverflowError:
        return None  # counts too large for a float are not a plan
    return Remaining(seconds, this_epoch_s, basis, line) if math.isfinite(seconds) else None


def _share_of_epoch(attempt: Attempt) -> float:
    """Return the share of the present epoch that is done, by its batches."""
    train = attempt.stated(Train)
    if train is None or train[0].epoch.part != attempt.epoch or not train[0].batch.whole:
        return 0.0
    return min(1.0, train[0].batch.part / train[0].batch.whole)


def _seconds_per_epoch(attempt: Attempt) -> tuple[float, str, Evidence] | None:
    seconds, train = attempt.of("epoch.seconds").get(()), attempt.stated(Train)
    if seconds is not None:
        middle = median(point.value for point in seconds.recent)
        return middle, f"median epoch {duration(middle)}", seconds.last.evidence
    speed = attempt.of("train.s_per_batch").get(())
    if speed is None or train is None:
        return None
    words = f"{speed.last.value:.2g} s per batch, without validation"
    return speed.last.value * train[0].batch.whole, words, speed.last.evidence


def _phase(attempt: Attempt) -> Statement:
    stated = attempt.stated(Phase, attempt.announced_phase or "")
    if stated is None:
        return Statement("Phase", f"{attempt.phase}, inferred; no PHASE line was seen", mark=Mark.UNKNOWN)
    record, line = stated
    done = "" if record.done is None else f", {record.done} of {'?' if record.total is None else record.total} done"
    since = "" if attempt.phase_since is None else f" since {moment(attempt.phase_since)}"
    return fact("Phase", f"{record.name}{since}{done}", line)


def _epoch(attempt: Attempt) -> Statement:
    planned, train = planned_epochs(attempt), attempt.stated(Train)
    ended = attempt.of("epoch.train_loss").get(())
    lines = [line for line in (ended and ended.last.evidence, train and train[1], planned and planned[1]) if line]
    if not lines or (planned is None and not attempt.epochs_done and attempt.epoch == 1):
        return fact("Epoch", None)
    of = f"/{planned[0]}" if planned else " of an unknown number"
    if attempt.ended is not None and planned and attempt.epochs_done < planned[0]:
        words = f"{attempt.epochs_done}{of} done, and the run has ended"
        return Statement("Epoch", words, (*lines[:1], attempt.ended.evidence), Mark.CAUTION)
    if attempt.ended is not None or (planned and attempt.epochs_done >= planned[0]):
        return fact("Epoch", f"{attempt.epochs_done}{of} done", *lines[:1])
    return fact("Epoch", f"{attempt.epoch}{of}; {attempt.epochs_done} done", *lines[:1])


def _loss(attempt: Attempt, line: Evidence) -> Statement:
    series = attempt.of("train.loss").get(())
    if series is None:
        return fact("Loss", None)
    first = series.first
    assert first is not None, "a series begins with a point"
    words = f"{series.last.value:.4f}"
    if series.count > 1:
        words += f" (first {first.value:.4f} at L{first.evidence.line}; lowest {series.minimum:.4f})"
    if not series.nonfinite:
        return fact("Loss", words, line)
    words += f"; not a finite number {series.nonfinite} times"
    return Statement("Loss", words, (line,), Mark.BREACH)


def _rate(attempt: Attempt) -> Statement:
    rate = attempt.of("train.lr").get(())
    return fact("Learning rate", None) if rate is None else fact("Learning rate", rate.last.value, rate.last.evidence)


def _speed(attempt: Attempt) -> str | None:
    speed = attempt.of("train.s_per_batch").get(())
    if speed is None:
        return None
    finite = [point.value for point in speed.recent if math.isfinite(point.value)]
    if not finite:
        return "not a finite number"
    return f"{_seconds(finite[-1])} s/batch (recent {_seconds(min(finite))}-{_seconds(max(finite))})"


def _seconds(value: float) -> str:
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _short(value: str) -> str:
    """Shorten a number that was written in full precision; return other text unchanged."""
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value


NOT_LEARNING_SHARE, NOT_LEARNING_EPOCHS = 0.98, 5
"""After these epochs, a training loss above this share of its floor has learnt nothing (FAULTS: not_learning)."""


def _floor(attempt: Attempt) -> Statement:
    """Return the loss of a constant prediction, and how the last epoch compares."""
    subject, stated = "No-signal floor of the loss", attempt.stated(Floor)
    if stated is None:
        return fact(subject, None)
    floor, words, evidence = stated[0].loss_floor, [f"{stated[0].loss_floor:.4f}"], [stated[1]]
    shares = {}
    for name, label in (("epoch.train_loss", "train"), ("epoch.val_loss", "validation")):
        series = attempt.of(name).get(())
        if series is not None and math.isfinite(series.last.value) and floor > 0:
            shares[label] = series.last.value / floor
            words.append(f"the last epoch's {label} loss is {shares[label]:.3f} of it")
            evidence.append(series.last.evidence)
    if shares.get("validation", 0.0) >= 1:
        words.append("on validation no better than a constant prediction")
    is_stuck = attempt.epochs_done >= NOT_LEARNING_EPOCHS and shares.get("train", 0.0) >= NOT_LEARNING_SHARE
    if is_stuck:
        words.append(f"nothing was learnt in {attempt.epochs_done} epochs")
    mark = Mark.CAUTION if is_stuck else None
    return Statement(subject, "; ".join(words), tuple(dict.fromkeys(evidence)), mark)


def _eta(snapshot: Snapshot) -> Statement:
    attempt = snapshot.run.attempt
    if attempt.ended is not None:
        return Statement("ETA", "the run has ended", (attempt.ended.evidence,))
    left = remaining(attempt)
    if left is None:
        return fact("ETA", None)
    if not snapshot.is_following:
        return Statement("ETA", "none: the log stops here, without an end line", mark=Mark.UNKNOWN)
    at = "" if snapshot.now is None else f", at about {clock_time(snapshot.now + left.seconds)}"
    words = f"in {duration(left.seconds)}{at} ({left.basis}){_drift(snapshot, left)}"
    return fact("ETA", words, left.evidence)


def _drift(snapshot: Snapshot, left: Remaining) -> str:
    """Return how far the end has moved since the estimate after the first epoch; nothing before two have ended."""
    attempt, planned = snapshot.run.attempt, planned_epochs(snapshot.run.attempt)
    seconds = attempt.of("epoch.seconds").get(())
    if seconds is None or planned is None or snapshot.now is None or len(seconds.epochs) < 2:
        return ""
    epoch, first = next(iter(seconds.epochs.items()))
    if first.last.at is None or not math.isfinite(first.last.value):
        return ""
    estimated = first.last.at + max(0, planned[0] - epoch) * first.last.value
    later_s = snapshot.now + left.seconds - estimated
    if abs(later_s) < 1:
        return f"; as estimated after epoch {epoch}"
    return f"; {duration(abs(later_s))} {'later' if later_s > 0 else 'earlier'} than estimated after epoch {epoch}"
