"""``alertmanager:URL``: Prometheus Alertmanager's API, version 2; it groups, silences and routes by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monitor.alert import Alert, State, iso_time
from monitor.base.clock import Clock, SystemClock
from monitor.base.escape import redact
from monitor.sinks.http import Web
from monitor.sinks.secret import Secret

RESEND_S = 60.0
"""How often a firing alert is sent again: Alertmanager takes one that stays away for an end (resolve_timeout, 5 min
by default), and so do we, after four times as long."""
EVIDENCE_LIMIT = 3


class Alertmanager:
    """One Alertmanager. Alerts of one rule, run and labels are one alert to it."""

    is_for_people, is_slow, resend_s = False, True, RESEND_S

    def __init__(self, url: Secret, where: str, *, clock: Clock | None = None) -> None:
        """Raises MonitorError."""
        self._web, self._clock = Web(url, where), clock or SystemClock()

    def send(self, alerts: Sequence[Alert]) -> None:
        """Post alerts, those that are explained by another left out. Raises SinkError."""
        told = [self._told(alert) for alert in alerts if not alert.inhibited_by]
        if told:
            headers = {"Content-Type": "application/json"}
            self._web.post(json.dumps(told, allow_nan=False).encode("ascii"), headers, path="/api/v2/alerts")

    def _told(self, alert: Alert) -> dict[str, object]:
        now = self._clock.wall()
        labels = {f"label_{name}" if name in _OURS else name: value for name, value in alert.labels}
        labels |= {
            "alertname": alert.rule,
            "severity": alert.severity.value,
            "fault": alert.fault,
            "run": alert.run,
        }
        annotations = {
            "id": alert.id,
            "summary": redact(alert.summary),
            "reason": redact(alert.reason),
            "action": alert.action,
            "evidence": "\n".join(
                f"{each.path}:{each.line}: {redact(each.text)}" for each in alert.evidence[:EVIDENCE_LIMIT]
            ),
        }
        # What began in another year of a replayed log began then; what ended must have ended by now.
        starts_at = min(alert.starts_at if alert.starts_at is not None else now, now)
        if alert.state is State.FIRING:
            ends_at = now + 4 * RESEND_S
        else:
            ends_at = max(min(alert.ends_at if alert.ends_at is not None else now, now), starts_at)
        return {
            "labels": {name: value for name, value in labels.items() if value},
            "annotations": {name: value for name, value in annotations.items() if value},
            "startsAt": iso_time(starts_at),
            "endsAt": iso_time(ends_at),
        }


_OURS = frozenset({"alertname", "severity", "fault", "run"})
