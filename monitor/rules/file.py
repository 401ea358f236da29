"""Rule files → rules; all the problems of a file at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.base.errors import MonitorError, Problems, RuleError
from monitor.base.yamlfile import Place, YamlFile
from monitor.conditions import KINDS, Condition, Context, Reading
from monitor.reader.signals import CATALOGUE, Labels
from monitor.rules.overrides import Changes, RuleSetting, field_of
from monitor.rules.problems import Problem, holds_conditions, problems_of, suggestion, unknown_key
from monitor.rules.rule import COMMON, Rule
from monitor.run.run import Run

PROBLEMS_SHOWN = 100
"""Problems of one file that are told; what comes after so many is counted."""


class _Entry(NamedTuple):
    """One rule as its file has it."""

    data: dict[str, object]
    group: str
    where: str
    """``file:line``."""


def load_rules(paths: Iterable[Path], changes: Changes | None = None, *, beside: Iterable[Path] = ()) -> list[Rule]:
    """Read the rules that are switched on; as `declared_rules` in all else."""
    return [rule for rule in declared_rules(paths, changes, beside=beside) if rule.enabled]


def declared_rules(paths: Iterable[Path], changes: Changes | None = None, *, beside: Iterable[Path] = ()) -> list[Rule]:
    """Read rule files, in order. A rule of a later file replaces an earlier file's of the same name.

    ``changes`` are the command line's; ``beside`` are files whose rules may be spoken of, and are not read for
    their problems. Raises `Problems` with every problem of every file.
    """
    changes = changes or Changes()
    problems: list[MonitorError] = []
    rules: dict[str, Rule] = {}
    entries: dict[str, _Entry] = {}
    for path in paths:
        try:
            file = _RuleFile(path)
        except RuleError as error:
            problems.append(error)
            continue
        for rule, entry in file.rules():
            rules[rule.alert], entries[rule.alert] = rule, entry
        problems += file.problems()
    if any(name not in rules for rule in rules.values() for name in rule.inhibits):
        problems += _unknown_rules(rules, {*rules, *_names(beside)})
    if problems:
        raise Problems(problems)  # those of the command line would only be their echo
    problems += changes.problems(rules)
    for name in {setting.rule: None for setting in changes.settings if setting.rule in rules}:
        changed = _changed(entries[name], [each for each in changes.settings if each.rule == name], problems)
        rules[name] = changed or rules[name]
    if problems:
        raise Problems(problems)
    return [
        rule.model_copy(update={"enabled": False}) if name in changes.disabled else rule for name, rule in rules.items()
    ]


def _names(paths: Iterable[Path]) -> set[str]:
    """Return the names of the rules that files hold, whatever else is wrong with them."""
    names = set()
    for path in paths:
        try:
            names |= {str(entry.get("alert")) for _, entry, _ in _RuleFile(path).entries()}
        except RuleError:
            continue  # the commands that use this file complain of it
    return names


def _unknown_rules(rules: Mapping[str, Rule], known: set[str]) -> list[MonitorError]:
    """Complain of rules that inhibit what is not there."""
    return [
        RuleError(
            rule.place, f'rule "{rule.alert}": inhibits: no rule {name!r}', expected=f"a rule{suggestion(name, known)}"
        )
        for rule in rules.values()
        for name in rule.inhibits
        if name not in known
    ]


def _changed(entry: _Entry, settings: Sequence[RuleSetting], problems: list[MonitorError]) -> Rule | None:
    """Return a rule with the command line's changes; None, and problems, where they do not fit."""
    data, by_field = dict(entry.data), {}
    kind = KINDS[str(data["kind"])]
    for setting in settings:
        try:
            field = field_of(setting, data, [*COMMON, *kind.model_fields])
        except RuleError as error:
            problems.append(error)
            return None
        data[field], by_field[field] = setting.value, setting
    rule, found = _read(data, entry.group, entry.where, tuple(f"{field}={by_field[field].value}" for field in by_field))
    for place, text in found:
        setting = by_field.get(str(place[0]) if place else "", settings[-1])
        problems.append(RuleError(setting.where, text))
    return rule


def _read(
    data: Mapping[str, object], group: str, where: str, changed: tuple[str, ...] = ()
) -> tuple[Rule | None, list[Problem]]:
    """Read one rule; return it where it is whole, and what is wrong with it."""
    condition, problems, fields = _condition(data, COMMON)
    common = {("hold" if key == "for" else key): data[key] for key in data if key in COMMON}
    # A broken condition does not hide what is wrong with the rest of the rule.
    whole = {**common, "group": group, "place": where, "changed": changed, "condition": condition or _AnyCondition()}
    rule, found = _validated(Rule, whole)
    problems += [Problem(_as_written(place), _for(text)) for place, text in found]
    problems += _unknown_keys(data, [*COMMON, *fields])
    # A field that the rule and its condition both read is wrong once.
    problems = list({problem.place: problem for problem in reversed(problems)}.values())[::-1]
    return (rule if condition is not None else None), problems


