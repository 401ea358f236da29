"""A condition as the watch file has it → an expression; every mistake with its place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import get_args

from monitor.base.suggestion import suggestion
from monitor.base.yamlfile import Place
from monitor.config.expression import (
    AllOf,
    AnyOf,
    EpochHasEnded,
    Expression,
    FaultIsAbsent,
    Figure,
    FigureOf,
    RuleIsOk,
    Side,
    SignalSeen,
    StatusIs,
)
from monitor.config.metric_key import by_metric
from monitor.reader.signals import CATALOGUE, is_kept_by_epoch
from monitor.rules.problems import unknown_key

SIDES: tuple[Side, ...] = get_args(Side)
FIGURES: tuple[FigureOf, ...] = get_args(FigureOf)
STATUSES = ("running", "completed", "stopped", "failed")
FORMS = "the name of a rule, a list of conditions, or one of all, any, signal, metric, seen, fault, epoch, status"

Complain = Callable[[Place, str, str], None]
"""Receives the place, what is wrong there, and what was expected."""


class ConditionReader:
    """Reads the conditions of one file."""

    def __init__(self, where: Callable[[Place], str], complain: Complain) -> None:
        """``where`` returns ``file:line`` for a place; ``complain`` is called for each mistake."""
        self._where = where
        self._complain = complain

    def read(self, data: object, place: Place) -> Expression | None:
        """Return the expression; None, after complaining, where the data is not a condition."""
        if isinstance(data, str):
            return RuleIsOk(data, self._where(place))
        if isinstance(data, list):
            return self._joined(AllOf, data, place)
        if not isinstance(data, dict):
            return self._refuse(place, f"not a condition: {data!r:.60}", FORMS)
        for word, read in self._readers.items():
            if word in data:
                return read(self, data, place)
        near = suggestion(next(iter(data), ""), self._readers)
        return self._refuse(place, "not a condition", f"{FORMS}{near}")

    def _labels(self, data: object, signal: str, place: Place) -> tuple[tuple[str, str], ...]:
        """Return labels and their values; complain about labels that the signal does not have."""
        if data is None:
            return ()
        if not isinstance(data, dict):
            self._complain(place, f"not labels: {data!r:.60}", "labels with their values, such as {group: gat}")
            return ()
        known = CATALOGUE[signal].labels if signal in CATALOGUE else tuple(data)
        for name in data:
            if name not in known:
                expected = f"one of {', '.join(known)}" if known else "none: this signal has no labels"
                self._complain((*place, name), f"{signal} has no label {name!r:.60}", expected)
        return tuple((str(name), str(value)) for name, value in data.items())

    def _known_signal(self, data: object, place: Place) -> str | None:
        """Return the name of a signal; None, after complaining, where it is unknown."""
        if isinstance(data, str) and data in CATALOGUE:
            return data
        self._complain(place, f"unknown signal {data!r:.60}", f"a signal of the catalogue{suggestion(data, CATALOGUE)}")
        return None

    def _joined(self, kind: type[AllOf] | type[AnyOf], data: object, place: Place) -> Expression | None:
        if not isinstance(data, list) or not data:
            return self._refuse(place, f"not a list of conditions: {data!r:.60}", "at least one condition in a list")
        parts = [self.read(part, (*place, index)) for index, part in enumerate(data)]
        found = tuple(part for part in parts if part is not None)
        return kind(found) if len(found) == len(parts) else None

    def _all(self, data: Mapping[str, object], place: Place) -> Expression | None:
        self._only(data, ("all",), place)
        return self._joined(AllOf, data["all"], (*place, "all"))

    def _any(self, data: Mapping[str, object], place: Place) -> Expression | None:
        self._only(data, ("any",), place)
        return self._joined(AnyOf, data["any"], (*place, "any"))

    def _seen(self, data: Mapping[str, object], place: Place) -> Expression | None:
        self._only(data, ("seen",), place)
        names = data["seen"] if isinstance(data["seen"], list) else [data["seen"]]
        found = [self._known_signal(name, (*place, "seen")) for name in names]
        if not found or None in found:
            return None if found else self._refuse((*place, "seen"), "names no signal", "one signal or a list")
        parts = tuple(SignalSeen(name) for name in found if name is not None)
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _fault(self, data: Mapping[str, object], place: Place) -> Expression | None:
        self._only(data, ("fault",), place)
        names = data["fault"] if isinstance(data["fault"], list) else [data["fault"]]
        if not names or not all(isinstance(name, str) for name in names):
            return self._refuse(
                (*place, "fault"), f"not a fault: {data['fault']!r:.60}", "the name of a fault, such as grad_zero"
            )
        parts = tuple(FaultIsAbsent(str(name), self._where((*place, "fault"))) for name in names)
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _epoch(self, data: Mapping[str, object], place: Place) -> Expression | None:
        self._only(data, ("epoch",), place)
        epoch = self._whole(data["epoch"], (*place, "epoch"))
        return None if epoch is None else EpochHasEnded(epoch)

    def _status(self, data: Mapping[str, object], place: Place) -> Expression | None:
        self._only(data, ("status",), place)
        status = data["status"]
        if status not in STATUSES:
            expected = f"one of {', '.join(STATUSES)}{suggestion(status, STATUSES)}"
            return self._refuse((*place, "status"), f"unknown status {status!r:.60}", expected)
        return StatusIs(str(status))

    def _figure(self, data: Mapping[str, object], place: Place) -> Expression | None:
        data = by_metric(data)
        self._only(data, ("signal", "where", "of", "epoch", *SIDES), place)
        signal = self._known_signal(data["signal"], (*place, "signal"))
        of, epoch = next((each for each in FIGURES if each == data.get("of", "last")), None), None
        if of is None:
            expected = f"one of {', '.join(FIGURES)}{suggestion(data['of'], FIGURES)}"
            self._complain((*place, "of"), f"unknown figure {data['of']!r:.60}", expected)
        if "epoch" in data:
            epoch = self._whole(data["epoch"], (*place, "epoch"))
            if of in ("median", "p95"):
                self._complain((*place, "of"), f"{of} is not kept for each epoch", "last, min, max or count")
            where = data.get("where")
            labels_given = where.items() if isinstance(where, Mapping) else ()
            if signal is not None and not is_kept_by_epoch(CATALOGUE[signal], labels_given):
                what = f"{signal} is not kept epoch by epoch"
                self._complain((*place, "epoch"), what, "a signal that is counted, or reported once per epoch")
        tests = tuple((side, self._number(data[side], (*place, side))) for side in SIDES if side in data)
        if not tests:
            self._complain(place, "has no bound", f"one of {', '.join(SIDES)}")
        if signal is None or of is None or any(level is None for _, level in tests) or not tests:
            return None
        labels = self._labels(data.get("where"), signal, (*place, "where"))
        levels = tuple((side, level) for side, level in tests if level is not None)
        return Figure(signal, labels, of, epoch, levels)

    def _only(self, data: Mapping[str, object], known: tuple[str, ...], place: Place) -> None:
        for key in data:
            if key not in known:
                what, _, expected = unknown_key(key, known).partition("; expected ")
                self._complain((*place, key), what, expected)

    def _whole(self, value: object, place: Place) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1_000_000:
            return value
        self._complain(place, f"not an epoch: {value!r:.60}", "the number of an epoch, from 1")
        return None

    def _number(self, value: object, place: Place) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return float(value)
        self._complain(place, f"not a number: {value!r:.60}", "a finite number")
        return None

    def _refuse(self, place: Place, what: str, expected: str) -> Expression | None:
        """Complain, and return None for the condition."""
        self._complain(place, what, expected)
        return None

    _readers: Mapping[str, Callable[[ConditionReader, Mapping[str, object], Place], Expression | None]] = {
        "all": _all,
        "any": _any,
        "signal": _figure,
        "metric": _figure,
        "seen": _seen,
        "fault": _fault,
        "epoch": _epoch,
        "status": _status,
    }


_LARGEST = math.nextafter(math.inf, 0)
