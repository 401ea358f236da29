"""Samples about the learning rate and about waiting for data, from one progress line or from many at once."""

from __future__ import annotations

from collections.abc import Iterator

from monitor import grammar
from monitor.reader.signals import Sample
from monitor.run.derived.declared_rate import declared_rate, declared_rates
from monitor.run.derived.inputs import Column, Columns, Known, Lines
from monitor.run.derived.lifecycle import of_first_step

EXACT_STEPS = 2**53
"""Largest number of steps that a float holds exactly."""


def of_train(record: grammar.Train, known: Known) -> Iterator[Sample]:
    """Yield the samples derived from one progress line."""
    if record.lr is not None:
        rate = declared_rate(record.step, known.intent)
        if rate is not None and known.intent.base_lr:
            yield Sample("train.lr_deviation", (), abs(record.lr - rate) / known.intent.base_lr)
        elif rate is None and (is_zero := _is_zero_rate(record, known)) is not None:
            yield Sample("train.lr_zero", (), float(is_zero))
    if record.load_s is not None and record.s_per_batch:
        yield Sample("train.load_share", (), record.load_s / record.s_per_batch)
    if known.first_train_step is None:
        yield from of_first_step(record, known)
    highest = known.earlier.highest_step
    idle = known.of("run.idle_starts").get(())
    if idle is not None and idle.last.value > 0 and (highest is None or record.step > highest):
        yield Sample("run.idle_starts", (), 0.0)


def train_columns(lines: Lines, known: Known) -> Columns | None:
    """Return what `of_train` yields for many lines, not including the attempt's first.

    None if the lines differ in what they yield.
    """
    import numpy as np

    highest, idle = known.earlier.highest_step, known.of("run.idle_starts").get(())
    if idle is not None and idle.last.value > 0 and (highest is None or lines.steps.max() > highest):
        return None
    if not has_exact_schedule(known):
        return None
    found: Columns = {}
    rates = lines.columns.get(("train.lr", ()))
    if rates is not None:
        declared = declared_rates(lines.steps, known.intent)
        if declared is not None and known.intent.base_lr:
            with np.errstate(all="ignore"):
                deviation = abs(rates.values - declared) / known.intent.base_lr
            found["train.lr_deviation", ()] = Column(deviation, rates.rows)
        elif declared is None and (rates.values == 0).any():
            return None
        elif declared is None:
            found["train.lr_zero", ()] = Column(np.zeros(len(rates.rows)), rates.rows)
    load, whole = (lines.columns.get((f"train.{name}", ())) for name in ("load_s", "s_per_batch"))
    if load is not None and whole is not None:
        is_known = whole.values != 0
        with np.errstate(all="ignore"):
            share = load.values[is_known] / whole.values[is_known]
        found["train.load_share", ()] = Column(share, load.rows[is_known])
    return found


def has_exact_schedule(known: Known) -> bool:
    """Return whether a float holds all step numbers of the declared schedule exactly."""
    return max(abs(known.intent.warmup_steps or 0), abs(known.intent.total_steps or 0)) <= EXACT_STEPS


def _is_zero_rate(record: grammar.Train, known: Known) -> bool | None:
    """Return whether a learning rate is zero without a declared schedule; None if that may be intended.

    A warm-up may begin with one report of zero, and a schedule may end with one.
    """
    if record.lr != 0:
        return False
    series = known.of("train.lr").get(())
    if not record.epoch.whole or not record.batch.whole:
        # It is unknown whether this is the last line; a zero that is reported twice is not the end of a schedule.
        return None if series is None or series.last.value != 0 else True
    is_end = record.epoch.part >= record.epoch.whole and record.batch.part >= record.batch.whole
    return None if is_end or series is None else True
