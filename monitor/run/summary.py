"""Run → summary: the figures of a run to compare other runs with, small enough to store for ever."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from monitor.base.errors import MonitorError
from monitor.base.strict_json import json_number
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Status
from monitor.run.run import Run

FORMAT = "trainwarden-summary"
VERSION = 1
EPOCHS_KEPT = 128
"""Most epochs kept of each signal, the newest."""
SERIES_KEPT = 512
"""Most series kept, the first seen; a run has about three hundred. Keeps a summary below 4 MiB."""

Key = tuple[str, Labels]
"""A signal and the labels of one of its series."""


class SummaryError(MonitorError):
    """A text is not a summary of a run."""


@dataclass(frozen=True)
class RunSummary:
    """The figures of one run."""

    run: str
    log: str
    """The log that it was read from, as the user named it."""
    last: dict[Key, float] = field(default_factory=dict)
    """Last value of every measured signal."""
    by_epoch: dict[Key, dict[int, float]] = field(default_factory=dict)
    """Last value in each epoch of the signals reported once per epoch."""
    status: Status = Status.WAITING
    """How far the run had got: one that is still running is not a finished baseline."""
    epochs_done: int = 0
    step: int | None = None

    def to_json(self) -> str:
        """Return one line of strict JSON, with non-finite numbers as text."""
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "run": self.run,
                "log": self.log,
                "status": self.status.value,
                "epochs_done": self.epochs_done,
                "step": self.step,
                "last": [{**_named(key), "value": json_number(value)} for key, value in self.last.items()],
                "by_epoch": [
                    {**_named(key), "epochs": {str(epoch): json_number(value) for epoch, value in values.items()}}
                    for key, values in self.by_epoch.items()
                ],
            },
            allow_nan=False,
        )

    @classmethod
    def from_json(cls, text: str, where: str) -> RunSummary:
        """Read what `to_json` wrote. ``where`` names it in messages. Raises SummaryError."""
        reader = _Reader(where)
        try:
            data = json.loads(text, parse_constant=reader.refuse_constant)
        except (ValueError, RecursionError):
            raise SummaryError(where, "is not JSON", expected="what `monitor baseline save` wrote") from None
        data = reader.mapping(data, "the whole")
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            reader.complain("is not a summary that this version reads", f"format {FORMAT}, version {VERSION}")
        return cls(
            run=reader.text(data, "run"),
            log=reader.text(data, "log"),
            last={reader.key(each): reader.number(each.get("value")) for each in reader.entries(data, "last")},
            by_epoch={
                reader.key(each): {
                    reader.epoch(epoch): reader.number(value)
                    for epoch, value in reader.mapping(each.get("epochs"), "epochs").items()
                }
                for each in reader.entries(data, "by_epoch")
            },
            status=reader.status(data.get("status")),
            epochs_done=reader.count(data, "epochs_done"),
            step=None if data.get("step") is None else reader.count(data, "step"),
        )


def summarise(run: Run, log: str) -> RunSummary:
    """Return the summary of a run: the measurements of its current attempt."""
    measured = {
        (name, labels): series
        for name, by_labels in run.attempt.series.items()
        if not CATALOGUE[name].is_event
        for labels, series in by_labels.items()
    }
    kept = dict(list(measured.items())[:SERIES_KEPT])
    return RunSummary(
        run=run.id or "",
        log=log,
        last={key: series.last.value for key, series in kept.items()},
        by_epoch={
            key: {epoch: tally.last.value for epoch, tally in list(series.epochs.items())[-EPOCHS_KEPT:]}
            for key, series in kept.items()
            if series.has_epochs
        },
        status=run.status,
        epochs_done=run.attempt.epochs_done,
        step=run.attempt.step,
    )


def _named(key: Key) -> dict[str, object]:
    return {"signal": key[0], "labels": dict(key[1])}


class _Reader:
    """Checks each part of a summary as it is read, and stops at the first wrong one."""

    def __init__(self, where: str) -> None:
        self._where = where

    def complain(self, what: str, expected: str) -> NoReturn:
        raise SummaryError(self._where, what, expected=expected)

    def refuse_constant(self, word: str) -> NoReturn:
        raise ValueError(word)

    def mapping(self, value: object, what: str) -> Mapping[str, object]:
        if not isinstance(value, dict):
            self.complain(f"{what} is {value!r:.60}", "an object")
        return value

    def entries(self, data: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
        found = data.get(name)
        if not isinstance(found, list) or len(found) > SERIES_KEPT:
            self.complain(f"{name} is {found!r:.60}", f"a list of at most {SERIES_KEPT} entries")
        return [self.mapping(each, f"an entry of {name}") for each in found]

    def key(self, entry: Mapping[str, object]) -> Key:
        """Read a signal and its labels; the signal may be one that only a newer version knows."""
        labels = self.mapping(entry.get("labels"), "labels")
        return self.text(entry, "signal"), tuple((name, self.text(labels, name)) for name in labels)

    def text(self, data: Mapping[str, object], name: str) -> str:
        value = data.get(name)
        if not isinstance(value, str):
            self.complain(f"{name} is {value!r:.60}", "a text")
        return value

    def number(self, value: object) -> float:
        if value in ("nan", "inf", "-inf"):
            return float(str(value))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.complain(f"a value is {value!r:.60}", "a number, nan, inf or -inf")
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf

    def epoch(self, word: str) -> int:
        if not word.isdecimal() or len(word) > 9:
            self.complain(f"an epoch is {word!r:.60}", "a number")
        return int(word)

    def count(self, data: Mapping[str, object], name: str) -> int:
        value = data.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.complain(f"{name} is {value!r:.60}", "a whole number that is not negative")
        return value

    def status(self, value: object) -> Status:
        if value not in list(Status):
            self.complain(f"status is {value!r:.60}", f"one of {', '.join(Status)}")
        return Status(str(value))
