"""``apprise:URL``: about 170 further services, through the package apprise (``pip install 'trainwarden[notify]'``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitor.alert import Alert, Severity, State
from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.message import subject_of, write_message
from monitor.sinks.secret import Secret
from monitor.sinks.sink import Takes


class Apprise:
    """One address of a service that apprise knows."""

    is_for_people, is_slow = True, True

    @dataclass(frozen=True)
    class Options:
        """Further keys of an entry in the watch file."""

        template: Path | None = None

    takes = Takes("URL", Secret, Options)

    def __init__(self, url: Secret, where: str, options: Options) -> None:
        """Raises MonitorError if apprise is not installed or does not know the service."""
        try:
            import apprise
        except ImportError:
            expected = "pip install 'trainwarden[notify]'"
            raise MonitorError(where, "apprise is not installed", expected=expected) from None
        self._notifier = apprise.Apprise()
        if not self._notifier.add(url.value):
            raise MonitorError(where, f"apprise does not know the address {url.shown}", expected="SERVICE://…")
        self._shown, self._template = url.shown, options.template

    def send(self, alerts: Sequence[Alert]) -> None:
        """Send one notice. Raises SinkError."""
        body = write_message(alerts, template="message.txt.j2", language="text", own=self._template)
        if not self._notifier.notify(body=body, title=subject_of(alerts), notify_type=_kind(alerts)):
            raise SinkError(self._shown, "did not accept the notice", permanent=False)


def _kind(alerts: Sequence[Alert]) -> str:
    firing = [alert.severity for alert in alerts if alert.state is State.FIRING]
    if not firing:
        return "success"
    return "failure" if Severity.CRITICAL in firing else "warning"
