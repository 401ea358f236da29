"""Reports of the vocabulary → records and samples: what a foreign line says, in the words of the rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from monitor import grammar
from monitor.grammar import Record, Share
from monitor.reader.course import ONLY_LOADS, saved
from monitor.reader.dialects.shown import is_told
from monitor.reader.dialects.state import DialectState, ToldLoss
from monitor.reader.dialects.to_native import SHORTEST_PACE_S, Said
from monitor.reader.event import Digits, Opening
from monitor.reader.signals import (
    ALL_NONFINITE,
    HOST_MEMORY,
    LOSS_SCALE,
    MEMORY,
    METRIC,
    TOKENS_PER_S,
    WORK,
    Sample,
    samples,
)

if TYPE_CHECKING:
    from monitor.reader.dialects.pattern import Dialect
    from monitor.reader.places import Place
    from monitor.reader.report import Report, Value

MOST_METRICS = 64
"""Metrics by their own name that become signals; more are counted in the facts."""

FIRST_COUNTS = ("memory", "host_memory")
"""Quantities of which a report may name several: what is in use comes before what is reserved or was at most."""
LOOSE_REPORTS = 3
"""So many reports without a place belong to the step before them; after more, the log no longer names its steps."""
GIVES = frozenset(
    (
        *(f"train.{name}" for name in ("loss", "lr", "grad_norm", "s_per_batch", "samples_per_s", "skipped")),
        *("train.lr_zero", "run.steps_lost", "run.idle_starts", "run.end", "run.epochs_missing"),
        *("epoch.val_loss", "nonfinite", "train.skipped_share", LOSS_SCALE, TOKENS_PER_S, MEMORY, HOST_MEMORY, METRIC),
    )
)
"""The signals that a log read by the vocabulary can give."""


def say(report: Report, state: DialectState, own: Dialect, body: str = "") -> Said:
    """Return what a report says beside a dialect's ``own`` lines, and move the state. ``body`` is the line's text."""
    if own.places_itself:
        return _beside(report, state, own, body)
    before, epoch_before = state.step, state.epoch
    opening = _enter(report, state)
    place = report.place
    if report.kind == "end":
        state.is_complete |= report.detail == "completed"
        record: Record = end_record(report.detail or "completed", state)
        return Said(record, tuple(samples(record)), opening)
    if report.kind == "epoch":
        if opening is None and None not in (before, place.step) and (before, epoch_before) == (place.step, state.epoch):
            # The place of the report before, without a figure, begins nothing: a logger's record of its own epoch.
            return Said(None, (), None)
        record = grammar.Phase(name="train", epoch=state.epoch)
        return Said(record, tuple(samples(record)), opening)
    if report.kind == "checkpoint":
        record = saved(body, step=place.step, epoch=place.epoch)
        return Said(record, (*samples(record), *_monitored(report, state)), opening)
    if report.kind not in ("report", "validation"):
        return Said(None, (), opening)
    digits = _digits(report)
    more = tuple(_more(report, state))
    fields = _train_fields(report, state)
    if before is not None and place.step is not None and place.step > before and "skipped" in fields:
        # Megatron and its forks count the steps skipped since the report before.
        more = (*more, Sample("train.skipped_share", (), min(1.0, fields["skipped"] / (place.step - before))))
    if place.step is None and "loss" in fields and report.kind == "report" and not report.is_bar:
        state.unplaced += 1
        if state.step is None or state.is_counted or state.unplaced > LOOSE_REPORTS:
            # Reports without a place are numbered by us: the order is what the rules need.
            state.step, state.is_counted = (state.step or 0) + 1, True
        else:
            # It belongs to the step of an earlier line, and is not a second report of that step.
            return Said(None, (*_loose(fields), *more), opening, digits)
    if state.step is None:
        # A report without a step and a loss is in its epoch all the same: a table of a detector's scores.
        entered = grammar.Phase(name="train", epoch=state.epoch) if place.epoch is not None else None
        return Said(entered, more, opening, digits)
    state.is_stopped = state.is_stopped and "loss" not in fields
    train = grammar.Train(
        epoch=_share(state.epoch or 1, state.epochs), batch=_share(place.batch, place.batches), step=state.step,
        **{"loss": None, **fields},
    )  # fmt: skip
    return Said(train, (*samples(train), *more), opening, digits)


def _beside(report: Report, state: DialectState, own: Dialect, body: str) -> Said:
    """Return what the dialect's own lines, which say where the run is, cannot say."""
    if report.kind == "end" and "end" not in own.events:
        record: Record = grammar.RunEnd(status=report.detail or "completed", epochs=state.epoch)
        return Said(record, tuple(samples(record)))
    if report.kind == "checkpoint":
        record = saved(body, step=state.step, epoch=state.epoch)
        return Said(record, tuple(samples(record)))
    if report.kind not in ("report", "validation"):
        return Said(None, ())
    found = (*_loose(_train_fields(report, state)), *_more(report, state))
    return Said(None, found, digits=_digits(report))


