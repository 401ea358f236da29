"""The shape of a watch file, for the validator: keys, types, defaults. Conditions are read before, elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, model_validator

from monitor.conditions.condition import SignalName, check_where
from monitor.conditions.values import Seconds, seconds

MOST_EPOCHS = 1_000_000
TOLERANCE = 0.1
"""How far a value may lie from one that is given alone, as a share of it. Chosen by hand, 2026-11."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _epochs(value: object) -> tuple[int, int | None]:
    """Read ``3``, ``2-5``, ``6+``. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})(?:\s*-\s*(\d{1,6})|(\+))?", str(value).strip())
    if found is None or isinstance(value, bool):
        raise ValueError(f"{value!r:.60} names no epochs; expected a number, or as 2-5, or as 6+")
    first = int(found[1])
    last = None if found[3] else int(found[2] or found[1])
    if first < 1 or (last is not None and last < first):
        raise ValueError(f"{value!r:.60} names no epochs; expected epochs from 1 on, the lower first")
    return first, last


def _range_s(value: object) -> tuple[float, float]:
    """Read ``3m-4m`` or ``90s``. Raises ValueError."""
    least, dash, most = str(value).partition("-")
    first = seconds(least.strip())
    second = seconds(most.strip()) if dash else first
    if second < first:
        raise ValueError(f"{value!r:.60} runs backwards; expected the shorter one first")
    return first, second


def _setting(name: str) -> str:
    rule, dot, field = name.partition(".")
    if not (rule and dot and field):
        raise ValueError(f"{name!r:.60} is no setting; expected RULE.level: VALUE, or another field of the rule")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r:.60} is no time zone; expected a name as Europe/Berlin, or UTC") from None
    return name


def _variables(value: object) -> object:
    """Read ``[NAME, NAME]`` or ``{NAME: value}``, null for any value. Raises ValueError."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value)
    if isinstance(value, dict) and not any(isinstance(each, (list, dict)) for each in value.values()):
        return {name: None if each is None else _as_echoed(each) for name, each in value.items()}
    raise ValueError(f"{value!r:.60} does not do; expected a list of names, or NAME: value lines")


