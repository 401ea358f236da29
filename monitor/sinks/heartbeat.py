"""``heartbeat:URL``: signs of life for a dead man's switch, as Healthchecks expects them.

Posts to ``/start`` when the watch begins, to the address itself every minute while nothing critical fires, and to
``/fail`` as soon as something does. A dead monitor posts nothing, which is what the switch detects.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from monitor.alert import Alert, Severity, State
from monitor.sinks.http import Web
from monitor.sinks.message import subject_of
from monitor.sinks.secret import Secret
from monitor.sinks.sink import Takes

BEAT_S = 60.0
_SPACE = uuid.UUID("8a6f2b34-5d0e-4a57-9b0c-6f3f4f0a9d11")


class Heartbeat:
    """One check of Healthchecks."""

    takes = Takes("URL", Secret)
    is_for_people, is_slow, resend_s, beats_s = False, True, BEAT_S, BEAT_S

    def __init__(self, url: Secret, where: str) -> None:
        """Raises MonitorError."""
        self._web, self._is_started = Web(url, where), False

    def send(self, alerts: Sequence[Alert]) -> None:
        """Report critical firing alerts, and nothing else. Raises SinkError."""
        critical = [
            each
            for each in alerts
            if each.state is State.FIRING and each.severity is Severity.CRITICAL and not each.inhibited_by
        ]
        if critical:
            # A log can name its run with half a character, as JSON writes it.
            run = uuid.uuid5(_SPACE, critical[0].run.encode("utf-8", "backslashreplace").decode())
            self._web.post(subject_of(critical).encode(), {}, path="/fail", query={"rid": str(run)})

    def beat(self, firing: Sequence[Alert]) -> None:
        """Report that the watch is alive, unless something critical fires. Raises SinkError."""
        if not self._is_started:
            self._web.post(b"", {}, path="/start")
            self._is_started = True
        if not any(each.severity is Severity.CRITICAL for each in firing):
            self._web.post(b"", {})