def _loose(fields: dict[str, Any]) -> tuple[Sample, ...]:
    return tuple(Sample(f"train.{name}", (), float(value)) for name, value in fields.items())


def _digits(report: Report) -> Digits:
    """Return with how many decimal places a report's numbers were printed, by signal."""
    found: list[tuple[str, tuple[tuple[str, str], ...], int]] = []
    for value in report.values:
        if value.digits is None:
            continue
        if value.quantity == "metric":
            found.append((METRIC, (("name", _label(value)), ("split", value.split)), value.digits))
        elif value.quantity == "loss":
            found.append(("epoch.val_loss" if value.split in ("val", "test") else "train.loss", (), value.digits))
        elif value.quantity in FIRST_COUNTS and any(signal == WORK[value.quantity] for signal, _, _ in found):
            continue
        elif value.split not in ("val", "test"):
            found.append((f"train.{value.quantity}", (), value.digits))
    return tuple(found)


def _enter(report: Report, state: DialectState) -> Opening | None:
    """Move to a report's place; return why the log may count from an earlier place again, where it does."""
    place, was_at = report.place, (state.epoch or 0, -1 if state.step is None else state.step)
    was_counted, is_real = state.is_counted, place.step is not None
    epoch = place.epoch if place.epoch is not None else state.epoch
    is_back = epoch is not None and epoch < was_at[0]
    if place.step is not None and report.kind in ("report", "validation"):
        # Within a later epoch, a lower step is a count that begins anew.
        is_back |= place.step <= was_at[1] and (epoch or 0) <= was_at[0] and not was_counted
    is_new_fit = state.words.place.fit != state.fit
    opening = None
    is_lower = is_back and _is_lower(place, was_at)
    has_other_plan = is_lower and None not in (place.epochs, state.epochs) and place.epochs != state.epochs
    is_other_course = state.course != state.course_of_fit
    if is_new_fit or has_other_plan or (is_lower and (state.is_complete or is_other_course)):
        if is_new_fit:
            is_said = state.is_complete or is_other_course or not state.words.place.is_anew
        else:
            is_said = state.is_complete or not has_other_plan
        opening = Opening("fit" if is_said else "anew")
        state.fit, state.course_of_fit = state.words.place.fit, state.course
        state.is_complete, state.resume, state.step, state.epochs = False, None, None, place.epochs
        state.first_step, state.shown, state.is_counted = None, {}, False
        state.told = ToldLoss()
    elif was_counted and is_real and report.kind in ("report", "validation") and (place.step or 0) <= was_at[1]:
        opening = Opening("recount")
        state.step = None
    elif state.resume is not None and report.kind in ("report", "validation") and is_real:
        is_afresh = state.resume == ONLY_LOADS and (place.step or 0) <= (state.first_step or 0)
        if is_back and not is_afresh:
            # Some trainers name the last step that was done, others the one that comes next.
            opening = Opening("resume", state.resume - 1 if state.resume > 0 else None)
        state.resume = None
    if state.words.place.is_round and place.steps is None:
        state.is_complete = False  # what was full was one round
    if place.epoch is not None:
        state.epoch = place.epoch
    if place.epochs is not None:
        state.epochs = place.epochs
    if opening is not None:
        state.last_counted = None
    if place.step is not None and report.kind in ("report", "validation"):
        if was_counted and state.step is not None:
            state.last_counted = state.step
        gap = place.step - state.step if state.step is not None else 0
        if gap > 0:
            state.course_of_fit = state.course
        state.step, state.is_counted, state.unplaced = place.step, False, 0
        if state.first_step is None:
            state.first_step = place.step
        ahead = gap if state.first_step == 0 else 0
        state.is_complete |= place.steps is not None and place.step + ahead >= place.steps > 0
    return opening


def _is_lower(place: Place, was_at: tuple[int, int]) -> bool:
    """Whether a place is an earlier one, and not the same once more."""
    if place.step is not None and place.step < was_at[1]:
        return True
    return place.epoch is not None and place.epoch < was_at[0]


def end_record(status: str, state: DialectState) -> grammar.RunEnd:
    """Return the end that a line tells. A run that said that it stops early did so, even if it later says completed."""
    state.is_stopped |= status == "stopped"
    if state.is_stopped and status == "completed":
        status = "stopped"
    return grammar.RunEnd(status=status, epochs=_epochs_at_end(state, status))


