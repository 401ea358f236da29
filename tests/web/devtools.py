"""A real Chromium, asked through its pipe of developer tools: what a page shows, does, and says on its console."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monitor.base.clock import SystemClock
from tests.report.browser import PICTURES

LIMIT_S = 60.0
CLOCK = SystemClock()


class Browser:
    """One page of a headless browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._rest, self._session = 0, b"", ""
        self._num_loaded = 0
        self.complaints: list[str] = []
        """Errors of scripts and breaches of the policy."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Ask the browser, and wait for its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params or {}}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        number = self._number
        while True:
            found = self._next()
            if found.get("id") == number:
                assert "error" not in found, found["error"]
                return found["result"]

    def open(self, url: str, *, width: int = 1280, height: int = 900, is_dark: bool = False) -> None:
        """Load a page, and wait until it is whole."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        self.call("Emulation.setEmulatedMedia", {"features": scheme})
        before = self._num_loaded
        self.call("Page.navigate", {"url": url})
        while self._num_loaded == before:
            self._next()

    def get(self, expression: str) -> Any:
        """Return the value of an expression in the page, or of its promise."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        found = self.call("Runtime.evaluate", asked)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression: str, limit_s: float = LIMIT_S) -> None:
        """Wait until an expression is true."""
        until = CLOCK.monotonic() + limit_s
        while not self.get(expression):
            assert CLOCK.monotonic() < until, f"not within {limit_s} s: {expression}"
            self._wait(0.02)

    def picture(self, name: str, *, full: bool = False) -> Path:
        """Take a picture, and keep it for a person to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        data = self.call("Page.captureScreenshot", {"captureBeyondViewport": full})["data"]
        path = PICTURES / f"{name}.png"
        path.write_bytes(base64.b64decode(data))
        return path

    def _wait(self, seconds: float) -> None:
        if select.select([self._answers], [], [], seconds)[0]:
            self._read()

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            assert select.select([self._answers], [], [], LIMIT_S)[0], "the browser does not answer"
            self._read()
        text, _, self._rest = self._rest.partition(b"\0")
        found = json.loads(text)
        match found.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(found["params"]["exceptionDetails"].get("text", "") or "exception")
            case "Log.entryAdded" if found["params"]["entry"]["level"] == "error":
                self.complaints.append(found["params"]["entry"]["text"])
            case "Page.loadEventFired":
                self._num_loaded += 1
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(found["params"]["args"]))
        return found

    def _read(self) -> None:
        data = os.read(self._answers, 1 << 20)
        assert data, "the browser has ended"
        self._rest += data


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser; it ends with the block."""
    program = shutil.which("chromium")
    assert program is not None
    (read_commands, write_commands), (read_answers, write_answers) = os.pipe(), os.pipe()
    # Far from 3 and 4, which the browser reads and writes.
    theirs = [fcntl.fcntl(each, fcntl.F_DUPFD, 64) for each in (read_commands, write_answers)]
    options = (
        *("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars", "no-first-run"),
        *("disable-background-networking", "remote-debugging-pipe", f"user-data-dir={profile}"),
    )
    script = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
    line = ["bash", "-c", script, "bash", program, *(f"--{each}" for each in options)]
    process = subprocess.Popen(line, pass_fds=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for each in (read_commands, write_answers, *theirs):
        os.close(each)
    try:
        yield Browser(write_commands, read_answers)
    finally:
        process.kill()
        process.wait()
        os.close(write_commands)
        os.close(read_answers)
