"""``alertmanager:URL``: posts to Prometheus Alertmanager (API v2), which groups, silences and routes by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence

from monitor.alert import Alert, State, iso_time
from monitor.base.clock import Clock, SystemClock
from monitor.base.escape import redact
from monitor.sinks.http import Web
from monitor.sinks.secret import Secret
from monitor.sinks.sink import Takes

RESEND_S = 60.0
"""How often a firing alert is sent again. Alertmanager resolves an alert that is not repeated (resolve_timeout, 5 min
by default); we tell it to do so after four intervals."""
EVIDENCE_LIMIT = 3


class Alertmanager:
    """One Alertmanager. It treats alerts of the same rule, run and labels as one."""

    takes = Takes("URL", Secret)
    is_for_people, is_slow, resend_s = False, True, RESEND_S

    def __init__(self, url: Secret, where: str, *, clock: Clock | None = None) -> None:
        """Raises MonitorError."""
        self._web, self._clock = Web(url, where), clock or SystemClock()

    def send(self, alerts: Sequence[Alert]) -> None:
        """Post the alerts that no other alert explains. Raises SinkError."""
        posted = [self._json(alert) for alert in alerts if not alert.inhibited_by]
        if posted:
            headers = {"Content-Type": "application/json"}
            self._web.post(json.dumps(posted, allow_nan=False).encode("ascii"), headers, path="/api/v2/alerts")

    def _json(self, alert: Alert) -> dict[str, object]:
        now = self._clock.wall()
        labels = {f"label_{name}" if name in _OURS else name: value for name, value in alert.labels}
        labels |= {
            "alertname": alert.rule,
            "severity": alert.severity.value,
            "fault": alert.fault,
            "run": alert.run,
            "log": alert.log,
            "host": alert.host,
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
        # A replayed log may start years ago, but Alertmanager accepts no times in the future.
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


_OURS = frozenset({"alertname", "severity", "fault", "run", "log", "host"})
