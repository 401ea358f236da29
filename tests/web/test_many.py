"""Two hundred runs on one page, and fifty readers of the stream: quick, small, and none is held by another."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil
import pytest

from tests.conftest import require_installed
from tests.notify.receivers import free_port, until
from tests.web.devtools import CLOCK, browser
from tests.web.engines import OPENER, ask
from tests.web.readers import connected
from tests.web.states import RULE, Watch, logs_in, steps

pytestmark = pytest.mark.slow
RUNS, LOAD_S, MOST_PAGE_BYTES = 200, 1.0, 3_000_000
CLIENTS, STREAMED_S, MOST_MEMORY_BYTES, TICK_S = 50, 60.0, 120_000_000, 2.0
ALONE = 11
"""Alerts before anyone reads: what a turn of the watch that has one takes by itself."""
MOST_SLOWER, NOISE_S = 1.25, 0.03
"""What readers may add to such a turn: server, watch and readers share two cores."""


@pytest.fixture
def many(tmp_path: Path) -> Iterator[tuple[str, int, Watch, list[Path]]]:
    """A server of 200 runs: its address, its process, and the watch."""
    logs = logs_in(tmp_path / "runs", [(f"run-{number:03}", steps(0, 600)) for number in range(RUNS)])
    watch = Watch(tmp_path / "state", logs)
    port = free_port()
    command = [sys.executable, "-m", "monitor", "serve", "--state", str(tmp_path / "state"), "--listen"]
    with (tmp_path / "served").open("wb") as err:
        process = subprocess.Popen([*command, f"127.0.0.1:{port}"], stderr=err)
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        try:
            return bool(ask(f"{url}/healthz")["runs"] == RUNS)
        except OSError:
            return False

    try:
        until(is_ready, 120)
        yield url, process.pid, watch, logs
    finally:
        process.kill()
        process.wait()
        watch.close()


def test_200_runs_are_one_page_of_less_than_a_second_and_3_mb(many: tuple[str, int, Watch, list[Path]], tmp_path: Path):
    require_installed("chromium")
    url = many[0]
    with browser(tmp_path / "profile") as page:
        loads = []
        for _ in range(5):
            page.open(url)
            loads.append(page.get("performance.getEntriesByType('navigation')[0].loadEventEnd / 1000"))
        size = page.get("performance.getEntriesByType('navigation')[0].transferSize")
        assert page.get("document.querySelectorAll('.run').length") == RUNS
        assert page.complaints == []
    print(f"200 runs: {min(loads):.2f} s, {size / 1e6:.2f} MB")
    assert min(loads) < LOAD_S
    assert size < MOST_PAGE_BYTES


def test_50_readers_miss_nothing_and_slow_or_dead_ones_hold_no_one(
    many: tuple[str, int, Watch, list[Path]], tmp_path: Path
):
    url, pid, watch, logs = many
    port, server = int(url.rpartition(":")[2]), psutil.Process(pid)
    alone = [turn_with_an_alert(watch, log) for log in logs[:ALONE]]
    until(lambda: ask(f"{url}/api/alerts?limit=200")["total"] == ALONE, 60)
    dead = [connected(port, buffer=1024) for _ in range(5)]
    # In a process of their own: what they take is not what the watch waits for.
    (tmp_path / "told").mkdir()
    told_to = [tmp_path / "told" / f"{each}" for each in range(CLIENTS)]
    words = [sys.executable, "-m", "tests.web.readers", f"{port}", f"{CLIENTS}", f"{tmp_path / 'told'}"]
    readers = subprocess.Popen(words)
    until(lambda: all(each.exists() and b"retry" in each.read_bytes() for each in told_to), 60)
    began, number, turns, most_memory = CLOCK.monotonic(), ALONE, [], 0
    while CLOCK.monotonic() - began < STREAMED_S and number < RUNS:
        turns.append(turn_with_an_alert(watch, logs[number]))
        number += 1
        most_memory = max(most_memory, server.memory_info().rss)
    number, new = number - ALONE, logs[ALONE:number]
    until(lambda: all(each.read_bytes().count(RULE.encode() + b'", "fault"') >= number for each in told_to), 60)
    readers.kill()
    readers.wait()
    for data in map(Path.read_bytes, told_to):
        told = [data.count(f'"log": "{log}", "host"'.encode()) for log in new]
        assert told == [1] * number
        assert b"event: reload" not in data
    for connection in dead:
        connection.close()
    with OPENER.open(f"{url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    before, during = median(alone), median(turns)
    print(
        f"{number} alerts to {CLIENTS} readers; {most_memory / 1e6:.0f} MB; a turn of the watch took "
        f"{during:.3f} s, {before:.3f} s without readers"
    )
    assert most_memory < MOST_MEMORY_BYTES
    assert during < MOST_SLOWER * before + NOISE_S


def turn_with_an_alert(watch: Watch, log: Path) -> float:
    """Write a line that alarms, and return how long the watch took for it, at the pace of one in `TICK_S`."""
    with log.open("a") as file:
        file.write("step 600: loss nan\n")
    at = CLOCK.monotonic()
    watch.turn()
    took = CLOCK.monotonic() - at
    threading.Event().wait(max(0.0, TICK_S - took))
    return took
