"""A status page as plain data: built from a snapshot, rendered by a template.

Text here is raw; the renderer escapes it for its format. A number that was never logged is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.base.evidence import Evidence
from monitor.report.chart import Chart


class Mark(StrEnum):
    """A verdict at a glance."""

    OK = "✅"
    """Proved by the lines of the log."""
    CAUTION = "⚠️"
    """No alert is open, but a figure is doubtful, or an alert fired before and is over."""
    BREACH = "❌"
    UNKNOWN = "❔"
    """Never seen, or not recently enough to tell."""
    NOT_APPLICABLE = "➖"
    """The run declared that there is nothing to check."""


WORST_FIRST = (Mark.BREACH, Mark.CAUTION, Mark.UNKNOWN, Mark.OK, Mark.NOT_APPLICABLE)


def worst(marks: list[Mark]) -> Mark:
    """Return the worst mark; unknown if there is none."""
    return min(marks, key=WORST_FIRST.index, default=Mark.UNKNOWN)


@dataclass(frozen=True)
class Statement:
    """One claim of the page, with its evidence."""

    subject: str
    """What it is about; empty where the text tells it."""
    text: str
    evidence: tuple[Evidence, ...] = ()
    mark: Mark | None = None
    """None for a fact that is not judged."""

    def __post_init__(self) -> None:
        """Hold the first promise: no ✅ and no ➖ without a line of evidence."""
        needs_evidence = self.mark in (Mark.OK, Mark.NOT_APPLICABLE)
        assert self.evidence or not needs_evidence, f"{self.mark} without evidence: {self.subject} {self.text}"


@dataclass(frozen=True)
class Objective:
    """One aim of the run, and its verdict."""

    title: str
    aim: str
    mark: Mark
    grounds: tuple[Statement, ...]


@dataclass(frozen=True)
class GroupRow:
    """One gradient group in the newest report; numbers are None where no report has the group."""

    mark: Mark
    group: str
    l2: float | None
    max: float | None
    grad: str | None
    """``22/23``: tensors with a gradient, out of all."""
    small: int | None
    none: int | None
    words: str
    """What the rules found; empty where all is ok."""
    contradictions: tuple[str, ...]
    """What in the figures themselves contradicts a check mark."""
    evidence: tuple[Evidence, ...]
    was: float | None = None
    """The L2 norm of the baseline run's last report; None without a baseline."""
    trend: str = ""
    """The L2 norms of the newest reports as a sparkline."""


@dataclass(frozen=True)
class GradientFlow:
    """Which gradient reaches which part of the model."""

    encoder: tuple[Statement, ...]
    report: Statement
    """The report that the groups are from."""
    groups: tuple[GroupRow, ...]
    left_out: int
    """Number of groups that are not shown."""
    contradictions: tuple[Statement, ...]
    """Figures that contradict a check mark, although no rule does."""
    observations: tuple[Statement, ...] = ()
    """Notable findings, computed from the figures."""


@dataclass(frozen=True)
class EpochRow:
    """One ended epoch."""

    epoch: int
    train_loss: float | None
    val_loss: float | None
    lr: float | None
    seconds: float | None
    resets: int | None
    """None where no guard line was seen in that epoch."""
    sharpe: float | None
    rank_ic: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class EpochTable:
    """The ended epochs, oldest first."""

    rows: tuple[EpochRow, ...]
    left_out: int
    """Number of earlier epochs that are not shown."""
    absence: Statement | None
    """Why there are no rows."""
    trends: tuple[tuple[str, str], ...] = ()
    """Column (a field of `EpochRow`) and its sparkline over the rows."""


@dataclass(frozen=True)
class HorizonRow:
    """Validation metrics of one forecast horizon, in days."""

    horizon: str
    epoch: int
    sharpe: float | None
    ic: float | None
    rank_ic: float | None
    hit_rate: float | None
    ratio: float | None
    """Standard deviation of the predictions over that of the targets."""
    r2: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class ValidationMetrics:
    """How good the predictions were on validation."""

    overall: tuple[Statement, ...]
    horizons: tuple[HorizonRow, ...]


@dataclass(frozen=True)
class Sign:
    """One rule: what it watches for, and its present readings."""

    mark: Mark
    rule: str
    severity: str
    outcome: str
    summary: str
    """Number of readings per outcome."""
    readings: tuple[Statement, ...]
    """Worst first."""
    value: float | None
    threshold: float | None
    expected: str
    evidence: tuple[Evidence, ...]
    """The last line of evidence, at most one."""
    quoted: tuple[str, ...]
    """Labels of the reading shown; a long line is quoted around the first of them."""
    check: str
    action: str
    why: str
    is_featured: bool = False
    """Whether the page always shows it in full."""
    explained_by: str = ""
    """Rules whose alerts explain all alerts of this one; empty if one is not explained."""


@dataclass(frozen=True)
class AlertLine:
    """One transition of an alert."""

    mark: Mark
    at: float | None
    starts_at: float | None
    state: str
    severity: str
    rule: str
    summary: str
    reason: str
    action: str
    evidence: tuple[Evidence, ...]
    quoted: tuple[str, ...]
    explained_by: str = ""
    """Rule whose alert explains this one; empty for none."""


