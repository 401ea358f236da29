"""Faults of time: a loop that stalls or slows down."""

from __future__ import annotations

from typing import ClassVar

from trainer.faults.fault import Fault, Site


class StallSilent(Fault):
    summary = "The run stops before a batch and writes nothing, not even a heartbeat, for `seconds`."
    parameters: ClassVar[dict[str, float]] = {"seconds": 420.0, "batch": 5.0}

    def before_batch(self, site: Site, batch: int) -> None:
        if batch == int(self.values["batch"]):
            with site.hold_log():
                site.sleep(self.values["seconds"])


class ThroughputDrop(Fault):
    summary = "Every training batch takes `seconds` longer."
    parameters: ClassVar[dict[str, float]] = {"seconds": 5.0}

    def before_batch(self, site: Site, batch: int) -> None:
        site.sleep(self.values["seconds"])
