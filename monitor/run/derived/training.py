"""Samples about the learning rate and about waiting for data or a core, from one progress line or from many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator

from monitor import grammar
from monitor.reader.signals import Sample
from monitor.run.derived.declared_rate import declared_rate, declared_rates
from monitor.run.derived.inputs import Column, Columns, Known, Lines
from monitor.run.derived.lifecycle import of_first_step

EXACT_STEPS = 2**53
"""Largest number of steps that a float holds exactly."""
MOST_DELAY = 0.5
"""Share of a step's time, spent waiting for a core, above which the rest does not tell the training's own pace: other
programs then have the caches as well, and a step on the core itself took four times as long (14 busy loops on two
cores, 2026-11)."""


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
    if record.run_delay_s is not None and record.s_per_batch:
        yield Sample("train.run_delay_share", (), record.run_delay_s / record.s_per_batch)
    if record.s_per_batch is not None:
        yield Sample("train.s_on_core", (), _s_on_core(record.s_per_batch, record.run_delay_s or 0.0))
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
    whole = lines.columns.get(("train.s_per_batch", ()))
    if whole is None:
        return found
    load, delay = (lines.columns.get((f"train.{name}", ())) for name in ("load_s", "run_delay_s"))
    for name, part in (("load_share", load), ("run_delay_share", delay)):
        if part is not None:
            is_known = whole.values != 0
            with np.errstate(all="ignore"):
                found[f"train.{name}", ()] = Column(part.values[is_known] / whole.values[is_known], part.rows[is_known])
    on_core_s = whole.values
    if delay is not None:
        on_core_s = np.where(delay.values > MOST_DELAY * whole.values, math.nan, whole.values - delay.values)
    found["train.s_on_core", ()] = Column(on_core_s, whole.rows)
    return found


def _s_on_core(s_per_batch: float, run_delay_s: float) -> float:
    """Return the time of a step without its wait for a core; nan if most of it was such a wait."""
    return math.nan if run_delay_s > MOST_DELAY * s_per_batch else s_per_batch - run_delay_s


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
