"""What the conditions about one measured signal share: which of its series they look at, and that each answers."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field, model_validator

from monitor.conditions.condition import Condition, SignalName, check_where
from monitor.conditions.freshness import absence
from monitor.conditions.reading import Reading, unknown
from monitor.conditions.series_selection import series_of
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.series import Series


class OneSignal(Condition):
    """A condition about each series of one signal."""

    signal: SignalName
    """What is looked at: a measured signal."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only series with these labels."""

    @model_validator(mode="after")
    def _has_these_labels(self) -> OneSignal:
        check_where(self.where, self.signal)
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signal itself."""
        return frozenset({self.signal})

    @property
    def labels(self) -> tuple[str, ...]:
        """Those of the signal."""
        return CATALOGUE[self.signal].labels

    def each(
        self, attempt: Attempt, asked: frozenset[Labels] | None, read: Callable[[Labels, Series], Reading]
    ) -> list[Reading]:
        """Return an answer for each series that is asked about; one answer where there is none."""
        found = series_of(attempt, self.signal, self.where, asked)
        if not found:
            return [absence(attempt, self.signal) or unknown(f"no {self.signal} with {self.where} was seen")]
        return [read(labels, series) for labels, series in found.items()]
