"""``count``: how often something happened, per epoch or in the whole run; counted exactly, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.attempt import Attempt
from monitor.conditions.condition import Condition, SignalName, check_where
from monitor.conditions.freshness import absence, overdue
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.run import Run
from monitor.series import Point, Series
from monitor.signals import CATALOGUE, Labels


class Count(Condition):
    """More events than a number.

    Per epoch, an alert stays until a whole later epoch has ended with few enough: the first events of the next
    epoch prove nothing.
    """

    kind: Literal["count"]
    signal: SignalName
    where: dict[str, str] = Field(default_factory=dict)
    above: Annotated[int, Field(ge=0)]
    per: Literal["epoch", "run"]
    heartbeat: SignalName
    """A signal that is there when the counting works: no event counts as ok only while this one is fresh."""
    at_end: bool = False
    """The event is a way to end: none of it is ok only once the run has ended, or while the log is followed."""

    @model_validator(mode="after")
    def _labels_exist(self) -> Count:
        check_where(self.where, self.signal)
        if not CATALOGUE[self.signal].is_event:
            raise ValueError(f"signal: {self.signal} is a measurement; expected something that happens")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The events, their heartbeat and the ends of epochs."""
        return frozenset({self.signal, self.heartbeat, "run.epoch"})

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Answer once, for all labels together."""
        attempt = run.attempt
        found = [
            series for labels, series in attempt.of(self.signal).items() if self.where.items() <= dict(labels).items()
        ]
        reading = self._per_run(attempt, found) if self.per == "run" else self._per_epoch(attempt, found)
        is_seen_to_end = not self.at_end or context.is_following or attempt.ended is not None
        if reading.outcome is Outcome.OK and not is_seen_to_end:
            return [
                unknown("the log stops without an end line; how the run ended was not observed", (), reading.evidence)
            ]
        if reading.outcome is Outcome.OK and self.at_end and attempt.ended is not None:
            return [replace(reading, evidence=(attempt.ended.evidence,))]
        return [reading]

    def _per_run(self, attempt: Attempt, found: list[Series]) -> Reading:
        count = sum(series.count for series in found)
        if count <= self.above:
            return self._quiet(attempt, count, "in this run", [series.last for series in found])
        first = min((series.first for series in found if series.first), key=_place)
        return self._breach(count, "in this run", first, max((series.last for series in found), key=_place))

    def _per_epoch(self, attempt: Attempt, found: list[Series]) -> Reading:
        recent = {
            epoch: [series.epochs[epoch] for series in found if epoch in series.epochs]
            for epoch in (attempt.epoch, attempt.epoch - 1)
        }
        for epoch, tallies in recent.items():
            count = sum(tally.count for tally in tallies)
            if count > self.above:
                first = min((tally.first for tally in tallies), key=_place)
                return self._breach(count, f"in epoch {epoch}", first, max((t.last for t in tallies), key=_place))
        is_over = attempt.epochs_planned is not None and attempt.epoch > attempt.epochs_planned
        shown = attempt.epoch - 1 if is_over and not recent[attempt.epoch] else attempt.epoch
        count = sum(tally.count for tally in recent[shown])
        seen = [tally.last for tallies in recent.values() for tally in tallies]
        return self._quiet(attempt, count, f"in epoch {shown}", seen)

    @property
    def _event(self) -> str:
        return " ".join([self.signal, *(f"{label}={value}" for label, value in self.where.items())])

    def _breach(self, count: int, period: str, first: Point, last: Point) -> Reading:
        return Reading(
            Outcome.BREACH,
            f"{count} × {self._event} {period}; expected at most {self.above}",
            value=count,
            threshold=self.above,
            evidence=tuple(dict.fromkeys((first.evidence, last.evidence))),
            epoch=last.epoch,
            step=last.step,
        )

    def _quiet(self, attempt: Attempt, count: int, period: str, seen: list[Point]) -> Reading:
        """Few enough is ok only where an event or the heartbeat shows that they would be seen."""
        if absent := absence(attempt, self.heartbeat):
            if not seen:
                return absent
        else:
            labels, pulse = max(attempt.of(self.heartbeat).items(), key=lambda item: _place(item[1].last))
            seen = [*seen, pulse.last]
            if late := overdue(attempt, self.heartbeat, labels, pulse):
                return unknown(late.reason, evidence=late.evidence)
        last = max(seen, key=_place)
        return Reading(
            Outcome.OK,
            f"{count} × {self._event} {period}; expected at most {self.above}",
            value=count,
            threshold=self.above,
            evidence=(last.evidence,),
            epoch=last.epoch,
            step=last.step,
        )


def _place(point: Point) -> int:
    return point.serial
