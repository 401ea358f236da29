"""The shipped rules on other trainers' logs: what fires in any spelling, format and cadence, and what stays quiet."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State
from monitor.pipeline import Pipeline
from monitor.replay import replay
from tests.rules.names import named

ENGINE = api.Settings().engine()
NANS = ("nan", "NaN", "NAN", "-nan", "inf", "-inf", "Infinity", "nan.0")


def _hf(step: int, loss: str, norm: str) -> str:
    return f"{{'loss': {loss}, 'grad_norm': {norm}, 'learning_rate': 1.9e-05, 'epoch': {step / 1000:.3f}}}"


def _keys(step: int, loss: str, norm: str) -> str:
    return f"step={step} loss={loss} grad_norm={norm} lr=0.0003"


def _words(step: int, loss: str, norm: str) -> str:
    return f"Step {step} | Loss: {loss} | Grad Norm: {norm} | LR: 3.0e-04"


def _mmcv(step: int, loss: str, norm: str) -> str:
    head = f"2026-03-04 09:00:{step % 60:02d},123 - INFO - Iter [{step}/90000]"
    return f"{head} lr: 2.000e-02, loss: {loss}, grad_norm: {norm}"


FORMATS = (_hf, _keys, _words, _mmcv)
EVERY = (1, 10, 500)


def fired(lines: list[str], folder: Path) -> set[str]:
    """Return the rules that fired at warning or above."""
    log = folder / "train.log"
    log.write_text("\n".join(lines) + "\n")
    alerts = replay(Pipeline(str(log), ENGINE))
    return {each.rule for each in alerts if each.state is State.FIRING and each.severity.is_alarming}


def _losses(number: int, digits: int) -> Iterator[str]:
    noise = random.Random(number)
    return (f"{2.5 - 0.01 * index + noise.gauss(0, 0.02):.{digits}f}" for index in itertools.count())


Case = tuple[Callable[[int, str, str], str], int, str]
CASES: list[Case] = list(itertools.product(FORMATS, EVERY, NANS))


def _three_norms(case: Case, folder: Path) -> None:
    write, every, word = case
    losses = _losses(every, 4)
    norms = ["1.1200", "0.9000", word, word, word, word]
    lines = [write(every * index, next(losses), norm) for index, norm in enumerate(norms, 1)]
    assert "GlobalGradientNonfinite" in fired(lines, folder), lines
    one = ["1.1200", "0.9000", word, "0.9000", "0.8000", "0.8500"]
    lines = [write(every * index, next(losses), norm) for index, norm in enumerate(one, 1)]
    assert fired(lines, folder) == set(), lines


@pytest.mark.parametrize("case", CASES[:: len(NANS) + 1], ids=named)
def test_three_norms_that_are_not_finite_fire_and_one_does_not(case, tmp_path):
    _three_norms(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_whole_family_of_norms_that_are_not_finite(case, tmp_path):
    _three_norms(case, tmp_path)


ROUNDED = list(itertools.product(FORMATS, EVERY, (3, 4, 5)))


def _rounded(write: Callable[[int, str, str], str], every: int, digits: int, folder: Path) -> None:
    decay = [f"{0.8 * 0.4**index:.{digits}f}" for index in range(24)]
    lines = [write(every * index, loss, "0.0127") for index, loss in enumerate(decay, 1)]
    assert fired(lines, folder) == set(), lines
    fall = [*itertools.islice(_losses(every, digits), 12), *(["0." + "0" * digits] * 12)]
    lines = [write(every * index, loss, "0.0127") for index, loss in enumerate(fall, 1)]
    assert "LossZero" in fired(lines, folder), lines


@pytest.mark.parametrize(("write", "every", "digits"), ROUNDED[::5], ids=named)
def test_a_loss_that_fades_below_its_digits_is_not_0_and_one_that_falls_at_once_is(write, every, digits, tmp_path):
    _rounded(write, every, digits, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("write", "every", "digits"), ROUNDED, ids=named)
def test_the_whole_family_of_rounded_losses(write, every, digits, tmp_path):
    _rounded(write, every, digits, tmp_path)


@pytest.mark.parametrize("every", [10, 100])
def test_a_loss_that_vanishes_while_steps_go_on_is_an_alert(every, tmp_path):
    def line(index: int, loss: str) -> str:
        head = f" iteration {index * every:8d}/   60000 | learning rate: 3.75E-05"
        return f"{head} | {loss}grad norm: 1.3 | loss scale: 1.0 |"

    lines = [line(index, f"lm loss: {loss}E+00 | ") for index, loss in zip(range(1, 12), _losses(1, 6), strict=False)]
    assert fired(lines, tmp_path) == set()
    assert "EvidenceGap" in fired([*lines, *(line(index, "") for index in range(12, 20))], tmp_path)


@pytest.mark.parametrize("minutes", [6, 14, 29])
def test_lines_without_a_time_hide_how_long_a_silence_was(minutes, tmp_path):
    head = "[INFO|trainer.py:2409] 2026-03-02 09:{:02d}:00,123 >> {}"
    reports = [_hf(index, loss, "1.1") for index, loss in zip(range(1, 9), _losses(2, 4), strict=False)]
    lines = [head.format(0, "***** Running training *****"), *reports]
    lines += [head.format(minutes, "Saving model checkpoint to out/checkpoint-8"), *reports[:2]]
    assert fired(lines, tmp_path) == set()


@pytest.mark.parametrize("minutes", [7, 15, 25])
def test_one_line_per_epoch_is_no_stall(minutes, tmp_path):
    lines = [
        f"2026-03-02 {9 + index * minutes // 60:02d}:{index * minutes % 60:02d}:00 - epoch {index} - train loss: {loss}"
        for index, loss in zip(range(1, 12), _losses(3, 4), strict=False)
    ]
    assert fired(lines, tmp_path) == set()


@pytest.mark.parametrize("seed", range(12))
def test_a_stationary_noisy_loss_is_quiet(seed, tmp_path):
    """Diffusion losses are log-normal: a factor of 100 between the smallest and the largest."""
    noise = random.Random(seed)
    lines = [_keys(step, f"{0.1 * noise.lognormvariate(0, 1):.4f}", "0.5127") for step in range(10, 4_000, 10)]
    assert fired(lines, tmp_path) == set()


@pytest.mark.parametrize("seed", range(4))
def test_a_policy_loss_around_0_is_quiet(seed, tmp_path):
    noise = random.Random(seed)
    lines = [
        _hf(step, repr(round(noise.gauss(0, 10**-4.2), 4)), f"{noise.uniform(0.7, 1.4)!r}") for step in range(1, 200)
    ]
    assert fired(lines, tmp_path) == set()


@pytest.mark.parametrize("seed", range(4))
def test_warm_restarts_are_quiet(seed, tmp_path):
    noise = random.Random(seed)
    losses = [
        2.0 * 0.97 ** (step // 4) + 0.3 * (1 - step % 50 / 50) + 0.5 + noise.gauss(0, 0.02) for step in range(200)
    ]
    assert (
        fired([_keys(10 * step + 10, f"{loss:.4f}", "0.5127") for step, loss in enumerate(losses)], tmp_path) == set()
    )


@pytest.mark.parametrize(("start", "best", "worse"), [(10.8, 2.0, 5.0), (2.3, 0.12, 0.9), (8.0, 1.0, 3.0)])
def test_a_loss_that_climbs_after_a_steep_fall_fires(start, best, worse, tmp_path):
    noise = random.Random(1)
    fall = [best + (start - best) * 0.8**index for index in range(40)]
    climb = [best + (worse - best) * min(1, index / 10) for index in range(30)]
    losses = [loss * (1 + noise.gauss(0, 0.01)) for loss in (*fall, *climb)]
    lines = [_keys(10 * step + 10, f"{loss:.4f}", "0.5127") for step, loss in enumerate(losses)]
    assert "LossDiverging" in fired(lines, tmp_path)
