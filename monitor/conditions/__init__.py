"""The kinds of condition that a rule can declare; each is a pure test of a run."""

from monitor.conditions.apart import Apart
from monitor.conditions.combine import All, Any
from monitor.conditions.compare import Compare
from monitor.conditions.condition import KINDS, Condition
from monitor.conditions.constant import Constant
from monitor.conditions.count import Count
from monitor.conditions.death import Death
from monitor.conditions.fallen import Fallen
from monitor.conditions.gone import Gone
from monitor.conditions.line_cadence import Coverage
from monitor.conditions.match import Match
from monitor.conditions.missing import Missing
from monitor.conditions.nats import Nats
from monitor.conditions.overfit import Overfit
from monitor.conditions.reading import Background, Context, Outcome, Reading
from monitor.conditions.score_fall import ScoreFall
from monitor.conditions.sequence import Sequence
from monitor.conditions.skipped_steps import SkippedSteps
from monitor.conditions.stall import Stall
from monitor.conditions.stuck import Stuck
from monitor.conditions.threshold import Threshold
from monitor.conditions.trend import Trend
from monitor.conditions.undefined import Undefined
from monitor.conditions.zero import Zero

KINDS |= {
    "threshold": Threshold,
    "count": Count,
    "stall": Stall,
    "all": All,
    "any": Any,
    "trend": Trend,
    "constant": Constant,
    "compare": Compare,
    "match": Match,
    "missing": Missing,
    "sequence": Sequence,
    "coverage": Coverage,
    "death": Death,
    "zero": Zero,
    "skipped": SkippedSteps,
    "overfit": Overfit,
    "nats": Nats,
    "stuck": Stuck,
    "fallen": Fallen,
    "score_fall": ScoreFall,
    "apart": Apart,
    "undefined": Undefined,
    "gone": Gone,
}

__all__ = ["KINDS", "Background", "Condition", "Context", "Outcome", "Reading"]
