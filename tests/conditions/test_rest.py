"""A training without noise that comes to rest is quiet, in any form; one that stops in the middle of a move is not."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State

EPOCHS = 40
STUCK = {"LossFrozen", "ValidationLossConstant", "MetricStuck"}


def keys(train: float, val: float, epoch: int) -> Iterator[str]:
    yield f"epoch={epoch} train_loss={train:.5g} val_loss={val:.5g}"


def nano(train: float, val: float, epoch: int) -> Iterator[str]:
    yield f"step {epoch}: train loss {train:.4f}, val loss {val:.4f}"
    if epoch % 10 == 0:
        yield f"iter {epoch}: loss {train:.4f}, time 10.82ms, mfu 1.23%"


def rare(train: float, val: float, epoch: int) -> Iterator[str]:
    """Hugging Face's dictionaries, the training reported in every tenth epoch only."""
    if epoch % 10 == 0:
        yield str({"loss": round(train, 4), "learning_rate": 0.5, "epoch": float(epoch)})
    yield str({"eval_loss": round(val, 12), "eval_runtime": 0.4, "epoch": float(epoch)})


FORMS = [keys, nano, rare]


def stuck_in(lines: Iterator[str], folder: Path) -> set[str]:
    log = folder / "train.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    found = api.read(log).transitions
    return {each.rule for each in found if each.state is State.FIRING} & STUCK


def approaching(draw: random.Random) -> tuple[list[float], list[float]]:
    """Losses that come nearer to a minimum by the same factor in each epoch; the validation may overshoot."""
    end, factor = draw.uniform(0.3, 0.9), draw.uniform(0.3, 0.6)
    train = [end + 0.8 * factor**epoch for epoch in range(EPOCHS)]
    val = [end + 0.05 + draw.choice((0.5, -0.2)) * factor ** (epoch * 0.9) for epoch in range(EPOCHS)]
    return train, val


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(2))
def test_a_training_on_all_rows_that_comes_to_rest_is_quiet(form: Callable, seed: int, tmp_path: Path):
    train, val = approaching(random.Random(seed))
    lines = (line for epoch in range(EPOCHS) for line in form(train[epoch], val[epoch], epoch + 1))
    assert stuck_in(lines, tmp_path) == set()


@pytest.mark.parametrize("form", [keys, nano])
@pytest.mark.parametrize("seed", range(2))
def test_one_that_stops_in_the_middle_of_a_move_is_told(form: Callable, seed: int, tmp_path: Path):
    train, val = approaching(random.Random(seed))
    lines = (line for epoch in range(EPOCHS) for line in form(train[min(epoch, 2)], val[min(epoch, 2)], epoch + 1))
    assert stuck_in(lines, tmp_path) != set()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(2))
def test_a_validation_that_stays_the_same_while_the_training_moves_is_told(form: Callable, seed: int, tmp_path: Path):
    draw = random.Random(seed)
    train = [0.8 * 0.97**epoch + draw.gauss(0, 0.02) for epoch in range(EPOCHS)]
    lines = (line for epoch in range(EPOCHS) for line in form(train[epoch], 0.71234 - 0.01 * min(epoch, 9), epoch + 1))
    assert stuck_in(lines, tmp_path) == {"ValidationLossConstant"}
