"""A watch file as it is written and as the program reads it: keys, types and defaults in one tree.

No file at all means the same as an empty one. `monitor.config.load` reads the conditions before it validates the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, PrivateAttr, model_validator

from monitor.base.errors import MonitorError
from monitor.base.suggestion import suggestion
from monitor.conditions.condition import SignalName, check_where
from monitor.conditions.reading import Band
from monitor.conditions.values import Seconds
from monitor.config.expression import Expression, FaultIsAbsent, RuleIsOk, parts_of
from monitor.config.metric_key import by_metric
from monitor.config.values import (
    EpochNumber,
    Epochs,
    Labels,
    Names,
    RangeS,
    RuleField,
    Variables,
    Words,
    Zone,
    as_level,
)
from monitor.reader.signals import CATALOGUE, METRIC, is_kept_by_epoch
from monitor.rules.overrides import RuleSetting

TOLERANCE = 0.1
"""How far a value may be from a level given as one number, as a share of that number. Chosen by hand, 2026-11."""

if TYPE_CHECKING:
    When = Expression | None
else:
    When = Any  # the loader has read it: pydantic would rebuild each part


class ConfigError(MonitorError):
    """A mistake in a watch file."""


class FileSetting(RuleSetting):
    """A change to a rule that a watch file asks for; its text is its place in the file."""

    __slots__ = ()

    @property
    def where(self) -> str:
        """Its place in messages."""
        return self.text


class Part(BaseModel):
    """A mapping of the file."""

    # Built on first use: a command without a watch file needs few of them.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class NotifyTimes(Part):
    """``notify:`` when alerts go out."""

    group_wait: Seconds = 30.0
    """How long the alerts of a group wait for each other; a critical one does not wait."""
    group_interval: Seconds = 300.0
    """Least time between two notices of one group."""
    repeat_interval: Seconds = 14_400.0
    """How often a notice is repeated while an alert fires."""


class ReportTarget(Part):
    """``report:`` where the page goes while a log is watched."""

    out: Path | None = None
    """None writes no page."""
    every: Seconds = 60.0
    format: Literal["md", "html", "json"] = "md"
    full: bool = False
    """Also what each rule found, and the parts that a log has nothing for."""


class Aim(Part):
    """An entry of ``objectives:``."""

    title: Words
    aim: str = ""
    """What counts as success, in words."""
    when: When = None
    """What proves it; None where only a person can judge."""


class Level(Part):
    """What a signal should be at the end of one epoch."""

    about: FiniteFloat | None = None
    least: FiniteFloat | None = None
    most: FiniteFloat | None = None
    note: str = ""

    @model_validator(mode="after")
    def _has_a_bound(self) -> Level:
        if self.about is None and self.least is None and self.most is None:
            raise ValueError("has no bound; expected about, least, most, or least and most")
        if self.about is not None and not (self.least is None and self.most is None):
            raise ValueError("about: cannot be combined with least or most; expected one or the other")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("most: is below least; expected the lower number as least")
        return self


class EpochLevel(NamedTuple):
    """Where a signal should be at the end of one epoch."""

    epoch: int
    least: float | None
    most: float | None
    is_about: bool
    """Whether it was given as one number, with a tolerance around it."""
    note: str


class ExpectedSignal(Part):
    """An entry of ``expected:``, epoch by epoch."""

    signal: SignalName
    title: str = ""
    where: Labels = Field(default_factory=dict)
    by_epoch: dict[EpochNumber, Annotated[Level, as_level]] = Field(default_factory=dict)
    tolerance: Annotated[FiniteFloat, Field(ge=0, le=1)] = TOLERANCE
    target: FiniteFloat | None = None
    """Where the signal should end up, perhaps after this run; nothing judges it."""
    target_note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _takes_a_metric_by_name(cls, data: Any) -> Any:
        return by_metric(data)

    @model_validator(mode="after")
    def _expects_something(self) -> ExpectedSignal:
        if not self.by_epoch and self.target is None:
            raise ValueError("expects nothing; expected by_epoch, target or both")
        check_where(self.where, self.signal)
        if self.by_epoch and not is_kept_by_epoch(CATALOGUE[self.signal], self.where.items()):
            what = "a metric of the training" if self.signal == METRIC else self.signal
            raise ValueError(
                f"by_epoch: {what} is reported all through an epoch; expected a signal that is counted, or reported "
                "once per epoch, or a target; an objective can bound the newest figure"
            )
        return self

    @property
    def levels(self) -> tuple[EpochLevel, ...]:
        """Return what is expected of each epoch, in order."""
        found = []
        for epoch, level in sorted(self.by_epoch.items()):
            least, most = level.least, level.most
            if level.about is not None:
                width = self.tolerance * abs(level.about)
                least, most = level.about - width, level.about + width
            found.append(EpochLevel(epoch, least, most, level.about is not None, level.note))
        return tuple(found)


class Pace(Part):
    """An entry of ``timeline:`` how long some epochs, or all together, should take."""

    epochs: Epochs | None = None
    """None for the total."""
    takes: RangeS | None = None
    """Per epoch."""
    total: RangeS | None = None
    note: str = ""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Pace:
        if (self.epochs is None) == (self.total is None) or (self.epochs is None) != (self.takes is None):
            raise ValueError("is incomplete; expected epochs and takes, or total alone")
        return self

    @property
    def range_s(self) -> tuple[float, float]:
        """Return the shortest and the longest time in seconds, per epoch or in total."""
        found = self.takes or self.total
        assert found is not None, "the validator wants one of the two"
        return found


class Stage(Part):
    """An entry of ``stages:`` what should happen in a range of epochs."""

    epochs: Epochs
    expect: Words
    when: When = None


class ChecklistItem(Part):
    """One thing to do or to see."""

    item: Words
    when: When = None
    """What ticks it."""
    done: bool = False
    """Whether a person has ticked it in the file."""


def _item(value: object) -> object:
    return {"item": value} if isinstance(value, str) else value


class Checklist(Part):
    """An entry of ``checklists:`` the items of one time group."""

    title: Words
    items: tuple[Annotated[ChecklistItem, BeforeValidator(_item)], ...]


class EarlierFigure(Part):
    """A row of ``comparison:``."""

    title: Words
    signal: SignalName
    where: Labels = Field(default_factory=dict)
    value: FiniteFloat | None = None
    """What it was; None where a side is given, nothing is known, or the baseline run has it."""
    above: FiniteFloat | None = None
    """It was above this."""
    below: FiniteFloat | None = None

    @model_validator(mode="before")
    @classmethod
    def _takes_a_metric_by_name(cls, data: Any) -> Any:
        return by_metric(data)

    @model_validator(mode="after")
    def _has_one_side(self) -> EarlierFigure:
        if sum(each is not None for each in (self.value, self.above, self.below)) > 1:
            raise ValueError("expected one of value, above, below")
        check_where(self.where, self.signal)
        return self


class EarlierFigures(Part):
    """``comparison:`` figures from elsewhere that the run is compared with."""

    title: str = ""
    rows: tuple[EarlierFigure, ...] = ()
    note: str = ""


class Config(Part):
    """The whole file. Relative paths start from the working directory, as on the command line."""

    title: Words | None = None
    logs: Names = ()
    """Files, folders and patterns."""
    state: Path | None = None
    rules: Names = ()
    """Rule files and folders on top of the shipped ones."""
    dialect: Words | None = None
    vocabulary: Names = ()
    """Files with words of the user's own trainer."""
    time_zone: Zone | None = None
    """Zone of the lines that name none: ``Europe/Berlin``."""
    set: dict[RuleField, Any] = Field(default_factory=dict)
    """Changes to single rules, as --set makes them."""
    disable: Names = ()
    sinks: tuple[Words | dict[str, Any], ...] = ()
    """The sinks check them."""
    notify: NotifyTimes = Field(default_factory=NotifyTimes)
    report: ReportTarget = Field(default_factory=ReportTarget)
    baseline: Words | None = None
    """A log, or the name of a saved baseline."""
    peers: Names = ()
    objectives: tuple[Aim, ...] = ()
    expected: tuple[ExpectedSignal, ...] = ()
    timeline: tuple[Pace, ...] = ()
    stages: tuple[Stage, ...] = ()
    comparison: EarlierFigures = Field(default_factory=EarlierFigures)
    environment: Variables = Field(default_factory=dict)
    """Settings that people rely on."""
    signs: Names = ()
    """Rules that the page always shows in full."""
    checklists: tuple[Checklist, ...] = ()
    notes: Names = ()
    references: dict[str, Words] = Field(default_factory=dict)

    _path: Path | None = PrivateAttr(None)
    _places: Mapping[tuple[str, str], str] = PrivateAttr(default_factory=dict)

    def read_from(self, path: Path, places: Mapping[tuple[str, str], str]) -> Config:
        """Note the file, and ``file:line`` of each name below ``set``, ``disable`` and ``signs``; return itself."""
        self._path, self._places = path, places
        return self

    @property
    def path(self) -> Path | None:
        """Return the file; None where none was named."""
        return self._path

    @property
    def settings(self) -> tuple[FileSetting, ...]:
        """Return the changes to rules."""
        found = []
        for target, value in self.set.items():
            rule, _, field = target.partition(".")
            found.append(FileSetting(rule, field, value, f"{self._place('set', target)}: set {target}"))
        return tuple(found)

    @property
    def bands(self) -> dict[str, tuple[Band, ...]]:
        """Return the expected bands for the rules that compare with them."""
        found: dict[str, tuple[Band, ...]] = {}
        for each in self.expected:
            where = tuple(sorted(each.where.items()))
            bands = tuple(Band(level.epoch, level.least, level.most, where) for level in each.levels)
            if bands:
                found[each.signal] = (*found.get(each.signal, ()), *bands)
        return found

    def unknown_rules(self, rules: Collection[str], faults: Collection[str]) -> list[MonitorError]:
        """Return a problem for each rule and each kind of fault that the file names and that does not exist."""
        named = [(self._place(key, name), name) for key in ("disable", "signs") for name in getattr(self, key)]
        problems: list[MonitorError] = []
        for expression in self._expressions():
            for part in parts_of(expression):
                if isinstance(part, RuleIsOk):
                    named.append((part.place, part.rule))
                elif isinstance(part, FaultIsAbsent) and part.fault not in faults:
                    what = f"no rule for the fault {part.fault!r:.60}"
                    expected = f"the fault of an enabled rule{suggestion(part.fault, faults)}"
                    problems.append(ConfigError(part.place, what, expected=expected))
        for place, name in named:
            if name not in rules:
                expected = f"a rule of monitor rules list{suggestion(name, rules)}"
                problems.append(ConfigError(place, f"unknown rule {name!r:.60}", expected=expected))
        return problems

    def _expressions(self) -> Iterator[Expression]:
        whens = [each.when for each in self.objectives] + [each.when for each in self.stages]
        whens += [item.when for checklist in self.checklists for item in checklist.items]
        yield from (when for when in whens if when is not None)

    def _place(self, key: str, name: str) -> str:
        return self._places.get((key, name), str(self._path))
