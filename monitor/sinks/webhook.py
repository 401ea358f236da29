"""``webhook:ADDRESS``: a POST per notice, as our own JSON or as a chat message."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from monitor.alert import Alert, State
from monitor.base.clock import Clock, SystemClock
from monitor.base.errors import MonitorError
from monitor.sinks.chat import discord_document, ntfy_document, slack_document
from monitor.sinks.http import Web
from monitor.sinks.message import subject_of
from monitor.sinks.secret import Secret
from monitor.sinks.sink import Takes

VERSION = 1
"""Version of the generic document, which docs/notify.md describes."""
SIGNATURE = "X-Trainwarden-Signature"

Write = Callable[[Sequence[Alert], Path | None, str], Mapping[str, object]]


class Webhook:
    """An address that accepts notices as JSON."""

    is_for_people, is_slow = True, True

    @dataclass(frozen=True)
    class Options:
        """Further keys of an entry in the watch file."""

        format: str = "generic"
        secret: Secret | None = None
        """Signs each request."""
        template: Path | None = None

    takes = Takes("ADDRESS", Secret, Options)

    def __init__(self, url: Secret, where: str, options: Options, *, clock: Clock | None = None) -> None:
        """Raises MonitorError."""
        if options.format not in FORMATS:
            raise MonitorError(where, f"unknown format {options.format!r}", expected=f"one of {', '.join(FORMATS)}")
        self._topic = ""
        if options.format == "ntfy":
            parts = urlsplit(url.value)
            self._topic = parts.path.strip("/")
            if not self._topic or "/" in self._topic:
                raise MonitorError(where, f"{url.shown} does not name a topic", expected="https://HOST/TOPIC")
            url = Secret(urlunsplit((parts.scheme, parts.netloc, "/", "", "")), url.shown)
        self._web, self._options, self._clock = Web(url, where), options, clock or SystemClock()

    def send(self, alerts: Sequence[Alert]) -> None:
        """Post one notice. Raises SinkError."""
        document = FORMATS[self._options.format](alerts, self._options.template, self._topic)
        body = json.dumps(document, allow_nan=False).encode("ascii")
        headers = {"Content-Type": "application/json", "Idempotency-Key": key_of(alerts)}
        if self._options.secret is not None:
            at, key = str(int(self._clock.wall())), self._options.secret.value.encode()
            signed = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"t={at},v1={signed}"
        self._web.post(body, headers)


def key_of(alerts: Sequence[Alert]) -> str:
    """Return a key that identifies a notice, however often it is sent."""
    identity = [(alert.id, alert.state.value, alert.at) for alert in alerts]
    return hashlib.sha256(repr(identity).encode()).hexdigest()[:32]


def _generic(alerts: Sequence[Alert], *_: object) -> Mapping[str, object]:
    is_firing = any(alert.state is State.FIRING for alert in alerts)
    return {
        "version": VERSION,
        "sender": "trainwarden",
        "status": "firing" if is_firing else "resolved",
        "run": alerts[0].run,
        "subject": subject_of(alerts),
        "alerts": [alert.to_json() for alert in alerts],
    }


FORMATS: Mapping[str, Write] = {
    "generic": _generic,
    "slack": lambda alerts, template, _: slack_document(alerts, template),
    "discord": lambda alerts, template, _: discord_document(alerts, template),
    "ntfy": ntfy_document,
}
