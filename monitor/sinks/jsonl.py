"""``jsonl:PATH``: appends every transition as one line of JSON; the same objects as ``replay --json``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from monitor.alert import Alert
from monitor.base.errors import SinkError
from monitor.sinks.sink import Takes

CHUNK_BYTES = 64 * 1024


class JsonLines:
    """A file with one line per transition, each appended in one write; other programs may append to it as well."""

    takes = Takes("PATH", Path)
    is_for_people, is_slow = False, False

    def __init__(self, path: Path, where: str = "") -> None:
        """Check that the file can be written, so that a mistake shows before the first alert."""
        del where
        self._path = path
        self._is_whole = False
        self._append([])

    def send(self, alerts: Sequence[Alert]) -> None:
        """Append the alerts, after completing or closing a line that a kill or a full disk left unfinished."""
        self._append([json_line(alert) for alert in alerts])

    def missing(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return the alerts that the file does not contain as whole lines."""
        wanted = {f"{json_line(alert)}\n".encode(): alert for alert in alerts}
        try:
            with self._path.open("rb") as file:
                for line in file:
                    wanted.pop(line, None)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise self._failed(error) from None
        return list(wanted.values())

    def _append(self, lines: Sequence[str]) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                for line in lines:
                    data = f"{line}\n".encode()
                    if not self._is_whole:
                        # After a torn line: the rest of the same line, or a line end and then the new one.
                        torn = _torn_end(descriptor)
                        data = data[len(torn) :] if data.startswith(torn) else b"\n" + data
                    # A failed or short write may have left part of the line.
                    self._is_whole = False
                    while data:
                        data = data[os.write(descriptor, data) :]
                    self._is_whole = True
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> SinkError:
        what = f"cannot be written ({error.strerror})"
        return SinkError(str(self._path), what, expected="a file to append to", permanent=False)


def json_line(alert: Alert) -> str:
    """Return an alert as one line of strict JSON; lone surrogates are escaped."""
    return json.dumps(alert.to_json(), ensure_ascii=True, allow_nan=False)


def _torn_end(descriptor: int) -> bytes:
    """Return what follows the file's last line end: nothing, unless a write was cut off."""
    end = os.fstat(descriptor).st_size
    tail = b""
    while b"\n" not in tail and end > 0:
        start = max(0, end - CHUNK_BYTES)
        tail = os.pread(descriptor, end - start, start) + tail
        end = start
    return tail.rpartition(b"\n")[2]
