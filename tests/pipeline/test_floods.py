"""Whatever a log invents without end is bounded in time, memory, state and alerts; what is left out is told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

from monitor import grammar
from monitor.alert import State
from monitor.engine.left_out import MOST_FIRED, RULE
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.rules.choice import shipped_rule_files
from monitor.store.saved import NOTHING, Saved, to_rows
from monitor.tail.linebuffer import LineBuffer
from tests.lines import at, report

RULES = tuple(load_rules(shipped_rule_files()))
NAN = float("nan")
STATE_BYTES = 8 << 20


def new_run(number: int) -> bytes:
    return at(number, grammar.RunStart(run=f"r{number}", pid=number % 30_000 + 2, host="h"))


def nan_group(number: int) -> bytes:
    return at(number, report(number, **{f"group_{number}": NAN}))


def nan_tensor(number: int) -> bytes:
    return at(number, grammar.EncoderGrad(tensor=f"t{number}", norm=NAN, max=NAN, step=number))


def nan_metric(number: int) -> bytes:
    return f"epoch {number // 4 + 1} step {number} loss 0.5 val_m{number % 5_000}: nan".encode()


def new_phase(number: int) -> bytes:
    return at(number, grammar.Phase(name=f"p{number}", epoch=1))


def new_error(number: int) -> bytes:
    return at(number, grammar.Error(type=f"E{number}", message="m", step=number))


def going_back(number: int) -> bytes:
    return f"step {number % 7} loss 0.{number % 97 + 1}".encode()


def nan_epoch(number: int) -> bytes:
    return f"Epoch {number + 1}/1000000 - loss: 0.5{number % 10} - val_loss: nan".encode()


def new_death(number: int) -> bytes:
    return f"RuntimeError: CUDA out of memory {number}".encode()


def new_key(number: int) -> bytes:
    return f'{{"step": {number}, "k{number}": 1.5}}'.encode()


def new_shape(number: int) -> bytes:
    return f"w{number} x{number * 7} foo {number}.5 bar{number}".encode()


SORTS = (
    *(new_run, nan_group, nan_tensor, nan_metric, new_phase, new_error, going_back, nan_epoch, new_death, new_key),
    new_shape,
)


class Flood(NamedTuple):
    """What a flood came to."""

    pipeline: Pipeline
    fired: Counter[str]
    """How often each rule fired."""
    first_s: float
    """Processor time of the first half."""
    second_s: float
    state_bytes: int


def flood(make: Callable[[int], bytes], num_lines: int) -> Flood:
    """Take a log of one sort through all stations, line by line."""
    pipeline, feed, fired = Pipeline("run.log", Engine(RULES)), LineBuffer().feed, Counter[str]()
    times = [time.process_time()]
    for half in range(2):
        for number in range(half * num_lines // 2, (half + 1) * num_lines // 2):
            for line in feed(make(number) + b"\n"):
                fired.update(each.rule for each in pipeline.take(line) if each.state is State.FIRING)
        times.append(time.process_time())
    rows = to_rows(Saved(run=pipeline.run, states=pipeline.states, history=pipeline.history), NOTHING)
    size = len(rows.core) + sum(map(len, rows.series.values())) + sum(map(len, rows.alerts))
    return Flood(pipeline, fired, times[1] - times[0], times[2] - times[1], size)


@pytest.mark.slow
@pytest.mark.parametrize("make", SORTS)
def test_a_flood_takes_linear_time_and_bounded_state(make: Callable[[int], bytes]) -> None:
    found = flood(make, 6_000)
    assert found.state_bytes < STATE_BYTES
    # Square time would give three.
    assert found.second_s < 2.5 * found.first_s + 0.5
    assert max(found.fired.values(), default=0) <= MOST_FIRED
    assert found.pipeline.run.unjudged == 0


def test_a_rule_that_fires_without_end_is_counted_and_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.engine.lifecycle.MOST_FIRED", 20)
    found = flood(new_run, 100)
    assert found.fired["RestartLoop"] == 20
    assert found.fired[RULE] == 1
    assert found.pipeline.states.num_left_out > 50
