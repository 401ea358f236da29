"""The table of who may do what: tokens, names of the host, origins, sizes, rates, slow clients, links and paths."""

from __future__ import annotations

import contextlib
import socket
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from monitor.base.errors import MonitorError
from monitor.web.access import POLICY
from monitor.web.patience import PatientProtocol
from monitor.web.rates import Rate, Rates, client_of
from monitor.web.server import bound_at, listen_at, serve
from monitor.web.tokens import COOKIE, Token, read_token
from tests.cli.command import monitor
from tests.web.served import BEARER, TOKEN, Served, served
from tests.web.states import RULE, Watch, logs_in, steps

SESSION = {"Cookie": f"{COOKIE}={Token(TOKEN).session}"}
WRONG = {"Authorization": "Bearer not-the-token-0123456789"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of this file, which takes any number of requests."""
    folder = tmp_path_factory.mktemp("served")
    watch = Watch(folder / "states" / "one", logs_in(folder, [("well", steps(0, 100))]))
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("READS", "WRITES", "FAILURES"):
            patch.setattr(f"monitor.web.access.{kind}", Rate(1e9, 1e9))
        with served([folder / "states"]) as found:
            yield found
    watch.close()


def silence(server: Served, headers: Mapping[str, str | None], **more: str) -> int:
    """Ask for a silence, and return the status."""
    run = next(iter(server.observer.board.entries))
    return server.post("/api/silences", {"run": run, "target": RULE, "for": "1h", **more}, headers).status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (WRONG, 403),
        ({"Authorization": "Basic YTpi"}, 403),
        ({"Authorization": "Bearer"}, 403),
        ({"Cookie": f"{COOKIE}=guessed"}, 401),
        (SESSION, 403),
        ({**SESSION, "Sec-Fetch-Site": "cross-site"}, 403),
        ({**SESSION, "Sec-Fetch-Site": "same-site"}, 403),
        ({**SESSION, "Origin": "http://evil.example"}, 403),
        ({**SESSION, "Origin": "null"}, 403),
        ({**BEARER, "Origin": "http://evil.example"}, 403),
        ({**BEARER, "Sec-Fetch-Site": "cross-site"}, 403),
        (BEARER, 201),
        ({**SESSION, "Sec-Fetch-Site": "same-origin"}, 201),
    ],
)
def test_who_may_write(server: Served, headers: dict[str, str], status: int):
    assert silence(server, headers) == status


def test_a_page_of_the_server_itself_may_write(server: Served):
    host = f"127.0.0.1:{server.port}"
    assert silence(server, {**SESSION, "Origin": f"http://{host}"}) == 201
    assert silence(server, {**SESSION, "Origin": "http://127.0.0.1:1"}) == 403


def test_no_one_writes_where_there_is_no_token(tmp_path: Path):
    with served([tmp_path], token=None) as server:
        assert server.post("/api/silences", {}, BEARER).status == 401
        assert server.ask("/api/runs").status == 200


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/runs", {}, 401),
        ("/api/events", {}, 401),
        ("/metrics", {}, 401),
        ("/api/openapi.json", {}, 401),
        ("/api/runs", WRONG, 403),
        ("/api/runs", BEARER, 200),
        ("/api/runs", SESSION, 200),
        ("/healthz", {}, 200),
        ("/", {"Accept": "text/html"}, 303),
    ],
)
def test_who_may_read_beyond_this_machine(tmp_path: Path, path: str, headers: dict[str, str], status: int):
    with served([tmp_path], is_local=False) as server:
        assert server.ask(path, headers=headers).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST.:{port}", 200),
        ("[::1]:{port}", 200),
        ("10.0.0.7", 200),
        ("gpu03.lan", 200),
        ("evil.example", 421),
        ("evil.example:{port}", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("localhost/..", 421),
        ("", 421),
    ],
)
def test_a_name_that_was_bound_to_this_address_by_others_is_refused(tmp_path: Path, host: str, status: int):
    with served([tmp_path], hosts=["localhost", "gpu03.lan"]) as server:
        assert server.ask("/api/runs", headers={"Host": host.format(port=server.port)}).status == status


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../etc/passwd",
        "/static/..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/api/runs/..%2f..%2fetc%2fpasswd",
        "/api/runs/%00",
        "//etc/passwd",
        "/static//etc/passwd",
        "/runs/../../etc/passwd",
    ],
)
def test_no_path_leads_out(server: Served, path: str):
    answer = server.ask(path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"])
def test_other_methods_change_nothing(server: Served, method: str):
    assert server.ask("/api/runs", method).status in (401, 405)
    assert server.ask("/api/runs", method, headers=BEARER).status == 405


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{" + b" " * 20_000 + b"}", {}, 413),
        (b"x", {"Content-Length": "99999999999"}, 413),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Type": ""}, 415),
        (b"\xff", {}, 400),
        (b"[" * 15_000, {}, 400),
        (b'{"run": 7}', {}, 400),
        (b'["run"]', {}, 400),
        (b'{"run": "x", "target": "y", "for": "1h", "more": "z"}', {}, 400),
        (b'{"run": "x", "target": "y", "for": "nan"}', {}, 400),
    ],
)
def test_a_body_that_is_not_taken(server: Served, body: bytes, headers: dict[str, str], status: int):
    sent = {"Content-Type": "application/json", **BEARER, **headers}
    assert server.ask("/api/silences", "POST", body, sent).status == status


def test_a_body_without_a_length_is_bounded_too(server: Served):
    with server.raw() as client:
        head = f"POST /api/silences HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        client.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        client.sendall((b"1000\r\n" + b" " * 4096 + b"\r\n") * 5)
        assert client.recv(64).startswith(b"HTTP/1.1 413")


def test_headers_without_an_end_are_bounded(server: Served):
    with server.raw() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        answer = b""
        with contextlib.suppress(ConnectionError):
            for number in range(3_000):
                client.sendall(b"X-%d: 0123456789\r\n" % number)
            answer = client.recv(64)
        assert answer in (b"",) or answer.startswith(b"HTTP/1.1 400")
    assert server.ask("/healthz").status == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_client_that_does_not_finish_its_headers_is_left(
    server: Served, monkeypatch: pytest.MonkeyPatch, sent: bytes
):
    monkeypatch.setattr(PatientProtocol, "headers_s", 0.2)
    with server.raw() as client:
        client.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(64) == b""


def test_a_stream_outlives_the_time_for_headers(server: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(PatientProtocol, "headers_s", 0.2)
    monkeypatch.setattr("monitor.web.stream.BEAT_S", 0.3)
    with server.raw() as client:
        client.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        data = b""
        while b": alive" not in data:
            some = client.recv(4096)
            assert some, "it was closed"
            data += some


@pytest.mark.parametrize(
    ("kind", "path", "method", "headers"),
    [
        ("READS", "/healthz", "GET", {}),
        ("WRITES", "/api/acks", "POST", BEARER),
        ("FAILURES", "/api/runs", "GET", WRONG),
    ],
)
def test_too_many_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, path: str, method: str, headers: dict[str, str]
):
    monkeypatch.setattr(f"monitor.web.access.{kind}", Rate(burst=3, per_s=1e-3))
    with served([tmp_path]) as server:
        found = [server.ask(path, method, headers=headers) for _ in range(5)]
        assert [each.status == 429 for each in found] == [False] * 3 + [True] * 2
        assert int(found[-1].headers["retry-after"]) == 1000
        if kind == "FAILURES":
            # Others of the same address, which guess nothing, are let in.
            assert server.ask("/api/runs", headers=SESSION).status == 200


def test_a_bucket_fills_again_and_is_that_of_one_client():
    rates = Rates(Rate(burst=2, per_s=0.5))
    for _ in range(2):
        assert rates.wait_s("a", 10.0) == 0
        rates.count("a", 10.0)
    assert (rates.wait_s("a", 10.0), rates.wait_s("a", 11.0), rates.wait_s("b", 10.0)) == (2.0, 1.0, 0.0)
    assert rates.wait_s("a", 12.0) == 0


def test_clients_are_counted_by_address_and_ipv6_by_network():
    assert client_of("2001:db8::1") == client_of("2001:db8::2") != client_of("2001:db8:0:1::1")
    assert client_of("10.0.0.1") != client_of("10.0.0.2")
    assert client_of(None) == client_of("") == "unix"


def test_what_every_answer_says_to_a_browser(server: Served):
    for path in ("/api/runs", "/nothing", "/healthz"):
        headers = server.ask(path).headers
        assert headers["content-security-policy"] == POLICY
        assert "unsafe" not in POLICY
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("part", ["state.db", "the folder"])
def test_no_link_leads_to_another_state(tmp_path: Path, part: str):
    log = logs_in(tmp_path / "elsewhere", [("secret", steps(0, 100))])
    Watch(tmp_path / "elsewhere" / "state", log).close()
    states = tmp_path / "states"
    states.mkdir()
    if part == "the folder":
        (states / "one").symlink_to(tmp_path / "elsewhere" / "state")
    else:
        (states / "one").mkdir()
        (states / "one" / "state.db").symlink_to(tmp_path / "elsewhere" / "state" / "state.db")
    with served([states]) as server:
        assert server.ask("/api/runs").json["runs"] == []


def test_a_link_that_takes_the_place_of_a_known_state_is_not_followed(tmp_path: Path, watch: Watch):
    other = logs_in(tmp_path / "elsewhere", [("secret", steps(0, 100))])
    Watch(tmp_path / "elsewhere" / "state", other).close()
    state = tmp_path / "states" / "one" / "state.db"
    with served([tmp_path / "states"]) as server:
        state.rename(tmp_path / "away.db")
        state.symlink_to(tmp_path / "elsewhere" / "state" / "state.db")
        server.look()
        assert "secret" not in server.ask("/api/runs").body.decode()


@pytest.mark.parametrize(
    ("text", "mode", "what"),
    [
        ("short", 0o600, "has 5 characters"),
        ("with a blank in the middle of it", 0o600, "or blanks"),
        ("0123456789abcdef", 0o644, "every user may read it"),
        (None, 0o600, "cannot be read"),
        ("é" * 20, 0o600, "not plain text"),
    ],
)
def test_a_token_that_is_not_taken(tmp_path: Path, text: str | None, mode: int, what: str):
    path = tmp_path / "token"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(MonitorError, match=what):
        read_token(path)


def test_beyond_this_machine_a_token_is_needed(tmp_path: Path):
    said = monitor("serve", "--state", tmp_path, "--listen", "0.0.0.0:0")
    assert (said.code, said.out) == (2, "")
    assert "--token-file FILE" in said.err


@pytest.mark.parametrize(
    ("text", "is_local"),
    [
        ("127.0.0.1:8377", True),
        ("[::1]:8377", True),
        ("localhost:0", True),
        ("unix:/run/trainwarden/web.sock", True),
        ("0.0.0.0:8377", False),
        ("[::]:8377", False),
        ("gpu03.lan:8377", False),
        ("[::ffff:10.0.0.1]:80", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(text: str, is_local: bool):
    assert listen_at(text).is_local == is_local


@pytest.mark.parametrize("text", ["", "8377", ":8377", "host", "host:99999", "host:-1", "unix:", "host:１"])
def test_what_is_no_address(text: str):
    with pytest.raises(MonitorError, match="expected HOST:PORT"):
        listen_at(text)


def test_an_address_that_is_taken_is_named(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MonitorError, match="cannot be listened on"):
            serve([tmp_path], listen_at(f"127.0.0.1:{taken.getsockname()[1]}"), token_file=None, hosts=(), tell=print)


def test_the_token_is_in_no_answer(server: Served):
    for path in ("/api/runs", "/api/openapi.json", "/nothing", f"/api/runs/{TOKEN}"):
        body = server.ask(path, headers=BEARER).body.decode()
        assert TOKEN not in body.replace(f"'{TOKEN}'", "")
        assert Token(TOKEN).session not in body


def test_the_socket_of_a_killed_server_is_replaced_and_a_living_one_is_not(tmp_path: Path):
    listen = listen_at(f"unix:{tmp_path / 'web.sock'}")
    with bound_at(listen) as living:
        living.listen()
        with pytest.raises(MonitorError, match="cannot be listened on"):
            bound_at(listen)
    with bound_at(listen):
        mode = (tmp_path / "web.sock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o660


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("monitor.cli.serve.find_spec", lambda name: None if name == "uvicorn" else name)
    said = monitor("serve", "--state", tmp_path)
    assert (said.code, said.err) == (
        2,
        "monitor: serve: uvicorn is not installed; expected pip install 'trainwarden[serve]'\n",
    )
