"""Samples about the life of a run: where it begins, on which data, who writes it, and how far it gets."""

from __future__ import annotations

from collections.abc import Iterator

from monitor import grammar
from monitor.reader.signals import WANTED_ENDS, Sample
from monitor.run.derived.inputs import Known, Writer


def of_first_step(record: grammar.Train, known: Known) -> Iterator[Sample]:
    """Yield where the attempt has begun, by its first step."""
    earlier = known.earlier
    resumed_at = known.resumed_at if known.intent.resume_from is None else known.intent.resume_from
    if earlier.starts and known.stated(grammar.RunStart) is None:
        # No line announced this start; the step is its first sign.
        yield Sample("run.idle_starts", (), earlier.starts + 1.0)
    # After a run that came to its end, another process may count from 1 again, and say where it really goes on.
    is_counted_anew = earlier.is_over and record.step <= (known.intent.cadence_train or 1)
    is_free = earlier.is_over or known.is_resume_stated
    before = resumed_at if resumed_at is not None and not is_counted_anew else None if is_free else earlier.highest_step
    lost = 0 if before is None else max(0, before - record.step + 1)
    yield Sample("run.steps_lost", (), float(lost))
    checkpoint = known.stated(grammar.Checkpoint)
    loaded = checkpoint[0] if checkpoint is not None and checkpoint[0].action == "load" else None
    if loaded is not None or known.stated(grammar.RunStart) is not None:
        is_declared = loaded is None or (resumed_at is not None and loaded.step in (None, resumed_at))
        yield Sample("checkpoint.undeclared", (), float(not is_declared))


def of_phase(record: grammar.Phase, known: Known) -> Iterator[Sample]:
    """Yield that a line names its writer, and whether another writer had replaced it."""
    yield Sample("run.beat", (), 1.0)
    if Writer(record.run, record.pid) in known.replaced:
        yield Sample("run.other_writer", (("pid", str(record.pid)),), 1.0)


def is_taken_over(known: Known) -> bool:
    """Return whether the newest writer is still loading, so that a step now comes from an older, unended one."""
    return known.announced_phase in _BEFORE_TRAINING and bool(known.replaced) and not known.earlier.has_ended


_BEFORE_TRAINING = ("load", "fit_scaler")


def of_end(record: grammar.RunEnd, known: Known) -> Iterator[Sample]:
    """Yield how many of the planned epochs are missing at the end, by the end's status."""
    planned = known.intent.epochs or known.epochs_planned
    done = known.epochs_done if record.epochs is None else record.epochs
    if not planned:
        return
    # Each wanted status gets a sample, and only the real one can have missing epochs.
    statuses = WANTED_ENDS if record.status in WANTED_ENDS else (record.status,)
    for status in statuses:
        missing = max(0, planned - done) if status == record.status else 0
        yield Sample("run.epochs_missing", (("status", status),), float(missing))


def changed_data(record: grammar.Data, known: Known) -> Iterator[Sample]:
    """Yield whether the data has changed although it should be the same."""
    if record.fingerprint is None:
        return
    before, started = known.stated(grammar.Data), known.stated(grammar.RunStart)
    is_same_run = started is None or started[0].run == known.earlier.run
    is_resumed = known.earlier.starts > 0 and (is_same_run or known.intent.resume_from is not None)
    expected = before[0].fingerprint if before else known.earlier.fingerprint if is_resumed else None
    is_declared = known.intent.data_change is not None
    yield Sample("data.changed", (), float(expected not in (None, record.fingerprint) and not is_declared))
