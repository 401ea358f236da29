"""Named faults that really break a training run, to show that a monitor notices; any loop over a torch model can ask
`FaultPlan` for them.
"""

from trainer.faults.fault import Fault, Places, Site
from trainer.faults.inject import FaultError, parse_injection
from trainer.faults.plan import FAULTS, FaultPlan, Injection

__all__ = ["FAULTS", "Fault", "FaultError", "FaultPlan", "Injection", "Places", "Site", "parse_injection"]
