"""What the system and the GPU's driver say of a training, as lines of the native grammar beside its log."""

from monitor.probes.gpu import GpuProbe
from monitor.probes.process import ProcessProbe

__all__ = ["GpuProbe", "ProcessProbe"]
