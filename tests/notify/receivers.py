"""Receivers for tests: a real web server on the loopback that misbehaves on demand, and alerts to send to it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from monitor.alert import Alert, Severity, State
from monitor.base.clock import SystemClock
from monitor.base.evidence import Evidence

PATIENCE_S = 20.0
CLOCK = SystemClock()


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Web:
    """A web server: what it got, and what it does with the next requests (200 if nothing is planned)."""

    url: str
    port: int
    got: list[Request] = field(default_factory=list)
    plan: list[int | str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    default: int = 200

    def wait_for(self, number: int) -> None:
        until(lambda: len(self.got) >= number)


def until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; fail if it never does."""
    deadline = CLOCK.monotonic() + patience_s
    while not is_so():
        assert CLOCK.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


@contextmanager
def web(port: int = 0) -> Iterator[Web]:
    """Run a server on a free port; in its plan, ``hang`` leaves a request unanswered and ``close`` hangs up."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            doing = found.plan.pop(0) if found.plan else found.default
            found.got.append(Request(self.path, dict(self.headers), body))
            if doing == "hang":
                ended.wait(PATIENCE_S)
            if isinstance(doing, str):
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(doing)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None: ...

    server = Server(("127.0.0.1", port), Handler)
    found = Web(f"http://127.0.0.1:{server.server_port}", server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def alert(number: int = 1, **others: Any) -> Alert:
    """Return an alert with its own id; a firing warning by default."""
    line = Evidence("run.log", 40 + number, 4000 + number, 1e9, f"2025-10-30T23:40:51.123Z INFO [TRAIN] step={number}")
    made = Alert(
        id=f"{number:016x}",
        run="run-1",
        attempt=1,
        rule=f"Rule{number}",
        fault="loss_spike",
        severity=Severity.WARNING,
        state=State.FIRING,
        at=1e9 + number,
        starts_at=1e9 + number,
        ends_at=None,
        epoch=1,
        step=number,
        labels=(("group", "gat"),),
        value=2.0,
        threshold=1.0,
        summary=f"something is wrong, number {number}",
        action="look at it",
        reason="train.loss is 2; expected at most 1",
        needs="",
        evidence=(line,),
    )
    return replace(made, **others)


def critical(number: int = 1, **others: Any) -> Alert:
    return alert(number, severity=Severity.CRITICAL, **others)


def ended(begun: Alert, **others: Any) -> Alert:
    """Return the end of an alert."""
    assert begun.at is not None
    return replace(begun, **{"state": State.RESOLVED, "at": begun.at + 100, "ends_at": begun.at + 100, **others})
