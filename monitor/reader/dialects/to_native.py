"""What a dialect's lines can say, in our own words: each event with its fields, and the signals these become."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from monitor import grammar
from monitor.grammar import RECORD_TYPES, Record, Share
from monitor.reader.dialects.shown import is_told
from monitor.reader.dialects.state import DialectState
from monitor.reader.event import Digits, Opening
from monitor.reader.numbers import may_count
from monitor.reader.signals import CATALOGUE, Sample, samples

Fields = Mapping[str, str]
"""A line's fields, as they were written."""
DEAD_BELOW = 0.5
"""Spread of scaled inputs below which features must be dead: half of the declared 1 (FAULTS: input_shift)."""

SHORTEST_PACE_S = 0.05
"""A step time below which it is not a measurement: what else the machine does is larger. Chosen by hand,
2026-11, on real runs of 2 to 10 ms a step."""


class Said(NamedTuple):
    """What a line says."""

    record: Record | None
    """None for a line that is known and measures nothing, or nothing that a record could hold."""
    samples: tuple[Sample, ...]
    opening: Opening | None = None
    digits: Digits = ()


class EventKind(NamedTuple):
    """One event that a dialect can name."""

    does: str
    """What it says, in one line."""
    fields: Mapping[str, tuple[str, ...]]
    """Its fields, each with the signals that it becomes."""
    say: Callable[[Fields, DialectState], Said]
    always: tuple[str, ...] = ()
    """Signals that it gives with any fields."""


def number(text: str) -> float:
    """Read a number as trainers write it: ``5,000``, ``30%``, ``nan``. Raises ValueError."""
    return float(text.replace(",", "").rstrip("%"))


def whole(text: str) -> int:
    """Read a whole number, written as one or as ``3.0``. Raises ValueError."""
    value = number(text)
    if not may_count(value):
        raise ValueError(f"{text[:40]!r} is not a whole number, or too large for one")
    return int(value)


# ---- places: which step and which epoch a line belongs to


def _optional(fields: Fields, name: str, read: Callable[[str], Any]) -> Any:
    return read(fields[name]) if name in fields else None


def _enter_epoch(fields: Fields, state: DialectState) -> None:
    """Move the state to the epoch that a line names, if it names one."""
    if "epochs" in fields:
        state.epochs = whole(fields["epochs"])
    epoch = state.epoch
    if "epoch" in fields:
        epoch = whole(fields["epoch"])
    elif "epoch0" in fields:
        epoch = whole(fields["epoch0"]) + 1
    elif "progress" in fields:
        done = number(fields["progress"])
        epoch = max(1, math.ceil(done - 1e-9)) if math.isfinite(done) else epoch
    if epoch != state.epoch and epoch is not None:
        is_back = state.epoch is not None and epoch < state.epoch
        state.base = 0 if is_back else state.step or 0
        state.epoch = epoch


def _step_of(fields: Fields, state: DialectState, *, counts: bool) -> int | None:
    """Return the step of a line over all epochs, and move the state there."""
    if "step" in fields:
        state.step = whole(fields["step"])
    elif "batch" in fields:
        batch, batches = whole(fields["batch"]), whole(fields.get("batches", "0"))
        if batches > 0 and state.epoch is not None:
            state.base = (state.epoch - 1) * batches
        state.step = state.base + batch
    elif state.bar is not None:
        state.step = state.bar
    elif counts:
        # Reports without a number are numbered by us: the order is what the rules need.
        state.step = (state.step or 0) + 1
    if state.step is not None and not may_count(state.step):
        state.step, state.base = None, 0
        raise ValueError("the step is too large for one")
    return state.step


def _share(part: int | None, of: int | None) -> Share:
    """Return so many of so many; 0 means that the number is unknown."""
    return Share(part or 0, of or 0)


# ---- events


