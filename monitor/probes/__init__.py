"""Reports what the system and the GPU driver know about a training, as lines of the native grammar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from monitor.base.clock import SystemClock
from monitor.probes.gpu import GpuProbe
from monitor.probes.probe import Probe
from monitor.probes.process import ProcessProbe

__all__ = ["GpuProbe", "Probe", "ProcessProbe", "probes_of"]


def probes_of(pid: int | None, exit_of: Callable[[], int | None] | None = None) -> Callable[[str], Sequence[Probe]]:
    """Return what makes the probes of a log; ``exit_of`` returns the exit code of a child process of ours.

    A new probe is one more line here.
    """
    return lambda log: (
        ProcessProbe(SystemClock(), pid, exit_of=exit_of, log=Path(log)),
        GpuProbe(pid),
    )
