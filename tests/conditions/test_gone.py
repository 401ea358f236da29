"""A rate that is next to nothing for a part of the run is told, however it got there; the end of a decay is not."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State

Schedule = Callable[[int, int], float]


def per_step(step: int, steps: int) -> float:
    """A scheduler of epochs, stepped with each batch."""
    return 1e-3 * 0.9**step


def cosine(step: int, steps: int) -> float:
    return 5e-4 * (1 + math.cos(math.pi * step / steps))


def square(step: int, steps: int) -> float:
    return 1e-3 * (1 - step / steps) ** 2


def steps_of_a_tenth(step: int, steps: int) -> float:
    return 10.0 ** -(3 + step * 4 // (steps + 1))


def restarts(step: int, steps: int) -> float:
    return cosine(step % (steps // 3 or 1), steps // 3)


def warm_up(step: int, steps: int) -> float:
    return 1e-3 * min(1.0, 1e-9 + step / steps)


def ours(schedule: Schedule, steps: int, every: int) -> Iterator[str]:
    for step in range(every, steps + 1, every):
        yield (
            f"2025-10-30T23:40:51.000Z INFO [TRAIN] epoch=1/1 batch={step}/{steps} step={step} loss=0.7 "
            f"lr={schedule(step, steps)!r}"
        )


def transformers(schedule: Schedule, steps: int, every: int) -> Iterator[str]:
    for step in range(every, steps + 1, every):
        yield str({"loss": 0.7, "grad_norm": 1.5, "learning_rate": schedule(step, steps), "epoch": step / steps})


def rounded(schedule: Schedule, steps: int, every: int) -> Iterator[str]:
    for step in range(every, steps + 1, every):
        yield f"step {step} loss: 0.7{step % 10} lr: {schedule(step, steps):.6f}"


def fires(lines: Iterator[str], folder: Path) -> bool:
    log = folder / "train.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return any(each.rule == "LearningRateGone" and each.state is State.FIRING for each in api.read(log).transitions)


@pytest.mark.parametrize("write", [ours, transformers])
@pytest.mark.parametrize(("steps", "every"), [(180, 10), (2000, 10), (5000, 100)])
def test_a_decay_in_every_step_is_told(write: Callable[..., Iterator[str]], steps: int, every: int, tmp_path: Path):
    assert fires(write(per_step, steps, every), tmp_path)


@pytest.mark.parametrize("schedule", [cosine, square, steps_of_a_tenth, restarts, warm_up])
@pytest.mark.parametrize(("steps", "every"), [(180, 1), (1000, 10), (20_000, 10)])
def test_a_decay_that_is_meant_is_quiet(schedule: Schedule, steps: int, every: int, tmp_path: Path):
    assert not fires(ours(schedule, steps, every), tmp_path)


def test_a_rate_that_is_printed_as_0_is_not_judged(tmp_path: Path):
    assert not fires(rounded(per_step, 400, 10), tmp_path)


@pytest.mark.parametrize("rate", ["nan", "inf", "-1e-9", "0.0"])
def test_a_rate_that_is_none_is_no_breach(rate: str, tmp_path: Path):
    lines = [*ours(per_step, 20, 10), *(each.rsplit("=", 1)[0] + f"={rate}" for each in ours(per_step, 200, 10))]
    assert not fires(iter(lines), tmp_path)
