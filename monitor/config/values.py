"""The values of a watch file that are not plain YAML: epochs, ranges of time, levels, labels, lists of names."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from monitor.conditions.values import seconds


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _epochs(value: object) -> tuple[int, int | None]:
    """Read ``3``, ``2-5``, ``6+``. Raises ValueError."""
    found = re.fullmatch(r"(\d{1,6})(?:\s*-\s*(\d{1,6})|(\+))?", str(value).strip())
    if found is None or isinstance(value, bool):
        raise ValueError(f"not epochs: {value!r:.60}; expected a number, a range such as 2-5, or 6+")
    first = int(found[1])
    last = None if found[3] else int(found[2] or found[1])
    if first < 1 or (last is not None and last < first):
        raise ValueError(f"not epochs: {value!r:.60}; expected epochs from 1 up, the lower one first")
    return first, last


def _epoch_number(value: object) -> object:
    first, last = _epochs(value)
    if first != last:
        raise ValueError(f"not an epoch: {value!r:.60}; expected one number")
    return first


def _range_s(value: object) -> tuple[float, float]:
    """Read ``3m-4m`` or ``90s``. Raises ValueError."""
    least, dash, most = str(value).partition("-")
    first = seconds(least.strip())
    second = seconds(most.strip()) if dash else first
    if second < first:
        raise ValueError(f"{value!r:.60} runs backwards; expected the shorter duration first")
    return first, second


def _level(value: object) -> object:
    """Read ``0.08``, ``[0.10, 0.15]`` or ``{least: 0.1, note: words}``. Raises ValueError."""
    if isinstance(value, dict):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return {"about": value}
    if isinstance(value, list) and len(value) == 2:
        return {"least": value[0], "most": value[1]}
    raise ValueError(f"not a level: {value!r:.60}; expected a number, [least, most], or {{least: 0.1, note: words}}")


def _setting(name: str) -> str:
    rule, dot, field = name.partition(".")
    if not (rule and dot and field):
        raise ValueError(f"not a setting: {name!r:.60}; expected RULE.level: VALUE, or another field of the rule")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"not a time zone: {name!r:.60}; expected a name such as Europe/Berlin, or UTC") from None
    return name


def _variables(value: object) -> object:
    """Read ``[NAME, NAME]`` or ``{NAME: value}``, where null allows any value. Raises ValueError."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value)
    if isinstance(value, dict) and not any(isinstance(each, (list, dict)) for each in value.values()):
        return {name: None if each is None else _as_echoed(each) for name, each in value.items()}
    raise ValueError(f"not settings: {value!r:.60}; expected a list of names, or NAME: value lines")


def _as_echoed(value: object) -> str:
    """Write a value as a log would echo it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _labels(value: object) -> object:
    if isinstance(value, dict) and not any(isinstance(each, (list, dict)) for each in value.values()):
        return {name: str(each) for name, each in value.items()}
    raise ValueError(f"not labels: {value!r:.60}; expected labels with their values, such as {{group: gat}}")


Words = Annotated[str, Field(min_length=1, max_length=2_000)]
Names = Annotated[tuple[Words, ...], BeforeValidator(_listed)]
"""One name, or a list of them."""
Labels = Annotated[dict[str, str], BeforeValidator(_labels)]
Epochs = Annotated[tuple[int, int | None], BeforeValidator(_epochs)]
"""The first and the last epoch; the last is None for an open end."""
EpochNumber = Annotated[int, BeforeValidator(_epoch_number)]
RangeS = Annotated[tuple[float, float], BeforeValidator(_range_s)]
"""The shortest and the longest duration, in seconds."""
as_level = BeforeValidator(_level)
RuleField = Annotated[str, AfterValidator(_setting)]
"""``RULE.field``."""
Zone = Annotated[Words, AfterValidator(_zone)]
Variables = Annotated[dict[str, str | None], BeforeValidator(_variables)]
"""Settings with the value that each should have; None allows any value."""
