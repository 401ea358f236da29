"""Rule files → rules, or all problems of the files at once, each with its line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from monitor.base import cache
from monitor.base.errors import MonitorError, Problems, RuleError
from monitor.base.suggestion import suggestion
from monitor.base.yamlfile import Place, YamlFile
from monitor.conditions import KINDS, Condition, Context, Reading
from monitor.reader.signals import CATALOGUE, Labels
from monitor.rules import stored
from monitor.rules.overrides import Overrides, RuleSetting, field_of
from monitor.rules.problems import Problem, holds_conditions, problems_of, unknown_key, unknown_rule
from monitor.rules.rule import COMMON, Rule
from monitor.run.run import Run

PROBLEMS_SHOWN = 100
"""How many problems of one file are shown; further problems are only counted."""


class _Entry(NamedTuple):
    """One rule as written in its file."""

    data: dict[str, object]
    group: str
    where: str
    """``file:line``."""


def load_rules(
    paths: Iterable[Path], overrides: Overrides | None = None, *, also_known: Iterable[Path] = ()
) -> list[Rule]:
    """Read rule files like `declared_rules`, and return only the rules that are switched on."""
    return [rule for rule in declared_rules(paths, overrides, also_known=also_known) if rule.enabled]


def declared_rules(
    paths: Iterable[Path], overrides: Overrides | None = None, *, also_known: Iterable[Path] = ()
) -> list[Rule]:
    """Read rule files in order. A rule of a later file replaces a rule of the same name in an earlier file.

    ``overrides`` come from the command line. ``also_known`` are further files: their rules may be inhibited, but their
    problems are not reported. Raises `Problems` with every problem of every file.
    """
    overrides = overrides or Overrides()
    problems: list[MonitorError] = []
    rules: dict[str, Rule] = {}
    entries: dict[str, _Entry] = {}
    for path in paths:
        try:
            found, faults = _rules_of(path)
        except RuleError as error:
            problems.append(error)
            continue
        for rule, entry in found:
            rules[rule.alert], entries[rule.alert] = rule, entry
        problems += faults
    if any(name not in rules for rule in rules.values() for name in rule.inhibits):
        problems += _unknown_rules(rules, {*rules, *_names(also_known)})
    if problems:
        raise Problems(problems)  # problems with the command line could follow from these
    problems += overrides.problems(rules)
    for name in {setting.rule: None for setting in overrides.settings if setting.rule in rules}:
        changed = _changed(entries[name], [each for each in overrides.settings if each.rule == name], problems)
        rules[name] = changed or rules[name]
    if problems:
        raise Problems(problems)
    return [
        rule.model_copy(update={"enabled": False}) if name in overrides.disabled else rule
        for name, rule in rules.items()
    ]


def _names(paths: Iterable[Path]) -> set[str]:
    """Return the names of all rules in some files, even in files with problems."""
    names = set()
    for path in paths:
        try:
            names |= {str(entry.get("alert")) for _, entry, _ in _RuleFile(path).entries()}
        except RuleError:
            continue  # the commands that use this file report its problems
    return names


def _unknown_rules(rules: Mapping[str, Rule], known: set[str]) -> list[MonitorError]:
    """Return an error for each inhibited rule that does not exist."""
    return [
        unknown_rule(rule.place, name, known, about=f'rule "{rule.alert}": inhibits: ')
        for rule in rules.values()
        for name in rule.inhibits
        if name not in known
    ]


_known: dict[Path, tuple[tuple[int, ...], list[tuple[Rule, _Entry]]]] = {}
"""Rule files without a problem: what their inode showed when they were read, and their rules."""
FILES_KNOWN = 64


def _rules_of(path: Path) -> tuple[list[tuple[Rule, _Entry]], list[MonitorError]]:
    """Return the rules of a file, and its problems; a file that did not change since is not read again.

    Raises RuleError if the file cannot be read.
    """
    stamp = _stamp(path)
    known = _known.get(path)
    if stamp is not None and known is not None and known[0] == stamp:
        return known[1], []
    key = _key(path)
    found, problems = _kept(path, key), list[MonitorError]()
    if found is None:
        file = _RuleFile(path)
        found, problems = file.rules(), file.problems()
        if not problems:
            _keep(path, key, found)
    if stamp is not None and not problems and len(_known) < FILES_KNOWN:
        _known[path] = stamp, found
    return found, problems


def _key(path: Path) -> str:
    """Return a digest of a file, its name and the code that reads it; empty for a file that cannot be read."""
    try:
        return cache.key_of(path.read_bytes(), os.fsencode(path), cache.code_stamp(stored.PACKAGES))
    except OSError:
        return ""


def _kept(path: Path, key: str) -> list[tuple[Rule, _Entry]] | None:
    """Return the rules of a file as they were read before; None if they were not, or are not understood."""
    raw = cache.kept(path, key) if key else None
    if not isinstance(raw, list):
        return None
    try:
        return [(stored.made_of(rule), _Entry(*entry)) for rule, entry in raw]
    except (LookupError, TypeError, ValueError):
        return None


def _keep(path: Path, key: str, found: Sequence[tuple[Rule, _Entry]]) -> None:
    """Keep the rules of a file, if what is kept of each is all of it."""
    try:
        raw = json.loads(json.dumps([[stored.json_of(rule), entry] for rule, entry in found]))
        is_whole = [(stored.made_of(rule), _Entry(*entry)) for rule, entry in raw] == list(found)
    except (TypeError, ValueError):
        return
    if is_whole:
        cache.keep(path, key, raw)


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return what changes whenever a file is written or replaced; None if it cannot be seen."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _changed(entry: _Entry, settings: Sequence[RuleSetting], problems: list[MonitorError]) -> Rule | None:
    """Return a rule with the command line's changes; if they are invalid, None, and add to ``problems``."""
    data, by_field = dict(entry.data), {}
    kind = KINDS[str(data["kind"])]
    for setting in settings:
        try:
            field = field_of(setting, data, [*COMMON, *kind.model_fields], kind.level_fields)
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
    """Read one rule. Return it, or None if it is invalid, and its problems."""
    condition, problems, fields = _condition(data)
    common = {("hold" if key == "for" else key): data[key] for key in data if key in COMMON}
    # A broken condition must not hide problems in the rest of the rule.
    whole = {**common, "group": group, "place": where, "changed": changed, "condition": condition or _AnyCondition()}
    rule, found = _validated(Rule, whole)
    problems += [Problem(_as_written(place), _for(text)) for place, text in found]
    problems += _unknown_keys(data, [*COMMON, *fields])
    # A field that both the rule and its condition read is reported once.
    problems = list({problem.place: problem for problem in reversed(problems)}.values())[::-1]
    return (rule if condition is not None else None), problems


