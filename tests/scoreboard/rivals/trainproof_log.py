"""Our log as JSON lines that trainproof reads: it refuses tagged lines, and takes one JSON object a line.

The conversion is lossless: each native line becomes one object with its time, level and tag and with every field under
its own name, numbers as numbers; a line of another form becomes `{"text": line}`. On top of that, a field that
trainproof knows under another name has that name:

| line | field | name in the object | why |
|---|---|---|---|
| TRAIN | `loss`, `lr`, `grad_norm`, `step` | the same | trainproof's own names |
| TRAIN | `s_per_batch`, `load_s` | `step_time`, `loader_time` | its names for them |
| TRAIN, EPOCH | time of the line | `time`, besides `at` | its name; other lines are no steps |
| EPOCH | `val_loss` | `eval_loss` | its name; Hugging Face logs it so, on a line of its own |
| EPOCH | `train_loss`, `lr` | `epoch_train_loss`, `epoch_lr` | an epoch's mean is no step's loss |
| EPOCH | step of the newest TRAIN line | `step` | an EPOCH line has none |
| GPU | `util_pct` | `gpu_util` | its name |
| every other line | every field | its own | trainproof knows none of them but `step` |

A share `4/5` is `[4, 5]`, a group of a gradient report is an object under `groups`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from monitor.grammar import Epoch, Gpu, Record, Share, Train
from tests.scoreboard.rivals.observed import Line

NAMES: Mapping[type[Record], Mapping[str, str]] = {
    Train: {"s_per_batch": "step_time", "load_s": "loader_time"},
    Epoch: {"val_loss": "eval_loss", "train_loss": "epoch_train_loss", "lr": "epoch_lr"},
    Gpu: {"util_pct": "gpu_util"},
}
"""Fields that get the name which trainproof has for them."""

_WHOLE = re.compile(r"[-+]?\d+")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|inf|nan)")


def converted(lines: Iterable[Line]) -> str:
    """Return one JSON object for each line of a log; nan and inf are written as Python's json does."""
    return "".join(json.dumps(as_object(line)) + "\n" for line in lines)


def as_object(line: Line) -> dict[str, Any]:
    """Return one line as an object."""
    if line.record is None:
        return {"text": line.text.decode("utf-8", "replace")}
    level, tag = line.text.split(b" ", 3)[1:3]
    made: dict[str, Any] = {"at": line.at, "level": level.decode(), "tag": tag.decode().strip("[]")}
    if isinstance(line.record, Train | Epoch):
        made |= {"time": line.at, "step": line.step}
    names = NAMES.get(type(line.record), {})
    for name, value in _fields(line.record).items():
        made[names.get(name, name)] = value
    return made


def _fields(record: Record) -> dict[str, Any]:
    """Return what a record states, unknown keys included."""
    known = {field.name: getattr(record, field.name) for field in dataclasses.fields(record) if field.name != "extra"}
    stated = {name: _plain(value) for name, value in known.items() if value is not None}
    return stated | {name: _number(text) for name, text in record.extra}


def _plain(value: object) -> object:
    """Return a value as JSON has it."""
    if isinstance(value, Record):
        return _fields(value)
    if isinstance(value, Share):
        return [value.part, value.whole]
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _number(text: str) -> object:
    """Return the value of an unknown key as a number, where it is one."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
