"""The state's disk is full: the watch says so, continues, and loses nothing that is still in the log."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.store.store import look
from tests.cli.command import monitor, started
from tests.cli.logs import START_LINE, joined, write
from tests.cli.test_sources import alerts, append, until
from tests.cli.watching import SHIPPED
from tests.lines import at, train
from tests.tail.daemons import DaemonProcess, pause
from tests.tail.kept import Kept

RULES = [rule for rule in SHIPPED if rule.alert == "TrainLossNonfinite"]
TRAINING = [START_LINE, at(10, train(1))]
BROKEN = at(20, train(2, loss=float("nan")))


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of half a megabyte; skips where that is not allowed."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"mount: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Leave no byte of room; return the file that takes it."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1000))
    return filler


def told(alert: dict[str, Any]) -> tuple[object, ...]:
    """Return what tells one transition from another."""
    return tuple(alert[field] for field in ("id", "alert", "state", "at"))


def committed_lines(state: Path) -> int:
    """Return how many lines of the log the state knows."""
    _, found = look(state)
    return found[0].saved.run.lines


def test_a_full_disk_is_reported_and_the_watch_continues_until_there_is_room(tmp_path: Path) -> None:
    """A limit on the size of files acts as a full disk: the system refuses each write beyond it."""
    state, log = tmp_path / "state", write(tmp_path / "run.log", TRAINING)
    daemon = DaemonProcess(log, state, RULES, {})
    daemon.start()
    daemon.until(lambda saved: saved.run.lines == 2)
    daemon.limit_files(64 * 1024)
    lines = [at(20 + step, train(2 + step)) for step in range(3_000)]
    for begin in range(0, 3_000, 500):
        with log.open("ab") as file:
            file.write(joined(lines[begin : begin + 500]))
        pause(0.3)
    daemon.until_output("state.db: cannot be written")
    committed = daemon.saved()
    assert committed is not None
    assert committed.run.lines < 3_002
    daemon.limit_files(resource.RLIM_INFINITY)
    assert daemon.until_read().run.lines == 3_002
    daemon.until_output("the state is written again")
    daemon.kill()
    daemon.start()
    with log.open("ab") as file:
        file.write(joined([at(9_000, train(9_000))]))
    assert daemon.until_read().run.lines == 3_003
    daemon.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_file_system_loses_nothing_that_is_still_in_the_log(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        kept = Kept(tmp_path, rules=RULES)
        kept.state = disk / "state"
        kept.start()
        kept.turn(TRAINING)
        filler = fill(disk)
        kept.turn([BROKEN, *(at(30 + step, train(3 + step)) for step in range(300))], after_s=5)
        assert [alert.rule for alert in kept.inbox.alerts] == ["TrainLossNonfinite"] * 2
        assert ["cannot be written" in text for text in kept.heard.troubles] == [True]
        filler.unlink()
        kept.turn([at(999, train(999))], after_s=5)
        assert "the state is written again" in kept.heard.troubles[-1]
        kept.restart()
        kept.turn()
        assert (kept.pipeline.run.lines, len(kept.inbox.alerts)) == (304, 2)
        kept.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_real_watch_on_a_full_disk_says_so_and_continues_and_loses_nothing(tmp_path: Path) -> None:
    """The whole command on a file system that fills up; it is killed and started again once there is room."""
    log = write(tmp_path / "run.log", TRAINING)
    with small_disk(tmp_path) as disk:
        words = ("watch", "run.log", "--state", disk / "state", "--sink", "jsonl:alerts.jsonl", "--notify-history")
        with started(*words, "--no-probes", cwd=tmp_path) as process:
            until(lambda: "live from here on" in process.err)
            filler = fill(disk)
            append(log, BROKEN, *(at(30 + step, train(3 + step)) for step in range(300)))
            until(lambda: [each["state"] for each in alerts(tmp_path)] == ["firing", "resolved"])
            until(lambda: "cannot be written" in process.err)
            assert committed_lines(disk / "state") < 303
            filler.unlink()
            append(log, at(999, train(999)))
            until(lambda: "the state is written again" in process.err)
            until(lambda: committed_lines(disk / "state") == 304)
            process.signal(signal.SIGKILL)
            process.ended()
        with started(*words, "--no-probes", cwd=tmp_path) as process:
            append(log, at(1_000, train(1_000)))
            until(lambda: committed_lines(disk / "state") == 305)
            process.signal(signal.SIGTERM)
            assert process.ended().code == 0
    replayed = monitor("replay", log, "--json").objects()
    # At least once, under one id: what arrived just before the kill may have come again.
    assert list(dict.fromkeys(map(told, alerts(tmp_path)))) == list(map(told, replayed))