def _condition(data: Mapping[str, object]) -> tuple[Condition | None, list[Problem], list[str]]:
    """Read a condition. Return it, or None if it is invalid, its problems, and the names of its fields."""
    word = data.get("kind")
    kind = KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        what = f"kind: unknown kind {word!r:.60}" if "kind" in data else "has no kind"
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
    """Read the conditions of a list. Leave an entry that is not a mapping for the outer condition to refuse."""
    if not isinstance(entries, list):
        return entries, []
    read: list[object] = []
    problems = []
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            read.append(entry)
            continue
        condition, found, fields = _condition(entry)
        found += _unknown_keys(entry, fields)
        for place, text in found:
            is_named = text.startswith(f"{'.'.join(map(str, place))}: ")
            problems.append(Problem((key, index, *place), f"{key}.{index}{'.' if is_named else ': '}{text}"))
        read.append(condition or _AnyCondition())
    return read, problems


def _unknown_keys(data: Mapping[str, object], known: Sequence[str]) -> list[Problem]:
    unknown = [key for key in data if key not in known]
    # Suggestions take time, so make them only for as many problems as are shown.
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
    """Replaces a condition that could not be read. Its labels are unknown, so it allows all of them."""

    @property
    def watches(self) -> frozenset[str]:
        return frozenset()

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(label for signal in CATALOGUE.values() for label in signal.labels))

    def in_words(self) -> str:
        raise AssertionError("a rule that could not be read is never explained")

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        raise AssertionError("a rule that could not be read is never evaluated")


class _RuleFile:
    """One file being read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = YamlFile(path, RuleError)
        self._problems: list[MonitorError] = []
        self._num_not_shown = 0

    def rules(self) -> list[tuple[Rule, _Entry]]:
        """Return the valid rules of the file."""
        found: dict[str, tuple[Rule, _Entry]] = {}
        for place, data, group in self.entries():
            entry = _Entry(data, group, self._file.where(place))
            rule, problems = _read(data, group, entry.where)
            about = f'rule "{data.get("alert", "without a name")!s:.60}": '
            for inner, text in problems:
                self._fault((*place, *inner), about + text, None)
            if rule is not None and rule.alert in found:
                first = found[rule.alert][0].place
                self._fault((*place, "alert"), f"{about}is declared twice, first at {first}", "each name once")
            elif rule is not None:
                found[rule.alert] = (rule, entry)
        return list(found.values())

    def entries(self) -> list[tuple[Place, dict[str, object], str]]:
        """Return the file's rules as written, each with its place and its group, and report anything else."""
        found = []
        for group_place, group in self._mappings((), self._file.data, "groups"):
            name = group.get("name")
            if not isinstance(name, str):
                self._fault(group_place, "a group has no name", "name: a word")
            for place, entry in self._mappings(group_place, group, "rules"):
                found.append((place, entry, str(name)))
        return found

    def problems(self) -> list[MonitorError]:
        """Return the file's problems; the last one counts those that are not shown."""
        shown = [*self._problems, *self._file.problems][:PROBLEMS_SHOWN]
        num_not_shown = self._num_not_shown + len(self._problems) + len(self._file.problems) - len(shown)
        if num_not_shown:
            shown.append(RuleError(str(self._path), f"has {num_not_shown:,} more problems", expected="a rule file"))
        return shown

    def _mappings(self, place: Place, data: object, key: str) -> list[tuple[Place, dict[str, object]]]:
        """Return the mappings of the list ``key``, and report anything else."""
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
                self._fault((*place, key, index), f"not an entry of {key}: {entry!r:.60}", "key: value lines")
        return found

    def _fault(self, place: Place, what: str, expected: str | None) -> None:
        if len(self._problems) < PROBLEMS_SHOWN:
            self._problems.append(RuleError(self._file.where(place), what, expected=expected))
        else:
            self._num_not_shown += 1
