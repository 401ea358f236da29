"""``monitor doctor``: which rules could fire in time on a log, which could not, and what to change."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from monitor.grammar import Intent
from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, HEALTHY, START_LINE, write
from tests.lines import START, at, report, setting, train

STATES = ["blind", "late", "waiting", "off", "armed"]
"""In the order in which they are told."""


def rows(out: str) -> dict[str, str]:
    """Return each rule's state."""
    found = (line.split() for line in out.splitlines()[1:] if not line.startswith("     "))
    return {words[2]: words[1] for words in found}


def test_every_rule_in_force_has_one_row_the_worst_first(folder: Path):
    write(folder / "run.log", HEALTHY)
    said = monitor("doctor", "run.log")
    assert said.err == ""
    states = rows(said.out)
    assert list(states) != []
    assert sorted(states) == sorted(line.split()[0] for line in monitor("rules", "list").out.splitlines()[1:])
    assert list(states.values()) == sorted(states.values(), key=STATES.index)
    counted = re.findall(r"(\d+) (\w+)", said.out.splitlines()[0].partition("rules: ")[2])
    assert {state: int(number) for number, state in counted} == Counter(states.values())


def test_a_rule_whose_lines_come_is_armed_and_cites_the_newest(folder: Path):
    write(folder / "run.log", HEALTHY)
    out = monitor("doctor", "run.log").out
    assert rows(out)["TrainLossNonfinite"] == "armed"
    assert re.search(r"^✅ armed +TrainLossNonfinite .*train\.loss.*\[line 11\]$", out, re.MULTILINE)


def test_a_rule_whose_lines_stopped_is_blind_with_advice(folder: Path):
    """One gradient report at step 0, as the page had that this project started from, and then 1,410 steps."""
    log = [START_LINE, at(1, report(0, gat=1.0)), *(at(2 + step, train(step)) for step in range(0, 1_411, 10))]
    write(folder / "run.log", log)
    said = monitor("doctor", "run.log")
    assert said.code == 3
    assert rows(said.out)["GradientVanishing"] == "blind"
    lines = said.out.splitlines()
    place = lines.index(next(line for line in lines if line.startswith("❔ blind   GradientVanishing")))
    assert lines[place + 1].startswith("     change: ")


def test_a_rule_whose_signal_is_switched_off_is_off(folder: Path):
    log = [START_LINE, at(1, setting("ENABLE_GRAD_MONITOR", "0")), *(at(2 + step, train(step)) for step in range(9))]
    write(folder / "run.log", log)
    assert rows(monitor("doctor", "run.log").out)["GradientVanishing"] == "off"


def test_a_rule_whose_lines_come_too_rarely_for_its_promise_is_late(folder: Path):
    """A report every 200 steps of two seconds is one every 400 s."""
    log = [START_LINE, at(0, Intent(cadence_train=10, cadence_grad=200))]
    for step in range(0, 801, 10):
        log += [at(1 + 2 * step, train(step))]
        log += [at(1 + 2 * step, report(step, gat=1.0))] if step % 200 == 0 else []
    write(folder / "run.log", log)
    assert (
        rows(monitor("doctor", "run.log", "--set", "GradientVanishing.within=600s").out)["GradientVanishing"] == "armed"
    )
    said = monitor("doctor", "run.log", "--set", "GradientVanishing.within=300s")
    assert said.code == 3
    assert rows(said.out)["GradientVanishing"] == "late"
    assert "every 200 steps × 2 s = 400 s; GradientVanishing promises 300 s" in said.out


def test_as_json_there_is_one_object_per_rule_with_its_lines(folder: Path):
    write(folder / "run.log", HEALTHY)
    said = monitor("doctor", "run.log", "--json")
    found = {each["alert"]: each for each in said.objects()}
    assert {each["state"] for each in found.values()} <= set(STATES)
    loss = found["TrainLossNonfinite"]
    assert list(loss) == ["alert", "state", "reason", "change", "evidence"]
    assert (loss["state"], loss["change"]) == ("armed", None)
    assert [(line["path"], line["line"]) for line in loss["evidence"]] == [("run.log", 11)]


def test_only_rules_in_force_are_looked_at(folder: Path):
    write(folder / "run.log", HEALTHY)
    assert "TrainingStall" not in monitor("doctor", "run.log", "--disable", "TrainingStall").out


def test_without_a_log_it_takes_the_newest(folder: Path):
    logs = folder / "_logs/training"
    logs.mkdir(parents=True)
    write(logs / "old.log", HEALTHY)
    write(logs / "new.log", EPOCH_1)
    os.utime(logs / "old.log", (START, START))
    assert monitor("doctor").out.startswith("_logs/training/new.log: ")


@pytest.mark.parametrize("words", [["missing.log"], []])
def test_without_a_readable_log_it_is_refused(folder: Path, words: list[str]):
    said = monitor("doctor", *words)
    assert (said.code, said.out) == (2, "")
    assert re.fullmatch(r"monitor: .+; expected .+\n", said.err)
