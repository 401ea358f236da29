"""A figure that another trainer prints as 0 in every report is a fault only where the loss does not fall."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State
from monitor.conditions.learning import has_learnt, reports_a_loss
from monitor.run.attempt import Attempt

NUM_REPORTS = 60
ZERO = {"GlobalGradientZero", "LearningRateZero"}


def hugging_face(step: int, loss: float) -> str:
    return str({"loss": round(loss, 4), "grad_norm": 0.0, "learning_rate": 0.001, "epoch": round(step / 50, 2)})


def keys(step: int, loss: float) -> str:
    return f"step={step} loss={loss:.5f} lr=0.0 grad_norm=0.0"


def boxed(step: int, loss: float) -> str:
    return f"   --> STEP: {step}/600\n     | > loss: {loss}  ({loss})\n     | > grad_norm: 0.0  (0.0)"


FORMS = [hugging_face, keys, boxed]


def zero_alerts(lines: Iterator[str], folder: Path) -> set[str]:
    """Return which of the two rules have fired at any time."""
    log = folder / "train.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    return {each.rule for each in api.read(log).transitions if each.state is State.FIRING} & ZERO


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("form", FORMS)
def test_zeros_of_a_training_that_learns_are_a_field_that_is_never_filled(
    form: Callable[[int, float], str], seed: int, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    start, end, pace, noise = draw.uniform(0.7, 9), draw.uniform(0.05, 0.5), draw.uniform(5, 60), draw.uniform(0, 0.03)
    losses = ((end + (1 - end) * 2.7 ** (-n / pace)) * start * draw.gauss(1, noise) for n in range(NUM_REPORTS))
    assert zero_alerts((form(10 * n + 10, loss) for n, loss in enumerate(losses)), tmp_path) == set()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("form", FORMS)
def test_zeros_of_a_training_that_learns_nothing_fire(
    form: Callable[[int, float], str], seed: int, tmp_path: Path
) -> None:
    draw = random.Random(seed)
    level, noise = draw.uniform(0.7, 9), draw.uniform(0, 0.2)
    losses = (level * draw.gauss(1, noise) for _ in range(NUM_REPORTS))
    assert "GlobalGradientZero" in zero_alerts((form(10 * n + 10, loss) for n, loss in enumerate(losses)), tmp_path)


def test_without_a_loss_nothing_is_told() -> None:
    attempt = Attempt()
    assert has_learnt(attempt) is None
    assert not reports_a_loss(attempt)


@pytest.mark.parametrize("value", ["nan", "inf", "1e308", "-1e308"])
def test_losses_that_are_no_numbers_tell_nothing(value: str, tmp_path: Path) -> None:
    losses = [value if n % 3 else "0.5" for n in range(NUM_REPORTS)]
    log = tmp_path / "train.log"
    log.write_text("".join(f"step={n} loss={loss} grad_norm=0.0\n" for n, loss in enumerate(losses, 1)))
    assert "LineNotJudged" not in {each.rule for each in api.read(log).transitions}
