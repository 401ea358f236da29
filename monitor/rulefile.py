"""Rule files → rules; all the problems of a file at once, each with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from monitor.alerts import Severity
from monitor.conditions import KINDS, Condition, Context, Reading
from monitor.conditions.values import NO_SPAN, Hold, Seconds
from monitor.errors import MonitorError, Problems, RuleError
from monitor.logline import Intent
from monitor.run import Run
from monitor.signals import CATALOGUE, Labels
from monitor.yamlfile import Place, YamlFile


class RuleTest(BaseModel):
    """Log lines, and what the rule must make of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    lines: str
    """Lines as a log would hold them, times included."""
    wait: Seconds = 0.0
    """How long nothing comes after the last line."""
    then: Literal["fires", "resolves", "quiet", "unknown", "not_applicable"]
    """``quiet`` means ok with evidence and nothing fired; ``unknown`` that it is neither ok nor fired."""


Text = Annotated[str, Field(min_length=1)]


def _declared(name: str) -> str:
    if name not in Intent.field_names():
        raise ValueError(f"{name!r} is no word of INTENT; expected one of {', '.join(Intent.field_names())}")
    return name


Declared = Annotated[str, AfterValidator(_declared)]
"""A word that the trainer's INTENT lines can say."""


class Rule(BaseModel):
    """One rule. Everything but the condition is the same for every kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alert: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    """The rule's name, in CamelCase; an override has the same."""
    group: str
    fault: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """The kind of fault, as the catalogue of faults names it."""
    severity: Severity
    summary: Text
    """One line: what is wrong. ``{value}``, ``{threshold}``, ``{reason}``, ``{epoch}``, ``{step}`` and labels are
    filled in."""
    why: Text
    """Why it matters."""
    action: Text
    """What to do first."""
    source: Text
    """Where the threshold comes from."""
    expected: str = ""
    """What a healthy run shows, for the report: ``1-3 per epoch``."""
    check: str = ""
    """A command that shows the same in the log; ``{log}`` stands for its quoted path."""
    hold: Hold = NO_SPAN
    """``for``: how long the breach must last before the alert goes out."""
    keep_firing_for: Hold = NO_SPAN
    """How long it must be ok before the alert resolves."""
    after: Hold = NO_SPAN
    """Warm-up from the start of the attempt, in which a breach is none yet."""
    phase: tuple[str, ...] = ()
    """Judged only while the run is in one of these phases; the last answer stands in the others."""
    unless: tuple[Declared, ...] = ()
    """Words of the run's INTENT that make it not applicable: ``[accumulate]``."""
    by: tuple[str, ...] | None = None
    """Labels that split the alerts; series that differ in other labels alone share one. None: every label."""
    within: Hold | None = None
    """Promised latency, from the first bad line to the alert; the evidence must come often enough for it."""
    inhibits: tuple[str, ...] = ()
    """Rules whose alerts this one explains: while it fires, theirs are recorded, and page nobody."""
    enabled: bool = True
    """False drops the rule; the way to switch off a shipped one of the same name."""
    needs: Literal["", "facts"] = ""
    tests: tuple[RuleTest, ...] = ()
    condition: Condition
    place: str
    """``file:line`` where it is declared."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels that its alerts bear."""
        return tuple(name for name in self.condition.labels if self.by is None or name in self.by)

    @model_validator(mode="after")
    def _labels_exist(self) -> Rule:
        for name in self.by or ():
            if name not in self.condition.labels:
                known = f"one of {', '.join(self.condition.labels)}" if self.condition.labels else "none"
                raise ValueError(f"by: its signal has no label {name!r}; expected {known}")
        if self.by is not None and getattr(self.condition, "clear", None) is not None:
            raise ValueError("by: cannot stand beside clear; expected one of the two")
        return self

    @model_validator(mode="after")
    def _slots_exist(self) -> Rule:
        known = [*SLOTS, *self.labels]
        try:
            parts = list(Formatter().parse(self.summary))
        except ValueError as error:
            raise ValueError(f"summary: {error}; expected slots such as {{value}}") from None
        for _, name, spec, conversion in parts:
            if name is not None and (name not in known or spec or conversion):
                raise ValueError(f"summary: slot {{{name}}} is filled by nothing; expected one of {', '.join(known)}")
        return self


SLOTS = ("value", "threshold", "reason", "epoch", "step")
"""What every rule's summary can be filled with; the labels of its signal come on top."""

_COMMON = frozenset(Rule.model_fields) - {"condition", "group", "place", "hold"} | {"for"}


def load_rules(paths: Iterable[Path]) -> list[Rule]:
    """Read rule files, in order. A rule of a later file replaces an earlier file's of the same name.

    Raises `Problems` with every problem of every file.
    """
    problems: list[MonitorError] = []
    rules: dict[str, Rule] = {}
    for path in paths:
        try:
            rules |= {rule.alert: rule for rule in _RuleFile(path, problems).rules()}
        except RuleError as error:
            problems.append(error)
    problems += _unknown_rules(rules)
    if problems:
        raise Problems(problems)
    return [rule for rule in rules.values() if rule.enabled]


