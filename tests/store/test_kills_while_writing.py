"""Whatever is being written when the process is killed: the file is the whole old one, or the whole new one."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.base.atomicfile import write_atomically
from monitor.notify.silences import FILE, change_silences, new_silence, read_silences
from monitor.run.summary import summarise
from monitor.store.baselines import Baselines
from tests.cli.logs import HEALTHY
from tests.lines import run_of

KILLS = 70
"""Of each of three kinds of file."""
LONGEST_S = 0.02


def report(folder: Path, number: int) -> None:
    write_atomically(folder / "STATUS.md", f"{number}\n" * 50_000)


def check_report(folder: Path) -> None:
    lines = (folder / "STATUS.md").read_text().splitlines()
    assert len(lines) == 50_000
    assert len(set(lines)) == 1


def silences(folder: Path, number: int) -> None:
    many = [new_silence(f"Rule{number}", "me", "r" * 300, float(each), None) for each in range(500)]
    change_silences(folder, lambda known: many)


def check_silences(folder: Path) -> None:
    found = read_silences(folder)
    assert len(found) == 500
    assert len({each.target for each in found}) == 1
    assert json.loads((folder / FILE).read_text())


def baseline(folder: Path, number: int) -> None:
    Baselines(folder).save(f"good-{number % 2}", summarise(RUN, "run.log"))


def check_baseline(folder: Path) -> None:
    for name in ("good-0", "good-1"):
        found = Baselines(folder).find(name)
        assert found is not None
        assert found == summarise(RUN, "run.log")


RUN = run_of(HEALTHY)


@pytest.mark.parametrize(
    ("write", "check"),
    [(report, check_report), (silences, check_silences), (baseline, check_baseline)],
    ids=["report", "silences", "baseline"],
)
def test_a_kill_leaves_a_whole_file(
    tmp_path: Path, write: Callable[[Path, int], None], check: Callable[[Path], None]
) -> None:
    source = random.Random(20)
    write(tmp_path, 0)
    write(tmp_path, 1)
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            number = 2
            while True:
                write(tmp_path, number)
                number += 1
        threading.Event().wait(LONGEST_S * source.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        check(tmp_path)
