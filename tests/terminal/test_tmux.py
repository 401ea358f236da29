"""Every key of the live view, in a real terminal multiplexer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, TROUBLED, write
from tests.notify.receivers import until

pytestmark = pytest.mark.slow
PATIENCE_S = 30.0


class Tmux:
    """A tmux server of its own, with one window."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def run(self, *words: str) -> str:
        line = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        return subprocess.run(line, capture_output=True, text=True, check=True, timeout=60).stdout

    def press(self, *keys: str) -> None:
        self.run("send-keys", "-t", "view", *keys)

    @property
    def text(self) -> str:
        return self.run("capture-pane", "-p", "-t", "view")

    def shows(self, *words: str) -> None:
        """Wait until all of the words are on the screen."""
        self.until(lambda text: all(word in text for word in words), words)

    def until(self, is_so: Callable[[str], bool], what: object) -> None:
        try:
            until(lambda: is_so(self.text), PATIENCE_S)
        except AssertionError:
            pytest.fail(f"never shown: {what}; it shows\n{self.text}")


@pytest.fixture
def tmux(require, tmp_path: Path) -> Iterator[Tmux]:
    require("tmux")
    write(tmp_path / "run.log", TROUBLED)
    write(tmp_path / "other.log", EPOCH_1)
    made = Tmux(tmp_path / "socket")
    program = f"{sys.executable} -m monitor watch other.log run.log --state state; echo ended with $?; read x"
    root = str(Path(__file__).parents[2])
    made.run("new-session", "-d", "-s", "view", "-x", "120", "-y", "40", "-c", str(tmp_path),
             "-e", f"PYTHONPATH={root}", "-e", "LC_ALL=C.UTF-8", program)  # fmt: skip
    try:
        made.shows("? help", "times are UTC")
        yield made
    finally:
        made.run("kill-server")


def test_every_key(tmux: Tmux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    tmux.shows("── logs  2", "other.log", "run.log")
    tmux.shows("▸   other.log")  # it runs on
    tmux.press("Tab")
    tmux.shows("▸🔴 run.log", "DIED")

    tmux.press("Down")
    tmux.shows("· 1 of ")
    tmux.press("j", "j")
    tmux.shows("· 3 of ")
    tmux.press("k", "Up")
    tmux.shows("· 1 of ")
    tmux.press("PageDown")
    tmux.shows("· 11 of ")
    tmux.press("PageUp")
    tmux.shows("· 1 of ")
    tmux.press("Home")
    tmux.until(lambda text: "· 1 of " not in text, "no chosen alert")

    tmux.press("/")
    tmux.shows("show alerts with:")
    tmux.press("GradientZerx", "BSpace", "o", "Enter")
    tmux.shows("with “GradientZero”")
    tmux.press("Down", "Enter")
    tmux.shows("GradientZero", " why ", " do ", "run.log:")
    tmux.press("a")
    tmux.shows("acknowledged ")
    tmux.press("Escape")
    tmux.shows("with “GradientZero”")
    tmux.press("s")
    tmux.shows("silenced for 1 h: GradientZero")
    assert "GradientZero" in monitor("silence", "--state", "state").out
    tmux.press("u")
    tmux.shows("no longer silenced: GradientZero")
    assert "GradientZero" not in monitor("silence", "--state", "state").out
    tmux.press("Escape")
    tmux.until(lambda text: "with “" not in text, "no filter")

    tmux.press("Tab")
    tmux.shows("▸   other.log", "RUNNING")
    tmux.press("?")
    tmux.shows("this page", "end the watch, and sum up")
    tmux.press("Escape")
    tmux.shows("▸   other.log")
    tmux.press("x")
    tmux.shows("? shows the keys")
    tmux.press("q")
    tmux.shows("press q again to end the watch")
    tmux.press("q")
    tmux.shows("ended with 1", "DIED")


def test_keys_are_at_once_and_a_resized_window_is_drawn_anew(tmux: Tmux):
    tmux.run("resize-window", "-t", "view", "-x", "80", "-y", "24")
    tmux.press("?")
    tmux.shows("this page")
    tmux.press("q")
    tmux.shows("── alerts")
    assert max(map(len, tmux.text.splitlines())) <= 80
    tmux.press("C-c")
    tmux.shows("ended with 1")
    assert os.environ.get("TMUX") != ""
