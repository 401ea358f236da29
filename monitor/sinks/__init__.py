"""Alerts → receivers: one small file per kind, one verb."""

from monitor.sinks.sink import Sink
from monitor.sinks.spec import KINDS, OpenedSinks, SinkSpec, open_sink, open_sinks

__all__ = ["KINDS", "OpenedSinks", "Sink", "SinkSpec", "open_sink", "open_sinks"]
