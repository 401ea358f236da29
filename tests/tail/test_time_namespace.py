"""A watch that goes on after the monotonic clock has jumped by decades tells what it would have told anyway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.base.errors import StateError
from monitor.store.store import look
from tests.cli.command import LIMIT_S, monitor
from tests.cli.logs import TROUBLED, joined
from tests.tail.daemons import LOOK_S, pause

DECADES_S = 1_000_000_000
AHEAD = ("unshare", "--user", "--map-root-user", "--time", "--monotonic", f"{DECADES_S}", "--boottime", f"{DECADES_S}")


@pytest.mark.slow
def test_clocks_that_jump_between_two_starts_change_nothing(tmp_path: Path, require: Callable[[str], None]) -> None:
    require("unshare")
    if subprocess.run([*AHEAD, "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no time namespace")
    log, state, sink = tmp_path / "run.log", tmp_path / "state", tmp_path / "alerts.jsonl"
    words = ["watch", log, "--state", state, "--sink", f"jsonl:{sink}", "--notify-history", "--no-probes"]
    parts = [TROUBLED[:2], TROUBLED[2:4], TROUBLED[4:]]
    for number, part in enumerate(parts):
        with log.open("ab") as file:
            file.write(joined(part))
        # Ahead by decades, back again, and ahead once more.
        before = AHEAD if number % 2 == 0 else ()
        last = ["--until-end"] if number == len(parts) - 1 else []
        command = [*before, sys.executable, "-m", "monitor", *words, *last]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            if last:
                assert process.wait(LIMIT_S) == 1
                continue
            read = sum(map(len, parts[: number + 1]))
            for _ in range(int(LIMIT_S / LOOK_S)):
                if (state / "state.db").exists() and lines_read(state) == read:
                    break
                pause(LOOK_S)
            else:
                raise AssertionError("it never read the log")
            os.kill(process.pid, signal.SIGKILL)
    told = [json.loads(line) for line in sink.read_text().splitlines()]
    wanted = monitor("replay", log, "--json").objects()
    assert [(each["alert"], each["state"], each["at"]) for each in told] == [
        (each["alert"], each["state"], each["at"]) for each in wanted
    ]


def lines_read(state: Path) -> int:
    try:
        _, found = look(state)
    except StateError:
        return 0  # it is being made
    return found[0].saved.run.lines if found else 0
