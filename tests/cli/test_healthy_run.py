"""A healthy training that declares what it does on purpose raises nothing, and leaves no rule without an answer."""

from __future__ import annotations

import pytest

from monitor.alert import Alert
from monitor.conditions import Outcome, Reading
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.run.derived.training import MOST_DELAY
from monitor.snapshot import Snapshot
from monitor.tail import read_lines
from tests.trainer.runs import fit, make_panel

LEARNS = {"epochs": 8, "train_every": 1, "base_lr": 3e-3, "dropout": 0.1}
"""What makes so small a model learn within seconds, to below the loss of a constant prediction."""
HEALTHY = {
    "plain": {},
    "with accumulated gradients": {"accumulate": 4},
    "with a long warm-up": {"warmup_steps": 40},
}
"""Settings that are deliberate, and declared by the trainer in its INTENT lines."""


@pytest.fixture(
    scope="module",
    params=[name if name == "plain" else pytest.param(name, marks=pytest.mark.slow) for name in HEALTHY],
)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, list[Alert]]:
    """Return a watch of a real run, to its end line."""
    folder = tmp_path_factory.mktemp("healthy")
    fit(folder, make_panel(folder, days=220), **LEARNS, **HEALTHY[request.param])
    (log,) = folder.glob("run-*.log")
    watching = Pipeline(str(log), Engine(load_rules(rule_files(()))))
    with log.open("rb") as stream:
        changes = [change for line in read_lines(stream) for change in watching.take(line)]
    return watching.snapshot(watching.run.now, is_following=False), changes


def answers(snapshot: Snapshot) -> list[tuple[str, Reading]]:
    return [(rule.alert, reading) for rule, readings in snapshot.readings for reading in readings]


def test_nothing_fires(watched: tuple[Snapshot, list[Alert]]):
    assert [(each.rule, each.state.value, each.reason) for each in watched[1]] == []


def test_every_rule_is_ok_or_not_applicable_by_a_line_of_the_log(watched: tuple[Snapshot, list[Alert]]):
    open_questions = {
        (name, reading.reason)
        for name, reading in answers(watched[0])
        if reading.outcome not in (Outcome.OK, Outcome.NOT_APPLICABLE) or not reading.evidence
    }
    waits = watched[0].run.attempt.of("train.run_delay_share")
    if waits and waits[()].last.value > MOST_DELAY:
        # The log says itself that the machine was busy: that is so, and how long a step takes stays open.
        open_questions = {each for each in open_questions if each[0] not in ("MachineBusy", "StepTimeGrown")}
    assert open_questions == set()


def test_not_applicable_means_declared_or_not_asked_for_or_not_written_by_this_trainer(
    watched: tuple[Snapshot, list[Alert]],
):
    reasons = {reading.reason for _, reading in answers(watched[0]) if reading.outcome is Outcome.NOT_APPLICABLE}
    assert "declared: device=cpu" in reasons
    proven = ("declared: ", "no ", "this trainer does not log it", "train.loss is reported more than once in an epoch")
    assert all(reason.startswith(proven) for reason in reasons)