def _epochs_at_end(state: DialectState, status: str) -> int | None:
    place = state.words.place
    is_open = place.index is not None and place.epochs_done == place.index
    if status == "completed" and is_open and place.is_last_report:
        return state.epoch
    if place.is_fraction and place.planned and place.progress is not None and place.progress > place.planned - 1:
        return place.planned  # a limit on steps ends within the last epoch, which the plan counts as a whole one
    total, done = place.epochs or 0, place.epochs_done or 0
    if status == "completed" and 0 < done < total < done + place.epoch_leap:
        return total  # the next epoch that the log would have named is behind the last one
    return state.epoch if place.epochs_done is None else place.epochs_done


def _share(part: int | None, of: int | None) -> Share:
    return Share(part or 0, of or 0)


def _train_fields(report: Report, state: DialectState) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if report.kind == "validation":
        return fields
    for value in report.values:
        if value.split in ("val", "test"):
            continue
        if value.quantity == "loss":
            if not report.is_bar or _is_told(value, report, state):
                fields["loss"] = value.number
        elif value.quantity in ("lr", "grad_norm", "samples_per_s"):
            fields[value.quantity] = value.number
        elif value.quantity == "s_per_step" and value.number >= SHORTEST_PACE_S and report.place.step is not None:
            fields["s_per_batch"] = value.number
        elif value.quantity == "skipped" and math.isfinite(value.number) and 0 <= value.number < 1e9:
            fields["skipped"] = int(value.number)
    return fields


def _is_told(value: Value, report: Report, state: DialectState) -> bool:
    is_over = report.place.batch is not None and report.place.batch == report.place.batches
    return is_told(repr(value.number), f"{state.epoch}" if is_over else "", state)


def _monitored(report: Report, state: DialectState) -> list[Sample]:
    """Return the metrics of a line about a checkpoint that no report gives."""
    keys = {f"{value.name}\t{value.split}" for value in report.values}
    if not keys or any(key in state.metrics and key not in state.monitored for key in keys):
        return []
    state.monitored = tuple(dict.fromkeys((*state.monitored, *keys)))[:MOST_METRICS]
    return _more(report, state)


def _is_repeated(value: Value, state: DialectState) -> bool:
    """Whether a bar shows a validation's metric once more: it is news when it is another, or once in each epoch."""
    key, shown = f"{value.name}\t{value.split}", (repr(value.number), f"{state.epoch}")
    if state.shown.get(key) == shown:
        return True
    if key in state.shown or len(state.shown) <= MOST_METRICS:
        state.shown = {**state.shown, key: shown}
    return False


def _label(value: Value) -> str:
    """Return a metric's name; of a figure that has no more than a split, that."""
    return value.name or value.split


def _is_all_nonfinite(report: Report) -> bool:
    """Whether a training report without a loss by name has several figures, and none is a number."""
    figures = [value for value in report.values if value.quantity in ("loss", "metric") and value.split not in _UNSEEN]
    is_named = any(value.quantity == "loss" for value in figures)
    return not is_named and len(figures) > 1 and not any(math.isfinite(value.number) for value in figures)


_UNSEEN = ("val", "test")


def _more(report: Report, state: DialectState) -> list[Sample]:
    found = []
    val = next((value for value in report.values if value.quantity == "loss" and value.split == "val"), None)
    val = val or next((value for value in report.values if value.quantity == "loss" and value.split == "test"), None)
    if val is not None:
        found.append(Sample("epoch.val_loss", (), val.number))
    if report.kind == "report" and _is_all_nonfinite(report):
        found.append(Sample(ALL_NONFINITE, (), 1.0))
    for value in report.values:
        if value.quantity == "nan_steps" and value.number > 0:
            found.append(Sample("nonfinite", (("where", "gradient"),), 1.0))
        elif value.quantity == "loss_scale":
            found.append(Sample(LOSS_SCALE, (), value.number))
        elif value.quantity == "tokens_per_s" and value.split not in _UNSEEN:
            found.append(Sample(TOKENS_PER_S, (), value.number))
        elif value.quantity in FIRST_COUNTS and value.split not in _UNSEEN:
            signal = WORK[value.quantity]
            if not any(each.signal == signal for each in found):
                found.append(Sample(signal, (), value.number))
        elif value.quantity == "metric":
            if report.is_bar and value.split in _UNSEEN and _is_repeated(value, state):
                continue
            key = f"{value.name}\t{value.split}"
            if key not in state.metrics:
                if len(state.metrics) >= MOST_METRICS:
                    state.surplus += 1
                    continue
                state.metrics = (*state.metrics, key)
            found.append(Sample(METRIC, (("name", _label(value)), ("split", value.split)), value.number))
    return found
