"""Named faults that break a real training run for real, so that a monitor can be shown to notice.

In: `FAULT@EPOCH` from the command line, and the site they act on. Out: a changed computation; no fault writes
a line. `FAULTS` is the whole list; any loop over a torch model can be broken with them that asks the plan at its
places.
"""

from trainer.faults.fault import Fault, Places, Site
from trainer.faults.inject import FaultError, parse_injection
from trainer.faults.plan import FAULTS, FaultPlan, Injection

__all__ = ["FAULTS", "Fault", "FaultError", "FaultPlan", "Injection", "Places", "Site", "parse_injection"]
