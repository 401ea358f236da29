"""The values of a rule file that need parsing: levels, which may come from the run's own settings, and durations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError

from monitor.run.attempt import Attempt


class SettingLevel(BaseModel):
    """``{config: GRAD_MONITOR_WARN_NORM, default: 1e-7}``: the setting that the run echoed, else the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    config: str
    default: FiniteFloat


def _level(value: object) -> object:
    """Check a level. Raises ValueError, with the same message for every wrong value."""
    try:
        if isinstance(value, dict):
            return SettingLevel.model_validate(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except (ValidationError, OverflowError):
        pass
    raise ValueError(f"not a level: {value!r:.60}; expected a finite number, or {{config: NAME, default: number}}")


Level = Annotated[float | SettingLevel, BeforeValidator(_level)]
"""A number, or the run's setting that gives it."""


def level_words(level: object) -> str:
    """Return a level in words: the number, or the run's setting that gives it."""
    if isinstance(level, SettingLevel):
        return f"the run's {level.config} ({level.default:g} where it is not echoed)"
    return f"{level:g}" if isinstance(level, (int, float)) else str(level)


def level_value(level: float | SettingLevel, attempt: Attempt) -> float:
    """Return the level in force for this attempt: the setting if the run echoed a usable one, else the default.

    A setting that is not a finite number, or has another sign than the default, is not usable: "norm below -1" would
    never fire, and would look like health.
    """
    if not isinstance(level, SettingLevel):
        return level
    setting = attempt.setting(level.config)
    try:
        setting_value = float(setting[0]) if setting else level.default
    except ValueError:
        return level.default
    is_sensible = math.isfinite(setting_value) and (level.default == 0 or (setting_value > 0) == (level.default > 0))
    return setting_value if is_sensible else level.default


_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(text: object) -> float:
    """Parse ``300s``, ``5m``, ``2h`` or ``1d``. Raises ValueError."""
    number, unit = str(text)[:-1], str(text)[-1:]
    try:
        seconds = float(number) * _UNITS_S[unit]
    except (ValueError, KeyError):
        raise ValueError(f"not a duration: {text!r}; expected a number and one of s, m, h, d") from None
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"not a duration: {text!r}; expected a finite number that is not negative")
    return seconds


Seconds = Annotated[float, BeforeValidator(seconds), Field(json_schema_extra={"type": "string"})]
"""A duration: ``300s``, ``5m``, ``2h`` or ``1d`` in a rule file, a number of seconds in the rule."""


class Span(NamedTuple):
    """A length of the run: ``200 steps``, ``3 epochs``, ``20 reports``, ``5m``."""

    amount: float
    unit: Literal["s", "steps", "epochs", "reports"]

    def __str__(self) -> str:
        """Return the span as a rule file writes it."""
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
    """Return a parser of spans in the given units, such as ``steps epochs s``. The parser raises ValueError."""

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
            raise ValueError(
                f"not a length: {text!r:.60}; expected a number and one of {', '.join([*counted, *_UNITS_S])}"
            ) from None

    return read


Hold = Annotated[Span, BeforeValidator(_span("steps epochs s")), Field(json_schema_extra={"type": "string"})]
"""How long: ``200 steps``, ``2 epochs``, ``300s``, ``5m``, ``2h`` or ``1d``."""

read_window = _span("reports steps epochs s")
Window = Annotated[Span, BeforeValidator(read_window), Field(json_schema_extra={"type": "string"})]
"""How far back: like `Hold`, or ``20 reports`` of the signal itself."""
