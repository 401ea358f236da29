"""The log lines of a training: the writer, the instruments of our own loop, and `Telemetry` for any other loop."""

from trainer.telemetry.telemetry import Telemetry

__all__ = ["Telemetry"]
