"""Sends alerts to receivers; one file per kind."""

from monitor.sinks.sink import Sink
from monitor.sinks.spec import KINDS, OpenedSinks, SinkSpec, open_sinks

__all__ = ["KINDS", "OpenedSinks", "Sink", "SinkSpec", "open_sinks"]
