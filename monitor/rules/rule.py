"""What a rule is: the fields that all have in common, around a condition of some kind."""

from __future__ import annotations

from functools import cached_property
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from monitor.alert import Severity
from monitor.conditions import Condition
from monitor.conditions.condition import SignalName
from monitor.conditions.values import NO_SPAN, Hold, Seconds
from monitor.grammar import Intent
from monitor.rules.needed_signals import needed

SLOTS = ("value", "threshold", "reason", "epoch", "step")
"""What every rule's summary can be filled with; the labels of its signal come on top."""


class ExpectedBand(BaseModel):
    """Where a signal is expected to lie at the end of an epoch; one side may be open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epoch: int
    """The epoch at whose end it holds."""
    least: float | None = None
    """The lowest value within."""
    most: float | None = None
    """The highest value within."""

    @model_validator(mode="after")
    def _bounds_something(self) -> ExpectedBand:
        if self.least is None and self.most is None:
            raise ValueError("bounds nothing; expected least, most or both")
        return self


class RuleTest(BaseModel):
    """Log lines, and what the rule must make of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """What the lines show, in words."""
    lines: str
    """Lines as a log would hold them, times included."""
    wait: Seconds = 0.0
    """How long nothing comes after the last line."""
    baseline: str = ""
    """Lines of the run that this one is compared with."""
    peer: str = ""
    """Lines of another run, for values that no two runs can share."""
    bands: dict[SignalName, tuple[ExpectedBand, ...]] = Field(default_factory=dict)
    """Expected bands by signal."""
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
    """The group of the file that it stands in."""
    fault: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """The kind of fault, as the catalogue of faults names it."""
    severity: Severity
    """How much a person should mind: ``info`` pages nobody, ``warning`` and ``critical`` do."""
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
    """How long the breach must last before the alert goes out."""
    keep_firing_for: Hold = NO_SPAN
    """How long it must be ok before the alert resolves."""
    after: Hold = NO_SPAN
    """Warm-up from the start of the attempt, in which a breach is none yet."""
    phase: tuple[str, ...] = ()
    """Judged only while the run is in one of these phases; the last answer stands in the others."""
    unless: tuple[Declared, ...] = ()
    """Words of the run's INTENT that make it not applicable: ``[accumulate]``."""
    by: tuple[str, ...] | None = None
    """Labels that split the alerts; series that differ in other labels alone share one. Without it: every label."""
    within: Hold | None = None
    """Promised latency, from the first bad line to the alert; the evidence must come often enough for it."""
    inhibits: tuple[str, ...] = ()
    """Rules whose alerts this one explains: while it fires, theirs are recorded, and page nobody."""
    enabled: bool = True
    """False drops the rule; the way to switch off a shipped one of the same name."""
    needs: Literal["", "facts"] = ""
    """What a replay needs besides the log to find the alerts again."""
    tests: tuple[RuleTest, ...] = ()
    """Log lines that fire it, and lines that keep it quiet; ``monitor rules test`` runs them."""
    condition: Condition
    """What makes it fire."""
    place: str
    """``file:line`` where it is declared."""
    changed: tuple[str, ...] = ()
    """What the command line changed: ``above=20``."""

    @cached_property
    def signals_needed(self) -> tuple[frozenset[str], ...]:
        """The signals without which it can say nothing: one of each of these groups."""
        return needed(self.condition)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels that its alerts bear."""
        return tuple(name for name in self.condition.labels if self.by is None or name in self.by)

    @property
    def kind(self) -> str:
        """The kind of its condition, by the word that a rule file uses."""
        return str(getattr(self.condition, "kind", ""))

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
                raise ValueError(f"summary: slot {name!r} is filled by nothing; expected one of {', '.join(known)}")
        return self


OF_THE_LOADER = frozenset({"condition", "group", "place", "changed"})
"""Fields that no rule file writes under these names."""


def written(field: str) -> str:
    """Return a field's name as a rule file writes it."""
    return "for" if field == "hold" else field


COMMON = tuple(written(field) for field in Rule.model_fields if field not in OF_THE_LOADER)
"""The keys that every rule of a file may have, whatever its kind."""
