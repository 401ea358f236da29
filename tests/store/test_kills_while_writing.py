"""Whatever is being written when the process is killed: the file is the whole old one, or the whole new one."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest

from monitor.config import load_config
from monitor.engine.step import Engine
from monitor.live.committer import Opened, open_committer
from monitor.live.reload import InForce, Reloader
from monitor.notify.silences import FILE, change_silences, new_silence, read_silences
from monitor.report.build import build
from monitor.report.drawing import draw_file
from monitor.report.model import Page
from monitor.report.publish import publish, render
from monitor.run.summary import summarise
from monitor.sinks import open_sinks
from monitor.snapshot import Snapshot
from monitor.store.baselines import Baselines
from tests.cli.logs import HEALTHY, TROUBLED
from tests.cli.watching import FakeClock
from tests.lines import numbered, pipeline, run_of, take

KILLS = 50
"""Of each of four kinds of file."""
LONGEST_S = 0.05


def report(folder: Path, number: int) -> None:
    """Publish one of two pages with its charts, all made before, so that a kill meets the writing."""
    page, text, charts = pages()[number % 2]
    with (
        patch("monitor.report.publish.render", lambda *args, **options: text),
        patch("monitor.report.publish.drawing.draw_file", lambda chart: charts[chart.name]),
    ):
        publish(folder / "STATUS.md", page, "md")


def check_report(folder: Path) -> None:
    found = (folder / "STATUS.md").read_text()
    (shown,) = [charts for _, text, charts in pages() if text == found]
    for name in shown:
        chart = (folder / "STATUS.charts" / f"{name}.svg").read_text()
        assert chart in {charts.get(name) for _, _, charts in pages()}


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


def reload(folder: Path, number: int) -> None:
    """Open the state, reload a watch file that is bad and one that is good again, and send what came of it."""
    (folder / "watch.yaml").write_text("title: good\n")
    with opened(folder) as found:
        reloader = Reloader(in_force(folder), lambda: in_force(folder), _use, found.committer, FakeClock(), _say)
        for text in ("nothing_of_that: 1\n", f"title: reload {number}\n"):
            (folder / "watch.yaml").write_text(text)
            reloader.reload()
            found.committer.hurry()
            assert found.committer.settle(FakeClock(), []) == []


def check_reload(folder: Path) -> None:
    with opened(folder) as found:
        assert (found.lost, found.problems) == ([], [])
    told = [json.loads(line) for line in (folder / "alerts.jsonl").read_text().splitlines()]
    assert {each["alert"] for each in told} <= {"ReloadFailed"}


@contextmanager
def opened(folder: Path) -> Iterator[Opened]:
    found = open_committer(folder / "state", open_sinks([f"jsonl:{folder / 'alerts.jsonl'}"]).sinks)
    try:
        yield found
    finally:
        found.committer.close()


def in_force(folder: Path) -> InForce:
    return InForce(load_config(folder / "watch.yaml"), Engine(()), _publish)


def _use(found: InForce) -> None: ...


def _say(text: str) -> None: ...


def _publish(snapshot: Snapshot, page: Path) -> None: ...


RUN = run_of(HEALTHY)


def made(lines: Sequence[bytes]) -> tuple[Page, str, dict[str, str]]:
    """Return a log's page, its text, and its charts as files."""
    known = pipeline(())
    take(known, numbered(lines))
    page = build(known.snapshot(known.run.now, is_following=True))
    return page, render(page, "md", pictures="STATUS.charts"), {each.name: draw_file(each) for each in page.charts}


@cache
def pages() -> list[tuple[Page, str, dict[str, str]]]:
    """Return two pages; one of them has a chart that the other lacks."""
    return [made(HEALTHY), made([each for each in TROUBLED if b"GRAD-MONITOR" not in each])]


@pytest.mark.parametrize(
    ("write", "check"),
    [(report, check_report), (silences, check_silences), (baseline, check_baseline), (reload, check_reload)],
    ids=["report", "silences", "baseline", "reload"],
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
            try:
                for number in count(2):
                    write(tmp_path, number)
            finally:
                os._exit(1)
        threading.Event().wait(LONGEST_S * source.random())
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it failed by itself"
        check(tmp_path)
