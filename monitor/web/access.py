"""Who may ask for what: the name of the host, the token, the origin, the rate and the size of each request."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from monitor.base.clock import Clock
from monitor.web.rates import FAILURES, READS, WRITES, Rates, client_of
from monitor.web.tokens import Given, Token

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset({"/healthz", "/login", "/static/web.css", "/static/web.js"})
"""What needs no token anywhere: nothing of any run is in it."""
READING = frozenset({"GET", "HEAD"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a form would then be sent with the origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True)
class Gate:
    """What is asked of requests."""

    token: Token | None
    """None where nothing can be written."""
    needs_token_to_read: bool
    hosts: frozenset[str]
    """Names of this server in lower case, besides addresses."""


class Access:
    """Lets a request through to ``app``, or answers it."""

    def __init__(self, app: App, gate: Gate, clock: Clock) -> None:
        self._app, self._gate, self._clock = app, gate, clock
        self._reads, self._writes, self._failures = Rates(READS), Rates(WRITES), Rates(FAILURES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refused(scope)
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is not let through."""
        headers, path = Headers(scope=scope), scope["path"]
        if not self._is_ours(headers.getlist("host")):
            return problem(421, "Host: not a name of this server; expected an address, or a name given with --host")
        now, client = self._clock.monotonic(), client_of((scope.get("client") or (None,))[0])
        is_write = scope["method"] not in READING
        # Who shows no token guesses none: a proxy's other users must not be locked out by one who does.
        is_guess = "authorization" in headers or (path == "/login" and is_write)
        for rates in ([self._failures] if is_guess else []) + [self._writes if is_write else self._reads]:
            if (wait_s := rates.wait_s(client, now)) > 0:
                return problem(429, "too many requests", retry_after_s=wait_s)
        (self._writes if is_write else self._reads).count(client, now)
        given = self._given(headers)
        scope.setdefault("state", {})["given"] = given
        if given is Given.WRONG:
            self._failures.count(client, now)
            return problem(403, "Authorization: the token is wrong")
        if path == "/login":
            # The form has the token; whose form it is matters all the same.
            scope["state"]["count_failure"] = lambda: self._failures.count(client, now)
            return self._foreign(headers) if is_write else None
        if is_write:
            if self._gate.token is None:
                return problem(401, "nothing can be changed here; expected a server started with --token-file FILE")
            if given is Given.NOTHING:
                return problem(401, "a token is needed; expected the header Authorization: Bearer TOKEN, or /login")
            return self._foreign(headers, needs_proof=given is Given.BY_COOKIE)
        if self._gate.needs_token_to_read and given is Given.NOTHING and path not in OPEN:
            if "text/html" in headers.get("accept", ""):
                return RedirectResponse("/login", 303)
            return problem(401, "a token is needed; expected the header Authorization: Bearer TOKEN, or /login")
        return None

    def _is_ours(self, hosts: list[str]) -> bool:
        """Whether the one Host header names this server: an address, which no one can rebind, or a known name."""
        if len(hosts) != 1 or not (found := _HOST.fullmatch(hosts[0].lower())):
            return False
        name = found["name"].rstrip(".")
        if name in self._gate.hosts:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _given(self, headers: Headers) -> Given:
        if self._gate.token is None:
            return Given.NOTHING
        try:
            cookies = {name: each.value for name, each in SimpleCookie(headers.get("cookie", "")[:4_096]).items()}
        except CookieError:
            cookies = {}
        return self._gate.token.given(headers.get("authorization", ""), cookies)

    @staticmethod
    def _foreign(headers: Headers, *, needs_proof: bool = False) -> Response | None:
        """Return the answer to a write that another site's page asks for."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        is_foreign = site not in (None, "same-origin", "none")
        is_foreign |= origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
        is_foreign |= needs_proof and site is None and origin is None
        return problem(403, "Origin: another site's page may not do this") if is_foreign else None


_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")


def problem(status: int, words: str, *, retry_after_s: float = 0.0) -> Response:
    """Return an answer that says what is wrong."""
    headers = {"Retry-After": str(math.ceil(retry_after_s))} if retry_after_s else {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="trainwarden"'
    return JSONResponse({"error": words}, status, headers)


def given_of(request: Request) -> Given:
    """Return what the request showed of the token."""
    found: Given = request.scope["state"]["given"]
    return found
