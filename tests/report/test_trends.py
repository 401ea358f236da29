"""How the figures go, in words: what they show, with the lines that show it, and nothing that they do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from monitor import api
from monitor.conditions import Background
from monitor.report.sections.trends import trends
from monitor.report.statement import Statement
from monitor.run.summary import RunSummary, summarise

KERAS = "Epoch {epoch}/9\n10/10 [====] - 1s 9ms/step - loss: {loss:.4f} - val_loss: {val:.4f}\n"


def said(text: str, folder: Path, baseline: RunSummary | None = None) -> dict[str, Statement]:
    """Return the words by subject."""
    log = folder / "train.log"
    log.write_text(text)
    found = trends(api.read(str(log)).snapshot, Background(baseline=baseline))
    assert all(each.evidence and each.mark is None for each in found)
    return {each.subject: each for each in found}


def epochs(losses: Sequence[float], folder: Path) -> dict[str, Statement]:
    lines = "".join(
        f"Epoch {epoch}/9: train_loss={loss:.4f} val_loss={abs(epoch - 4) + 1:.1f}\n"
        for epoch, loss in enumerate(losses, 1)
    )
    return said(lines, folder)


def reports(values: Sequence[float], norm: Callable[[int], float], folder: Path) -> dict[str, Statement]:
    lines = (f"step={10 * n} loss={value:.4f} grad_norm={norm(n):.4f} lr=0.001\n" for n, value in enumerate(values))
    return said("".join(lines), folder)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([2.0 * 0.97**n for n in range(7)], "falls, 3 % per epoch from epoch 3 to 7"),
        ([2.0 * 1.02**n for n in range(7)], "rises, 2 % per epoch from epoch 3 to 7"),
        ([2.0, 2.001, 1.999, 2.0], "level from epoch 1 to 4"),
        ([2.0, 1.5, 1.6, 1.2, 1.0], "falls on the whole, 16 % per epoch from epoch 1 to 5"),
    ],
)
def test_the_loss_changes_by_a_share_per_epoch(losses: list[float], words: str, tmp_path: Path):
    assert epochs(losses, tmp_path)["Training loss"].text.startswith(words)


@pytest.mark.parametrize("losses", [[2.0, 1.9], [2.0, float("nan"), 1.8, 1.7], [1.0, 0.5, -0.1, -0.4]])
def test_what_has_no_share_per_epoch_is_not_named_one(losses: list[float], tmp_path: Path):
    assert "Training loss" not in epochs(losses, tmp_path)


def test_the_best_validation_is_named_and_how_long_ago_it_was(tmp_path: Path):
    found = epochs([2 - n / 10 for n in range(6)], tmp_path)["Validation loss"]
    assert found.text == "lowest in epoch 4: 1, and not lower in the 2 since; now 3"
    assert [line.line for line in found.evidence] == [4, 6]


def test_a_log_without_epochs_is_told_by_halves(tmp_path: Path):
    found = reports([3 - n / 50 for n in range(40)], lambda n: 1.0, tmp_path)
    assert found["Training loss"].text.startswith("falls from step 0 to 390: the medians of its halves are ")


@pytest.mark.parametrize(
    ("norm", "words"),
    [
        (lambda n: 1.0 + n % 3 / 4, "steady since step 0: between 1 and 1.5"),
        (lambda n: 20.0 if n < 10 else 1.0 + n % 3 / 4, "steady since step 100: between 1 and 1.5"),
        (lambda n: 20.0 if n == 35 else 1.0, None),
        (lambda n: 0.0, None),
        (lambda n: 2.0**n, None),
    ],
)
def test_gradients_are_steady_since_a_step_or_nothing_is_said(norm, words: str | None, tmp_path: Path):
    found = reports([3 - n / 50 for n in range(40)], norm, tmp_path).get("Gradient norm")
    assert (found and found.text) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1.33, "a batch takes 33 % longer than in the baseline"), (0.5, "a batch takes 50 % less time"), (1.02, "as in")],
)
def test_the_pace_is_compared_with_the_baseline(seconds: float, words: str, tmp_path: Path):
    def log(each_s: float) -> str:
        return "".join(f"iter {n}: loss {3 - n / 50:.4f}, time {1000 * each_s:.2f}ms, mfu 9.00%\n" for n in range(20))

    before = tmp_path / "before.log"
    before.write_text(log(1.0))
    found = said(log(seconds), tmp_path, summarise(api.read(str(before)).snapshot.run, str(before)))
    assert found["Pace"].text.startswith(words)
