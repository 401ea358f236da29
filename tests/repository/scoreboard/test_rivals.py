"""The rivals of the scoreboard: each sees what its published rules name, and leaves a healthy run alone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from monitor.grammar import Record, RunEnd
from monitor.rules import load_rules
from monitor.rules.choice import shipped_rule_files
from tests.scoreboard.rival_cases import CASES, GREP, TENSORS
from tests.scoreboard.rival_logs import BEGIN, gradients, labels, step, train, units, weights, write
from tests.scoreboard.rivals import RIVALS, Rival
from tests.scoreboard.rivals.observed import observe
from tests.scoreboard.rivals.sagemaker_losses import SageMakerLosses
from tests.scoreboard.rivals.sagemaker_profiler import SageMakerProfiler
from tests.scoreboard.rivals.trainproof import Trainproof

WRITTEN_ANEW = [rival for rival in RIVALS if not isinstance(rival, Trainproof)]


@pytest.mark.parametrize("case", CASES)
def test_a_rule_says_what_its_document_says(case: str, tmp_path: Path):
    rival, parts, expected = CASES[case]
    assert labels(rival, write(tmp_path / "run.log", parts)) == expected


def test_every_rule_is_tried():
    tried = {(rival.name, label) for rival, _, expected in CASES.values() for _, label in expected}
    assert tried == {(rival.name, label) for rival in WRITTEN_ANEW for label in rival.kinds}


def test_silence_at_the_end_counts_from_the_last_line_until_the_watching_stopped(tmp_path: Path):
    path = write(tmp_path / "run.log", [step(1, 1.0)])
    assert labels(GREP, path) == labels(TENSORS, path) == []
    assert labels(GREP, path, until=BEGIN + 302) == [(1, "no new bytes")]
    assert labels(TENSORS, path, until=BEGIN + 1802) == [(1, "StalledTrainingRule")]
    [silence], [stall] = GREP.judge(path, until=BEGIN + 5000), TENSORS.judge(path, until=BEGIN + 5000)
    assert (silence.at, stall.at) == (BEGIN + 301, BEGIN + 1801)


def test_the_debugger_knows_that_the_run_is_over_and_the_shell_script_does_not(tmp_path: Path):
    path = write(tmp_path / "run.log", [step(1, 1.0), RunEnd(status="completed")])
    assert labels(TENSORS, path, until=BEGIN + 9999) == []
    assert labels(GREP, path, until=BEGIN + 9999) == [(1, "no new bytes")]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("healthy") / "run.log")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("broken") / "run.log", is_broken=True)


@pytest.mark.parametrize("rival", WRITTEN_ANEW, ids=lambda rival: rival.name)
def test_a_real_run_whose_loss_becomes_nan_is_seen_by_all(rival: Rival, healthy: Path, broken: Path):
    named = [alarm for alarm in rival.judge(broken) if alarm.label in rival.catches("loss_nonfinite")]
    if isinstance(rival, SageMakerLosses | SageMakerProfiler):
        assert named == []  # none of their rules is about numbers that are none
        return
    assert named[0].step in range(50, 76)
    assert rival.judge(healthy) == []


def test_judging_a_log_of_400_steps_takes_less_than_50_ms(tmp_path: Path):
    parts: list[Record] = []
    for number in range(400):
        groups = dict.fromkeys("abcdefgh", 1.0)
        parts += [step(number, 2.0 * 0.99**number), gradients(number, **groups), weights(number), units(number, dead=1)]
    path = write(tmp_path / "run.log", parts)
    observe(path)  # read once for all of them, as the board does
    for rival in WRITTEN_ANEW:
        seconds = []
        for _ in range(3):
            begun = time.perf_counter()
            assert rival.judge(path) == []
            seconds.append(time.perf_counter() - begun)
        assert min(seconds) < 0.05, rival.name


def test_the_kinds_that_rules_name_are_ours():
    ours = {rule.fault for rule in load_rules(shipped_rule_files())}
    for rival in RIVALS:
        assert frozenset().union(*rival.kinds.values()) <= ours, rival.name
