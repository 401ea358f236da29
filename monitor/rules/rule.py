"""What a rule is: the fields that all rules share, around a condition of some kind."""

from __future__ import annotations

from functools import cached_property
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from monitor.alert import Severity
from monitor.conditions import Condition
from monitor.conditions.condition import Needed, SignalName
from monitor.conditions.values import NO_SPAN, Hold, Seconds
from monitor.grammar import Intent

SLOTS = ("value", "threshold", "reason", "epoch", "step")
"""The slots of every rule's summary; the labels of its signal are slots as well."""


class ExpectedBand(BaseModel):
    """The range expected of a signal at the end of an epoch; one side may be open."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    epoch: int
    """The band applies at the end of this epoch."""
    least: float | None = None
    """The lowest value within the band."""
    most: float | None = None
    """The highest value within the band."""
    where: dict[str, str] = Field(default_factory=dict)
    """Labels of the series that it is expected of."""

    @model_validator(mode="after")
    def _bounds_something(self) -> ExpectedBand:
        if self.least is None and self.most is None:
            raise ValueError("has no bounds; expected least, most or both")
        return self


class RuleTest(BaseModel):
    """Log lines, and what must come of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str
    """What the lines show, in words."""
    lines: str
    """Lines as they would be in a log, with their times."""
    wait: Seconds = 0.0
    """How long to wait after the last line."""
    baseline: str = ""
    """Lines of the run to compare with."""
    peer: str = ""
    """Lines of another run, for values that two runs cannot share."""
    bands: dict[SignalName, tuple[ExpectedBand, ...]] = Field(default_factory=dict)
    """Expected bands by signal."""
    then: Literal["fires", "resolves", "quiet", "unknown", "not_applicable"]
    """``quiet``: ok with evidence, and nothing fired; ``unknown``: neither ok nor fired."""


Text = Annotated[str, Field(min_length=1)]


def _declared(name: str) -> str:
    if name not in Intent.field_names():
        raise ValueError(f"unknown word of INTENT: {name!r}; expected one of {', '.join(Intent.field_names())}")
    return name


Declared = Annotated[str, AfterValidator(_declared)]
"""A word of the trainer's INTENT lines."""


class Rule(BaseModel):
    """One rule. All fields except the condition are the same for every kind."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    alert: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    """The rule's name, in CamelCase. A rule of the same name in a later file replaces it."""
    group: str
    """The rule's group in its file."""
    fault: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """The kind of fault, as the catalogue of faults names it."""
    severity: Severity
    """How serious the fault is: ``info`` does not page anyone, ``warning`` and ``critical`` do."""
    summary: Text
    """What is wrong, in one line. ``{value}``, ``{threshold}``, ``{reason}``, ``{epoch}``, ``{step}`` and labels are
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
    """A command that shows the fault in the log; ``{log}`` is replaced by the log's quoted path."""
    hold: Hold = NO_SPAN
    """How long the breach must last before the alert fires."""
    keep_firing_for: Hold = NO_SPAN
    """How long the reading must be ok before the alert resolves."""
    after: Hold = NO_SPAN
    """Warm-up from the start of the attempt, in which a breach does not count."""
    phase: tuple[str, ...] = ()
    """Judged only while the run is in one of these phases; in other phases the alert stays as it is."""
    unless: tuple[Declared, ...] = ()
    """Words of the run's INTENT lines that make the rule not applicable: ``[accumulate]``."""
    by: tuple[str, ...] | None = None
    """Labels that split the alerts; series that differ only in other labels share one. By default, every label."""
    within: Hold | None = None
    """Promised time from the first bad line to the alert; the evidence must come often enough for it."""
    inhibits: tuple[str, ...] = ()
    """Rules whose alerts this rule explains: while it fires, their alerts are recorded but do not page anyone."""
    enabled: bool = True
    """False switches the rule off. Use it to switch off a shipped rule of the same name."""
    needs: Literal["", "facts"] = ""
    """What a replay needs, apart from the log, to reproduce the alerts."""
    tests: tuple[RuleTest, ...] = ()
    """Log lines that make the rule fire, and lines that keep it quiet; ``monitor rules test`` runs them."""
    condition: Condition
    """What makes the rule fire."""
    place: str
    """``file:line`` of the declaration."""
    changed: tuple[str, ...] = ()
    """What the command line changed: ``above=20``."""

    @cached_property
    def signals_needed(self) -> Needed:
        """The signals that a log must be able to hold: at least one of each group."""
        return self.condition.needed_signals()

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels on its alerts."""
        return tuple(name for name in self.condition.labels if self.by is None or name in self.by)

    @property
    def kind(self) -> str:
        """The kind of its condition, as a rule file names it."""
        return str(getattr(self.condition, "kind", ""))

    @model_validator(mode="after")
    def _labels_exist(self) -> Rule:
        for name in self.by or ():
            if name not in self.condition.labels:
                known = f"one of {', '.join(self.condition.labels)}" if self.condition.labels else "none"
                raise ValueError(f"by: its signal has no label {name!r}; expected {known}")
        if self.by is not None and getattr(self.condition, "clear", None) is not None:
            raise ValueError("by: cannot be combined with clear; expected by or clear, not both")
        return self

    @model_validator(mode="after")
    def _explains_others(self) -> Rule:
        if self.alert in self.inhibits:
            raise ValueError("inhibits: names the rule itself; expected other rules")
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
                raise ValueError(f"summary: unknown slot {name!r}; expected one of {', '.join(known)}")
        return self


OF_THE_LOADER = frozenset({"condition", "group", "place", "changed"})
"""Fields that the loader fills in; a rule file does not have them."""


def written(field: str) -> str:
    """Return a field's name as a rule file writes it."""
    return "for" if field == "hold" else field


COMMON = tuple(written(field) for field in Rule.model_fields if field not in OF_THE_LOADER)
"""The keys that every rule in a file may have, for all kinds."""