def _unknown_rules(rules: Mapping[str, Rule]) -> list[MonitorError]:
    """Complain of rules that inhibit what is not there."""
    return [
        RuleError(
            rule.place, f'rule "{rule.alert}": inhibits: no rule {name!r}', expected=f"a rule{_suggestion(name, rules)}"
        )
        for rule in rules.values()
        for name in rule.inhibits
        if name not in rules
    ]


Model = TypeVar("Model", bound=BaseModel)


class _AnyCondition(Condition):
    """Stands where a condition could not be read; its labels are not known, so any may be."""

    @property
    def watches(self) -> frozenset[str]:
        return frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple({label for signal in CATALOGUE.values() for label in signal.labels})

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        raise AssertionError("a rule that could not be read is never asked")


class _RuleFile:
    """One file being read; its problems go to a list that is shared with its siblings."""

    def __init__(self, path: Path, problems: list[MonitorError]) -> None:
        self._file = YamlFile(path, RuleError)
        self._problems = problems

    def rules(self) -> list[Rule]:
        """Return the file's rules that are whole."""
        rules: dict[str, Rule] = {}
        for group_place, group in self._entries((), self._file.data, "groups", ("name", "rules")):
            name = group.get("name")
            if not isinstance(name, str):
                self._fault(group_place, "a group has no name", "name: a word")
            for place, entry in self._entries(group_place, group, "rules", None):
                rule = self._rule(place, entry, str(name))
                if rule is None:
                    continue
                if rule.alert in rules:
                    where = rules[rule.alert].place
                    self._fault(place, f'rule "{rule.alert}": stands twice, first at {where}', "each name once")
                rules[rule.alert] = rule
        self._problems += self._file.problems
        return list(rules.values())

    def _entries(
        self, place: Place, data: object, key: str, allowed: Sequence[str] | None
    ) -> list[tuple[Place, dict[str, object]]]:
        """Return the mappings of the list ``key``; complain of anything else."""
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(entries, list) or not entries:
            self._fault(place, f"no list of {key}", f"{key}: followed by entries that begin with '- '")
            return []
        self._unknown_keys(place, data, (key, "name") if place else (key,), "")
        found = []
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                found.append(((*place, key, index), entry))
            else:
                self._fault((*place, key, index), f"{entry!r} is no entry of {key}", "key: value lines")
        return found

    def _rule(self, place: Place, entry: dict[str, object], group: str) -> Rule | None:
        name = str(entry.get("alert", "without a name"))
        about = f'rule "{name}": '
        kind = KINDS.get(str(entry.get("kind")))
        if kind is None:
            what = f"{about}kind: {entry['kind']!r:.60} is none" if "kind" in entry else f"{about}has no kind"
            expected = f"one of {', '.join(KINDS)}{_suggestion(str(entry.get('kind')), KINDS)}"
            self._fault((*place, "kind"), what, expected)
        fields = set(kind.model_fields) if kind else {name for each in KINDS.values() for name in each.model_fields}
        known = self._unknown_keys(place, entry, [*_COMMON, *fields], about)
        own = {key: entry[key] for key in known if key in fields}
        condition = self._validated(kind, place, own, about) if kind else None
        common = {("hold" if key == "for" else key): entry[key] for key in known if key in _COMMON}
        # A broken condition does not hide what is wrong with the rest of the rule.
        whole = {**common, "group": group, "place": self._file.where(place), "condition": condition or _AnyCondition()}
        rule = self._validated(Rule, place, whole, about)
        return rule if condition is not None else None

    def _validated(self, model: type[Model], place: Place, data: dict[str, object], about: str) -> Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                field: Place = tuple("for" if part == "hold" else part for part in detail["loc"])
                self._fault((*place, *field), f"{about}{_in_words(field, detail['msg'], detail['input'])}", None)
        return None

    def _unknown_keys(self, place: Place, data: dict[str, object], allowed: Iterable[str], about: str) -> list[str]:
        """Complain of keys that mean nothing; return the others."""
        allowed = list(allowed)
        for key in data.keys() - set(allowed):
            self._fault((*place, key), f"{about}unknown key {key!r}", f"a known key{_suggestion(key, allowed)}")
        return [key for key in data if key in allowed]

    def _fault(self, place: Place, what: str, expected: str | None) -> None:
        self._problems.append(RuleError(self._file.where(place), what, expected=expected))


def _in_words(field: Place, message: str, value: object) -> str:
    """Turn a validator's message into ``field: what; expected ...``."""
    name = ".".join(map(str, field))
    message = message.removeprefix("Value error, ")
    if message.startswith("unknown signal"):
        message += f"; expected a signal of the catalogue{_suggestion(str(value), CATALOGUE)}"
    elif message == "Field required":
        message = "is missing; expected a value"
    elif message.startswith(("Input should be ", "String should ")):
        wanted = message.removeprefix("Input should be ").removeprefix("String should ")
        message = f"{value!r:.60} does not do; expected {wanted}"
    elif "; expected" not in message and not message.startswith("expected"):
        message = f"{message[0].lower()}{message[1:]}; expected another value than {value!r:.60}"
    return f"{name}: {message}" if name else message


def _suggestion(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
