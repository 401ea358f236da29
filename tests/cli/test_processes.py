"""A watch as a process of its own: followed while it is written, stopped by signals, its output cut off."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import LIMIT_S, Process, monitor, started
from tests.cli.logs import EPOCH_1, FOREIGN, HEALTHY, TROUBLED, joined, write
from tests.lines import at, train

MONITOR = (sys.executable, "-m", "monitor")


# ---- replay equals live


def pieces(data: bytes, number: int) -> Iterator[bytes]:
    """Cut bytes in so many pieces, most of them in the middle of a line."""
    cuts = sorted(random.Random(1).sample(range(1, len(data)), number - 1))
    return (data[start:end] for start, end in pairwise([0, *cuts, len(data)]))


def write_while_read(log: Path, data: bytes, process: Process) -> None:
    """Write a log in pieces; twice, wait until the watch has told what was written so far."""
    for number, piece in enumerate(pieces(data, 60)):
        before = log.stat().st_size
        with log.open("ab") as file:
            file.write(piece)
        told = data[: before + len(piece)].count(b"[EPOCH]")
        if number in (20, 40):
            process.until(lambda out, told=told: out.count("[EPOCH]") >= told)


def test_a_live_watch_and_a_replay_give_the_same_alerts_byte_for_byte(folder: Path):
    log = write(folder / "run.log", [])
    with started(
        "watch", "run.log", "--sink", "jsonl:live.jsonl", "--until-end", "--notify-history", cwd=folder
    ) as process:
        write_while_read(log, joined(TROUBLED), process)
        live = process.ended()
    replay = monitor("replay", "run.log", "--json")
    assert (folder / "live.jsonl").read_text() == replay.out
    assert len(replay.objects()) > 8
    assert (live.code, replay.code) == (1, 1)


def test_a_rotation_in_between_changes_no_alert(folder: Path):
    """The last line of the old file is cut by the rename; what differs is where the lines of the second file lie."""
    log = write(folder / "run.log", [])
    data = joined(TROUBLED)
    middle = data.index(b"[DEGENERACY-GUARD] prediction head") + 200
    line_end = data.index(b"\n", middle) + 1
    with started(
        "watch", "run.log", "--sink", "jsonl:live.jsonl", "--until-end", "--notify-history", cwd=folder
    ) as process:
        write_while_read(log, data[:middle], process)
        process.until(lambda out: "GradientVanishing firing" in out)
        with log.open("ab") as writer:
            log.rename("run.log.1")
            writer.write(data[middle:line_end])
        write_while_read(write(folder / "run.log", []), data[line_end:], process)
        live = process.ended()
    (folder / "whole.log").write_bytes(data)
    replay = monitor("replay", "whole.log", "--json", "--name", "run.log")
    told = [json.loads(line) for line in (folder / "live.jsonl").read_text().splitlines()]
    assert list(map(without_places, told)) == list(map(without_places, replay.objects()))
    assert (live.code, live.err.count("run.log: rotated")) == (1, 1)


def without_places(alert: dict[str, Any]) -> dict[str, Any]:
    """Return an alert whose evidence is text alone."""
    return {**alert, "evidence": [line["text"] for line in alert["evidence"]]}


# ---- waiting, and being stopped


def test_a_log_that_does_not_exist_yet_is_waited_for(folder: Path):
    with started("watch", "later/run.log", "--wait", "--until-end", cwd=folder) as process:
        (folder / "later").mkdir()
        write(folder / "later/run.log", HEALTHY)
        said = process.ended()
    assert said.code == 0
    assert "· completed at step 2, 2 of 2 epochs done" in said.out


@pytest.mark.parametrize(
    ("lines", "number", "code"),
    [
        (EPOCH_1, signal.SIGINT, 0),
        (TROUBLED[:-1], signal.SIGINT, 1),
        ([*EPOCH_1[:1], *FOREIGN], signal.SIGINT, 3),
        (TROUBLED[:-1], signal.SIGTERM, 0),
    ],
    ids=["Ctrl-C, quiet", "Ctrl-C, fired", "Ctrl-C, blind", "SIGTERM, fired"],
)
def test_a_watch_that_is_stopped_sums_up_and_leaves_its_page(folder: Path, lines: Sequence[bytes], number: int, code):
    write(folder / "run.log", lines)
    with started("watch", "run.log", "--report", "STATUS.md", "--every", "1h", cwd=folder) as process:
        process.until(lambda out: "[RUN] start" in out)
        process.signal(number)
        said = process.ended()
    assert said.code == code
    assert "fit-1 (run.log) on gpu1 · " in said.out
    assert "Checked" in said.out
    assert "Traceback" not in said.err
    assert "fit-1" in (folder / "STATUS.md").read_text()


# ---- streams that are not there, or go away


def shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command with MONITOR replaced by the command; return the exit code of the first program."""
    line = command.replace("MONITOR", " ".join(MONITOR))
    return subprocess.run(
        ["bash", "-c", f"{line}; exit ${{PIPESTATUS[0]}}"],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="latin-1",
        check=False,
        timeout=LIMIT_S,
    )


@pytest.fixture
def quiet(folder: Path) -> Path:
    """Return a folder with a log in which nothing fires, and that is too long for a pipe's buffer as JSON."""
    write(folder / "run.log", HEALTHY)
    write(folder / "long.log", [each for step in range(400) for each in spikes(step)])
    return folder


def spikes(step: int) -> list[bytes]:
    """Return a loss that is not a number, and the next one that is."""
    return [at(2 * step, train(2 * step + 1, loss=float("nan"))), at(2 * step + 1, train(2 * step + 2))]


def test_a_reader_that_goes_away_causes_neither_alert_nor_traceback(quiet: Path):
    ended = shell("MONITOR replay long.log --json | head -n 1", quiet)
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")
    assert ended.returncode not in (1, 3)


def test_a_closed_output_causes_neither_alert_nor_traceback(quiet: Path):
    ended = shell("MONITOR replay run.log >&-", quiet)
    assert ended.returncode in (0, 2)
    assert "Traceback" not in ended.stderr


def test_a_full_disk_is_one_clear_line(quiet: Path):
    ended = shell("MONITOR replay run.log >/dev/full", quiet)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "expected" in ended.stderr


def test_closed_standard_input_is_one_clear_line(quiet: Path):
    ended = shell("MONITOR replay - <&-", quiet)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("monitor: -: ")


def test_a_terminal_without_unicode_still_gets_every_word(quiet: Path):
    ended = shell("MONITOR replay run.log", quiet, PYTHONIOENCODING="latin-1", LC_ALL="C")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\\u2705 liveness: TrainingStall" in ended.stdout
