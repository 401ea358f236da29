"""``all`` and ``any``: several conditions as one, joined on the labels that they share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, WithJsonSchema, model_validator

from monitor.alert import Severity
from monitor.base.evidence import Evidence
from monitor.conditions.condition import KINDS, Condition
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.reader.signals import Labels
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run


def _part(declared: object) -> Condition:
    """Read one part: any kind of condition, a combination included. Raises ValueError."""
    if isinstance(declared, Condition):
        return declared
    if not isinstance(declared, dict):
        raise ValueError(f"{declared!r:.60} is no condition; expected key: value lines, kind first")
    kind = KINDS.get(str(declared.get("kind")))
    if kind is None:
        raise ValueError(f"kind: {declared.get('kind')!r:.60} is none; expected one of {', '.join(KINDS)}")
    try:
        return kind.model_validate(declared)
    except ValidationError as error:
        raise ValueError("; ".join(map(_in_words, error.errors(include_url=False)))) from None


def _in_words(detail: object) -> str:
    assert isinstance(detail, dict)
    field = ".".join(map(str, detail["loc"]))
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


Part = Annotated[
    SerializeAsAny[Condition], BeforeValidator(_part), WithJsonSchema({"type": "object", "required": ["kind"]})
]
"""A condition within a condition."""


class Combination(Condition):
    """Conditions that are judged together, for each set of the labels that they share.

    A part without labels counts for every set. Where a part has labels of its own beside the shared ones, the
    loudest of its answers speaks for it.
    """

    of: Annotated[tuple[Part, ...], Field(min_length=2, max_length=8)]
    """The parts, each a condition with its kind."""
    on: tuple[str, ...] | None = None
    """The labels to join on; unless given, those that every labelled part has."""
    same_step: bool = False
    """Judge only readings of one step together. The parts stand in the order of their lines in the log: the last
    part's line completes the picture, and only it is waited for."""

    @model_validator(mode="after")
    def _labels_are_shared(self) -> Combination:
        shared = _shared(self.of)
        for name in self.on or ():
            if name not in shared:
                known = f"one of {', '.join(shared)}" if shared else "none"
                raise ValueError(f"on: not every part with labels has {name!r}; expected {known}")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """What the parts watch; with ``same_step``, what the last one does."""
        parts = self.of[-1:] if self.same_step else self.of
        return frozenset().union(*(part.watches for part in parts))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that it joins on."""
        return self._joined_on

    @cached_property
    def _joined_on(self) -> tuple[str, ...]:
        return _shared(self.of) if self.on is None else self.on

    @property
    def is_timed(self) -> bool:
        """Whether a part is."""
        return any(part.is_timed for part in self.of)

    def deadline(self, run: Run, after: float) -> float | None:
        """Return the first deadline of a part."""
        return min((each for part in self.of if (each := part.deadline(run, after)) is not None), default=None)

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """While none of its parts can be a breach."""
        return not firing and all(part.stays_quiet(run, ahead, context, firing) for part in self.of)

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Answer for each set of shared labels."""
        context = replace(context, asked=self._asked(context))
        said = [self._said(part, run, context, now, firing) for part in self.of]
        keys = dict.fromkeys(self._key(each.labels) for part in said for each in part if self._bears_all(each.labels))
        return [self._combined(key, [self._for(key, part) for part in said]) for key in keys or {(): None}]

    def is_idle(self, run: Run) -> bool:
        """While as many of its parts are as it takes."""
        return self._enough(part.is_idle(run) for part in self.of)

    @abstractmethod
    def _enough(self, idle: Iterable[bool]) -> bool:
        """Return whether these parts being idle makes the whole so."""

    @abstractmethod
    def _outcome(self, readings: Sequence[Reading]) -> tuple[Outcome, Sequence[Reading]]:
        """Return what the parts' answers come to, and the ones that decide it."""

    @abstractmethod
    def _severity(self, severities: Sequence[Severity]) -> Severity:
        """Return the severity of the whole, of those that the parts' levels have."""

    @property
    @abstractmethod
    def _word(self) -> str:
        """What stands between the parts' reasons."""

    def _combined(self, key: Labels, readings: Sequence[Reading]) -> Reading:
        outcome, deciding = self._outcome(readings)
        steps = {each.step for each in readings}
        if outcome is Outcome.BREACH and self.same_step and len(steps) > 1:
            at = ", ".join(f"step {each.step}" for each in readings)
            return unknown(f"its parts are of different steps: {at}", key, _evidence(deciding))
        last = deciding[-1]
        ranked = [each.severity for each in deciding if each.severity is not None]
        return Reading(
            outcome,
            self._word.join(each.reason for each in deciding),
            key,
            value=last.value,
            threshold=last.threshold,
            evidence=_evidence(deciding),
            epoch=last.epoch,
            step=last.step,
            severity=self._severity(ranked) if ranked else None,
        )

    def _said(
        self, part: Condition, run: Run, context: Context, now: float | None, firing: frozenset[Labels]
    ) -> list[Reading]:
        if part.labels == self.labels:
            return part.readings(run, context, now, firing)
        said = part.readings(run, context, now, frozenset())
        if not firing:
            return said
        own = {each.labels for each in said if self._key(each.labels) in firing or not each.labels}
        return part.readings(run, context, now, frozenset(own))

    def _asked(self, context: Context) -> frozenset[Labels] | None:
        """Return the labels asked about where every part knows them; else ask about all."""
        is_alike = all(part.labels in ((), self.labels) for part in self.of)
        is_whole = context.asked is not None and all(map(self._bears_all, context.asked))
        return context.asked if is_alike and is_whole else None

    def _key(self, labels: Labels) -> Labels:
        return tuple(pair for pair in labels if pair[0] in self.labels)

    def _bears_all(self, labels: Labels) -> bool:
        return len(self._key(labels)) == len(self.labels)

    def _for(self, key: Labels, said: Sequence[Reading]) -> Reading:
        """Return what a part says about these labels: its own answer, else the one that it gives for all."""
        own = [each for each in said if self._bears_all(each.labels) and self._key(each.labels) == key]
        general = [each for each in said if not self._bears_all(each.labels)]
        found = own or general
        if not found:
            return unknown(f"nothing was seen for {' '.join(f'{name}={value}' for name, value in key)}")
        return min(found, key=lambda each: _LOUDEST.index(each.outcome))


