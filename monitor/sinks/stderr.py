"""``stderr``: one line per alert on standard error; under systemd with the journal's priority."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from monitor.alert import Alert, Severity, State
from monitor.base.errors import SinkError
from monitor.base.escape import redact, terminal
from monitor.sinks.sink import Takes

_PRIORITIES = {Severity.CRITICAL: 2, Severity.WARNING: 4, Severity.INFO: 6}
"""Syslog's critical, warning and informational."""
NOTICE = 5


class Stderr:
    """The standard error output."""

    takes = Takes("", str)
    is_for_people, is_slow = False, False

    def __init__(self, address: str = "", where: str = "") -> None:
        del address, where

    def send(self, alerts: Sequence[Alert]) -> None:
        """Write the lines. Raises SinkError."""
        # systemd sets this if the journal reads our output; only the journal understands the numbers.
        is_journal = "JOURNAL_STREAM" in os.environ
        lines = [f"<{priority_of(alert)}>{_line(alert)}" if is_journal else _line(alert) for alert in alerts]
        try:
            print(*lines, sep="\n", file=sys.stderr, flush=True)
        except OSError as error:
            raise SinkError("stderr", f"cannot be written ({error.strerror})", permanent=False) from None


def priority_of(alert: Alert) -> int:
    """Return an alert's priority for the journal."""
    return _PRIORITIES[alert.severity] if alert.state is State.FIRING and not alert.inhibited_by else NOTICE


def _line(alert: Alert) -> str:
    place = f" ({alert.evidence[0].path}:{alert.evidence[0].line})" if alert.evidence else ""
    explained = f", explained by {alert.inhibited_by}" if alert.inhibited_by else ""
    line = f"{alert.severity.value} {alert.rule} {alert.state.value}{explained}: {redact(alert.summary)}{place}"
    return terminal(f"{line} id={alert.id}")
