"""The addresses of the server, and what answers each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from monitor.alert import State
from monitor.base.clock import Clock
from monitor.web import documents, openapi
from monitor.web.access import Access, App, Gate, Receive, Scope, Send, problem
from monitor.web.asked import Refused, body_of, carry_out, request_in
from monitor.web.board import Board, Entry
from monitor.web.observer import Observer
from monitor.web.pages import Pages
from monitor.web.stream import MOST_STREAMS, stream

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

STUCK_S = 60.0
"""Without a look for so long, the server says that it is not well."""


def application(observer: Observer, gate: Gate, clock: Clock) -> App:
    """Return the server's application."""
    api, pages = _Api(observer, clock), Pages(observer, gate.token, clock)
    routes = [
        Route("/api/runs", api.runs),
        Route("/api/runs/{id}", api.run),
        Route("/api/runs/{id}/series", api.series),
        Route("/api/alerts", api.alerts),
        Route("/api/silences", api.silence, methods=["POST"]),
        Route("/api/acks", api.acknowledge, methods=["POST"]),
        Route("/api/events", _Stream(observer)),
        Route("/api/openapi.json", api.description),
        Route("/healthz", api.health),
        Route("/metrics", api.metrics),
        *pages.routes(tagged),
    ]
    inner = Starlette(routes=routes, exception_handlers={HTTPException: _refused_by_router, Refused: _refused})
    return Access(inner, gate, clock)


def as_json(request: Request, document: Mapping[str, object], status: int = 200) -> Response:
    """Return strict JSON with an ETag; an empty answer where the client has it already."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")
    return tagged(request, body, "application/json", status)


def tagged(request: Request, body: bytes, media_type: str, status: int = 200) -> Response:
    """Return a body with an ETag; an empty answer where the client has it already."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type)


class _Api:
    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer, self._clock = observer, clock

    @cached_property
    def _registry(self) -> CollectorRegistry:
        from monitor.web.metrics import registry_of

        return registry_of(lambda: self._observer.board, self._clock.wall, self._observer.own_metrics)

    @property
    def _board(self) -> Board:
        return self._observer.board

    # Not async: each runs in a thread, so that a large answer holds no other client.

    def runs(self, request: Request) -> Response:
        return as_json(request, documents.runs_json(self._board, **_page_of(request)))

    def run(self, request: Request) -> Response:
        return as_json(request, documents.run_json(found(self._board, request.path_params["id"])))

    def series(self, request: Request) -> Response:
        entry = found(self._board, request.path_params["id"])
        return as_json(request, documents.all_series_json(entry, request.query_params.getlist("key")))

    def alerts(self, request: Request) -> Response:
        run = request.query_params.get("run")
        states = request.query_params.getlist("state")
        if unknown := sorted(set(states) - set(State)):
            raise Refused(400, f"state: unknown {unknown[0]!r:.60}; expected one of {', '.join(State)}")
        wanted = None if run is None else found(self._board, run).id
        return as_json(request, documents.alerts_json(self._board, run=wanted, states=states, **_page_of(request)))

    def description(self, request: Request) -> Response:
        return as_json(request, openapi.description())

    def metrics(self, request: Request) -> Response:
        # Loaded once somebody asks: a server that Prometheus does not scrape does not keep its client in memory.
        from monitor.web.metrics import exposed

        body, kind = exposed(self._registry, request.headers.get("accept", ""))
        return Response(body, media_type=kind)

    def health(self, request: Request) -> Response:
        since_s = self._clock.monotonic() - self._observer.turned_at
        is_well = since_s < STUCK_S + 2 * self._observer.turn_s
        words = {"status": "ok" if is_well else "stuck", "runs": len(self._board.entries)}
        return as_json(request, {**words, "seconds_since_look": round(since_s, 1)}, 200 if is_well else 503)

    async def silence(self, request: Request) -> Response:
        return await self._change(request, "silence")

    async def acknowledge(self, request: Request) -> Response:
        return await self._change(request, "ack")

    async def _change(self, request: Request, verb: str) -> Response:
        body = await body_of(request)
        asked = request_in(verb, body.fields)
        entry = found(self._board, body.fields.get("run", ""))
        done = await run_in_threadpool(carry_out, entry, asked, self._clock)
        if body.is_form:
            return RedirectResponse(f"/runs/{entry.id}#now", 303)
        return as_json(request, {"done": [documents.silence_json(each) for each in done]}, 201)


class _Stream:
    """An application of its own: it writes for as long as the client reads."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request, events = Request(scope), self._observer.events
        if events.num_readers >= MOST_STREAMS:
            await problem(503, "too many streams; expected some to be closed", retry_after_s=10)(scope, receive, send)
            return
        after = request.headers.get("last-event-id") or request.query_params.get("after") or events.last_id
        await stream(events, after[:64], receive, send)


def found(board: Board, name: str) -> Entry:
    """Return a run. Raises Refused."""
    entry = board.find(name)
    if entry is None:
        raise Refused(404, f"run: no run {name!r:.60}; expected an id that /api/runs lists")
    return entry


def _page_of(request: Request) -> dict[str, int]:
    """Return which part of a list is asked for. Raises Refused."""
    limits = {"offset": (0, 0, 1_000_000), "limit": (documents.FEW_PER_PAGE, 1, documents.MOST_PER_PAGE)}
    asked = {}
    for name, (usual, least, most) in limits.items():
        text = request.query_params.get(name, str(usual))
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            raise Refused(400, f"{name}: not taken: {text!r:.60}; expected a number from {least} to {most:,}")
        asked[name] = int(text)
    return asked


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem(error.status, error.words)


def _refused_by_router(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail.lower())
