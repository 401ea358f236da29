"""Rules on metrics of any name: families of logs in five formats, each fault beside its healthy twins."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State
from monitor.pipeline import Pipeline
from monitor.replay import replay
from tests.rules.names import named

ENGINE = api.Settings().engine()
Line = Callable[[int, int, float, str, str], str]
"""Epoch, planned epochs, train loss, name and value of a validation metric → the lines of one epoch."""


def _keras(epoch: int, epochs: int, loss: float, name: str, value: str) -> str:
    return (
        f"Epoch {epoch}/{epochs}\n"
        f"178/178 [==============================] - 3s 15ms/step - loss: {loss:.4f} - val_loss: {loss + 0.1:.4f} - "
        f"val_{name}: {value}"
    )


def _hugging_face(epoch: int, epochs: int, loss: float, name: str, value: str) -> str:
    return (
        f"{{'loss': {loss:.4f}, 'grad_norm': 1.1{epoch}, 'learning_rate': 1.9e-05, 'epoch': {epoch}.0}}\n"
        f"{{'eval_loss': {loss + 0.1:.4f}, 'eval_{name}': {value}, 'eval_runtime': 3.{epoch}, 'epoch': {epoch}.0}}"
    )


def _mmengine(epoch: int, epochs: int, loss: float, name: str, value: str) -> str:
    head = f"2026/03/04 09:{epoch % 60:02d}:00 - mmengine - INFO -"
    return (
        f"{head} Epoch(train) [{epoch}][500/500]  lr: 2.0000e-03  loss: {loss:.4f}\n"
        f"{head} Epoch(val) [{epoch}][100/100]    {name}: {value}  data_time: 0.0020"
    )


def _words(epoch: int, epochs: int, loss: float, name: str, value: str) -> str:
    return f"Epoch: {epoch:03d}/{epochs} | Train Loss: {loss:.4f} | Val Loss: {loss + 0.1:.4f} | Val {name}: {value}"


def _json(epoch: int, epochs: int, loss: float, name: str, value: str) -> str:
    return f'{{"epoch": {epoch}, "train_loss": {loss:.4f}, "val_loss": {loss + 0.1:.4f}, "val_{name}": {value}}}'


FORMATS: tuple[Line, ...] = (_keras, _hugging_face, _mmengine, _words, _json)
SCORES = ("accuracy", "dice", "f1", "mAP50", "mean_iou")


def fired(text: str, folder: Path) -> set[str]:
    """Return the kinds of fault that fired at warning or above."""
    log = folder / "train.log"
    log.write_text(text + "\n")
    alerts = replay(Pipeline(str(log), ENGINE))
    return {each.fault for each in alerts if each.state is State.FIRING and each.severity.is_alarming}


def epochs_of(write: Line, name: str, values: list[str], *, planned: int, seed: int) -> str:
    draw = random.Random(seed)
    losses = [2.0 * 0.9**index + draw.gauss(0, 0.01) for index in range(len(values))]
    pairs = enumerate(zip(losses, values, strict=True), 1)
    return "\n".join(write(epoch, planned, loss, name, value) for epoch, (loss, value) in pairs)


def _shares(number: int, seed: int, size: int = 10_000, start: float = 0.5) -> list[str]:
    """Return a share of so many examples, which grows and wavers."""
    draw = random.Random(seed)
    shares = [min(1.0, start + 0.4 * (1 - 0.8**index) + draw.gauss(0, 0.01)) for index in range(number)]
    return [f"{round(share * size) / size:.4f}" for share in shares]


FAULTS: dict[str, Callable[[int], tuple[list[str], int]]] = {
    "always 0": lambda seed: (["0.0000"] * 20, 20),
    "0 for a tenth of the plan": lambda seed: (["0.0000"] * 8 + _shares(4, seed), 60),
    "drops to one class and stays": lambda seed: (_shares(5, seed) + ["0.1000"] * 8, 30),
}
HEALTHY: dict[str, Callable[[int], tuple[list[str], int]]] = {
    "learns": lambda seed: (_shares(20, seed), 20),
    "solved": lambda seed: (_shares(4, seed) + ["1.0000"] * 12, 20),
    "in percent, solved": lambda seed: (["81.2000", "96.4000"] + ["100.0000"] * 10, 20),
    "small set": lambda seed: (_shares(20, seed, size=20), 20),
    "small set at its best": lambda seed: (["0.7500", "0.8000"] + ["0.9500"] * 14, 20),
    "slow detector": lambda seed: (["0.0000"] * 2 + _shares(10, seed, start=0.01), 12),
    "slow detector with a long plan": lambda seed: (["0.0000"] * 9 + _shares(20, seed, start=0.01), 100),
}
CASES = [
    (write, score, kind)
    for (number, write), (place, score) in itertools.product(enumerate(FORMATS), enumerate(SCORES))
    for kind in (*FAULTS, *HEALTHY)
]
SAMPLE = [case for index, case in enumerate(CASES) if index % 7 == 0]


def _judge(case: tuple[Line, str, str], folder: Path) -> None:
    write, score, kind = case
    values, planned = (FAULTS.get(kind) or HEALTHY[kind])(len(score))
    if write in (_hugging_face, _mmengine, _json) and kind == "slow detector with a long plan":
        values = values[:4] + values[9:]  # these lines say no plan
    text = epochs_of(write, score, values, planned=planned, seed=len(kind))
    expected = {"metric_constant"} if kind in FAULTS else set()
    assert expected == fired(text, folder), text


@pytest.mark.parametrize("case", SAMPLE, ids=named)
def test_a_score_that_stays_is_found_and_a_healthy_one_is_not(case, tmp_path):
    _judge(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_whole_family_of_scores(case, tmp_path):
    _judge(case, tmp_path)


@pytest.mark.parametrize("write", FORMATS, ids=named)
def test_a_continuous_figure_must_not_repeat_while_the_training_moves(write, tmp_path):
    moving = [f"{0.5 - 0.01 * index + 0.00037:.5f}" for index in range(12)]
    assert fired(epochs_of(write, "rmse", [*moving[:4], *["0.45037"] * 5], planned=20, seed=1), tmp_path) == {
        "metric_constant"
    }
    assert fired(epochs_of(write, "rmse", moving, planned=20, seed=1), tmp_path) == set()
    assert fired(epochs_of(write, "rmse", ["0.45"] * 9, planned=20, seed=1), tmp_path) == set()


@pytest.mark.parametrize("write", FORMATS, ids=named)
def test_of_a_name_without_a_direction_only_a_change_that_stops_is_told(write, tmp_path):
    """A figure that was never anything else may be a setting; one that has changed before is measured."""
    assert fired(epochs_of(write, "zeta", ["0.45037"] * 9, planned=20, seed=1), tmp_path) == set()
    assert fired(epochs_of(write, "zeta", ["0.31337", *["0.45037"] * 9], planned=20, seed=1), tmp_path) == {
        "metric_constant"
    }


def _trl(step: int, reward: str, kl: str) -> str:
    return f"{{'loss': 0.00{step % 7}, 'reward': {reward}, 'kl': {kl}, 'epoch': {step / 100:.2f}}}"


def _sb3(step: int, reward: str, kl: str) -> str:
    rows = [("rollout/", ""), ("   ep_rew_mean", reward), ("time/", ""), ("   total_timesteps", str(2048 * step)),
            ("train/", ""), ("   approx_kl", kl), ("   loss", f"0.0{step % 7}1")]  # fmt: skip
    width = max(len(key) for key, _ in rows)
    frame = "-" * (width + 20)
    return "\n".join([frame, *(f"| {key:<{width}} | {value:<12} |" for key, value in rows), frame])


def _verl(step: int, reward: str, kl: str) -> str:
    return (
        f"step:{step} - actor/pg_loss:0.00{step % 7} - actor/ppo_kl:{kl} - actor/grad_norm:0.3{step % 7} - "
        f"critic/rewards/mean:{reward} - critic/rewards/max:1.0"
    )


def _plain(step: int, reward: str, kl: str) -> str:
    return f"step={step} loss=0.00{step % 7} mean_reward={reward} approx_kl={kl} lr=0.0003"


def _episodes(step: int, reward: str, kl: str) -> str:
    return f"[{step}/500] policy loss: 0.00{step % 7} | mean reward: {reward} | kl: {kl}"


RL_FORMATS = (_trl, _sb3, _verl, _plain, _episodes)


def _rl(write: Callable[[int, str, str], str], rewards: list[float], kls: list[float]) -> str:
    pairs = enumerate(zip(rewards, kls, strict=True), 1)
    return "\n".join(write(step, f"{reward:.4f}", f"{kl:.5f}") for step, (reward, kl) in pairs)


def _noisy(values: list[float], sigma: float, seed: int) -> list[float]:
    draw = random.Random(seed)
    return [value + draw.gauss(0, sigma) for value in values]


@pytest.mark.parametrize("write", RL_FORMATS, ids=named)
@pytest.mark.parametrize("seed", range(2))
def test_a_reward_that_collapses_is_found_and_learning_is_quiet(write, seed, tmp_path):
    calm = [abs(each) for each in _noisy([0.02] * 60, 0.004, seed)]
    grown = [0.2 + 0.7 * (1 - 0.93**step) for step in range(60)]
    collapsed = [*_noisy(grown[:40], 0.03, seed), *_noisy([0.05] * 20, 0.01, seed)]
    assert fired(_rl(write, collapsed, calm), tmp_path) == {"reward_collapse"}
    for healthy in (grown, [0.0] * 60, [*grown[:30], *[0.3] * 6, *grown[36:]], [-200 + 3 * each for each in range(60)]):
        assert fired(_rl(write, _noisy(healthy, 0.03, seed), calm), tmp_path) == set()


@pytest.mark.parametrize("write", RL_FORMATS, ids=named)
@pytest.mark.parametrize("seed", range(2))
def test_a_divergence_that_explodes_is_found_and_one_that_grows_is_quiet(write, seed, tmp_path):
    grown = _noisy([0.2 + 0.7 * (1 - 0.93**step) for step in range(60)], 0.03, seed)
    calm = [abs(each) for each in _noisy([0.02] * 60, 0.004, seed)]
    assert fired(_rl(write, grown, [*calm[:50], *[2.0 + each for each in range(10)]]), tmp_path) == {"kl_explosion"}
    for healthy in (calm, [0.0005 * 1.07**step for step in range(60)], [*calm[:40], 3.0, 3.0, *calm[42:]]):
        assert fired(_rl(write, grown, healthy), tmp_path) == set()


def test_a_score_without_a_split_beside_a_validation_is_the_validations(tmp_path):
    """YOLO's results.csv calls its scores ``metrics/mAP50(B)``."""
    head = "epoch,train/box_loss,metrics/precision(B),metrics/mAP50(B),val/box_loss"
    rows = [f"{epoch},{3.2 - 0.1 * epoch:.5f},0,0,{3.3 - 0.1 * epoch:.5f}" for epoch in range(1, 13)]
    assert fired("\n".join([head, *rows]), tmp_path) == {"metric_constant"}
    rows = [
        f"{epoch},{3.2 - 0.1 * epoch:.5f},0.{epoch + 10},0.0{epoch + 10},{3.3 - 0.1 * epoch:.5f}"
        for epoch in range(1, 13)
    ]
    assert fired("\n".join([head, *rows]), tmp_path) == set()


