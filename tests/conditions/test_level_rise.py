"""Overfitting in noise: made-up series, healthy ones and ones that turn, smooth and noisy, of 5 to 400 validations."""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor import api
from monitor.alert import State
from monitor.conditions.level_rise import is_by_noise, rises_of

FACTOR = math.log(1.2)
SHORT, LONG = (5, 8, 12), (20, 60, 120)


class Course(NamedTuple):
    """A validation loss, the training loss beside it, and where the level turns."""

    validation: list[float]
    training: list[float]
    turn: int


def normal(dice: random.Random, spread: float) -> Iterator[float]:
    while True:
        yield dice.gauss(0, spread)


def spiky(dice: random.Random, spread: float) -> Iterator[float]:
    """Small noise, and in a quarter of the validations a rise of any size."""
    while True:
        rise = dice.expovariate(1 / (2 * spread)) if dice.random() < 0.25 else 0.0
        yield dice.gauss(0, 0.4 * spread) + rise


def shared(dice: random.Random, spread: float) -> Iterator[float]:
    """Noise of which neighbours share the half."""
    noise = 0.0
    while True:
        noise = 0.5 * noise + dice.gauss(0, spread * math.sqrt(0.75))
        yield noise


NOISES: dict[str, Callable[[random.Random, float], Iterator[float]]] = {
    "normal": normal,
    "spiky": spiky,
    "shared": shared,
}


def course(seed: object, length: int, noise: str, spread: float, *, overfits: bool) -> Course:
    """Return losses that fall to a floor; the validation's doubles from its turn to the end if it overfits."""
    dice = random.Random(str((seed, length, noise, spread, overfits)))
    speed, floor = max(0.7, length * dice.uniform(0.05, 0.3)), dice.choice([0.03, 0.1, 0.3, 0.6])
    turn = int(length * dice.uniform(0.2, 0.5)) if overfits else length
    levels = [floor + (1 - floor) * math.exp(-min(each, turn) / speed) for each in range(length)]
    levels = [level * (1 + max(0, each - turn) / (length - turn or 1)) for each, level in enumerate(levels)]
    noises = NOISES[noise](dice, spread)
    validation = [level * math.exp(next(noises)) for level in levels]
    training = [0.9 * math.exp(-each / speed) + 0.1 - 0.05 * each / length for each in range(length)]
    return Course(validation, training, turn)


def told_at(values: list[float]) -> int | None:
    """Return after how many validations a rise is told."""
    logarithms = [math.log(each) for each in values]
    for count in range(4, len(values) + 1):
        rises = rises_of(logarithms[:count], FACTOR)
        if any(min(logarithms[count - 3 : count]) > each.best + FACTOR for each in rises):
            return count
    return None


@pytest.mark.parametrize("length", [*SHORT, *LONG])
def test_noise_alone_is_no_rise(length: int):
    """Of 90 healthy series with noises of 2 to 30 %, at most four rise; the best value was often exceeded by 1.2."""
    runs = [
        course(seed, length, noise, spread, overfits=False)
        for noise in NOISES
        for spread in (0.02, 0.1, 0.3)
        for seed in range(10)
    ]
    assert sum(told_at(each.validation) is not None for each in runs) <= 4
    if length in LONG:
        assert sum(min(each.validation[-3:]) > 1.2 * min(each.validation) for each in runs) > 9


def wanders(dice: random.Random, spread: float, shared: float) -> Iterator[float]:
    noise = dice.gauss(0, spread)
    while True:
        noise = shared * noise + dice.gauss(0, spread * math.sqrt(1 - shared**2))
        yield noise


