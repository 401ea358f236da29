"""How often one client may ask: a bucket per address, which fills again with time."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import NamedTuple

MOST_CLIENTS = 4_096
"""Clients remembered; the one that asked longest ago is forgotten first."""


class Rate(NamedTuple):
    """So many at once, and then so many per second."""

    burst: float
    per_s: float


READS = Rate(400, 40)
"""A page is one request; a scrape, too. Chosen by hand, 2026-11."""
WRITES = Rate(20, 1 / 3)
FAILURES = Rate(10, 1 / 30)
"""Wrong tokens: a token of 16 characters is not guessed at two a minute."""


class Rates:
    """The buckets of all clients, for one kind of request."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str, now: float) -> float:
        """Return how long a client must wait before it may ask; 0 if it may now. Asking itself is not counted."""
        left = self._refilled(client, now)
        return 0.0 if left >= 1 else (1 - left) / self._rate.per_s

    def count(self, client: str, now: float) -> None:
        """Count one request."""
        self._left[client] = (self._refilled(client, now) - 1, now)
        self._left.move_to_end(client)
        while len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)

    def _refilled(self, client: str, now: float) -> float:
        left, at = self._left.get(client, (self._rate.burst, now))
        return min(self._rate.burst, left + max(0.0, now - at) * self._rate.per_s)


def client_of(host: str | None) -> str:
    """Return the client to count: an address, and of IPv6 the network that one subscriber has."""
    try:
        address = ipaddress.ip_address((host or "").partition("%")[0])
    except ValueError:
        return host or "unix"
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
