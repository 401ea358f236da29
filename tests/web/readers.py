"""Readers of the stream in a process of their own: ``python -m tests.web.readers PORT NUMBER FOLDER``.

What each was told goes to a file of its number. They end when they are killed.
"""

from __future__ import annotations

import selectors
import socket
import sys
from pathlib import Path


def connected(port: int, *, buffer: int | None = None) -> socket.socket:
    """Return a connection that has asked for the stream."""
    made = socket.socket()
    if buffer is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.connect(("127.0.0.1", port))
    made.sendall(f"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return made


def main(port: int, number: int, folder: Path) -> None:
    """Read until killed."""
    selector = selectors.DefaultSelector()
    for each in range(number):
        selector.register(connected(port), selectors.EVENT_READ, (folder / f"{each}").open("wb", buffering=0))
    while True:
        for key, _ in selector.select():
            data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
            key.data.write(data)
            if not data:
                selector.unregister(key.fileobj)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
