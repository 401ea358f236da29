"""What a training says of itself: log lines, instruments, and `Telemetry` for anybody's loop."""

from trainer.telemetry.telemetry import Telemetry

__all__ = ["Telemetry"]
