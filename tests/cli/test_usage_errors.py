"""A mistake on the command line is one line: where, what, and what was expected, once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, write
from tests.cli.test_help import LEAVES

ERROR = re.compile(r"monitor[^:\n]*: [^\n]+; expected [^\n]+\n")


def mistakes() -> list[tuple[str, ...]]:
    """Return mistakes of each kind in every command: an unknown option, a missing argument, values of a wrong type."""
    found: list[tuple[str, ...]] = []
    for path, command in LEAVES.items():
        if path != ("run",):  # whose unknown options are the training's
            found.append((*path, "--no-such-option"))
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        if any(each.required for each in arguments):
            found.append(path)
        words = tuple("x" for each in arguments if each.required)
        found += [
            (*path, each.opts[0], "no such value", *words)
            for each in command.params
            if isinstance(each, click.Option) and not each.is_flag and not isinstance(each.type, click.Path)
            and each.type is not click.STRING
        ]  # fmt: skip
    return found


@pytest.mark.parametrize("line", mistakes(), ids=" ".join)
def test_a_mistake_is_one_line_with_one_expectation(line: tuple[str, ...], folder: Path):
    said = monitor(*line)
    assert (said.code, said.out) == (2, "")
    assert ERROR.fullmatch(said.err), said.err
    assert said.err.count("expected") == 1


@pytest.mark.parametrize(
    "line",
    [
        ("silence", "LossSpike", "--for", "5"),
        ("silence", "LossSpike", "--for", "-5m"),
        ("silence", "LossSpike"),
        ("ack", "x"),
        ("watch",),
        ("watch", "run.log", "--every", "5"),
        ("watch", "run.log", "--every", "0.1s"),
        ("watch", "run.log", "--sink", "pigeon:x"),
        ("watch", "run.log", "--sink", "smtp:"),
        ("watch", "run.log", "--set", "TrainingStall.level=soon"),
        ("watch", "run.log", "--set", "NoSuchRule.level=5"),
        ("watch", "run.log", "--disable", "NoSuchRule"),
        ("watch", "run.log", "--time-zone", "Moon"),
        ("watch", "gone.log"),
        ("watch", "run.log", "--baseline", "gone"),
        ("replay", "run.log", "--now", "yesterday"),
        ("rules", "explain", "NoSuchRule"),
        ("service", "print", "nothing"),
        ("compare", "run.log", "gone"),
        ("show", "ffff0000", "run.log"),
        ("check", "gone.log"),
    ],
    ids=" ".join,
)
def test_a_wrong_value_has_one_expectation(line: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    (folder / "trainwarden").mkdir()
    write(folder / "run.log", HEALTHY)
    said = monitor(*line)
    assert said.code == 2
    assert said.err.count("expected") == 1, said.err


@pytest.mark.parametrize(
    ("line", "guess"),
    [
        (("chek",), "check"),
        (("wach", "run.log"), "watch"),
        (("rules", "lst"), "list"),
        (("check", "--junti", "x"), "--junit"),
        (("check", "run.log", "--jun"), "--junit"),
        (("watch", "--untilend"), "--until-end"),
        (("rules", "explain", "GradientVanishin"), "GradientVanishing"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else each,
)
def test_what_was_probably_meant_is_named(line: tuple[str, ...], guess: str):
    assert monitor(*line).err.endswith(f"(did you mean {guess!r}?)\n")


def test_a_word_that_is_like_nothing_gets_no_suggestion():
    assert "did you mean" not in monitor("xyzzyxyzzy").err


REFUSED = """
import errno, sys
import monitor.cli.check as check
from monitor.cli import main

def read(*_, **__):
    raise PermissionError(errno.EACCES, "Permission denied", "/logs/run.log")

check.read, check._found = read, list
sys.argv = ["monitor", "check", "/logs/run.log"]
main()
"""


def test_a_place_that_may_not_be_read_is_not_said_to_need_the_right_to_write():
    done = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, timeout=60, check=False)
    expected = "monitor: /logs/run.log: Permission denied; expected a place that this user may use\n"
    assert (done.returncode, done.stderr) == (2, expected)
