"""What a state folder shows, while the watch runs or after its end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import LIMIT_S, monitor, started
from tests.cli.logs import EPOCH_1, HEALTHY, TROUBLED, joined, write
from tests.lines import at, train
from tests.tail.daemons import pause

NAN = at(20, train(2, loss=float("nan"), epochs=2))


def status(folder: Path) -> dict[str, object]:
    """Return the one log of a folder's state."""
    said = monitor("status", "--state", folder / "state", "--json")
    document = json.loads(said.out)
    [log] = document["logs"]
    return {**log, "process": document["process"], "code": said.code}


def test_the_state_is_read_while_the_watch_writes_it(folder: Path):
    write(folder / "run.log", [*EPOCH_1, NAN])
    with started("watch", "run.log", "--state", "state", "--sink", "jsonl:a.jsonl", cwd=folder) as process:
        process.until(lambda out: "TrainLossNonfinite firing" in out)
        for _ in range(500):
            if status_lines(folder) == len(EPOCH_1) + 1:
                break
            pause(0.05)
        seen = status(folder)
        assert seen["process"] == int((folder / "state" / "lock").read_text())
        process.signal(signal.SIGTERM)
        process.ended()
    assert (seen["run"], seen["status"], seen["step"], seen["code"]) == ("fit-1", "running", 2, 1)
    assert "TrainLossNonfinite" in [alert["alert"] for alert in seen["alerts"]]
    assert (seen["bytes_behind"], seen["seconds_behind"], seen["num_undelivered"]) == (0, 0.0, 0)


def status_lines(folder: Path) -> int:
    said = monitor("status", "--state", folder / "state", "--json")
    logs = json.loads(said.out)["logs"] if said.out else []
    return logs[0]["lines"] if logs else 0


@pytest.fixture
def watched(folder: Path) -> Path:
    """Return a folder with a log and the state of a watch that has ended."""
    write(folder / "run.log", [*EPOCH_1, NAN])
    with started("watch", "run.log", "--state", "state", cwd=folder) as process:
        process.until(lambda out: "TrainLossNonfinite firing" in out)
        process.signal(signal.SIGTERM)
        process.ended()
    return folder


def test_what_was_written_since_is_behind(watched: Path):
    more = joined([at(30, train(3, epochs=2)), at(40, train(4, epochs=2))])
    with (watched / "run.log").open("ab") as file:
        file.write(more)
    changed = (watched / "run.log").stat().st_mtime - 100
    os.utime(watched / "run.log", (changed, changed))
    seen = status(watched)
    assert (seen["process"], seen["bytes_behind"], seen["step"]) == (None, len(more), 2)
    assert 100 <= seen["seconds_behind"] < 1_000


def test_a_rotated_log_counts_as_behind_with_all_its_new_bytes(watched: Path):
    (watched / "run.log").rename(watched / "run.log.1")
    write(watched / "run.log", HEALTHY)
    assert status(watched)["bytes_behind"] == len(joined(HEALTHY))


def test_a_person_sees_where_the_run_is_and_what_fires(watched: Path):
    said = monitor("status", "--state", watched / "state")
    assert said.code == 1
    assert "no watch is running" in said.out
    assert re.search(
        r"^❌ fit-1 \(.*run\.log\) on gpu1 · no end seen; last line 23:41:11 at step 2", said.out, re.MULTILINE
    )
    assert "1 problem\n  🔴 TrainLossNonfinite: the training loss is nan, since step 2\n" in said.out
    assert "run.log: last line 2025-10-30T23:41:11.000Z; all of it is read" in said.out


def test_a_run_that_has_ended_is_not_called_calm_when_alerts_fired_in_it(watched: Path):
    write(watched / "run.log", [*EPOCH_1, NAN, at(30, train(3, epochs=2)), HEALTHY[-1]])
    monitor("watch", watched / "run.log", "--state", watched / "state", "--until-end")
    said = monitor("status", "--state", watched / "state")
    assert "completed at step 3, 2 of 2 epochs done" in said.out
    assert "1 problem, over\n  🟢 TrainLossNonfinite (over): " in said.out


def test_the_next_watch_continues_and_prints_only_what_is_new(watched: Path):
    write(watched / "run.log", [*EPOCH_1, NAN, at(30, train(3, epochs=2)), TROUBLED[-1]])
    said = monitor("watch", watched / "run.log", "--state", watched / "state", "--until-end")
    assert "TrainLossNonfinite firing" not in said.out
    assert "TrainLossNonfinite resolved" in said.out
    assert "RunFailed firing" in said.out


def test_looking_changes_nothing(watched: Path):
    before = {each.name: each.read_bytes() for each in (watched / "state").iterdir()}
    monitor("status", "--state", watched / "state", "--json")
    monitor("status", "--state", watched / "state")
    assert {each.name: each.read_bytes() for each in (watched / "state").iterdir()} == before


def test_a_folder_without_a_state_is_refused(folder: Path):
    said = monitor("status", "--state", folder)
    assert (said.code, said.out) == (2, "")
    assert "holds no state; expected" in said.err


def test_a_damaged_state_is_refused_in_one_line(watched: Path):
    (watched / "state" / "state.db").write_bytes(b"x" * 5000)
    said = monitor("status", "--state", watched / "state")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "state.db: cannot be read" in said.err


def test_without_a_folder_the_users_state_home_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "home"))
    said = monitor("status")
    assert f"{folder}/home/trainwarden: holds no state" in said.err


# ---- what a watch loads


@pytest.mark.parametrize(
    ("words", "kept_out"), [((), {"numpy", "rich", "sqlite3"}), (("--state", "s"), {"numpy", "rich"})]
)
def test_a_watch_loads_nothing_that_it_does_not_need(folder: Path, words: tuple[str, ...], kept_out: set[str]):
    write(folder / "run.log", HEALTHY)
    line = [sys.executable, "-X", "importtime", "-m", "monitor", "watch", "run.log", "--until-end", *words]
    ended = subprocess.run(line, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    rows = [row for row in ended.stderr.splitlines() if row.startswith("import time:")]
    loaded = {row.rpartition("|")[2].strip().split(".")[0] for row in rows}
    assert "monitor" in loaded
    assert loaded & kept_out == set()


@pytest.mark.parametrize("time", ["", "2026-11-01 10:00:{:02d},000 "], ids=["no line has a time", "every line has one"])
def test_a_log_that_is_followed_is_running_whether_its_lines_have_times_or_not(folder: Path, time: str):
    text = [f"{time.format(step)}step {step}: loss {3 - step / 100:.4f}\n" for step in range(40)]
    (folder / "run.log").write_text("".join(text))
    with started("watch", "run.log", "--state", "state", "--plain", "--no-probes", cwd=folder) as process:
        for _ in range(500):
            if status_lines(folder) == len(text):
                break
            pause(0.05)
        seen = status(folder)
        process.signal(signal.SIGTERM)
        process.ended()
    assert (seen["state"], seen["verdict"]) == ("running", "running")
    assert str(status(folder)["state"]).startswith("no end seen")