def _train(fields: Fields, state: DialectState) -> Said:
    fields = _measurable(fields)
    _enter_epoch(fields, state)
    step = _step_of(fields, state, counts="loss" in fields)
    values = {name: _optional(fields, name, number) for name in _TRAIN if name in fields}
    if "batches_per_s" in fields and (rate := number(fields["batches_per_s"])) > 0:
        values["s_per_batch"] = 1 / rate
    for name in ("skipped", "skips_in_row"):
        values[name] = _optional(fields, name, whole)
    more = [Sample("epoch.val_loss", (), number(fields["val_loss"]))] if "val_loss" in fields else []
    if "nonfinite" in fields and whole(fields["nonfinite"]) > 0:
        more.append(Sample("nonfinite", (("where", "gradient"),), 1.0))
    if step is None:
        return Said(None, tuple(more))
    record = grammar.Train(
        epoch=_share(state.epoch or 1, state.epochs),
        batch=_share(_optional(fields, "batch", whole), _optional(fields, "batches", whole)),
        step=step,
        **{"loss": None, **values},
    )
    return Said(record, (*samples(record), *more))


_TRAIN = ("loss", "lr", "grad_norm", "s_per_batch", "load_s", "samples_per_s")


def _bar(fields: Fields, state: DialectState) -> Said:
    """A bar of the whole training: it says how far it is, and is told apart from bars of other things by its end."""
    total, done = _optional(fields, "total", whole), whole(fields["done"])
    if state.bar_total is not None and total != state.bar_total:
        return Said(None, ())
    state.bar, state.bar_total = done, total
    place = {name: text for name, text in fields.items() if name not in ("done", "total")}
    return _train({**place, "step": str(done)}, state) if done else Said(None, ())


def _repeating(fields: Fields, state: DialectState) -> Said:
    """A bar shows the last losses again and again: one is told when it is another, or has been shown for long."""
    _enter_epoch(fields, state)
    if whole(fields["batch"]) == 0:
        # Before the first batch, and drawn once more behind the last one.
        return Said(None, ())
    _step_of(fields, state, counts=False)
    told, is_over = dict(fields), fields["batch"] == fields.get("batches")
    if "loss" in fields and not is_told(fields["loss"], f"{state.epoch}" if is_over else "", state):
        del told["loss"]
    if "val_loss" in fields:
        if state.shown.get("val_loss", ("", ""))[0] == fields["val_loss"]:
            del told["val_loss"]
        state.shown = {**state.shown, "val_loss": (fields["val_loss"], "")}
    return _train(told, state)


def _measurable(fields: Fields) -> dict[str, str]:
    """Return a line's fields without a pace that shows the machine's moods rather than the training's."""
    pace_s = number(fields.get("s_per_batch", "nan"))
    if "batches_per_s" in fields and (rate := number(fields["batches_per_s"])) > 0:
        pace_s = 1 / rate
    is_told = pace_s >= SHORTEST_PACE_S
    return {name: text for name, text in fields.items() if is_told or name not in ("s_per_batch", "batches_per_s")}


def _epoch(fields: Fields, state: DialectState) -> Said:
    _enter_epoch(fields, state)
    record = grammar.Epoch(
        epoch=_share(state.epoch or 1, state.epochs),
        train_loss=_optional(fields, "train_loss", number),
        val_loss=_optional(fields, "val_loss", number),
        lr=_optional(fields, "lr", number),
        seconds=_optional(fields, "seconds", number),
    )
    return Said(record, tuple(samples(record)))


def _epoch_begins(fields: Fields, state: DialectState) -> Said:
    _enter_epoch(fields, state)
    record = grammar.Phase(name="train", epoch=state.epoch)
    return Said(record, tuple(samples(record)))


def _validation(fields: Fields, state: DialectState) -> Said:
    _enter_epoch(fields, state)
    step = _step_of(fields, state, counts=False)
    found = tuple(
        Sample(f"epoch.{name}", (), number(fields[name])) for name in ("train_loss", "val_loss") if name in fields
    )
    if step is None:
        return Said(None, found)
    record = grammar.Train(epoch=_share(state.epoch or 1, state.epochs), batch=Share(0, 0), step=step, loss=None)
    return Said(record, found)


def _metrics(fields: Fields, state: DialectState) -> Said:
    _enter_epoch(fields, state)
    found = {name: number(fields[name]) for name in _METRICS if name in fields}
    state.measured = tuple({**dict(state.measured), **found}.items())
    return Said(None, tuple(Sample(f"metric.{name}", (), value) for name, value in found.items()))


_METRICS = ("sharpe", "ic", "rank_ic", "hit_rate")


