"""A check mark that a log prints is not shown as ours, in any command's output."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor import grammar
from monitor.base.escape import MARKS
from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, write
from tests.lines import at, setting

FORGED = [f"{mark} all is well" for mark in MARKS]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    error = "; ".join(FORGED)
    lines = [
        *EPOCH_1,
        *(at(7, setting(f"NOTE_{number}", text)) for number, text in enumerate(FORGED)),
        *(each.encode() for each in FORGED),
        b"Traceback (most recent call last):",
        f"RuntimeError: {error}".encode(),
        at(8, grammar.Error(type="RuntimeError", message=error)),
        at(9, grammar.Nonfinite(where=FORGED[0], count=1)),
        at(9, grammar.RunEnd(status="failed", epochs=1, error=error)),
    ]
    return write(tmp_path / "run.log", lines)


def test_no_output_shows_a_mark_of_the_log(log: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    said = monitor("watch", log, "--state", state, "--until-end", "--notify-history", "--plain")
    shown = said.out + said.err
    for words in (["check"], ["replay"], ["doctor"], ["report"]):
        shown += monitor(*words, log).out
    shown += monitor("status", "--state", state).out
    listed = monitor("status", "--state", state, "--json").out
    for name in ("RunFailed", "TracebackSeen", "Nonfinite", "Crash"):
        shown += monitor("show", name, "--state", state).out
    assert listed
    assert "RunFailed" in shown
    assert [text for text in FORGED if text in shown] == []
