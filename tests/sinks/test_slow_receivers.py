"""A receiver that drips, hangs, redirects, resets or answers nonsense holds up one delivery, for a bounded time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from monitor.alert import Severity
from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.heartbeat import Heartbeat
from monitor.sinks.http import Web
from monitor.sinks.secret import Secret
from monitor.sinks.smtp import Smtp
from tests.notify.receivers import CLOCK, alert

TOTAL_S = 0.6
FAR_LONGER_S = 10.0


@dataclass
class Server:
    """A server that does one thing, whatever it is sent."""

    port: int
    got: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def serving(act: Callable[[socket.socket, threading.Event], None]) -> Iterator[Server]:
    """Run a server on a free port that answers each connection by ``act``."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Server(listening.getsockname()[1])

        def serve() -> None:
            while not is_over.is_set():
                try:
                    peer, _ = listening.accept()
                except OSError:
                    return
                with peer, suppress(OSError):
                    peer.settimeout(0.2)
                    with suppress(TimeoutError):
                        found.got.append(peer.recv(65_536))
                    act(peer, is_over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            is_over.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(FAR_LONGER_S)


def drips(first: bytes) -> Callable[[socket.socket, threading.Event], None]:
    def act(peer: socket.socket, is_over: threading.Event) -> None:
        peer.sendall(first)
        while not is_over.wait(0.05):
            peer.sendall(b"x")

    return act


def hangs(peer: socket.socket, is_over: threading.Event) -> None:
    is_over.wait(FAR_LONGER_S)


def resets(peer: socket.socket, is_over: threading.Event) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def answers(data: bytes) -> Callable[[socket.socket, threading.Event], None]:
    return lambda peer, is_over: peer.sendall(data)


SLOW = {"drips a status": drips(b""), "drips headers": drips(b"HTTP/1.1 200 OK\r\nX: "), "hangs": hangs}


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW)
def test_a_web_receiver_has_a_total_time(act: Callable[[socket.socket, threading.Event], None]) -> None:
    with serving(act) as server:
        web, began = Web(Secret(server.url, "hook"), "sinks", total_s=TOTAL_S), CLOCK.monotonic()
        with pytest.raises(SinkError, match=r"not within 0\.6 s") as error:
            web.post(b"{}", {})
        assert not error.value.permanent
        assert CLOCK.monotonic() - began < FAR_LONGER_S


def test_a_receiver_that_said_200_is_not_waited_for() -> None:
    with serving(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")) as server:
        began = CLOCK.monotonic()
        Web(Secret(server.url, "hook"), "sinks", total_s=TOTAL_S).post(b"{}", {})
        assert CLOCK.monotonic() - began < TOTAL_S


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "a redirect"),
        (b"200 what is this\r\n\r\n", "does not answer"),
        (b"\x00\xff" * 100 + b"\r\n\r\n", "does not answer"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n", "does not answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1_000 + b"\r\n", "does not answer"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", "does not answer"),
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 1e9\r\nContent-Length: 0\r\n\r\n", "answered 503"),
        (b"", "does not answer"),
    ],
)
def test_nonsense_from_a_receiver_is_an_error_of_that_receiver(answer: bytes, words: str) -> None:
    with serving(answers(answer)) as server, pytest.raises(SinkError, match=words) as error:
        Web(Secret(server.url, "hook"), "sinks", total_s=TOTAL_S).post(b"{}", {})
    assert 0 <= error.value.retry_after_s <= 3_600


def test_a_reset_is_an_error_worth_a_retry() -> None:
    with serving(resets) as server, pytest.raises(SinkError) as error:
        Web(Secret(server.url, "hook"), "sinks", total_s=TOTAL_S).post(b"{}", {})
    assert not error.value.permanent


OK = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def test_a_heartbeat_adds_to_the_path_and_to_the_query_of_its_address() -> None:
    with serving(OK) as server:
        heartbeat = Heartbeat(Secret(f"{server.url}?create=1&x=a%20b", "hb"), "sinks")
        heartbeat.beat(())
        heartbeat.send([alert(severity=Severity.CRITICAL)])
        lines = [got.split(b"\r\n")[0] for got in server.got]
    assert lines[0] == b"POST /hook/start?create=1&x=a%20b HTTP/1.1"
    assert lines[1] == b"POST /hook?create=1&x=a%20b HTTP/1.1"
    assert lines[2].startswith(b"POST /hook/fail?create=1&x=a+b&rid=")


def test_user_and_password_of_an_address_are_sent_as_a_header() -> None:
    with serving(OK) as server:
        url = server.url.replace("://", "://me:p%40ss@")
        Web(Secret(url, "hook"), "sinks").post(b"{}", {})
    assert b"\r\nAuthorization: Basic bWU6cEBzcw==\r\n" in server.got[0]
    assert f"\r\nHost: 127.0.0.1:{server.port}\r\n".encode() in server.got[0]


@pytest.mark.parametrize("url", ["http://host:99999/", "http://h\r\nX: y/", "http:///x", "ftp://h/x", "http://[::1/x"])
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(MonitorError, match="not a web address"):
        Web(Secret(url, "hook"), "sinks")


MAIL = {
    "drips a greeting": drips(b"220-"),
    "drips an answer": drips(b"220 hello\r\n250-x"),
    "hangs": hangs,
}


@pytest.mark.parametrize("act", MAIL.values(), ids=MAIL)
@pytest.mark.parametrize("tls", ["none", "tls"])
def test_a_mail_server_has_a_total_time(act: Callable[[socket.socket, threading.Event], None], tls: str) -> None:
    options = Smtp.Options(from_="a@example.org", to=["b@example.org"], tls=tls)
    with serving(act) as server:
        mail, began = Smtp(f"127.0.0.1:{server.port}", "sinks", options, total_s=TOTAL_S), CLOCK.monotonic()
        with pytest.raises(SinkError, match="does not answer"):
            mail.send([alert()])
        assert CLOCK.monotonic() - began < FAR_LONGER_S