@pytest.mark.parametrize("name", ["best val", "best_val_f1", "Best dice so far", "lowest val error"])
def test_the_best_so_far_may_stay_while_the_training_moves(name, tmp_path):
    draw, best, lines = random.Random(7), 0.0, []
    for epoch in range(1, 41):
        figure = 0.5 + 0.3 * min(epoch, 8) / 8 + draw.uniform(-0.03, 0.03) - (0.05 if epoch > 8 else 0)
        best = max(best, figure)
        lines += [f"Epoch {epoch}/40 train loss: {1 / epoch**0.3:.4f}", f"val acc: {figure:.4f}", f"{name}: {best:.4f}"]
    assert fired("\n".join(lines), tmp_path) == set()


PARTS = {
    "pairs": "epoch: {epoch}, iters: {step}, D_A: {part} G_A: {other:.3f} cycle_A: {third:.3f}",
    "json": '{{"step": {step}, "D_A": {part}, "G_A": {other:.3f}, "cycle_A": {third:.3f}}}',
    "words": "step {step} | D_A {part} | G_A {other:.3f} | cycle_A {third:.3f}",
}


@pytest.mark.parametrize("write", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize(("is_none", "expected"), [
    (lambda number, draw: number >= 30, {"metric_nonfinite"}),
    (lambda number, draw: number % 7 == 3, set()),
    (lambda number, draw: draw.random() < 0.8, set()),
    (lambda number, draw: True, set()),
    (lambda number, draw: number in (30, 31), set()),
], ids=["from then on", "now and then", "mostly", "always", "twice"])  # fmt: skip
def test_a_part_that_is_no_number_any_more_is_told_and_one_that_seldom_is_one_is_not(
    write, is_none, expected, tmp_path
):
    draw, lines = random.Random(5), []
    for number in range(60):
        part = "NaN" if is_none(number, draw) else f"{draw.uniform(0.1, 0.4):.3f}"
        other, third = draw.uniform(0.2, 0.9), draw.uniform(1, 4)
        lines.append(write.format(epoch=1, step=100 * (number + 1), part=part, other=other, third=third))
    assert fired("\n".join(lines), tmp_path) == expected