def _condition(data: Mapping[str, object], beside: Iterable[str]) -> tuple[Condition | None, list[Problem], list[str]]:
    """Read a condition from the keys that are not ``beside`` it; also return its problems and its fields."""
    word = data.get("kind")
    kind = KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        what = f"kind: {word!r:.60} is none" if "kind" in data else "has no kind"
        text = f"{what}; expected one of {', '.join(KINDS)}{suggestion(word, KINDS)}"
        return None, [Problem(("kind",), text)], [name for each in KINDS.values() for name in each.model_fields]
    own = {key: value for key, value in data.items() if key in kind.model_fields}
    problems: list[Problem] = []
    for key in [key for key in own if holds_conditions(kind, key)]:
        own[key], found = _conditions(key, own[key])
        problems += found
    condition, found = _validated(kind, own)
    problems += [problem for problem in found if not any(problem.place[:2] == each.place[:2] for each in problems)]
    return (None if problems else condition), problems, list(kind.model_fields)


def _conditions(key: str, entries: object) -> tuple[object, list[Problem]]:
    """Read the conditions of a list; what is no mapping is left to the outer condition to refuse."""
    if not isinstance(entries, list):
        return entries, []
    read: list[object] = []
    problems = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            read.append(entry)
            continue
        condition, found, fields = _condition(entry, ())
        found += _unknown_keys(entry, fields)
        for place, text in found:
            is_named = text.startswith(f"{'.'.join(map(str, place))}: ")
            problems.append(Problem((key, index, *place), f"{key}.{index}{'.' if is_named else ': '}{text}"))
        read.append(condition or _AnyCondition())
    return read, problems


def _unknown_keys(data: Mapping[str, object], known: Sequence[str]) -> list[Problem]:
    unknown = [key for key in data if key not in known]
    # To look for what was meant takes time, and nobody reads so many lines.
    return [Problem((key,), unknown_key(key, known if n < PROBLEMS_SHOWN else ())) for n, key in enumerate(unknown)]


Model = TypeVar("Model", bound=BaseModel)


def _validated(model: type[Model], data: dict[str, object]) -> tuple[Model | None, list[Problem]]:
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, list(problems_of(error, model, data))


def _as_written(place: Place) -> Place:
    return tuple("for" if part == "hold" else part for part in place)


def _for(text: str) -> str:
    return f"for{text.removeprefix('hold')}" if text.startswith("hold: ") else text


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
    """One file being read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = YamlFile(path, RuleError)
        self._problems: list[MonitorError] = []
        self._num_untold = 0

    def rules(self) -> list[tuple[Rule, _Entry]]:
        """Return the file's rules that are whole."""
        found: dict[str, tuple[Rule, _Entry]] = {}
        for place, data, group in self.entries():
            entry = _Entry(data, group, self._file.where(place))
            rule, problems = _read(data, group, entry.where)
            about = f'rule "{data.get("alert", "without a name")!s:.60}": '
            for inner, text in problems:
                self._fault((*place, *inner), about + text, None)
            if rule is not None and rule.alert in found:
                first = found[rule.alert][0].place
                self._fault((*place, "alert"), f"{about}stands twice, first at {first}", "each name once")
            elif rule is not None:
                found[rule.alert] = (rule, entry)
        return list(found.values())

    def entries(self) -> list[tuple[Place, dict[str, object], str]]:
        """Return the file's rules as they are written, each with its place and its group; complain of the rest."""
        found = []
        for group_place, group in self._mappings((), self._file.data, "groups"):
            name = group.get("name")
            if not isinstance(name, str):
                self._fault(group_place, "a group has no name", "name: a word")
            for place, entry in self._mappings(group_place, group, "rules"):
                found.append((place, entry, str(name)))
        return found

    def problems(self) -> list[MonitorError]:
        """Return what is wrong with it, a line for what is too much to be told included."""
        told = [*self._problems, *self._file.problems][:PROBLEMS_SHOWN]
        num_untold = self._num_untold + len(self._problems) + len(self._file.problems) - len(told)
        if num_untold:
            told.append(RuleError(str(self._path), f"has {num_untold:,} more problems", expected="a rule file"))
        return told

    def _mappings(self, place: Place, data: object, key: str) -> list[tuple[Place, dict[str, object]]]:
        """Return the mappings of the list ``key``; complain of anything else."""
        entries = data.get(key) if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(entries, list) or not entries:
            self._fault(place, f"no list of {key}", f"{key}: followed by entries that begin with '- '")
            return []
        allowed = (key, "name") if place else (key,)
        for word in data.keys() - set(allowed):
            self._fault((*place, word), unknown_key(word, allowed), None)
        found = []
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                found.append(((*place, key, index), entry))
            else:
                self._fault((*place, key, index), f"{entry!r:.60} is no entry of {key}", "key: value lines")
        return found

    def _fault(self, place: Place, what: str, expected: str | None) -> None:
        if len(self._problems) < PROBLEMS_SHOWN:
            self._problems.append(RuleError(self._file.where(place), what, expected=expected))
        else:
            self._num_untold += 1
