"""What a request asks to change: a silence or an acknowledgement, as JSON or from a form of our own page."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.requests import Request as WebRequest

from monitor.base.clock import Clock
from monitor.base.errors import MonitorError
from monitor.conditions.values import seconds
from monitor.notify.silences import SHORTEST_ID, Silence, is_alert_id
from monitor.service.control import Request, ask, perform
from monitor.web.board import Entry

MOST_BYTES = 16_384
PATIENCE_S = 10.0
"""Longest time for a whole body."""
FIELDS = {
    "silence": ("run", "target", "for", "reason", "author"),
    "ack": ("run", "alert", "reason", "author"),
}
FORM = "application/x-www-form-urlencoded"


class Refused(Exception):
    """A body that is not taken, with the status to answer."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Body(NamedTuple):
    """The fields of a request."""

    fields: dict[str, str]
    is_form: bool


async def body_of(request: WebRequest) -> Body:
    """Return the fields in the body of a request. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", FORM):
        raise Refused(415, f"Content-Type: not taken; expected application/json or {FORM}")
    try:
        data = await asyncio.wait_for(_bytes_of(request), PATIENCE_S)
    except TimeoutError:
        raise Refused(408, f"body: not whole within {PATIENCE_S:.0f} s; expected it at once") from None
    except ClientDisconnect:
        raise Refused(400, "body: the client left") from None
    try:
        text = data.decode("utf-8")
        found = dict(parse_qsl(text, max_num_fields=16, keep_blank_values=True)) if kind == FORM else json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(400, "body: not readable; expected one object of texts, in UTF-8") from None
    if not isinstance(found, Mapping) or not all(isinstance(each, str) for each in found.values()):
        raise Refused(400, "body: not an object of texts; expected fields such as run and reason")
    return Body({str(name): value for name, value in found.items()}, kind == FORM)


async def _bytes_of(request: WebRequest) -> bytes:
    """Return the body. Raises Refused for one that is too long, also where it does not say how long it is."""
    length = request.headers.get("content-length", "0")
    too_long = Refused(413, f"body: too long; expected at most {MOST_BYTES:,} bytes")
    if not length.isdecimal() or int(length) > MOST_BYTES:
        raise too_long
    data = b""
    async for some in request.stream():
        data += some
        if len(data) > MOST_BYTES:
            raise too_long
    return data


def request_in(verb: str, fields: Mapping[str, str]) -> Request:
    """Return what the fields ask of a watch. Raises Refused."""
    expected = FIELDS[verb]
    if unknown := sorted(set(fields) - set(expected)):
        raise Refused(400, f"body: unknown field {unknown[0]!r:.60}; expected {', '.join(expected)}")
    reason, author = fields.get("reason", ""), fields.get("author", "")
    if verb == "ack":
        if not is_alert_id(fields.get("alert", "")):
            raise Refused(400, f"alert: not an alert's id; expected {SHORTEST_ID} to 16 digits of one")
        return Request("ack", fields["alert"], reason=reason, author=author)
    try:
        lasts_s = seconds(fields.get("for", ""))
    except ValueError:
        raise Refused(400, "for: not a duration; expected one such as 30m, 2h, 1d") from None
    return Request("silence", fields.get("target", ""), lasts_s, reason, author)


def carry_out(entry: Entry, request: Request, clock: Clock) -> list[Silence]:
    """Have the run's watch do it; without one, change the state directly. Raises Refused."""
    try:
        done = ask(entry.directory, request, clock)
        if done is None:
            done = perform(request, entry.directory, _user(), clock.wall())
    except MonitorError as error:
        raise Refused(409, str(error)) from None
    return done


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
