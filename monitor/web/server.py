"""Listens on an address or a socket until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from monitor.base.clock import Clock, SystemClock
from monitor.base.errors import MonitorError
from monitor.web.access import Gate
from monitor.web.app import application
from monitor.web.observer import Observer
from monitor.web.patience import PatientProtocol
from monitor.web.tokens import Token, read_token

MOST_CONNECTIONS = 512
PORT = 8377
_EXPECTED = "HOST:PORT, [ADDRESS]:PORT or unix:PATH"


@dataclass(frozen=True)
class Listen:
    """Where to listen."""

    text: str
    path: Path | None = None
    """Of a socket in the file system."""
    host: str = ""
    port: int = 0

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def listen_at(text: str) -> Listen:
    """Read where to listen. Raises MonitorError."""
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        if not path.name:
            raise MonitorError(f"--listen {text}", "names no socket", expected=_EXPECTED)
        return Listen(text, path=path)
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65_535:
        raise MonitorError(f"--listen {text}", "not an address", expected=_EXPECTED)
    return Listen(text, host=host, port=int(port))


def serve(
    places: Sequence[Path],
    listen: Listen,
    *,
    token_file: Path | None,
    hosts: Sequence[str],
    tell: Callable[[str], None],
) -> None:
    """Serve the states in these places until SIGINT or SIGTERM; ``tell`` gets what a person should know.

    Raises MonitorError where that cannot be: no token beyond this machine, or an address that is taken.
    """
    token = read_token(token_file) if token_file else None
    if token is None and not listen.is_local:
        what = "can be reached from other machines, and anyone could read the logs' lines"
        raise MonitorError(f"--listen {listen.text}", what, expected="--token-file FILE as well")
    clock = SystemClock()
    observer = Observer(places, clock)
    gate = Gate(token, needs_token_to_read=not listen.is_local, hosts=_names(listen, hosts))
    bound = bound_at(listen)
    try:
        for line in _greeting(listen, bound, token):
            tell(line)
        thread = observer.start()
        asyncio.run(uvicorn.Server(config_of(observer, gate, clock)).serve(sockets=[bound]))
        observer.stop()
        thread.join(2.0)
    finally:
        bound.close()
        if listen.path is not None:
            listen.path.unlink(missing_ok=True)


def config_of(observer: Observer, gate: Gate, clock: Clock) -> uvicorn.Config:
    """Return how the server runs: patient with no one, and silent about itself."""
    return uvicorn.Config(
        application(observer, gate, clock),
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=2,
    )


def _names(listen: Listen, hosts: Sequence[str]) -> frozenset[str]:
    own = [] if listen.is_local else [socket.gethostname(), socket.getfqdn()]
    return frozenset(each.lower().rstrip(".") for each in ("localhost", *own, *hosts))


def _greeting(listen: Listen, bound: socket.socket, token: Token | None) -> list[str]:
    at = listen.text if listen.path else f"http://{_shown(listen.host)}:{bound.getsockname()[1]}/"
    lines = [f"serving at {at}"]
    if token is None:
        lines.append("nothing can be silenced or acknowledged here: that needs --token-file FILE")
    if not listen.is_local:
        lines.append("without TLS the token can be read on the way: put a proxy with TLS in front (docs/serve.md)")
    return lines


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def bound_at(listen: Listen) -> socket.socket:
    """Return the socket to listen on. Raises MonitorError."""
    try:
        if listen.path is not None:
            return _bound_path(listen.path)
        family, *_, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        return _bound(socket.socket(family, socket.SOCK_STREAM), address)
    except OSError as error:
        what = f"cannot be listened on ({error.strerror or error})"
        raise MonitorError(f"--listen {listen.text}", what, expected="a free address of this machine") from None


def _bound(made: socket.socket, address: Any) -> socket.socket:
    """Bind a socket, and close it where that fails. Raises OSError."""
    try:
        if made.family != socket.AF_UNIX:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # The system, too, then notices clients beyond a network that are gone.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


def _bound_path(path: Path) -> socket.socket:
    """Return a socket that the owner and the group may use; one that a killed server left is replaced."""
    if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
        with socket.socket(socket.AF_UNIX) as other:
            try:
                other.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
    before = os.umask(0o117)
    try:
        return _bound(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(path))
    finally:
        os.umask(before)
