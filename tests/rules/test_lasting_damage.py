"""An alert lasts as long as the damage: what the run was like before is not forgotten when its reports are."""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor import api
from monitor.alert import State

NUM_REPORTS, ONSET = 600, 200


class Report(NamedTuple):
    """What a training prints at one step, and in the validation after it."""

    loss: float
    val_loss: float
    val_accuracy: float
    grad_norm: float
    tokens_per_s: float
    memory_mb: float
    reward: float


def healthy(number: int, draw: random.Random) -> Report:
    fallen = math.exp(-number / 60)
    return Report(
        loss=0.5 + 2.5 * fallen + draw.gauss(0, 0.02),
        val_loss=0.6 + 2.5 * fallen + draw.gauss(0, 0.02),
        val_accuracy=0.9 - 0.4 * fallen + draw.gauss(0, 0.005),
        grad_norm=draw.uniform(0.8, 1.2),
        tokens_per_s=10_000 * draw.uniform(0.98, 1.02),
        memory_mb=10_000,
        reward=200 - 180 * fallen + draw.gauss(0, 5),
    )


DAMAGE: dict[str, tuple[str, Callable[[Report, int, random.Random], Report]]] = {
    "the validation loss rises, then stays": (
        "Overfitting",
        lambda well, since, draw: well._replace(val_loss=well.val_loss + min(1.5, 0.02 * since)),
    ),
    "the validation loss rises slowly": (
        "Overfitting",
        lambda well, since, draw: well._replace(val_loss=well.val_loss + 0.002 * since),
    ),
    "the accuracy falls": (
        "ScoreFallen",
        lambda well, since, draw: well._replace(val_accuracy=0.55 + draw.gauss(0, 0.005)),
    ),
    "the reward falls": ("RewardCollapsed", lambda well, since, draw: well._replace(reward=20 + draw.gauss(0, 5))),
    "the loss jumps": ("LossDiverging", lambda well, since, draw: well._replace(loss=6 + draw.gauss(0, 0.1))),
    "the gradients explode": (
        "GlobalGradientExploding",
        lambda well, since, draw: well._replace(grad_norm=100 * well.grad_norm),
    ),
    "the gradients vanish at once": ("GlobalGradientZero", lambda well, since, draw: well._replace(grad_norm=0.0)),
    "it slows down": ("TokenRateFallen", lambda well, since, draw: well._replace(tokens_per_s=well.tokens_per_s / 8)),
    "memory leaks at one pace": (
        "ReportedMemoryGrows",
        lambda well, since, draw: well._replace(memory_mb=well.memory_mb + 60 * since),
    ),
}


def by_step(number: int, seen: Report) -> Iterator[str]:
    yield (
        f"step {10 * number}/90000 loss={seen.loss:.4f} grad_norm={seen.grad_norm:.3f} "
        f"tokens_per_sec={seen.tokens_per_s:.0f} gpu_mem={seen.memory_mb:.0f}MB reward_mean={seen.reward:.1f}"
    )
    if number % 5 == 0:
        yield f"eval step {10 * number} val_loss={seen.val_loss:.4f} val_acc={seen.val_accuracy:.4f}"


def by_epoch(number: int, seen: Report) -> Iterator[str]:
    yield (
        f"epoch {number}/9000 train_loss={seen.loss:.4f} val_loss={seen.val_loss:.4f} val_acc={seen.val_accuracy:.4f} "
        f"grad_norm={seen.grad_norm:.3f} tokens_per_sec={seen.tokens_per_s:.0f} gpu_mem={seen.memory_mb:.0f}MB "
        f"reward_mean={seen.reward:.1f}"
    )


FORMS = [by_epoch, pytest.param(by_step, marks=pytest.mark.slow)]


def states(
    form: Callable[[int, Report], Iterator[str]], reports: Iterator[Report], log: Path
) -> dict[str, list[State]]:
    """Return which states each rule's alerts were in, in order."""
    log.write_text("".join(f"{line}\n" for number, seen in enumerate(reports, 1) for line in form(number, seen)))
    found: dict[str, list[State]] = {}
    for each in api.read(log).transitions:
        if each.state is not State.PENDING:
            found.setdefault(each.rule, []).append(each.state)
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_an_alert_lasts_as_long_as_the_damage(
    damage: str, form: Callable[[int, Report], Iterator[str]], tmp_path: Path
) -> None:
    (rule, damaged), draw = DAMAGE[damage], random.Random(damage)
    reports = (
        damaged(well, number - ONSET, draw) if number > ONSET else well
        for number in range(1, NUM_REPORTS + 1)
        for well in [healthy(number, draw)]
    )
    assert states(form, reports, tmp_path / "train.log")[rule] == [State.FIRING]


@pytest.mark.parametrize("form", [by_epoch, by_step])
@pytest.mark.parametrize("seed", range(2))
def test_a_healthy_run_of_the_same_length_is_quiet(
    seed: int, form: Callable[[int, Report], Iterator[str]], tmp_path: Path
) -> None:
    draw = random.Random(seed)
    reports = (healthy(number, draw) for number in range(1, NUM_REPORTS + 1))
    assert states(form, reports, tmp_path / "train.log") == {}
