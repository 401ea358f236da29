"""``sequence``: one event must be followed by another: a reset by its recovery, a traceback by a step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from monitor.base.evidence import Evidence
from monitor.conditions.condition import Condition, Needed, SignalName, check_where, in_catalogue, where_words
from monitor.conditions.freshness import absence, has_ended, overdue
from monitor.conditions.reading import Context, Outcome, Reading, not_applicable, unknown
from monitor.conditions.values import Hold, Span
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Point, Series

MOVED = "run.moved"
"""Any progress of the run: see `monitor.run.run.progress`."""


def _listed(names: object) -> object:
    return (names,) if isinstance(names, str) else names


def _known(name: str) -> str:
    if name != MOVED and name not in CATALOGUE:
        raise ValueError(f"unknown signal {name!r}; expected a signal of the catalogue, or {MOVED}")
    return name


_ONE_OR_MORE = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})
Names = Annotated[tuple[SignalName, ...], BeforeValidator(_listed), Field(min_length=1), _ONE_OR_MORE]
Answers = Annotated[
    tuple[Annotated[str, AfterValidator(_known)], ...], BeforeValidator(_listed), Field(min_length=1), _ONE_OR_MORE
]


class Sequence(Condition):
    """One event is not followed by another in time.

    Events are ordered by their lines, so two events of one instant are ordered as well. A late answer ends the alert.
    """

    needs_times = True

    kind: Literal["sequence"]
    signal: Names
    """The first event: one signal, or any one of several."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only first events with these labels."""
    then: Answers
    """What must follow: one signal, or any one of several; ``run.moved`` is a further step, or work done."""
    on: tuple[str, ...] = ()
    """Labels that both events must share; readings have these labels."""
    before: Hold | None = None
    """How long the second event may take: ``20 steps``, ``60s``, ``1 epochs``. Without it, only events that declare
    their own limit are judged."""
    declared_by: SignalName | None = None
    """A signal on the first event's line with the limit for that event, in the unit of ``before``, else in steps."""
    times_slowest: Annotated[float, Field(ge=1)] | None = None
    """If ``before`` is a time: allow at least this many times the slowest recent interval between moves in a phase."""
    heartbeat: SignalName | None = None
    """A signal that shows that the first event would be seen; without it, ``then`` shows that."""

    @model_validator(mode="after")
    def _labels_exist(self) -> Sequence:
        for name in self.signal:
            check_where(self.where, name)
        for name in (*self.signal, *self.then):
            known = CATALOGUE[name].labels if name != MOVED else ()
            for label in self.on:
                if label not in known:
                    raise ValueError(f"on: {name} has no label {label!r}; expected labels that all of them have")
        if self.before is None and self.declared_by is None:
            raise ValueError("expected before, declared_by or both")
        if self.times_slowest is not None and self._span.unit != "s":
            raise ValueError("times_slowest: needs a time; expected before: a number and one of s, m, h, d")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """Both events, and what shows that the run goes on."""
        more = {"train.loss", "run.epoch"} | ({self.heartbeat} if self.heartbeat else set())
        return frozenset({*self.signal, *self.then}) | more

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that both events share."""
        return self.on

    def in_words(self) -> str:
        """Return what is tested."""
        words = f"{self._event}{where_words(self.where)} is not followed by {' or '.join(self.then)}"
        words = words.replace(MOVED, "a further step, or work done")
        if self.on:
            words += f" of the same {' and '.join(self.on)}"
        limits = [] if self.before is None else [str(self.before)]
        if self.declared_by is not None:
            limits.append(f"the limit that the first line declares as {self.declared_by}")
        words += f" within {', or '.join(limits)}"
        if self.times_slowest is not None:
            words += f", at least {self.times_slowest:g} × the slowest recent interval between two moves of the run"
        return words

    def needed_signals(self) -> Needed:
        """Return one group: the first event."""
        return (frozenset(in_catalogue(self.signal)),)

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield the heartbeat, or without one the answers, unless any progress is an answer."""
        names = self.then if self.heartbeat is None else (self.heartbeat,)
        if MOVED not in names:
            yield from ((name, False) for name in names)

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each set of the shared labels, or a single reading if there was no first event."""
        attempt = run.attempt
        begun = self._begun(attempt)
        if not begun:
            return [self._nothing_began(attempt)]
        return [self._read(run, labels, series, now) for labels, series in begun.items()]

    def is_idle(self, run: Run) -> bool:
        """Idle while there was no first event."""
        return not any(run.attempt.of(name) for name in self.signal)

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while no event waits for its answer, and no first event comes."""
        if firing or not ahead.coming.keys().isdisjoint(self.signal):
            return False
        attempt = run.attempt
        return all(self._unanswered(attempt, labels, each) is None for labels, each in self._begun(attempt).items())

    @property
    def is_timed(self) -> bool:
        """Timed if the limit is a time."""
        return self._span.unit == "s"

    def deadline(self, run: Run, after: float) -> float | None:
        """Return when the first unanswered event will have waited too long, if the limit is a time."""
        if self._span.unit != "s" or has_ended(run.attempt):
            return None
        attempt = run.attempt
        waiting = (self._unanswered(attempt, labels, series) for labels, series in self._begun(attempt).items())
        begun = ((first, _began_at(run, first)) for first in waiting if first is not None)
        ends = [began_at + self._amount(attempt, first) for first, began_at in begun if began_at is not None]
        return min((end for end in ends if end > after), default=None)

    def _begun(self, attempt: Attempt) -> dict[Labels, list[Series]]:
        found: dict[Labels, list[Series]] = {}
        for name in self.signal:
            for labels, series in attempt.of(name).items():
                if self.where.items() <= dict(labels).items():
                    found.setdefault(self._key(labels), []).append(series)
        return found

    def _read(self, run: Run, labels: Labels, begun: list[Series], now: float | None) -> Reading:
        attempt = run.attempt
        first = self._unanswered(attempt, labels, begun)
        if first is None:
            answer, last = self._answer(attempt, labels), max((series.last for series in begun), key=_place)
            if answer is None or answer[0] < last.serial:
                return not_applicable(f"{self._event} declares no limit for {self._answers}", last.evidence, labels)
            reason = f"{self._event} was followed by {self._answers}"
            lines = (last.evidence, answer[1])
            return Reading(Outcome.OK, reason, labels, evidence=lines, epoch=attempt.epoch, step=attempt.step)
        amount = self._amount(attempt, first)
        limit = f"{amount:g} s" if self._span.unit == "s" else f"{amount:g} {self._span.unit}"
        event = " or ".join(name for name in self.signal if _holds(attempt.of(name), first))
        if not self._is_over(run, first, amount, now):
            reason = f"{event} at step {first.step or 0:,} waits for {self._answers} within {limit}"
            return unknown(reason, labels, (first.evidence,))
        return Reading(
            Outcome.BREACH,
            f"{event} was not followed by {self._answers} within {limit}",
            labels,
            threshold=amount,
            evidence=(first.evidence,),
            epoch=first.epoch,
            step=first.step,
        )

    def _unanswered(self, attempt: Attempt, labels: Labels, begun: Iterable[Series]) -> Point | None:
        """Return the first event since the last answer, or the oldest one still kept."""
        answer = self._answer(attempt, labels)
        since = answer[0] if answer else 0
        known = [point for series in begun for point in (*series.recent, *_remembered(series))]
        waiting = (point for point in known if point.serial > since and math.isfinite(self._amount(attempt, point)))
        return min(waiting, key=_place, default=None)

    def _answer(self, attempt: Attempt, labels: Labels) -> tuple[int, Evidence] | None:
        """Return serial and line of the newest answer with these labels."""
        points = [
            (series.last.serial, series.last.evidence)
            for name in self.then
            if name != MOVED
            for own, series in attempt.of(name).items()
            if self._key(own) == labels
        ]
        if MOVED in self.then and (move := attempt.progress.last) is not None:
            points.append((move.serial, move.evidence))
        return max(points, key=lambda point: point[0], default=None)

    def _amount(self, attempt: Attempt, first: Point) -> float:
        amount = self._span.amount
        for series in attempt.of(self.declared_by).values() if self.declared_by else ():
            for point in series.recent:
                if point.serial == first.serial and 0 <= point.value < math.inf:
                    amount = point.value
        if self.times_slowest is not None:
            amount = max(amount, self.times_slowest * max(attempt.progress.recent(attempt.phase), default=0.0))
        return amount

    def _is_over(self, run: Run, first: Point, amount: float, now: float | None) -> bool:
        attempt = run.attempt
        if self._span.unit == "s":
            # The same sum as in the deadline, so that both agree to the last bit.
            began_at = _began_at(run, first)
            return began_at is not None and now is not None and now > began_at + amount
        if self._span.unit == "epochs":
            return attempt.epoch > first.epoch + amount
        # What is checked every so many steps shows up so many steps late.
        looks = [series.step_gap or 0 for series in attempt.of(self.heartbeat).values()] if self.heartbeat else []
        return (attempt.step or 0) > (first.step or 0) + amount + max(looks, default=0)

    def _nothing_began(self, attempt: Attempt) -> Reading:
        reason = f"no {self._event}"
        if self.heartbeat is not None:
            if absent := absence(attempt, self.heartbeat):
                return absent
            labels, pulse = max(attempt.of(self.heartbeat).items(), key=lambda item: item[1].last.serial)
            if late := overdue(attempt, self.heartbeat, labels, pulse):
                return unknown(late.reason, evidence=late.evidence)
            last = pulse.last
            return Reading(Outcome.OK, reason, evidence=(last.evidence,), epoch=last.epoch, step=last.step)
        answers = [answer for key in self._answer_keys(attempt) if (answer := self._answer(attempt, key)) is not None]
        if not answers:
            return unknown(f"neither {self._event} nor {self._answers} in {attempt.lines:,} lines")
        evidence = max(answers, key=lambda answer: answer[0])[1]
        return Reading(Outcome.OK, reason, evidence=(evidence,), epoch=attempt.epoch, step=attempt.step)

    def _answer_keys(self, attempt: Attempt) -> set[Labels]:
        return {self._key(labels) for name in self.then if name != MOVED for labels in attempt.of(name)} | {()}

    def _key(self, labels: Labels) -> Labels:
        return tuple(pair for pair in labels if pair[0] in self.on)

    @property
    def _span(self) -> Span:
        return self.before or Span(math.inf, "steps")

    @property
    def _event(self) -> str:
        return " or ".join(self.signal)

    @property
    def _answers(self) -> str:
        return " or ".join("progress" if name == MOVED else name for name in self.then)


def _remembered(series: Series) -> Iterable[Point]:
    """Yield the points that are known from before the kept ones: the first of all and the first of each epoch."""
    if series.first is not None and series.count > len(series.recent):
        yield series.first
        for tally in series.epochs.values():
            yield tally.first


def _began_at(run: Run, first: Point) -> float | None:
    """Return when an event came; in a log without times, when the newest bytes arrived, if that is known."""
    return first.at if first.at is not None or run.now is not None else run.heard_at


def _holds(found: Mapping[Labels, Series], point: Point) -> bool:
    return any(point in (*series.recent, *_remembered(series)) for series in found.values())


def _place(point: Point) -> int:
    return point.serial
