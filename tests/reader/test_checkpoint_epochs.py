"""A checkpoint that names after how many epochs it was written says how many are done, whatever was reported last."""

import random
from pathlib import Path

import pytest

from monitor import api

SAVED = ("Saving checkpoint at {} epochs", "checkpoint saved after {} epochs", "Checkpoint written at {} epoch")


def log_of(draw: random.Random, *, num_epochs: int, batches: int, every: int, saved: str) -> list[str]:
    """Return a log whose reports come every so many batches, as a rule not at the last one."""
    lines = []
    for epoch in range(1, num_epochs + 1):
        lines += [
            f"Epoch(train) [{epoch}][{batch}/{batches}]  lr: 1.0000e-02  loss: {draw.uniform(0.5, 1):.4f}"
            for batch in range(every, batches, every)
        ]
        lines += [saved.format(epoch)] if saved else []
        lines.append(f"Epoch(val) [{epoch}][9/9]  accuracy: {draw.uniform(60, 90):.4f}")
    return lines


@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("seed", range(4))
def test_all_epochs_are_done(seed: int, saved: str, tmp_path: Path) -> None:
    draw, log = random.Random(seed), tmp_path / "train.log"
    num_epochs, every = draw.randint(2, 9), draw.choice((10, 50))
    batches = 3 * every + draw.randint(1, every - 1)
    lines = log_of(draw, num_epochs=num_epochs, batches=batches, every=every, saved=saved)
    log.write_text("".join(f"{line}\n" for line in lines))
    assert api.read(log).values.epochs_done == num_epochs


@pytest.mark.parametrize("number", [0, 7, 10**6])
def test_a_checkpoint_of_another_epoch_closes_none(number: int, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    lines = log_of(random.Random(1), num_epochs=3, batches=95, every=10, saved="")
    log.write_text("".join(f"{line}\n" for line in [*lines, f"Saving checkpoint at {number} epochs"]))
    assert api.read(log).values.epochs_done == 2