@pytest.mark.parametrize("shared", [0.8, 0.9, 0.95])
def test_a_level_that_wanders_seldom_rises(shared: float):
    """Of 40 healthy series of 120 validations with noise of 10 %, at most two; without a look at bends up to 11 did."""
    told = 0
    for seed in range(40):
        dice = random.Random(str((seed, shared)))
        noise, speed, floor = wanders(dice, 0.1, shared), 120 * dice.uniform(0.05, 0.3), dice.choice([0.1, 0.3, 0.6])
        told += (
            told_at([(floor + (1 - floor) * math.exp(-n / speed)) * math.exp(next(noise)) for n in range(120)])
            is not None
        )
    assert told <= 2


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("length", "spread", "least"), [(12, 0.01, 6), (50, 0.02, 9), (50, 0.1, 7), (120, 0.1, 8)])
def test_a_level_that_doubles_is_found(length: int, spread: float, least: int, noise: str):
    """In so many of 10 series, after the turn and before the end."""
    runs = [course(seed, length, noise, spread, overfits=True) for seed in range(10)]
    found = [told_at(each.validation) for each in runs]
    assert sum(at is not None and at > each.turn for at, each in zip(found, runs, strict=True)) >= least


@pytest.mark.parametrize("length", [8, 20, 80, 300])
def test_without_noise_a_rise_is_told_soon(length: int):
    turn = length // 3
    values = [1 / (1 + each) if each <= turn else 1 / (1 + turn) * (1 + 0.2 * (each - turn)) for each in range(length)]
    assert turn + 4 <= told_at(values) <= turn + 7


def test_a_rise_as_large_as_one_that_was_undone_does_not_count():
    waves = [math.log(1 + 0.3 * math.sin(each / 3)) for each in range(120)]
    assert any(any(rises_of(waves[10:count], FACTOR)) for count in range(20, 30))
    assert not any(any(rises_of(waves[10:count], FACTOR)) for count in range(50, 120))


def test_a_value_above_the_lowest_of_many_noisy_ones_may_be_noise():
    dice = random.Random(4)
    noisy = [dice.gauss(0, 0.3) for _ in range(60)]
    assert is_by_noise(min(noisy) + math.log(2), noisy)
    assert not is_by_noise(min(noisy) + math.log(20), noisy)
    smooth = [-each / 20 for each in range(60)]
    assert not is_by_noise(min(smooth) + math.log(1.3), smooth)


def keys(run: Course) -> Iterator[str]:
    for number, (val, train) in enumerate(zip(run.validation, run.training, strict=True), 1):
        yield f"epoch={number} train_loss={train:.5g} val_loss={val:.5g}"


def keras(run: Course) -> Iterator[str]:
    for number, (val, train) in enumerate(zip(run.validation, run.training, strict=True), 1):
        yield f"Epoch {number}/{len(run.validation)}"
        yield f"100/100 - 4s - 40ms/step - loss: {train:.4f} - val_loss: {val:.4f}"


def scores(run: Course) -> Iterator[str]:
    """Accuracies in place of losses."""
    for number, (val, train) in enumerate(zip(run.validation, run.training, strict=True), 1):
        yield (
            f"Epoch {number}/{len(run.validation)} train_loss: {train:.4f} train_acc: {1 - 0.9 * train:.4f} "
            f"val_acc: {max(0.0, 1 - 0.6 * val):.4f}"
        )


FORMS = {"keys": (keys, "Overfitting"), "keras": (keras, "Overfitting"), "scores": (scores, "MetricOverfitting")}


def alerts_of(lines: Iterator[str], folder: Path) -> dict[str, int]:
    log = folder / "train.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    firing = [each.rule for each in api.read(log).transitions if each.state is State.FIRING]
    return {rule: firing.count(rule) for rule in firing}


@pytest.mark.parametrize("form", FORMS)
def test_a_noisy_validation_that_gets_better_raises_nothing(form: str, tmp_path: Path):
    write, rule = FORMS[form]
    assert rule not in alerts_of(write(course(3, 60, "spiky", 0.2, overfits=False)), tmp_path)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spread", [0.0, 0.05])
def test_one_that_overfits_is_told_once(form: str, spread: float, tmp_path: Path):
    write, rule = FORMS[form]
    assert alerts_of(write(course(5, 60, "normal", spread, overfits=True)), tmp_path).get(rule) == 1
