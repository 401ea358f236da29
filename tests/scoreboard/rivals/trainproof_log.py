"""Our log as JSON lines for trainproof, which refuses tagged lines and reads one JSON object per line.

The conversion is lossless: each native line becomes one object with its time, level and tag and with every field under
its own name, numbers as numbers; any other line becomes `{"text": line}`. A field for which trainproof has another name
gets that name:

| line | field | name in the object | why |
|---|---|---|---|
| TRAIN | `loss`, `lr`, `grad_norm`, `step` | the same | trainproof's names |
| TRAIN | `s_per_batch`, `load_s` | `step_time`, `loader_time` | trainproof's names |
| TRAIN, EPOCH | time of the line | `time`, in addition to `at` | trainproof's name; other lines are not steps |
| EPOCH | `val_loss` | `eval_loss` | trainproof's name; Hugging Face logs it like this, on a separate line |
| EPOCH | `train_loss`, `lr` | `epoch_train_loss`, `epoch_lr` | the mean of an epoch is not the loss of a step |
| EPOCH | step of the newest TRAIN line | `step` | an EPOCH line has no step |
| GPU | `util_pct` | `gpu_util` | trainproof's name |
| every other line | every field | the same | trainproof knows only `step` |

A share `4/5` becomes `[4, 5]`, and each group of a gradient report an object under `groups`.
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
"""Fields that get trainproof's name."""

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
    """Return all fields of a record, including unknown keys."""
    known = {field.name: getattr(record, field.name) for field in dataclasses.fields(record) if field.name != "extra"}
    stated = {name: _plain(value) for name, value in known.items() if value is not None}
    return stated | {name: _number(text) for name, text in record.extra}


def _plain(value: object) -> object:
    """Return a value as JSON can represent it."""
    if isinstance(value, Record):
        return _fields(value)
    if isinstance(value, Share):
        return [value.part, value.whole]
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _number(text: str) -> object:
    """Return the value of an unknown key, as a number if it is one."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
