"""HTTP POST for all web sinks, and which failures are worth retrying."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.secret import Secret

TIMEOUT_S = 10.0
RESPONSE_BYTES = 65_536
"""Bytes read of a response; only its status counts."""
WORTH_RETRYING = frozenset({408, 425, 429})
"""As well as every 5xx: the receiver was not ready, rather than refusing."""
LONGEST_RETRY_AFTER_S = 3_600.0


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: an alert goes only to the configured address."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Web:
    """One address that takes POST requests."""

    def __init__(self, url: Secret, where: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Raises MonitorError for an invalid address."""
        try:
            parts = urlsplit(url.value)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, urlsplit("")
        if parts.scheme not in ("http", "https") or not host or not url.value.isascii() or " " in url.value:
            raise MonitorError(where, f"not a web address: {url.shown}", expected="http://HOST/… or https://HOST/…")
        del port
        self.url, self.shown, self._timeout_s = url.value, url.shown, timeout_s
        self._opener: OpenerDirector = build_opener(_NoRedirects, *([ProxyHandler({})] if _is_loopback(host) else []))

    def post(self, body: bytes, headers: Mapping[str, str], *, path: str = "") -> None:
        """Send a request. Raises SinkError."""
        url = self.url.rstrip("/") + path if path else self.url
        request = Request(url, data=body, headers={"User-Agent": "trainwarden", **headers}, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                response.read(RESPONSE_BYTES)
        except HTTPError as error:
            error.close()
            raise self._refused(error) from None
        except (URLError, OSError, HTTPException, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or error
            words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise SinkError(self.shown, f"does not answer ({words})", permanent=False) from None

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