def _claim(fields: Fields, state: DialectState) -> Said:
    """A final figure: unmeasured where the run's own last value of it is another, or none."""
    name, claimed = fields["metric"], number(fields["value"])
    known = dict(state.measured).get(name)
    # A figure printed with fewer digits agrees with the one that it was rounded from.
    is_measured = known is not None and math.isclose(known, claimed, abs_tol=0.5e-4)
    is_off = known is not None and not is_measured
    found = () if known is None else (Sample("run.claim_unmeasured", (("metric", name),), float(is_off)),)
    return Said(None, found)


def _horizon(fields: Fields, state: DialectState) -> Said:
    values: dict[str, Any] = {name: number(fields[name]) for name in _HORIZON if name in fields}
    record = grammar.HorizonMetrics(epoch=state.epoch or 1, h=whole(fields["h"]), **values)
    return Said(record, tuple(samples(record)))


_HORIZON = ("sharpe", "ic", "rank_ic", "hit_rate", "pred_std", "target_std", "ratio", "r2")


def _gradient(fields: Fields, state: DialectState) -> Said:
    labels = (("group", fields["group"]),)
    return Said(None, tuple(Sample(f"grad.{name}", labels, number(fields[name])) for name in _GRAD if name in fields))


_GRAD = ("l2", "max", "mean_abs")


def _native(fields: Fields, state: DialectState) -> Said:
    """A line whose text is that of one of our own tags."""
    for record_type in RECORD_TYPES:
        if fields["tag"] != record_type.TAG:
            continue
        try:
            record = record_type.from_text(fields["text"])
        except ValueError:
            continue
        if record is not None:
            return Said(record, tuple(samples(record)))
    return Said(None, ())


def _inputs(fields: Fields, state: DialectState) -> Said:
    """The spread of a batch of scaled inputs: the square root of the share of features that live, where most do not."""
    spread = number(fields["std"])
    found = [Sample("input.std", (), spread)]
    if "mean" in fields:
        found.append(Sample("input.mean", (), number(fields["mean"])))
    if "features" not in fields or not 0 <= spread < DEAD_BELOW:
        return Said(None, tuple(found))
    features = whole(fields["features"])
    record = grammar.DataCheck(features_dead=Share(features - round(features * spread * spread), features))
    return Said(record, (*found, *samples(record)))


def _record(make: Callable[[Fields, DialectState], Record]) -> Callable[[Fields, DialectState], Said]:
    def say(fields: Fields, state: DialectState) -> Said:
        record = make(fields, state)
        return Said(record, tuple(samples(record)))

    return say


def _end(fields: Fields, state: DialectState) -> Record:
    done = _optional(fields, "epochs_done", lambda text: math.floor(number(text) + 1e-9))
    state.bar = state.bar_total = None
    return grammar.RunEnd(status=fields.get("status", "completed"), epochs=state.epoch if done is None else done)


def _reset(fields: Fields, state: DialectState) -> Record:
    return grammar.GuardReset(h=whole(fields["h"]), scale=number(fields["scale"]), step=state.step, epoch=state.epoch)


def _collapse(fields: Fields, state: DialectState) -> Record:
    values = {name: _optional(fields, name, number) for name in ("std", "target_std", "ratio")}
    strikes = Share(whole(fields["strikes"]), whole(fields["of"])) if "strikes" in fields else None
    return grammar.GuardCheck(h=whole(fields["h"]), step=state.step, strikes=strikes, **values)


def _plain(prefix: str, *names: str) -> dict[str, tuple[str, ...]]:
    return {name: (f"{prefix}.{name}",) for name in names}


_PLACE: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("step", "epoch", "epoch0", "epochs", "progress", "batch", "batches"), ()
)
_OF_TRAIN: dict[str, tuple[str, ...]] = {
    **_PLACE,
    **_plain("train", *_TRAIN, "skipped", "skips_in_row"),
    "loss": ("train.loss", "run.steps_lost", "run.idle_starts"),
    "lr": ("train.lr", "train.lr_zero"),
    "load_s": ("train.load_s", "train.load_share"),
    "batches_per_s": ("train.s_per_batch",),
    "val_loss": ("epoch.val_loss",),
    "nonfinite": ("nonfinite",),
}

