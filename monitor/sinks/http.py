"""HTTP POST for all web sinks, and which failures are worth retrying."""

from __future__ import annotations

import ipaddress
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import socket
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode, urlsplit, urlunsplit
from urllib.request import (
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.deadline import Deadline
from monitor.sinks.secret import Secret

TIMEOUT_S = 10.0
"""Longest silence of a receiver."""
TOTAL_S = 30.0
"""Longest time of a delivery, no matter what the receiver sends meanwhile. Chosen by hand, 2026-11."""
WORTH_RETRYING = frozenset({408, 425, 429})
"""As well as every 5xx: the receiver was not ready, rather than refusing."""
LONGEST_RETRY_AFTER_S = 3_600.0


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: an alert goes only to the configured address."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class _Held(HTTPConnection):
    """A connection that a deadline can break."""

    def __init__(self, *args: Any, hold: Callable[[socket], None], **options: Any) -> None:
        super().__init__(*args, **options)
        self._hold = hold

    def connect(self) -> None:
        super().connect()
        self._hold(self.sock)


class _HeldTls(HTTPSConnection, _Held):
    """The same with TLS, which begins after `_Held.connect`."""


class _Handler(HTTPSHandler, HTTPHandler):
    """Opens connections that a deadline can break."""

    deadline: Deadline

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_Held, hold=self.deadline.hold), req)

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(partial(_HeldTls, hold=self.deadline.hold), req)


class Web:
    """One address that takes POST requests."""

    def __init__(self, url: Secret, where: str, *, timeout_s: float = TIMEOUT_S, total_s: float = TOTAL_S) -> None:
        """Raises MonitorError for an invalid address. User and password in it are sent as RFC 7617 says."""
        try:
            parts = urlsplit(url.value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if parts.scheme not in ("http", "https") or not host or not url.value.isascii() or " " in url.value:
            raise MonitorError(where, f"not a web address: {url.shown}", expected="http://HOST/… or https://HOST/…")
        del port
        self.shown, self._timeout_s, self._total_s = url.shown, timeout_s, total_s
        userinfo, _, place = parts.netloc.rpartition("@")
        self._parts = parts._replace(netloc=place, fragment="")
        self._headers = {"User-Agent": "trainwarden"}
        if userinfo:
            self._headers["Authorization"] = f"Basic {b64encode(unquote_to_bytes(userinfo)).decode('ascii')}"
        self._handler = _Handler()
        proxies = [ProxyHandler({})] if _is_loopback(host) else []
        self._opener: OpenerDirector = build_opener(_NoRedirects, self._handler, *proxies)

    def post(
        self, body: bytes, headers: Mapping[str, str], *, path: str = "", query: Mapping[str, str] | None = None
    ) -> None:
        """Send a request; ``path`` and ``query`` are added to those of the address. Raises SinkError."""
        request = Request(
            self._address(path, query or {}), data=body, headers={**self._headers, **headers}, method="POST"
        )
        with Deadline(self._total_s) as self._handler.deadline:
            try:
                # Only the status counts: what follows is not read.
                self._opener.open(request, timeout=self._timeout_s).close()
                if self._handler.deadline.is_over:
                    raise TimeoutError
            except HTTPError as error:
                error.close()
                raise self._refused(error) from None
            except (URLError, OSError, HTTPException, ssl.SSLError, ValueError) as error:
                reason = getattr(error, "reason", None) or error
                words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
                if self._handler.deadline.is_over:
                    words = f"not within {self._total_s:g} s"
                raise SinkError(self.shown, f"does not answer ({words})", permanent=False) from None

    def _address(self, path: str, query: Mapping[str, str]) -> str:
        parts = self._parts
        if path:
            parts = parts._replace(path=parts.path.rstrip("/") + path)
        if query:
            known = parse_qsl(parts.query, keep_blank_values=True)
            parts = parts._replace(query=urlencode([*known, *query.items()]))
        return urlunsplit(parts)

    def _refused(self, error: HTTPError) -> SinkError:
        code = error.code
        if 300 <= code < 400:
            what = f"answered {code}, a redirect, which is not followed"
            return SinkError(self.shown, what, expected="the final address", permanent=True)
        permanent = code < 500 and code not in WORTH_RETRYING
        found = SinkError(self.shown, f"answered {code}", permanent=permanent)
        found.retry_after_s = _seconds(error.headers.get("Retry-After"))
        return found


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _seconds(value: str | None) -> float:
    """Return the seconds of a Retry-After header, within bounds; 0 for a date or nonsense."""
    return min(float(value), LONGEST_RETRY_AFTER_S) if value and value.isdecimal() and len(value) < 10 else 0.0
