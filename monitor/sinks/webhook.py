"""``webhook:ADDRESS``: a POST per notice, in our own JSON or in the words of a chat."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from monitor.alert import Alert, Severity, State
from monitor.base.clock import Clock, SystemClock
from monitor.base.errors import MonitorError
from monitor.sinks.http import Web
from monitor.sinks.message import subject_of, write_message
from monitor.sinks.secret import Secret

VERSION = 1
"""Of the generic document; docs/notify.md describes it."""
DISCORD_CHARACTERS = 2_000
NTFY_BYTES = 4_000
"""Longest messages that these take, by their documentation; ntfy's bound of 4,096 less a reserve."""
SIGNATURE = "X-Trainwarden-Signature"

Write = Callable[[Sequence[Alert], Path | None, str], Mapping[str, object]]


class Webhook:
    """An address that takes a notice as JSON."""

    is_for_people, is_slow = True, True

    def __init__(
        self,
        url: Secret,
        where: str,
        *,
        form: str = "generic",
        key: Secret | None = None,
        template: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``key`` signs each request. Raises MonitorError."""
        if form not in FORMS:
            raise MonitorError(where, f"format {form!r} is unknown", expected=f"one of {', '.join(FORMS)}")
        self._topic = ""
        if form == "ntfy":
            parts = urlsplit(url.value)
            self._topic = parts.path.strip("/")
            if not self._topic or "/" in self._topic:
                raise MonitorError(where, f"{url.shown} names no topic", expected="https://HOST/TOPIC")
            url = Secret(urlunsplit((parts.scheme, parts.netloc, "/", "", "")), url.shown)
        self._web, self._form, self._key, self._template = Web(url, where), form, key, template
        self._clock = clock or SystemClock()

    def send(self, alerts: Sequence[Alert]) -> None:
        """Post one notice. Raises SinkError."""
        document = FORMS[self._form](alerts, self._template, self._topic)
        body = json.dumps(document, allow_nan=False).encode("ascii")
        headers = {"Content-Type": "application/json", "Idempotency-Key": key_of(alerts)}
        if self._key is not None:
            at = str(int(self._clock.wall()))
            signed = hmac.new(self._key.value.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"t={at},v1={signed}"
        self._web.post(body, headers)


def key_of(alerts: Sequence[Alert]) -> str:
    """Return what is the same for the same notice, however often it is sent."""
    said = [(alert.id, alert.state.value, alert.at) for alert in alerts]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _generic(alerts: Sequence[Alert], template: Path | None, topic: str) -> Mapping[str, object]:
    del template, topic
    is_firing = any(alert.state is State.FIRING for alert in alerts)
    return {
        "version": VERSION,
        "sender": "trainwarden",
        "status": "firing" if is_firing else "resolved",
        "run": alerts[0].run,
        "subject": subject_of(alerts),
        "alerts": [alert.to_json() for alert in alerts],
    }


def _slack(alerts: Sequence[Alert], template: Path | None, topic: str) -> Mapping[str, object]:
    del topic
    return {"text": write_message(alerts, template="message.txt.j2", language="slack", own=template)}


def _discord(alerts: Sequence[Alert], template: Path | None, topic: str) -> Mapping[str, object]:
    del topic
    text = write_message(alerts, template="message.txt.j2", language="markdown", own=template)
    content = text if len(text) <= DISCORD_CHARACTERS else f"{text[: DISCORD_CHARACTERS - 1]}…"
    return {"content": content, "allowed_mentions": {"parse": []}}


def _ntfy(alerts: Sequence[Alert], template: Path | None, topic: str) -> Mapping[str, object]:
    text = write_message(alerts, template="message.txt.j2", language="text", own=template)
    body = text.encode()[:NTFY_BYTES].decode(errors="ignore")
    worst = max((alert.severity for alert in alerts if alert.state is State.FIRING), key=_rank, default=Severity.INFO)
    priority = {Severity.CRITICAL: 5, Severity.WARNING: 4, Severity.INFO: 3}[worst]
    return {"topic": topic, "title": subject_of(alerts), "message": body, "priority": priority}


def _rank(severity: Severity) -> int:
    return severity.rank


FORMS: Mapping[str, Write] = {"generic": _generic, "slack": _slack, "discord": _discord, "ntfy": _ntfy}
