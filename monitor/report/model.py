"""What a status page says, as plain data: built from a snapshot, rendered by a template.

Text here is raw: whoever renders it escapes it for the place it goes to. A number that was never logged is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.base.evidence import Evidence
from monitor.report.chart import Chart


class Mark(StrEnum):
    """A verdict at a glance."""

    OK = "✅"
    """Every line asked for was seen, and said so."""
    CAUTION = "⚠️"
    """No alert stands, but a figure speaks against it, or an alert was out and is over."""
    BREACH = "❌"
    UNKNOWN = "❔"
    """Never seen, or not lately enough: nobody knows."""
    NOT_APPLICABLE = "➖"
    """The run declared that there is nothing to check."""


WORST_FIRST = (Mark.BREACH, Mark.CAUTION, Mark.UNKNOWN, Mark.OK, Mark.NOT_APPLICABLE)


def worst(marks: list[Mark]) -> Mark:
    """Return the mark that decides for all; unknown where there is none."""
    return min(marks, key=WORST_FIRST.index, default=Mark.UNKNOWN)


@dataclass(frozen=True)
class Statement:
    """One claim of the page, with the lines it rests on."""

    subject: str
    """What it is about; empty where the words say it."""
    text: str
    evidence: tuple[Evidence, ...] = ()
    mark: Mark | None = None
    """None for a fact that is stated and not judged."""

    def __post_init__(self) -> None:
        """Hold the first promise: nothing is green, and nothing void, without a line to show."""
        needs_evidence = self.mark in (Mark.OK, Mark.NOT_APPLICABLE)
        assert self.evidence or not needs_evidence, f"{self.mark} without evidence: {self.subject} {self.text}"


@dataclass(frozen=True)
class Objective:
    """One aim of the run, and how it stands."""

    title: str
    aim: str
    mark: Mark
    grounds: tuple[Statement, ...]


@dataclass(frozen=True)
class GroupRow:
    """One gradient group in the newest report; numbers are None where no report holds the group."""

    mark: Mark
    group: str
    l2: float | None
    max: float | None
    grad: str | None
    """``22/23``: tensors with a gradient, of all."""
    small: int | None
    none: int | None
    words: str
    """What the rules say, where it is not plainly ok."""
    contradictions: tuple[str, ...]
    """What in the figures themselves speaks against a check mark."""
    evidence: tuple[Evidence, ...]
    was: float | None = None
    """The L2 norm of the baseline run's last report; None without a baseline."""
    trend: str = ""
    """The L2 norms of the newest reports as a sparkline."""


@dataclass(frozen=True)
class GradientFlow:
    """What reaches which part of the model."""

    encoder: tuple[Statement, ...]
    report: Statement
    """Which report the groups are from."""
    groups: tuple[GroupRow, ...]
    left_out: int
    """Groups beyond the table's bound."""
    contradictions: tuple[Statement, ...]
    """Figures that speak against a check mark, though no rule does."""
    observations: tuple[Statement, ...] = ()
    """What stands out, computed from the figures."""


@dataclass(frozen=True)
class EpochRow:
    """One ended epoch."""

    epoch: int
    train_loss: float | None
    val_loss: float | None
    lr: float | None
    seconds: float | None
    resets: int | None
    """None where no sign of the guard was seen in that epoch."""
    sharpe: float | None
    rank_ic: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class EpochTable:
    """The ended epochs, oldest first."""

    rows: tuple[EpochRow, ...]
    left_out: int
    """Earlier epochs beyond the table's bound."""
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
    """One rule: what it watches for, and what it says now."""

    mark: Mark
    rule: str
    severity: str
    outcome: str
    summary: str
    """How many readings gave which answer."""
    readings: tuple[Statement, ...]
    """The answers, the worst first."""
    value: float | None
    threshold: float | None
    expected: str
    evidence: tuple[Evidence, ...]
    """The last line it rests on, at most one."""
    quoted: tuple[str, ...]
    """The labels of the answer shown: a long line is quoted around the first that it holds."""
    check: str
    action: str
    why: str
    is_featured: bool = False
    """Whether the page shows it in full whatever it says."""
    explained_by: str = ""
    """The rules whose alerts explain all of this one's; empty where one stands by itself."""


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
    """The rule whose alert explains this one; empty for none."""


@dataclass(frozen=True)
class Alerts:
    """What fires, what fired until the end, and all that happened."""

    standing: tuple[AlertLine, ...]
    timeline: tuple[AlertLine, ...]
    left_out: int
    """Earlier transitions beyond the list's bound."""
    absence: str
    """What can be said where none ever fired."""


@dataclass(frozen=True)
class Commands:
    """Shell commands that show the same facts by hand."""

    title: str
    script: str
    """Commands, each behind a comment that says what it shows, and how many lines it shows now."""
    note: Statement | None = None


@dataclass(frozen=True)
class ComparisonRow:
    """One figure, now and before."""

    title: str
    before: str
    """What it was, in words; ``N/A`` where nothing says so."""
    now: str | None
    """None where it was not seen."""
    mark: Mark | None
    """None where there is nothing to hold it against."""
    words: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Comparison:
    """The run beside one before it."""

    title: str
    """What it is compared with."""
    rows: tuple[ComparisonRow, ...]
    note: str
    absence: str
    """Why there are no rows; empty where there are."""


@dataclass(frozen=True)
class PaceRow:
    """How long some epochs were expected to take, and took."""

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
    """None where only a person can say, or before its time."""
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
    """Where it should come to in the end; empty for nothing."""
    trend: str
    """Its values so far, one per epoch, as a sparkline."""


@dataclass(frozen=True)
class Expectations:
    """What was expected of the run, beside what came."""

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
    """How its condition stands; None where only a person can say."""


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
    """Severity-weighted share of the applicable rules that are ok with evidence; None where none applies."""
    all_passed: bool
    """Whether every rule and objective that applies is ok with evidence, and no figure speaks against it."""
    num_rules: int
    """Rules that apply."""
    not_applicable: tuple[Statement, ...]
    blind_spots: tuple[Statement, ...]


@dataclass(frozen=True)
class Section:
    """A part of the page that needs no layout of its own: a title and statements."""

    key: str
    """Its name in the JSON."""
    title: str
    statements: tuple[Statement, ...]
    """Empty where the page leaves the section out."""


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
        """Whether a line is of the page's own log, under its full name or the one that a watch was given."""
        return line.path == self.log or self.log.endswith(f"/{line.path}")
