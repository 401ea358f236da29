"""A watch file as records: every field with its default, so that no file at all is the same as an empty one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monitor.base.errors import MonitorError
from monitor.conditions.reading import Band
from monitor.config.expression import Expression, FaultIsAbsent, RuleIsOk, parts_of
from monitor.rules.overrides import RuleSetting
from monitor.rules.problems import suggestion


class ConfigError(MonitorError):
    """A mistake in a watch file."""


class FileSetting(RuleSetting):
    """A change to a rule that a watch file asks for; its text is its place in the file."""

    __slots__ = ()

    @property
    def where(self) -> str:
        """Its place in messages."""
        return self.text


@dataclass(frozen=True)
class NotifyTimes:
    """When alerts go out, in seconds."""

    group_wait_s: float = 30.0
    """How long alerts of a group wait for each other; a critical one does not wait."""
    group_interval_s: float = 300.0
    """Least time between two notices of one group."""
    repeat_interval_s: float = 14_400.0
    """How often a notice is repeated while an alert fires."""


@dataclass(frozen=True)
class ReportTarget:
    """Where the page goes while a log is watched."""

    out: Path | None = None
    """None writes no page."""
    every_s: float = 60.0
    format: str = "md"
    """``md``, ``html`` or ``json``."""


@dataclass(frozen=True)
class Aim:
    """One objective of the run."""

    title: str
    aim: str
    """What would be success, in words; may be empty."""
    when: Expression | None
    """What proves it; None where only a person can say."""
    place: str


@dataclass(frozen=True)
class Expectation:
    """Where a signal should lie at the end of one epoch."""

    epoch: int
    least: float | None
    most: float | None
    is_about: bool
    """Whether it was given as one number, with a tolerance around it."""
    note: str = ""


@dataclass(frozen=True)
class Course:
    """What is expected of one signal, epoch by epoch."""

    signal: str
    title: str
    where: tuple[tuple[str, str], ...]
    bands: tuple[Expectation, ...]
    """In the order of epochs."""
    target: float | None
    """Where it should come to in the end, beyond this run perhaps; judged by nothing."""
    target_note: str
    place: str


@dataclass(frozen=True)
class Span:
    """How long a range of epochs, or all of them, should take."""

    first_epoch: int | None
    """None for the total of all epochs."""
    last_epoch: int | None
    """None for an open end."""
    least_s: float
    """Per epoch; in the total, of all."""
    most_s: float
    note: str = ""


@dataclass(frozen=True)
class Stage:
    """What should happen in a range of epochs."""

    first_epoch: int
    last_epoch: int | None
    text: str
    when: Expression | None
    place: str


@dataclass(frozen=True)
class Item:
    """One thing to do or to see."""

    text: str
    when: Expression | None
    """What ticks it."""
    is_done: bool
    """Whether a person has ticked it in the file."""
    place: str


@dataclass(frozen=True)
class Checklist:
    """The things of one time group."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Before:
    """One row of the comparison with what was known before."""

    title: str
    signal: str
    where: tuple[tuple[str, str], ...]
    value: float | None
    """What it was; None where a side is given, nothing is known, or the baseline run says it."""
    above: float | None
    """It was known to be above this."""
    below: float | None
    place: str


@dataclass(frozen=True)
class Comparison:
    """What the run is compared with, in figures from elsewhere."""

    title: str = ""
    rows: tuple[Before, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Variable:
    """A setting that people rely on."""

    name: str
    value: str | None
    """What it should be; None where any value will do."""


@dataclass(frozen=True)
class Reference:
    """Where to read on."""

    title: str
    text: str


@dataclass(frozen=True)
class Config:
    """All that a watch file can say. Relative paths count from where the monitor runs, as on the command line."""

    path: Path | None = None
    title: str | None = None
    logs: tuple[str, ...] = ()
    """Files, folders and patterns."""
    state: Path | None = None
    rules: tuple[Path, ...] = ()
    """Rule files and folders on top of the shipped ones."""
    dialect: str | None = None
    time_zone: str | None = None
    """Of lines that say none: ``Europe/Berlin``."""
    settings: tuple[RuleSetting, ...] = ()
    """Changes to single rules, as --set makes them."""
    disable: tuple[str, ...] = ()
    sinks: tuple[str | Mapping[str, object], ...] = ()
    """As the sinks read them; not checked here."""
    notify: NotifyTimes = NotifyTimes()
    report: ReportTarget = ReportTarget()
    baseline: str | None = None
    """A log, or the name of a saved baseline."""
    peers: tuple[str, ...] = ()
    objectives: tuple[Aim, ...] = ()
    expected: tuple[Course, ...] = ()
    timeline: tuple[Span, ...] = ()
    stages: tuple[Stage, ...] = ()
    comparison: Comparison = Comparison()
    environment: tuple[Variable, ...] = ()
    signs: tuple[str, ...] = ()
    """Rules that the page shows in full whatever they say."""
    checklists: tuple[Checklist, ...] = ()
    notes: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    """``file:line`` of rules that ``disable`` and ``signs`` name."""

    @property
    def bands(self) -> dict[str, tuple[Band, ...]]:
        """Return the expected bands for the rules that compare with them.

        Rules know bands by signal alone: those for single labels are judged on the page only.
        """
        return {
            course.signal: tuple(Band(each.epoch, each.least, each.most) for each in course.bands)
            for course in self.expected
            if not course.where and course.bands
        }

    def expressions(self) -> Iterator[Expression]:
        """Yield every condition in the file."""
        whens = [each.when for each in self.objectives] + [each.when for each in self.stages]
        whens += [item.when for checklist in self.checklists for item in checklist.items]
        yield from (when for when in whens if when is not None)


def unknown_rules(config: Config, rules: Collection[str], faults: Collection[str]) -> list[MonitorError]:
    """Complain of rules and kinds of fault that a watch file names and that are not there."""
    named = [(config.places.get(name, str(config.path)), name) for name in (*config.disable, *config.signs)]
    problems: list[MonitorError] = []
    for expression in config.expressions():
        for part in parts_of(expression):
            if isinstance(part, RuleIsOk):
                named.append((part.place, part.rule))
            elif isinstance(part, FaultIsAbsent) and part.fault not in faults:
                expected = f"a fault that a rule in force names{suggestion(part.fault, faults)}"
                problems.append(ConfigError(part.place, f"no rule for the fault {part.fault!r:.60}", expected=expected))
    for place, name in named:
        if name not in rules:
            expected = f"a rule of monitor rules list{suggestion(name, rules)}"
            problems.append(ConfigError(place, f"no rule {name!r:.60}", expected=expected))
    return problems
