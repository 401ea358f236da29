"""Many logs in one watch: named ones, logs of a folder or a pattern, late ones, logs of other ranks, a stream."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.tail.logset import LogSet
from monitor.tail.ranks import family, ranked
from tests.cli.command import LIMIT_S, monitor, started
from tests.cli.logs import COMPLETED, EPOCH_1, FAILED, HEALTHY, TROUBLED, joined, write
from tests.lines import at, train
from tests.tail.daemons import pause

NAN = at(20, train(2, loss=float("nan"), epochs=2))


def alerts(folder: Path) -> list[dict[str, Any]]:
    """Return what reached the receiver."""
    sink = folder / "alerts.jsonl"
    return [json.loads(line) for line in sink.read_text().splitlines()] if sink.exists() else []


def until(is_true: Callable[[], bool]) -> None:
    """Wait until this is so."""
    for _ in range(int(LIMIT_S / 0.05)):
        if is_true():
            return
        pause(0.05)
    raise AssertionError("it never came")


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(joined(lines))


# ---- several logs


def test_each_log_has_its_name_and_the_worst_decides(folder: Path):
    write(folder / "a.log", HEALTHY)
    write(folder / "b.log", TROUBLED)
    said = monitor("watch", folder / "a.log", folder / "b.log", "--until-end", "--notify-history")
    assert said.code == 1
    told = [line for line in said.out.splitlines() if " firing: " in line]
    assert told
    assert all(line.startswith("b.log | ") for line in told)
    assert "fit-1 (a.log) on gpu1 · completed" in said.out
    assert "fit-1 (b.log) on gpu1 · DIED" in said.out


def test_the_alerts_equal_those_from_a_replay_of_each_log(folder: Path):
    logs = [
        write(folder / f"{name}.log", lines)
        for name, lines in (("a", TROUBLED), ("b", [*EPOCH_1, NAN, at(30, COMPLETED)]))
    ]
    monitor("watch", *logs, "--until-end", "--notify-history", "--sink", "jsonl:alerts.jsonl")
    live = alerts(folder)
    for log in logs:
        own = [alert for alert in live if alert["evidence"][0]["path"] == str(log)]
        assert own == monitor("replay", log, "--json").objects()
    assert len(live) == sum(len(monitor("replay", log, "--json").objects()) for log in logs)


def test_two_logs_of_one_name_are_distinguished_by_their_folders(folder: Path):
    for name in ("one", "two"):
        (folder / name).mkdir()
        write(folder / name / "run.log", HEALTHY)
    said = monitor("watch", "one/run.log", "two/run.log", "--until-end")
    assert {line.partition(" | ")[0] for line in said.out.splitlines() if " | " in line} == {
        "one/run.log",
        "two/run.log",
    }


def test_one_page_for_several_logs_is_refused_and_a_folder_gets_one_each(folder: Path):
    write(folder / "a.log", HEALTHY)
    write(folder / "b.log", TROUBLED)
    refused = monitor("watch", "a.log", "b.log", "--until-end", "--report", "STATUS.md")
    assert (refused.code, "expected a folder" in refused.err) == (2, True)
    monitor("watch", "a.log", "b.log", "--until-end", "--report", "pages")
    assert sorted(path.name for path in (folder / "pages").glob("*.md")) == ["a.md", "b.md"]
    assert "b.log" in (folder / "pages" / "b.md").read_text()


# ---- folders and patterns


def test_a_folder_has_its_logs_and_no_rotated_nor_packed_ones(folder: Path):
    for name in ("a.log", "a.log.1", "a.log-20251030", "b.log.gz", "notes.txt", ".hidden.log"):
        (folder / name).write_bytes(b"x\n")
    (folder / "a.ranks").mkdir()
    (folder / "a.ranks" / "1.log").write_bytes(b"x\n")
    (folder / "latest.log").symlink_to("a.log")
    assert LogSet([str(folder)]).found() == [str(folder / "a.log"), str(folder / "a.ranks" / "1.log")]
    assert LogSet([f"{folder}/a*"]).found() == [str(folder / "a.log")]
    assert LogSet([f"{folder}/*.log", f"{folder}/a.log"]).found() == [str(folder / ".hidden.log")]


def test_a_log_that_appears_later_is_followed_and_nothing_in_it_is_history(folder: Path):
    (folder / "logs").mkdir()
    write(folder / "logs" / "a.log", EPOCH_1)
    with started("watch", "logs", "--sink", "jsonl:alerts.jsonl", "--state", "state", cwd=folder) as process:
        process.until(lambda out: "Epoch 1/2" in out)
        write(folder / "logs" / "b.log", [*EPOCH_1, NAN])
        until(lambda: "TrainLossNonfinite" in [alert["alert"] for alert in alerts(folder)])
        append(folder / "logs" / "a.log", NAN)
        until(lambda: len([alert for alert in alerts(folder) if alert["alert"] == "TrainLossNonfinite"]) == 2)
        process.signal(signal.SIGTERM)
        process.ended()
    assert [alert["alert"] for alert in alerts(folder)] == ["TrainLossNonfinite"] * 2


@pytest.mark.parametrize("logs", ["logs", "logs/*.log"])
def test_a_watch_that_found_no_log_does_not_look_calm(folder: Path, logs: str):
    (folder / "logs").mkdir()
    with started("watch", logs, cwd=folder) as process:
        until(lambda: "Ctrl-C ends" in process.err)
        process.signal(signal.SIGINT)
        said = process.ended()
    assert (said.code, said.out) == (3, "no log was found\n")


def test_logs_that_rested_long_are_left_alone_until_they_grow(folder: Path):
    (folder / "logs").mkdir()
    old = write(folder / "logs" / "old.log", TROUBLED[:-3])
    os.utime(old, (1_000_000_000, 1_000_000_000))
    write(folder / "logs" / "new.log", EPOCH_1)
    with started("watch", "logs", "--sink", "jsonl:alerts.jsonl", cwd=folder) as process:
        process.until(lambda out: "Epoch 1/2" in out)
        assert "RunFailed" not in process.out
        append(old, TROUBLED[-1])
        process.until(lambda out: "RunFailed" in out)
        process.signal(signal.SIGINT)
        process.ended()
    assert [alert["alert"] for alert in alerts(folder)] == ["BeforeThisWatch"]


def test_after_a_restart_each_log_of_a_folder_goes_on_where_it_was(folder: Path):
    (folder / "logs").mkdir()
    for name in "ab":
        write(folder / "logs" / f"{name}.log", [*EPOCH_1, NAN])
    words = ("watch", "logs", "--state", "state", "--sink", "jsonl:alerts.jsonl", "--notify-history")
    with started(*words, cwd=folder) as process:
        until(lambda: len(alerts(folder)) == 2)
        process.signal(signal.SIGKILL)
        process.ended()
    for name in "ab":
        append(folder / "logs" / f"{name}.log", at(30, train(3, epochs=2)))
    write(folder / "logs" / "c.log", [*EPOCH_1, NAN])
    with started(*words, cwd=folder) as process:
        until(lambda: len(alerts(folder)) == 5)
        process.signal(signal.SIGTERM)
        process.ended()
    states = sorted((Path(alert["evidence"][0]["path"]).name, alert["state"]) for alert in alerts(folder))
    assert states == [
        ("a.log", "firing"),
        ("a.log", "resolved"),
        ("b.log", "firing"),
        ("b.log", "resolved"),
        ("c.log", "firing"),
    ]


# ---- other processes of one training


@pytest.mark.parametrize(
    ("log", "rank", "same_as"),
    [
        ("/x/fit_1.ranks/1.log", 1, "/x/fit_1.log"),
        ("/x/none_abc/attempt_0/3/stderr.log", 3, "/x/none_abc/attempt_0/0/stdout.log"),
        ("/x/train_rank2.log", 2, "/x/train_rank0.log"),
        ("/x/RANK-7.log", 7, "/x/RANK-0.log"),
        ("/x/train.rank_1.out", 1, "/x/train.rank_0.out"),
    ],
)
def test_the_name_of_a_log_tells_its_rank(log: str, rank: int, same_as: str):
    of = ranked(log)
    assert of is not None
    assert (of.rank, of.family) == (rank, family(same_as))


@pytest.mark.parametrize("log", ["/x/run.log", "/x/frank1.log", "/x/1.log", "/x/3/stdout.log", "/x/ranking2.log"])
def test_other_names_say_nothing_of_a_process(log: str):
    assert ranked(log) is None


def test_a_rank_without_steps_is_neither_blind_nor_stalled_but_its_crash_counts(folder: Path):
    ranks = folder / "fit.ranks"
    ranks.mkdir()
    write(folder / "fit.log", HEALTHY)
    quiet = write(ranks / "1.log", [HEALTHY[0], at(500, COMPLETED)])
    alone = write(folder / "alone.txt", [HEALTHY[0], at(500, train(1))])
    assert "TrainingStall" in monitor("replay", alone, "--json").out
    said = monitor("watch", folder, "--until-end", "--notify-history", "--sink", "jsonl:quiet.jsonl")
    assert (said.code, (folder / "quiet.jsonl").read_text()) == (0, "")
    assert "no alert does not mean" not in said.err
    write(quiet, [HEALTHY[0], b"torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"])
    append(quiet, at(500, FAILED))
    said = monitor("watch", folder, "--until-end", "--notify-history", "--sink", "jsonl:loud.jsonl")
    told = [json.loads(line) for line in (folder / "loud.jsonl").read_text().splitlines()]
    assert said.code == 1
    assert {Path(alert["evidence"][0]["path"]).name for alert in told} == {"1.log"}


def test_status_shows_the_logs_of_one_run_together(folder: Path):
    ranks = folder / "fit.ranks"
    ranks.mkdir()
    write(folder / "fit.log", HEALTHY)
    write(folder / "other.log", [line.replace(b"run=fit-1", b"run=other") for line in HEALTHY])
    write(ranks / "1.log", HEALTHY)
    monitor("watch", folder, "--until-end", "--state", "state")
    document = json.loads(monitor("status", "--state", "state", "--json").out)
    runs = {run["run"]: [Path(log).name for log in run["logs"]] for run in document["runs"]}
    assert runs == {"fit-1": ["fit.log", "1.log"], "other": ["other.log"]}
    assert {Path(log["log"]).name: log["rank"] for log in document["logs"]} == {
        "fit.log": None,
        "1.log": 1,
        "other.log": None,
    }


# ---- standard input


def test_standard_input_is_followed_to_its_end(folder: Path):
    said = monitor("watch", "-", "--notify-history", stdin=joined(TROUBLED))
    assert said.code == 1
    assert "RunFailed firing" in said.out
    assert "fit-1 (-) on gpu1 · DIED" in said.out


def test_a_pipe_is_printed_as_it_comes_and_ends_with_its_writer(folder: Path):
    command = [sys.executable, "-m", "monitor", "watch", "-", "--sink", "jsonl:alerts.jsonl"]
    said = folder / "said.txt"
    with (
        said.open("wb") as err,
        subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(joined(EPOCH_1))
        process.stdin.flush()
        until(lambda: "live from here on" in said.read_text())
        assert alerts(folder) == []
        process.stdin.write(NAN)
        process.stdin.flush()
        pause(0.1)
        process.stdin.write(b"\n")
        process.stdin.flush()
        until(lambda: bool(alerts(folder)))
        process.stdin.write(b"Traceback (most recent call last):")
        process.stdin.close()
        assert process.wait(LIMIT_S) == 1
    assert next(alert["alert"] for alert in alerts(folder)) == "TrainLossNonfinite"
    assert "Traceback" in "".join(line["text"] for alert in alerts(folder) for line in alert["evidence"])


def test_a_state_cannot_resume_standard_input_and_warns(folder: Path):
    for _ in range(2):
        said = monitor("watch", "-", "--state", "state", stdin=joined(HEALTHY))
        assert "cannot be read again" in said.err
    [log] = json.loads(monitor("status", "--state", "state", "--json").out)["logs"]
    assert (log["log"], log["lines"]) == ("-", len(HEALTHY))
