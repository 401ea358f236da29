"""The ``monitor`` command as a user types it: within this process, or as a process of its own."""

from __future__ import annotations

import io
import json
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple
from unittest import mock

from monitor.cli import main

LIMIT_S = 60.0
"""Longest wait for another process to say or do something; reached only when it never will."""


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    def objects(self) -> list[dict[str, Any]]:
        """Return its output as strict JSON, one object per line."""
        return [json.loads(line, parse_constant=_refuse) for line in self.out.splitlines()]


class _Output(io.TextIOWrapper):
    """A stream that may pass for a terminal: click lets escape codes through to one, and nowhere else."""

    def __init__(self, *, is_terminal: bool) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8", write_through=True, newline="")
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def monitor(*words: str | Path, stdin: bytes = b"", is_terminal: bool = False) -> Said:
    """Run ``monitor WORDS...`` within this process."""
    out, err = _Output(is_terminal=is_terminal), _Output(is_terminal=is_terminal)
    argv = ["monitor", *map(str, words)]
    with (
        _standard_input(stdin) as given,
        mock.patch.multiple(sys, argv=argv, stdin=given),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return Said(code, out.bytes.getvalue().decode(), err.bytes.getvalue().decode())


@contextmanager
def _standard_input(data: bytes) -> Iterator[io.TextIOWrapper]:
    """A stream with these bytes and a descriptor of its own, as a shell's ``<`` makes one."""
    with TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield io.TextIOWrapper(file)


class Process:
    """A ``monitor`` that runs during the test."""

    def __init__(self, popen: subprocess.Popen[bytes], err: Path) -> None:
        self._popen, self._err = popen, err
        self._out = b""

    @property
    def out(self) -> str:
        """What `until` has read so far."""
        return self._out.decode()

    @property
    def err(self) -> str:
        """What it has said on standard error so far."""
        return self._err.read_text()

    def until(self, is_true: Callable[[str], bool]) -> None:
        """Read its output until this is true of it; waits for the process, never for a time."""
        assert self._popen.stdout is not None
        while not is_true(self.out):
            with selectors.DefaultSelector() as selector:
                selector.register(self._popen.stdout, selectors.EVENT_READ)
                assert selector.select(LIMIT_S), f"it printed only:\n{self.out}"
            data = self._popen.stdout.read1(65536)  # type: ignore[attr-defined]
            assert data, f"it ended with:\n{self.out}{self._err.read_text()}"
            self._out += data

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def ended(self) -> Said:
        """Wait for its end."""
        rest, _ = self._popen.communicate(timeout=LIMIT_S)
        return Said(self._popen.returncode, (self._out + rest).decode(), self._err.read_text())


@contextmanager
def started(*words: str | Path, cwd: Path) -> Iterator[Process]:
    """Start ``monitor WORDS...``; it never outlives the block."""
    err = cwd / "monitor.stderr"
    line = [sys.executable, "-m", "monitor", *map(str, words)]
    with err.open("wb") as stderr, subprocess.Popen(line, cwd=cwd, stdout=subprocess.PIPE, stderr=stderr) as popen:
        try:
            yield Process(popen, err)
        finally:
            popen.kill()


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not strict JSON")
