"""``count``: counts events exactly, per epoch, in the whole run or in a sliding window."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from monitor.conditions.condition import SignalName, check_where, where_words
from monitor.conditions.counted import Occurrences
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.series_selection import series_of
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.run import Run
from monitor.run.series import Series


class Count(Occurrences):
    """A signal has more events than allowed."""

    kind: Literal["count"]
    signal: SignalName
    """The event to count."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only events with these labels."""
    heartbeat: SignalName
    """A signal that shows that events would be seen: having no event is ok only while this signal is fresh."""
    at_end: bool = False
    """The event is a way for a run to end: having none is ok only after the run's end, or while the log is followed."""

    @model_validator(mode="after")
    def _labels_exist(self) -> Count:
        check_where(self.where, self.signal)
        signal = CATALOGUE[self.signal]
        if not signal.is_event:
            raise ValueError(f"signal: {self.signal} is a measurement; expected an event")
        for name in self.by or ():
            if name not in signal.labels:
                known = f"one of {', '.join(signal.labels)}" if signal.labels else "none"
                raise ValueError(f"by: {self.signal} has no label {name!r}; expected {known}")
        return self

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each set of the labels that split the count."""
        readings = super().readings(run, context, now, firing)
        return [self._at_end(run, context, each) if self.at_end else each for each in readings]

    def in_words(self) -> str:
        """Return what is tested."""
        if self.above == 0:
            return f"{self.signal}{where_words(self.where)} happens at all {self.per_words()}"
        return (
            f"{self.signal}{where_words(self.where)} happens more than {self.number_words()} times {self.per_words()}"
        )

    @property
    def _signal(self) -> str:
        return self.signal

    @property
    def _event(self) -> str:
        return " ".join([self.signal, *(f"{label}={value}" for label, value in self.where.items())])

    def _found(self, attempt: Attempt) -> dict[Labels, Series]:
        return series_of(attempt, self.signal, self.where, None)

    def _at_end(self, run: Run, context: Context, reading: Reading) -> Reading:
        if reading.outcome is not Outcome.OK:
            return reading
        if run.attempt.ended is not None:
            return replace(reading, evidence=(run.attempt.ended.evidence,))
        if context.is_following:
            return reading
        reason = "the log stops without an end line, so it does not show how the run ended"
        return unknown(reason, reading.labels, reading.evidence)
