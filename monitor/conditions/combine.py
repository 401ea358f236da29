"""``all`` and ``any``: combine several conditions, joined on the labels that they share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, WithJsonSchema, model_validator

from monitor.alert import Severity
from monitor.base.evidence import Evidence
from monitor.conditions.condition import KINDS, Condition, Needed
from monitor.conditions.reading import MOST_SERIOUS_FIRST, Context, Outcome, Reading, unknown
from monitor.reader.signals import Labels
from monitor.run.columns.bounds import LINES, Band, Bounds
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run


def _part(declared: object) -> Condition:
    """Parse one part: a condition of any kind, including a combination. Raises ValueError."""
    if isinstance(declared, Condition):
        return declared
    if not isinstance(declared, dict):
        raise ValueError(f"not a condition: {declared!r:.60}; expected key: value lines, kind first")
    kind = KINDS.get(str(declared.get("kind")))
    if kind is None:
        raise ValueError(f"kind: unknown kind {declared.get('kind')!r:.60}; expected one of {', '.join(KINDS)}")
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

    A part without labels counts for every set. If a part has further labels, its most serious reading counts.
    """

    of: Annotated[tuple[Part, ...], Field(min_length=2, max_length=8)]
    """The parts, each a condition with its kind."""
    on: tuple[str, ...] | None = None
    """The labels to join on; by default, the labels that every part with labels has."""
    same_step: bool = False
    """Judge only readings of the same step together. List the parts in the order of their lines in the log: they are
    judged when the last part's line arrives."""

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
        """What the parts watch; with ``same_step``, what the last part watches."""
        parts = self.of[-1:] if self.same_step else self.of
        return frozenset().union(*(part.watches for part in parts))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the parts are joined on."""
        return self._joined_on

    @cached_property
    def _joined_on(self) -> tuple[str, ...]:
        return _shared(self.of) if self.on is None else self.on

    @property
    def is_timed(self) -> bool:
        """Timed if any part is."""
        return any(part.is_timed for part in self.of)

    def deadline(self, run: Run, after: float) -> float | None:
        """Return the earliest deadline of any part."""
        return min((each for part in self.of if (each := part.deadline(run, after)) is not None), default=None)

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while none of the parts can be a breach."""
        return not firing and all(part.stays_quiet(run, ahead, context, firing) for part in self.of)

    def quiet_lines(self, run: Run, bounds: Bounds, context: Context, firing: frozenset[Labels]) -> int:
        """Return for how many lines none of the parts can be a breach."""
        return 0 if firing else min(part.quiet_lines(run, bounds, context, firing) for part in self.of)

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a reading for each set of shared labels."""
        context = replace(context, asked=self._asked(context))
        by_part = [self._by_labels(self._readings_of(part, run, context, now, firing)) for part in self.of]
        keys = dict.fromkeys(key for own, _ in by_part for key in own)
        return [self._combined(key, [_of_part(key, *part) for part in by_part]) for key in keys or {(): None}]

    def in_words(self) -> str:
        """Return the words of the parts, joined."""
        parts = (f"({part.in_words()})" if isinstance(part, Combination) else part.in_words() for part in self.of)
        return f" {self._conjunction} ".join(parts) + (", all at one step" if self.same_step else "")

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield the signals of every part."""
        for part in self.of:
            yield from part.signals_to_keep_coming()

    def patterns(self) -> Iterator[str]:
        """Yield the patterns of every part."""
        for part in self.of:
            yield from part.patterns()

    def is_idle(self, run: Run) -> bool:
        """Idle while enough of the parts are."""
        return self._enough(part.is_idle(run) for part in self.of)

    @abstractmethod
    def _enough(self, idle: Iterable[bool]) -> bool:
        """Return whether the whole is idle, given which parts are."""

    @abstractmethod
    def _outcome(self, readings: Sequence[Reading]) -> tuple[Outcome, Sequence[Reading]]:
        """Return the outcome of the parts' readings, and the readings that decide it."""

    @abstractmethod
    def _severity(self, severities: Sequence[Severity]) -> Severity:
        """Return the severity of the whole, given the severities of the parts' levels."""

    _conjunction: ClassVar[str]
    """The word between the parts' words."""

    @property
    @abstractmethod
    def _word(self) -> str:
        """The text between the parts' reasons."""

    def _combined(self, key: Labels, readings: Sequence[Reading]) -> Reading:
        outcome, deciding = self._outcome(readings)
        steps = {each.step for each in readings}
        if outcome is Outcome.BREACH and self.same_step and len(steps) > 1:
            at = ", ".join(f"step {each.step}" for each in readings)
            return unknown(f"its parts are from different steps: {at}", key, _evidence(deciding))
        last = deciding[-1]
        ranked = [each.severity for each in deciding if each.severity is not None]
        return Reading(
            outcome,
            self._word.join(dict.fromkeys(each.reason for each in deciding)),
            key,
            value=last.value,
            threshold=last.threshold,
            evidence=_evidence(deciding),
            epoch=last.epoch,
            step=last.step,
            severity=self._severity(ranked) if ranked else None,
            is_early=all(each.is_early for each in deciding),
        )

    def _readings_of(
        self, part: Condition, run: Run, context: Context, now: float | None, firing: frozenset[Labels]
    ) -> list[Reading]:
        if part.labels == self.labels:
            return part.readings(run, context, now, firing)
        readings = part.readings(run, context, now, frozenset())
        if not firing:
            return readings
        own = {each.labels for each in readings if self._key(each.labels) in firing or not each.labels}
        return part.readings(run, context, now, frozenset(own))

    def _asked(self, context: Context) -> frozenset[Labels] | None:
        """Return the labels asked about if every part has them, else None to ask about all."""
        is_alike = all(part.labels == self.labels for part in self.of)
        is_whole = context.asked is not None and all(map(self._has_all, context.asked))
        return context.asked if is_alike and is_whole else None

    def _key(self, labels: Labels) -> Labels:
        return tuple(pair for pair in labels if pair[0] in self.labels)

    def _has_all(self, labels: Labels) -> bool:
        return len(self._key(labels)) == len(self.labels)

    def _by_labels(self, readings: Sequence[Reading]) -> tuple[dict[Labels, Reading], Reading | None]:
        """Return a part's most serious reading for each set of shared labels, and that for all labels."""
        own: dict[Labels, Reading] = {}
        general: Reading | None = None
        for each in readings:
            if not self._has_all(each.labels):
                general = _more_serious(general, each)
            else:
                key = self._key(each.labels)
                own[key] = _more_serious(own.get(key), each)
        return own, general


