"""The values in a rule file that need reading: levels, which a run's own settings may give, durations and spans."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError

from monitor.run.attempt import Attempt


class SettingLevel(BaseModel):
    """``{config: GRAD_MONITOR_WARN_NORM, default: 1e-7}``: the setting the run echoed, else the default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: str
    default: FiniteFloat


def _level(value: object) -> object:
    """Check that a level is one. Raises ValueError with one message for whatever it is instead."""
    try:
        if isinstance(value, dict):
            return SettingLevel.model_validate(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except (ValidationError, OverflowError):
        pass
    raise ValueError(f"{value!r:.60} is no level; expected a finite number, or {{config: NAME, default: number}}")


Level = Annotated[float | SettingLevel, BeforeValidator(_level)]
"""A number, or the setting of the run that gives it."""


def level_value(level: float | SettingLevel, attempt: Attempt) -> float:
    """Return the level in force for this attempt; a setting that can be no such level counts as not echoed.

    That is one which is no finite number, or not of the default's sign: a norm below 0, or below less than 0, would
    never fire and look like health.
    """
    if not isinstance(level, SettingLevel):
        return level
    setting = attempt.setting(level.config)
    try:
        asked = float(setting[0]) if setting else level.default
    except ValueError:
        return level.default
    is_sensible = math.isfinite(asked) and (level.default == 0 or (asked > 0) == (level.default > 0))
    return asked if is_sensible else level.default


_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: object) -> float:
    """Read ``300s``, ``5m``, ``2h``, ``1d``. Raises ValueError."""
    number, unit = str(text)[:-1], str(text)[-1:]
    try:
        seconds = float(number) * _UNITS_S[unit]
    except (ValueError, KeyError):
        raise ValueError(f"{text!r} is no duration; expected a number and one of s, m, h, d") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{text!r} is no duration; expected a finite number that is not negative")
    return seconds


Seconds = Annotated[float, BeforeValidator(seconds), Field(json_schema_extra={"type": "string"})]
"""A duration in a rule file: ``300s``, ``5m``, ``2h``, ``1d``; in the rule, a number of seconds."""


class Span(NamedTuple):
    """A length of the run: ``200 steps``, ``3 epochs``, ``20 reports``, ``5m``."""

    amount: float
    unit: Literal["s", "steps", "epochs", "reports"]

    def __str__(self) -> str:
        """Return it as a rule file writes it."""
        return f"{self.amount:g}s" if self.unit == "s" else f"{self.amount:g} {self.unit}"


NO_SPAN = Span(0.0, "s")
_COUNTED: dict[str, Literal["steps", "epochs", "reports"]] = {
    "step": "steps",
    "steps": "steps",
    "epoch": "epochs",
    "epochs": "epochs",
    "report": "reports",
    "reports": "reports",
}


def _span(units: str) -> Callable[[object], Span]:
    """Return a reader of spans in some of the units: ``steps epochs s``. It raises ValueError."""

    def read(text: object) -> Span:
        if isinstance(text, Span):
            return text
        number, _, word = str(text).strip().partition(" ")
        unit = _COUNTED.get(word.strip())
        if unit in units.split() and number.isdecimal():
            return Span(float(number), unit)
        try:
            return Span(seconds(text), "s")
        except ValueError:
            counted = [each for each in units.split() if each != "s"]
            raise ValueError(f"{text!r:.60}; expected a number and one of {', '.join([*counted, *_UNITS_S])}") from None

    return read


Hold = Annotated[Span, BeforeValidator(_span("steps epochs s")), Field(json_schema_extra={"type": "string"})]
"""How long: ``200 steps``, ``2 epochs``, ``300s``, ``5m``, ``2h``, ``1d``."""

Window = Annotated[Span, BeforeValidator(_span("reports steps epochs s")), Field(json_schema_extra={"type": "string"})]
"""How far back: as `Hold`, and ``20 reports`` of the signal itself."""
