"""trainproof gets our log whole, and what it says of it comes back with the step at which it would have said it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.grammar import ActivationReport, Epoch, GradReport, Record, Train, WeightReport
from tests.scoreboard.rival_logs import BEGIN, NAN, epoch, falling, labels, step, train, write
from tests.scoreboard.rivals import trainproof
from tests.scoreboard.rivals.observed import observe
from tests.scoreboard.rivals.trainproof import Trainproof
from tests.scoreboard.rivals.trainproof_log import as_object, converted


def numbers(value: Any) -> Iterator[str]:
    """Every number within a record or an object of JSON, as Python writes it; truth values are none."""
    match value:
        case Record():
            yield from numbers([getattr(value, name) for name in value.field_names()])
            yield from numbers(
                [float(text) if "." in text or text in ("nan", "inf") else int(text) for _, text in value.extra]
            )
        case dict():
            yield from numbers(list(value.values()))
        case list() | tuple():
            for each in value:
                yield from numbers(each)
        case bool() | str() | None:
            return
        case int() | float():
            yield repr(value)


@pytest.mark.parametrize("is_broken", [False, True])
def test_no_number_of_a_log_is_lost_on_the_way_to_trainproof(is_broken: bool, tmp_path: Path):
    lines = observe(train(tmp_path / "run.log", is_broken=is_broken))
    objects = [json.loads(text) for text in converted(lines).splitlines()]
    assert len(objects) == len(lines)
    kinds = set()
    for line, made in zip(lines, objects, strict=True):
        if isinstance(line.record, Train | Epoch | GradReport | WeightReport | ActivationReport):
            added = [
                made.pop("at"),
                made.pop("time", None),
                made.pop("step") if isinstance(line.record, Epoch) else None,
            ]
            assert added[0] == line.at and added[1] in (None, line.at) and added[2] in (None, line.step)
            assert sorted(numbers(line.record)) == sorted(numbers(made))
            kinds.add(type(line.record))
    assert kinds == {Train, Epoch, GradReport, WeightReport, ActivationReport}


def test_trainproof_gets_its_own_names_for_what_it_knows(tmp_path: Path):
    parts = [step(4, 0.5, lr=1e-3, grad_norm=2.0, s_per_batch=0.25, load_s=0.125), epoch(1, 0.625, 0.75)]
    first, second = map(as_object, observe(write(tmp_path / "run.log", parts)))
    assert {name: first[name] for name in ("step", "loss", "lr", "grad_norm", "step_time", "loader_time", "time")} == {
        "step": 4,
        "loss": 0.5,
        "lr": 1e-3,
        "grad_norm": 2.0,
        "step_time": 0.25,
        "loader_time": 0.125,
        "time": BEGIN + 1,
    }
    assert (second["step"], second["eval_loss"], second["epoch_train_loss"]) == (4, 0.75, 0.625)
    assert "loss" not in second and "lr" not in second


def test_foreign_lines_stay_whole(tmp_path: Path):
    [line] = observe(write(tmp_path / "run.log", ["Traceback: ä"]))
    assert as_object(line) == {"text": "Traceback: ä"}


@pytest.fixture
def epoch_and_watch() -> Iterator[tuple[Trainproof, Trainproof]]:
    """trainproof in its own environment, where `make scoreboard` has put it."""
    if not trainproof.is_installed():
        if "trainproof" in os.environ.get("TRAINWARDEN_REQUIRE", "").split(","):
            pytest.fail("trainproof: not installed; expected it, TRAINWARDEN_REQUIRE lists it", pytrace=False)
        pytest.skip(f"trainproof is not installed in {trainproof.HOME}")
    yield Trainproof("epoch"), Trainproof("watch")
    trainproof.stop()


def test_trainproof_itself_judges_a_finished_log_and_a_growing_one(
    epoch_and_watch: tuple[Trainproof, Trainproof], tmp_path: Path
):
    finished, growing = epoch_and_watch
    healthy = write(tmp_path / "run.log", falling(lr=1e-3, grad_norm=1.0))
    assert labels(finished, healthy) == labels(growing, healthy) == []
    broken = write(tmp_path / "run.log", [*falling(1, 100, lr=1e-3, grad_norm=1.0), step(105, NAN), *falling(110, 200)])
    assert labels(finished, broken) == [(200, "TP-NAN")]
    assert labels(growing, broken) == [(105, "TP-NAN")]


def test_trainproof_itself_waits_for_ten_losses_and_warns_of_a_silent_log(
    epoch_and_watch: tuple[Trainproof, Trainproof], tmp_path: Path
):
    _, growing = epoch_and_watch
    few = write(tmp_path / "run.log", [step(1, 1.0), step(2, NAN)])
    assert labels(growing, few) == []
    assert labels(growing, few, until=BEGIN + 302) == []
    assert labels(growing, few, until=BEGIN + 303) == [(2, "TP-STALL")]


def test_what_trainproof_cannot_judge_is_no_alarm(epoch_and_watch: tuple[Trainproof, Trainproof], tmp_path: Path):
    finished, _ = epoch_and_watch
    assert labels(finished, write(tmp_path / "run.log", ["nothing that it knows"])) == []