def _of_part(key: Labels, own: dict[Labels, Reading], general: Reading | None) -> Reading:
    """Return a part's reading for these labels, else its reading for all labels."""
    found = own.get(key, general)
    if found is None:
        return unknown(f"nothing was seen for {' '.join(f'{name}={value}' for name, value in key)}")
    return found


def _more_serious(one: Reading | None, other: Reading) -> Reading:
    """Return the more serious of two readings; the first, if they are equally so."""
    if one is None:
        return other
    return min(one, other, key=lambda each: MOST_SERIOUS_FIRST.index(each.outcome))


class All(Combination):
    """A breach if every part is a breach.

    One part that is ok makes the whole ok, and one part that does not apply makes it not applicable. The alert has the
    last part's value.
    """

    kind: Literal["all"]
    _conjunction = "and"

    @property
    def _word(self) -> str:
        return " and "

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while at least one part cannot be a breach; if a part is timed, while none can."""
        quiet = (part.stays_quiet(run, ahead, context, firing) for part in self.of)
        return not firing and (all(quiet) if self.is_timed else any(quiet))

    def quiet_lines(self, run: Run, bounds: Bounds, context: Context, firing: frozenset[Labels]) -> int:
        """Return for how many lines a part cannot be a breach; if a part is timed, none of them."""
        if self.is_timed or firing:
            return super().quiet_lines(run, bounds, context, firing)
        longest = 0
        for part in self.of:
            longest = max(longest, part.quiet_lines(run, bounds, context, firing))
            if longest == LINES:
                break
        return longest

    def quiet_band(self, run: Run, bounds: Bounds, firing: frozenset[Labels]) -> Band | None:
        """Return the bounds within which one part cannot be a breach."""
        if self.is_timed or firing:
            return None
        bands = (part.quiet_band(run, bounds, firing) for part in self.of)
        return next((band for band in bands if band is not None), None)

    def needed_signals(self) -> Needed:
        """Return the groups of all parts: every part must be able to breach."""
        return tuple(group for part in self.of for group in part.needed_signals())

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
    """A breach if at least one part is a breach; ok only if no part is unknown."""

    kind: Literal["any"]
    _conjunction = "or"

    @property
    def _word(self) -> str:
        return "; "

    def needed_signals(self) -> Needed:
        """Return one group with the signals of all parts, or nothing if some part needs none."""
        parts = [part.needed_signals() for part in self.of]
        return (frozenset().union(*(group for part in parts for group in part)),) if all(parts) else ()

    def _enough(self, idle: Iterable[bool]) -> bool:
        return all(idle)

    def _outcome(self, readings: Sequence[Reading]) -> tuple[Outcome, Sequence[Reading]]:
        for outcome in (Outcome.BREACH, Outcome.UNKNOWN, Outcome.OK):
            if deciding := _of(outcome, readings):
                return outcome, deciding
        return Outcome.NOT_APPLICABLE, readings

    def _severity(self, severities: Sequence[Severity]) -> Severity:
        return max(severities, key=lambda each: each.rank)


def _of(outcome: Outcome, readings: Iterable[Reading]) -> list[Reading]:
    return [each for each in readings if each.outcome is outcome]


def _evidence(readings: Iterable[Reading]) -> tuple[Evidence, ...]:
    """Return the lines of several readings, each once, in the order of the log."""
    lines = dict.fromkeys(line for each in readings for line in each.evidence)
    return tuple(sorted(lines, key=lambda line: line.line))


def _shared(parts: Iterable[Condition]) -> tuple[str, ...]:
    """Return the labels that every part with labels has, in the order of the first such part."""
    labelled = [part.labels for part in parts if part.labels]
    return tuple(name for name in labelled[0] if all(name in names for names in labelled)) if labelled else ()
