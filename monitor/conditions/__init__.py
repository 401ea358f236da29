"""The kinds of condition that a rule can declare; each is a pure test of a run."""

from monitor.conditions.condition import Condition
from monitor.conditions.count import Count
from monitor.conditions.reading import Background, Context, Outcome, Reading
from monitor.conditions.stall import Stall
from monitor.conditions.threshold import Threshold

KINDS: dict[str, type[Condition]] = {"threshold": Threshold, "count": Count, "stall": Stall}
"""Each kind of condition by the word that a rule file uses."""

__all__ = ["KINDS", "Background", "Condition", "Context", "Outcome", "Reading"]