def _as_echoed(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _labels(value: object) -> object:
    if isinstance(value, dict) and not any(isinstance(each, (list, dict)) for each in value.values()):
        return {name: str(each) for name, each in value.items()}
    raise ValueError(f"{value!r:.60} does not do; expected labels and values, as {{group: gat}}")


Where = Annotated[dict[str, str], BeforeValidator(_labels)]
Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Names = Annotated[tuple[Words, ...], BeforeValidator(_listed)]
Epochs = Annotated[tuple[int, int | None], BeforeValidator(_epochs)]
RangeS = Annotated[tuple[float, float], BeforeValidator(_range_s)]
When = Any
"""An expression, read before the validator comes."""


class Part(BaseModel):
    """A mapping of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class NotifyPart(Part):
    """``notify:``."""

    group_wait: Seconds = 30.0
    group_interval: Seconds = 300.0
    repeat_interval: Seconds = 14_400.0


class ReportPart(Part):
    """``report:``."""

    out: Path | None = None
    every: Seconds = 60.0
    format: Literal["md", "html", "json"] = "md"


class AimPart(Part):
    """An entry of ``objectives:``."""

    title: Words
    aim: str = ""
    when: When = None


class LevelPart(Part):
    """What a signal is expected to be at the end of one epoch."""

    about: FiniteFloat | None = None
    least: FiniteFloat | None = None
    most: FiniteFloat | None = None
    note: str = ""

    @model_validator(mode="after")
    def _bounds_something(self) -> LevelPart:
        if self.about is None and self.least is None and self.most is None:
            raise ValueError("bounds nothing; expected about, least, most, or least and most")
        if self.about is not None and not (self.least is None and self.most is None):
            raise ValueError("about: stands beside least or most; expected the one or the others")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("most: is below least; expected the lower one as least")
        return self


def _level(value: object) -> object:
    """Read ``0.08``, ``[0.10, 0.15]`` or ``{least: 0.1, note: words}``. Raises ValueError."""
    if isinstance(value, dict):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"about": value}
    if isinstance(value, list) and len(value) == 2:
        return {"least": value[0], "most": value[1]}
    raise ValueError(f"{value!r:.60} is no level; expected a number, [least, most], or {{least: 0.1, note: words}}")


def _epoch_number(value: object) -> object:
    first, last = _epochs(value)
    if first != last:
        raise ValueError(f"{value!r:.60} is no epoch; expected one number")
    return first


class CoursePart(Part):
    """An entry of ``expected:``."""

    signal: SignalName
    title: str = ""
    where: Where = Field(default_factory=dict)
    by_epoch: dict[Annotated[int, BeforeValidator(_epoch_number)], Annotated[LevelPart, BeforeValidator(_level)]] = (
        Field(default_factory=dict)
    )
    tolerance: Annotated[FiniteFloat, Field(ge=0, le=1)] = TOLERANCE
    target: FiniteFloat | None = None
    target_note: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> CoursePart:
        if not self.by_epoch and self.target is None:
            raise ValueError("expects nothing; expected by_epoch, target or both")
        check_where(self.where, self.signal)
        return self

    def band(self, level: LevelPart) -> tuple[float | None, float | None]:
        """Return the least and the most of a level."""
        if level.about is None:
            return level.least, level.most
        width = self.tolerance * abs(level.about)
        return level.about - width, level.about + width


class SpanPart(Part):
    """An entry of ``timeline:``."""

    epochs: Epochs | None = None
    takes: RangeS | None = None
    total: RangeS | None = None
    note: str = ""

    @model_validator(mode="after")
    def _one_of_two(self) -> SpanPart:
        if (self.epochs is None) == (self.total is None) or (self.epochs is None) != (self.takes is None):
            raise ValueError("is not whole; expected epochs and takes, or total alone")
        return self


class StagePart(Part):
    """An entry of ``stages:``."""

    epochs: Epochs
    expect: Words
    when: When = None


class ItemPart(Part):
    """An entry of a checklist."""

    item: Words
    when: When = None
    done: bool = False


def _item(value: object) -> object:
    return {"item": value} if isinstance(value, str) else value


class ChecklistPart(Part):
    """An entry of ``checklists:``."""

    title: Words
    items: tuple[Annotated[ItemPart, BeforeValidator(_item)], ...]


class BeforePart(Part):
    """A row of ``comparison:``."""

    title: Words
    signal: SignalName
    where: Where = Field(default_factory=dict)
    value: FiniteFloat | None = None
    above: FiniteFloat | None = None
    below: FiniteFloat | None = None

    @model_validator(mode="after")
    def _one_side(self) -> BeforePart:
        if sum(each is not None for each in (self.value, self.above, self.below)) > 1:
            raise ValueError("expected one of value, above, below")
        check_where(self.where, self.signal)
        return self


class ComparisonPart(Part):
    """``comparison:``."""

    title: str = ""
    rows: tuple[BeforePart, ...] = ()
    note: str = ""


class ConfigFile(Part):
    """The whole file."""

    title: Words | None = None
    logs: Names = ()
    state: Path | None = None
    rules: Names = ()
    dialect: Words | None = None
    time_zone: Annotated[Words, AfterValidator(_zone)] | None = None
    set: dict[Annotated[str, AfterValidator(_setting)], Any] = Field(default_factory=dict)
    disable: Names = ()
    sinks: tuple[Words | dict[str, Any], ...] = ()
    notify: NotifyPart = NotifyPart()
    report: ReportPart = ReportPart()
    baseline: Words | None = None
    peers: Names = ()
    objectives: tuple[AimPart, ...] = ()
    expected: tuple[CoursePart, ...] = ()
    timeline: tuple[SpanPart, ...] = ()
    stages: tuple[StagePart, ...] = ()
    comparison: ComparisonPart = ComparisonPart()
    environment: Annotated[dict[str, str | None], BeforeValidator(_variables)] = Field(default_factory=dict)
    signs: Names = ()
    checklists: tuple[ChecklistPart, ...] = ()
    notes: Names = ()
    references: dict[str, Words] = Field(default_factory=dict)