class All(Combination):
    """A breach where every part is one.

    One part that is ok makes the whole ok, and one that does not apply makes it not applicable: there is no
    evidence, or can be none, that all are breached. The alert bears the last part's value.
    """

    kind: Literal["all"]

    @property
    def _word(self) -> str:
        return " and "

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """While one of its parts can be no breach, and none has a deadline in between."""
        said = (part.stays_quiet(run, ahead, context, firing) for part in self.of)
        return not firing and (all(said) if self.is_timed else any(said))

    def _enough(self, idle: Iterable[bool]) -> bool:
        return any(idle)

    def _outcome(self, readings: Sequence[Reading]) -> tuple[Outcome, Sequence[Reading]]:
        for outcome in (Outcome.OK, Outcome.NOT_APPLICABLE, Outcome.UNKNOWN):
            if deciding := _of(outcome, readings):
                return outcome, deciding
        return Outcome.BREACH, readings

    def _severity(self, severities: Sequence[Severity]) -> Severity:
        return min(severities, key=lambda each: each.rank)


class Any(Combination):
    """A breach where one part is one; ok only where no part is unknown."""

    kind: Literal["any"]

    @property
    def _word(self) -> str:
        return "; "

    def _enough(self, idle: Iterable[bool]) -> bool:
        return all(idle)

    def _outcome(self, readings: Sequence[Reading]) -> tuple[Outcome, Sequence[Reading]]:
        for outcome in (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK):
            if deciding := _of(outcome, readings):
                return outcome, deciding
        return Outcome.NOT_APPLICABLE, readings

    def _severity(self, severities: Sequence[Severity]) -> Severity:
        return max(severities, key=lambda each: each.rank)


_LOUDEST = (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK, Outcome.NOT_APPLICABLE)


def _of(outcome: Outcome, readings: Iterable[Reading]) -> list[Reading]:
    return [each for each in readings if each.outcome is outcome]


def _evidence(readings: Iterable[Reading]) -> tuple[Evidence, ...]:
    """Return the lines of several answers in the order of the log, each once."""
    lines = dict.fromkeys(line for each in readings for line in each.evidence)
    return tuple(sorted(lines, key=lambda line: line.line))


def _shared(parts: Iterable[Condition]) -> tuple[str, ...]:
    """Return the labels that every labelled part has, in the first one's order."""
    labelled = [part.labels for part in parts if part.labels]
    return tuple(name for name in labelled[0] if all(name in names for names in labelled)) if labelled else ()
