"""A server within this process, and what it answers."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from monitor.base.clock import SystemClock
from monitor.web.access import Gate
from monitor.web.observer import Observer
from monitor.web.server import config_of
from monitor.web.tokens import Token

TOKEN = "token-of-the-tests-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LIMIT_S = 30.0


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as strict JSON."""
        return json.loads(self.body, parse_constant=_refuse)


class Stream:
    """A stream of server-sent events; it has begun once it is made."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer
        while not answer.readline().startswith(b": "):
            pass

    def next(self) -> tuple[str, str, Any]:
        """Wait for the next event; return its kind, its id and its data."""
        fields: dict[str, str] = {}
        while "data" not in fields or fields.keys() != {"event", "data", "id"}:
            line = self._answer.readline().decode()
            assert line, "the stream has ended"
            name, _, value = line.rstrip("\n").partition(": ")
            if name:
                fields[name] = value
        return fields["event"], fields["id"], json.loads(fields["data"])


class Served:
    """A server; `look` has it look at the states."""

    def __init__(self, port: int, observer: Observer) -> None:
        self.port, self.observer = port, observer
        self.look = observer.turn

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str | None] = {},
    ) -> Answer:
        """Send one request; a header that is None is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            sent = {"Host": f"127.0.0.1:{self.port}", **headers}
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None and "Content-Length" not in sent and "Transfer-Encoding" not in sent:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def post(self, path: str, document: object, headers: Mapping[str, str | None] = BEARER) -> Answer:
        """Send JSON."""
        return self.ask(path, "POST", json.dumps(document).encode(), {"Content-Type": "application/json", **headers})

    @contextmanager
    def stream(self, after: str | None = None) -> Iterator[Stream]:
        """Read the stream of events."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            connection.request("GET", "/api/events", headers={} if after is None else {"Last-Event-ID": after})
            yield Stream(connection.getresponse())
        finally:
            connection.close()

    def raw(self, *, wait_s: float = LIMIT_S) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=wait_s)


@contextmanager
def served(
    places: Sequence[Path], *, token: str | None = TOKEN, is_local: bool = True, hosts: Sequence[str] = ("localhost",)
) -> Iterator[Served]:
    """Serve states until the block ends; the test says when the server looks at them."""
    observer = Observer(places, SystemClock(), rest_s=0.0, find_s=0.0)
    observer.turn()
    gate = Gate(Token(token) if token else None, needs_token_to_read=not is_local, hosts=frozenset(hosts))
    server = uvicorn.Server(config_of(observer, gate, SystemClock()))
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(256)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            yield Served(bound.getsockname()[1], observer)
        finally:
            server.should_exit = True
            thread.join(LIMIT_S)


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not strict JSON")
