"""The stream of events for one client (server-sent events); a client that does not read is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from monitor.web.events import Events

MOST_STREAMS = 128
"""Chosen by hand, 2026-11; each costs a task and a socket."""
BEAT_S = 15.0
"""How often a comment is sent where nothing happens, so that dead clients and proxies are noticed."""
PATIENCE_S = 20.0
"""Longest time that a client may take to accept what is sent."""
MISSED = b"event: reload\ndata: {}\n\n"
"""For a client that was away for too long, or knows an earlier process: it must read everything again."""
_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def stream(events: Events, after: str, receive: Receive, send: Send) -> None:
    """Send the events after an id until the client leaves, or does not read any more."""
    wake = asyncio.Event()
    events.join(wake)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _give(send, f"retry: 2000\n: {events.last_id}\n\n".encode())
        while not leaving.done():
            wake.clear()
            found = events.since(after)
            if found is None:
                after = events.last_id
                await _give(send, MISSED + f"id: {after}\n\n".encode())
                continue
            data, after = found
            if data:
                await _give(send, b"".join(data))
                continue
            waiting = asyncio.ensure_future(wake.wait())
            await asyncio.wait({waiting, leaving}, timeout=BEAT_S, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                await _give(send, b": alive\n\n")
    except (TimeoutError, OSError):
        return
    finally:
        leaving.cancel()
        events.leave(wake)


async def _give(send: Send, data: bytes) -> None:
    await asyncio.wait_for(send({"type": "http.response.body", "body": data, "more_body": True}), PATIENCE_S)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
