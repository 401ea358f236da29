"""Reports of the vocabulary → records and samples: what a foreign line says, in the words that rules speak of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from monitor import grammar
from monitor.grammar import Record, Share
from monitor.reader.dialects.state import DialectState
from monitor.reader.dialects.to_native import KINDS, SHORTEST_PACE_S, Said
from monitor.reader.signals import LOSS_SCALE, METRIC, Sample, samples

if TYPE_CHECKING:
    from monitor.reader.lines import Report, Value

MOST_METRICS = 64
"""Metrics by their own name that become signals; more are counted in the facts."""

GIVES = frozenset(
    signal
    for kind in ("train", "bar", "epoch_begin", "validation", "nonfinite", "end")
    for field in KINDS[kind].fields.values()
    for signal in field
) | frozenset(("run.end", "run.epochs_missing", "nonfinite", "train.skipped_share", LOSS_SCALE, METRIC))
"""The signals that a log read by the vocabulary can give."""


def say(report: Report, state: DialectState) -> Said:
    """Return what a report says, and move the state."""
    place = report.place
    if place.epoch is not None:
        state.epoch = place.epoch
    if place.epochs is not None:
        state.epochs = place.epochs
    if report.kind == "end":
        record: Record = grammar.RunEnd(status=report.detail or "completed", epochs=_epochs_at_end(state))
        return Said(record, tuple(samples(record)))
    if report.kind == "epoch":
        record = grammar.Phase(name="train", epoch=state.epoch)
        return Said(record, tuple(samples(record)))
    if report.kind not in ("report", "validation"):
        return Said(None, ())
    more = tuple(_more(report, state))
    fields = _train_fields(report, state)
    has_loss = "loss" in fields
    if place.step is not None and state.step is not None and place.step > state.step and "skipped" in fields:
        # Megatron and its forks count the steps skipped since the report before.
        share = min(1.0, fields["skipped"] / (place.step - state.step))
        more = (*more, Sample("train.skipped_share", (), share))
    if place.step is not None:
        state.step, state.is_counted = place.step, False
    elif has_loss and report.kind == "report" and not report.is_bar:
        # Reports without a place are numbered by us: the order is what the rules need.
        state.step, state.is_counted = (state.step or 0) + 1, True
    if state.step is None:
        return Said(None, more)
    train = grammar.Train(
        epoch=_share(state.epoch or 1, state.epochs), batch=_share(place.batch, place.batches), step=state.step,
        **{"loss": None, **fields},
    )  # fmt: skip
    return Said(train, (*samples(train), *more))


def _epochs_at_end(state: DialectState) -> int | None:
    done = state.words.place.epochs_done
    return state.epoch if done is None else done


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
            if not (report.is_bar and _is_shown_before(value, report, state)):
                fields["loss"] = value.number
        elif value.quantity in ("lr", "grad_norm", "samples_per_s"):
            fields[value.quantity] = value.number
        elif value.quantity == "s_per_step" and value.number >= SHORTEST_PACE_S and report.place.step is not None:
            fields["s_per_batch"] = value.number
        elif value.quantity == "skipped" and math.isfinite(value.number) and 0 <= value.number < 1e9:
            fields["skipped"] = int(value.number)
    return fields


def _is_shown_before(value: Value, report: Report, state: DialectState) -> bool:
    """A bar shows the last loss again and again: it is news when it is another, or once when the epoch is over."""
    is_over = report.place.batch is not None and report.place.batch == report.place.batches
    text, end = repr(value.number), f"{state.epoch}" if is_over else ""
    was, at_end = state.shown.get("loss", ("", ""))
    state.shown = {**state.shown, "loss": (text, end or (at_end if text == was else ""))}
    return text == was and end in ("", at_end)


def _more(report: Report, state: DialectState) -> list[Sample]:
    found = []
    val = next((value for value in report.values if value.quantity == "loss" and value.split == "val"), None)
    val = val or next((value for value in report.values if value.quantity == "loss" and value.split == "test"), None)
    if val is not None:
        found.append(Sample("epoch.val_loss", (), val.number))
    for value in report.values:
        if value.quantity == "nan_steps" and value.number > 0:
            found.append(Sample("nonfinite", (("where", "gradient"),), 1.0))
        elif value.quantity == "loss_scale":
            found.append(Sample(LOSS_SCALE, (), value.number))
        elif value.quantity == "metric":
            key = f"{value.name}\t{value.split}"
            if key not in state.metrics:
                if len(state.metrics) >= MOST_METRICS:
                    state.surplus += 1
                    continue
                state.metrics = (*state.metrics, key)
            found.append(Sample(METRIC, (("name", value.name), ("split", value.split)), value.number))
    return found
