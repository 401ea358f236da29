"""What a training declares to be deliberate, as fields of the INTENT line.

In: words of the user: freeze, unfreeze, curriculum, pause, accumulation, schedule, expected missing. Out: fields of the
line, with what was declared before in view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Names = str | Iterable[str]

_WORDS = {"frozen", "no_grad_expected", "not_logged"}
"""Fields with a list of names."""


class Declarations:
    """All that a training has declared so far."""

    def __init__(self) -> None:
        self.frozen: tuple[str, ...] = ()
        self.moved: set[str] = set()
        """Groups that were declared frozen or unfrozen."""

    def fields(
        self,
        *,
        freeze: Names = (),
        unfreeze: Names = (),
        curriculum: str | None = None,
        pause: str | None = None,
        accumulation: int | None = None,
        schedule: str | None = None,
        expected_missing: Names | None = None,
        **further: Any,
    ) -> dict[str, Any]:
        """Return the fields for a declaration; ``further`` are fields of the line by their own names."""
        found = {key: value for key, value in further.items() if value is not None}
        found = {key: _names(value) if key in _WORDS else value for key, value in found.items()}
        frozen, thawed = _names(freeze), _names(unfreeze)
        if "frozen" in found:
            self.frozen = found["frozen"]
        if frozen or thawed:
            self.frozen = tuple(dict.fromkeys(each for each in (*self.frozen, *frozen) if each not in thawed))
            found["frozen"] = self.frozen
            found.setdefault("phase_change", "freeze" if frozen else "unfreeze")
        self.moved.update(self.frozen, thawed)
        renamed: Mapping[str, Any] = {
            "data_change": curriculum,
            "pause": pause,
            "accumulate": accumulation,
            "schedule": schedule,
            "no_grad_expected": None if expected_missing is None else _names(expected_missing),
        }
        return {**found, **{key: value for key, value in renamed.items() if value is not None}}


def _names(given: Names) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(map(str, given))
