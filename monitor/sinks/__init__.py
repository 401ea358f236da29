"""Alerts → receivers: one small file per kind, one verb."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from monitor.alerts import Alert
from monitor.errors import MonitorError


class Sink(Protocol):
    """Somewhere that alerts go."""

    def send(self, alerts: Sequence[Alert]) -> None:
        """Deliver alerts, in order. Raises SinkError."""
        ...


def open_sink(spec: str) -> Sink:
    """Make a sink from ``jsonl:PATH``. Raises MonitorError for a kind nobody knows, or a place not to be written."""
    kind, _, where = spec.partition(":")
    if kind != "jsonl" or not where:
        raise MonitorError("--sink", f"{spec!r} names no receiver", expected="jsonl:PATH")
    from monitor.sinks.jsonl import JsonLines

    return JsonLines(Path(where))
