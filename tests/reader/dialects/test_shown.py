"""A bar shows its last loss again and again: what it shows for long is a report, and never a missing line."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State
from monitor.pipeline import Pipeline
from monitor.replay import replay
from tests.rules.names import named

ENGINE = api.Settings().engine()
EPOCH = 100
STEPS = 1_200
Bar = Callable[[Sequence[str]], Iterator[str]]
"""The loss that each step shows → drawings."""


def _drawn(words: str, done: int, total: int, shown: str) -> str:
    return f"{words}{100 * done // total:3d}%|#####     | {done}/{total} [00:01<00:01, 95.14it/s{shown}]"


def _lightning(losses: Sequence[str]) -> Iterator[str]:
    """Each step is drawn twice, first with the loss of the step before."""
    for index, (last, loss) in enumerate(itertools.pairwise(["", *losses])):
        words = f"Epoch {index // EPOCH}: "
        for shown in (last, loss):
            yield _drawn(words, index % EPOCH + 1, EPOCH, f", v_num=0, train_loss={shown}" if shown else "")


def _postfix(losses: Sequence[str]) -> Iterator[str]:
    for step, loss in enumerate(losses, 1):
        yield _drawn("train: ", step, len(losses), f", loss={loss}")


def _described(losses: Sequence[str]) -> Iterator[str]:
    for step, loss in enumerate(losses, 1):
        yield _drawn(f"loss {loss}: ", step, len(losses), "")


def _every_third(losses: Sequence[str]) -> Iterator[str]:
    """As tqdm draws fast steps: not each of them."""
    for step, loss in enumerate(losses, 1):
        if step % 3 == 1:
            yield _drawn("", step, len(losses), f", loss={loss}")


BARS: tuple[Bar, ...] = (_lightning, _postfix, _described, _every_third)


def _falling(seed: int) -> list[float]:
    draw = random.Random(seed)
    return [2 * 0.99**step + 0.3 + draw.gauss(0, 0.02) for step in range(STEPS)]


def _held(losses: list[float], is_report: Callable[[int], bool]) -> list[float]:
    """Return what a script shows that gives its bar a new loss in some steps only."""
    held = list(itertools.accumulate(enumerate(losses), lambda old, new: new if is_report(new[0]) else old))
    return [loss for _, loss in held]


HEALTHY: dict[str, Callable[[int], list[str]]] = {
    "learned": lambda seed: [f"{max(0.012, loss - 0.4) / 10:.3f}" for loss in _falling(seed)],
    "few digits": lambda seed: [f"{loss:.1f}" for loss in _falling(seed)],
    "every 20 steps": lambda seed: [f"{loss:.4f}" for loss in _held(_falling(seed), lambda step: step % 20 == 0)],
    "dense at its start": lambda seed: [
        f"{loss:.4f}" for loss in _held(_falling(seed), lambda step: step < 30 or step % 100 == 0)
    ],
    "a mean of each epoch": lambda seed: [
        f"{loss:.4f}" for loss in _held(_falling(seed), lambda step: step % EPOCH == 0)
    ],
}
FAULTS: dict[str, tuple[str, Callable[[int], list[str]]]] = {
    "nan": ("TrainLossNonfinite", lambda seed: [*(f"{x:.4f}" for x in _falling(seed)[:500]), *["nan"] * 700]),
    "frozen": ("LossFrozen", lambda seed: [f"{x:.4f}" for x in _held(_falling(seed), lambda step: step < 200)]),
}
CASES = list(itertools.product(BARS, (*HEALTHY, *FAULTS), range(3)))
SAMPLE = [(bar, kind, 0) for index, (bar, kind, seed) in enumerate(CASES) if seed == 0 and index % 4 == 0]


def _judge(case: tuple[Bar, str, int], folder: Path) -> None:
    bar, kind, seed = case
    rule, made = FAULTS.get(kind) or ("", HEALTHY.get(kind, list))
    log = folder / "train.log"
    log.write_text("".join(f"\r{each}" for each in bar(made(seed))) + "\n")
    pipeline = Pipeline(str(log), ENGINE)
    alerts = replay(pipeline)
    fired = {each.rule for each in alerts if each.state is State.FIRING and each.severity.is_alarming}
    assert fired == {rule} - {""}
    assert pipeline.run.attempt.step == STEPS - (2 if bar is _every_third else 0)


@pytest.mark.parametrize("case", SAMPLE, ids=named)
def test_a_loss_shown_again_is_no_missing_line_and_a_frozen_one_is_found(case, tmp_path):
    _judge(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_whole_family_of_shown_losses(case, tmp_path):
    _judge(case, tmp_path)


def test_a_bar_that_shows_no_loss_any_more_is_a_missing_line(tmp_path):
    losses = [f"{loss:.4f}" for loss in _falling(0)]
    drawn = [*list(_postfix(losses))[:600], *(_drawn("train: ", step, STEPS, ", lr=0.1") for step in range(601, 1_200))]
    (tmp_path / "train.log").write_text("\n".join(drawn) + "\n")
    log = api.read(tmp_path / "train.log")
    assert "EvidenceGap" in {alert.rule for alert in log.alerts}
    assert math.isclose(log.values.loss or 0, float(losses[599]))
