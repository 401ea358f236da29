"""What a watch expects of a probe."""

from __future__ import annotations

from typing import Protocol

from monitor.run.run import Run


class Probe(Protocol):
    """Observes a training from outside its log: its process, its GPUs."""

    def poll(self, monotonic: float, run: Run) -> list[str]:
        """Return new facts as native lines without their time; never blocks."""
        ...

    def close(self) -> None:
        """Release what it observes."""
        ...
