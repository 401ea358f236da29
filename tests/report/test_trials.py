"""The commands of a page run before it is written, without a shell, and the page shows their results."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from monitor import grammar
from monitor.grammar import format_line
from monitor.report.build import build
from monitor.report.sections.commands import commands_to_try
from monitor.report.trials import Trial, try_out
from tests.report.conftest import STARTED_AT

HOST = "here"


def tried(snapshot, host: str = HOST):
    return build(snapshot, trials=try_out(commands_to_try(snapshot, host)), host=host).commands


def script(found) -> str:
    return "\n".join(each.script for each in found)


@pytest.mark.parametrize("name", ["run.log", "it's a $(touch pwned) log; x.log", "-r.log", "näh\n.log"])
def test_each_count_is_right_for_any_name_of_the_log(healthy, snapshot_of, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("\n".join(healthy) + "\n")
    text = script(tried(snapshot_of(healthy, log=name)))
    wanted = {
        "Training progress": r"Epoch|Val Loss|Sharpe",
        "Gradient health": "ENCODER-GRAD",
        "Full gradient monitor": "GRAD-MONITOR",
        "Epoch completion times": "Epoch.*Train Loss",
        "Sharpe ratio progression": "Sharpe Ratio:",
    }
    for about, pattern in wanted.items():
        count = sum(re.search(pattern, line) is not None for line in healthy)
        assert f"# {about} (now: {count} lines)" in text
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_count_of_no_reset_proves_nothing_where_the_guard_never_spoke(log, snapshot_of, tmp_path):
    path = tmp_path / "run.log"
    lines = log.start().preface().train(5, 1).lines
    path.write_text("\n".join(lines) + "\n")
    text = script(tried(snapshot_of(lines, log=str(path))))
    assert "Degeneracy reset count (now: no line, which proves nothing: no guard.check line was ever seen)" in text


def test_a_program_that_is_not_installed_is_left_out_and_named(log, snapshot_of, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "run.log"
    lines = log.start(host=HOST).preface(device="cuda:0").lines
    path.write_text("\n".join(lines) + "\n")
    found = tried(snapshot_of(lines, log=str(path)))
    assert "nvidia-smi" not in script(found)
    process = next(each for each in found if each.title == "Check Process Status")
    assert process.note is not None
    assert "not installed here: Process alive?, GPU utilization, GPU process details" in process.note.text


def test_a_command_that_does_not_end_is_given_up_after_its_time(tmp_path):
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    (trial,) = try_out([("grep", "-c", "x", str(pipe))], limit_s=0.2).values()
    assert trial == Trial(is_there=True, words="not finished after 0.2 s")


def test_the_process_of_another_machine_is_not_looked_for_here(log, snapshot_of, tmp_path):
    lines = log.start(host="gpu1", pid=os.getpid()).preface().lines
    snapshot = snapshot_of(lines, log=str(tmp_path / "run.log"))
    assert not any(argv[0] == "ps" for argv in commands_to_try(snapshot, HOST))
    assert any(argv[0] == "ps" for argv in commands_to_try(snapshot, "gpu1"))


def test_a_live_process_is_shown_as_alive(log, snapshot_of, tmp_path, require):
    require("ps")
    path = tmp_path / "run.log"
    lines = log.start(host=HOST, pid=os.getpid()).preface().lines
    path.write_text("\n".join(lines) + "\n")
    assert "# Process alive? (now: alive)" in script(tried(snapshot_of(lines, log=str(path))))


def test_commands_that_match_nothing_in_another_trainer_s_log_are_left_out(snapshot_of, tmp_path):
    path = tmp_path / "run.log"
    lines = ["something else", format_line(STARTED_AT, grammar.Floor(loss_floor=0.5))]
    path.write_text("\n".join(lines) + "\n")
    found = tried(snapshot_of(lines, log=str(path)))
    assert "ENCODER-GRAD" not in script(found)
    assert found[0].note is not None and "match no line of this log" in found[0].note.text


def test_standard_input_cannot_be_searched(healthy, snapshot_of):
    snapshot = snapshot_of(healthy, log="-")
    assert commands_to_try(snapshot, HOST) == []
    assert script(build(snapshot).commands) == ""