KINDS: dict[str, EventKind] = {
    "train": EventKind("progress of the training, with its loss", _OF_TRAIN, _train),
    "bar": EventKind(
        "a progress bar of the whole training: done of total", {**_OF_TRAIN, "done": (), "total": ()}, _bar
    ),
    "epoch_bar": EventKind("a progress bar of one epoch, which repeats the last loss", _OF_TRAIN, _repeating),
    "epoch_begin": EventKind("an epoch begins", {"epoch": (), "epoch0": (), "epochs": ()}, _epoch_begins),
    "epoch": EventKind(
        "an epoch has ended", {**_PLACE, **_plain("epoch", "train_loss", "val_loss", "lr", "seconds")}, _epoch
    ),
    "validation": EventKind(
        "losses of an evaluation", {**_PLACE, **_plain("epoch", "train_loss", "val_loss")}, _validation
    ),
    "metrics": EventKind("metrics of a validation", {**_PLACE, **_plain("metric", *_METRICS)}, _metrics),
    "horizon": EventKind("metrics of one horizon", {"h": (), **_plain("horizon", *_HORIZON)}, _horizon),
    "claim": EventKind(
        "a final figure, checked against what was measured", {"metric": (), "value": ("run.claim_unmeasured",)}, _claim
    ),
    "gradient": EventKind("the gradient of one group", {"group": (), **_plain("grad", *_GRAD)}, _gradient),
    "inputs": EventKind(
        "mean and spread of a batch of scaled inputs",
        {"features": ("data.features_dead",), "mean": ("input.mean",), "std": ("input.std",)},
        _inputs,
    ),
    "nonfinite": EventKind(
        "numbers that are not finite",
        {"where": (), "count": ()},
        _record(
            lambda fields, state: grammar.Nonfinite(where=fields["where"], count=_optional(fields, "count", whole))
        ),
        always=("nonfinite",),
    ),
    "reset": EventKind(
        "the guard has reset the prediction head", {"h": (), "scale": ()}, _record(_reset), always=("guard.reset",)
    ),
    "recovered": EventKind(
        "predictions vary again",
        {"h": ()},
        _record(lambda fields, state: grammar.GuardRecovered(h=whole(fields["h"]))),
        always=("guard.recovered",),
    ),
    "collapse": EventKind(
        "the guard has found predictions without spread",
        {"h": (), "strikes": ("guard.strikes",), "of": (), **_plain("guard", "std", "target_std", "ratio")},
        _record(_collapse),
        always=("guard.check",),
    ),
    "setting": EventKind(
        "a setting in force",
        {"key": (), "value": ()},
        _record(lambda fields, state: grammar.Config(key=fields["key"], value=fields["value"])),
        always=("config.echo",),
    ),
    "target": EventKind(
        "the normalisation of one horizon's targets",
        {"h": (), "mean": (), "std": ()},
        _record(
            lambda fields, state: grammar.Target(
                h=whole(fields["h"]), mean=number(fields["mean"]), std=number(fields["std"])
            )
        ),
    ),
    "end": EventKind(
        "the training is over",
        {"status": (), "epochs_done": ()},
        _record(_end),
        always=("run.end", "run.epochs_missing"),
    ),
    "native": EventKind("a text of one of our own tags", {"tag": (), "text": ()}, _native),
    "known": EventKind("a line that is understood and measures nothing", {}, lambda fields, state: Said(None, ())),
}
"""Every event that a dialect file can name."""

EVERYWHERE = frozenset(
    name for name, signal in CATALOGUE.items() if signal.tag == "" or signal.tag in ("PROC", "GPU", "LOG")
)
"""Signals that no dialect needs to give: texts, and what the monitor itself finds out."""
FOREIGN_ONLY = frozenset(
    (
        "run.claim_unmeasured",
        "metric",
        "report.nonfinite",
        "text.skip",
        "train.skipped_share",
        "train.loss_scale",
        "train.tokens_per_s",
        "train.memory",
        "train.host_memory",
    )
)
"""Signals that our own trainer has no line for."""


def signals_given(event: str, fields: set[str], tag: str = "") -> frozenset[str]:
    """Return the signals that an event with these fields can give."""
    kind = KINDS[event]
    given = set(kind.always)
    for name in fields:
        given.update(kind.fields.get(name, ()))
    if event == "native":
        given.update(name for name, signal in CATALOGUE.items() if signal.tag == tag)
    return frozenset(given)