@dataclass(frozen=True)
class Alerts:
    """Alerts that fire, or fired until the end, and all transitions."""

    standing: tuple[AlertLine, ...]
    timeline: tuple[AlertLine, ...]
    left_out: int
    """Number of earlier transitions that are not shown."""
    absence: str
    """What to tell where no alert ever fired; else empty."""


@dataclass(frozen=True)
class Commands:
    """Shell commands that show the same facts by hand."""

    title: str
    script: str
    """Commands, each after a comment that tells what it shows, and how many lines it shows now."""
    note: Statement | None = None


@dataclass(frozen=True)
class ComparisonRow:
    """One figure, now and before."""

    title: str
    before: str
    """What it was, in words; ``N/A`` where unknown."""
    now: str | None
    """None where it was not seen."""
    mark: Mark | None
    """None where there is nothing to compare it with."""
    words: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Comparison:
    """The run compared with an earlier one."""

    title: str
    """What the run is compared with."""
    rows: tuple[ComparisonRow, ...]
    note: str
    absence: str
    """Why there are no rows; empty where there are."""


@dataclass(frozen=True)
class PaceRow:
    """How long some epochs were expected to take, and how long they took."""

    epochs: str
    """``2-5``, ``6+``, or ``all``."""
    expected: str
    actual: str | None
    """None where none of them has ended."""
    mark: Mark
    note: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class StageRow:
    """What was expected to happen in some epochs."""

    epochs: str
    text: str
    mark: Mark | None
    """None where only a person can judge, or before its time."""
    words: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class BandRow:
    """A signal at the end of one epoch, as expected and as it was."""

    epoch: int
    expected: str
    actual: float | None
    mark: Mark | None
    """None before its time."""
    note: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Bands:
    """What is expected of one signal, epoch by epoch."""

    title: str
    signal: str
    rows: tuple[BandRow, ...]
    target: str
    """Where it should end up; empty for no target."""
    trend: str
    """Its values so far, one per epoch, as a sparkline."""


@dataclass(frozen=True)
class Expectations:
    """What was expected of the run, and what came."""

    pace: tuple[PaceRow, ...]
    stages: tuple[StageRow, ...]
    bands: tuple[Bands, ...]
    next: tuple[Statement, ...]
    """When each kind of line is due next."""


@dataclass(frozen=True)
class ActionItem:
    """One thing to do or to see."""

    text: str
    is_ticked: bool
    words: str
    """What ticked it, or what it waits for."""
    evidence: tuple[Evidence, ...]
    mark: Mark | None = None
    """Mark of its condition; None where only a person can judge."""


@dataclass(frozen=True)
class ActionList:
    """The things of one time group."""

    title: str
    items: tuple[ActionItem, ...]


@dataclass(frozen=True)
class Reference:
    """Where to read on."""

    title: str
    text: str


@dataclass(frozen=True)
class Footer:
    """The page in four lines."""

    mark: Mark
    status: str
    status_evidence: tuple[Evidence, ...]
    reasons: tuple[Statement, ...]
    last_updated: str
    next_update: str
    confidence: str
    share: float | None
    """Share of the applicable rules that are ok with evidence, weighted by severity; None where none applies."""
    all_passed: bool
    """Whether every applicable rule and objective is ok with evidence, and no figure contradicts it."""
    num_rules: int
    """Number of rules that apply."""
    not_applicable: tuple[Statement, ...]
    blind_spots: tuple[Statement, ...]


@dataclass(frozen=True)
class Section:
    """A part of the page without a layout of its own: a title and statements."""

    key: str
    """Its name in the JSON."""
    title: str
    statements: tuple[Statement, ...]
    """If empty, the page leaves the section out."""


@dataclass(frozen=True)
class Page:
    """One status page."""

    title: str
    log: str
    header: tuple[Statement, ...]
    objectives: tuple[Objective, ...]
    process: tuple[Statement, ...]
    gpu: tuple[Statement, ...]
    gradients: GradientFlow
    data: tuple[Statement, ...]
    targets: tuple[Statement, ...]
    progress: tuple[Statement, ...]
    epochs: EpochTable
    metrics: ValidationMetrics
    settings: tuple[Statement, ...]
    signs: tuple[Sign, ...]
    alerts: Alerts
    commands: tuple[Commands, ...]
    footer: Footer
    comparison: Comparison = Comparison("", (), "", "nothing to compare with was given")
    expected: Expectations = Expectations((), (), (), ())
    actions: tuple[ActionList, ...] = ()
    """Next actions, by time group."""
    silences: tuple[Statement, ...] = ()
    """Alerts that a person has silenced."""
    sections: tuple[Section, ...] = ()
    """In the JSON each is a key of the page; a template can write ``page.KEY`` as well."""
    notes: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    charts: tuple[Chart, ...] = ()

    def __getattr__(self, key: str) -> tuple[Statement, ...]:
        sections: tuple[Section, ...] = self.__dict__.get("sections", ())
        for section in sections:
            if section.key == key:
                return section.statements
        raise AttributeError(key)

    def is_of_log(self, line: Evidence) -> bool:
        """Whether a line is from the page's own log, by its full path or by the path that the watch was given."""
        return line.path == self.log or self.log.endswith(f"/{line.path}")
