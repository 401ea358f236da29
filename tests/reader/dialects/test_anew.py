# ruff: noqa: E501 (each line of a log stands on one line)
"""Epochs that begin anew, in logs that do not say how many there are: another training, or the same one."""

from collections.abc import Callable

import pytest

from tests.reader.dialects.logs import fired, watched

Line = Callable[[int, float], str]
"""The lines of an epoch from 1, with its loss."""

FORMATS: dict[str, Line] = {
    "words": lambda e, loss: f"Epoch {e} loss {loss:.4f}\n",
    "padded, a score now and then": lambda e, loss: f"Epoch {e:03d} loss {loss:9.4f} | train 2.5s{' | Acc 13.52%' * (e % 5 == 0)}\n",
    "from 0": lambda e, loss: f"epoch {e - 1}: train_loss={loss:.4f} val_loss={1.1 * loss:.4f}\n",
    "stamped": lambda e, loss: f"2025-03-04 09:{e // 60:02d}:{e % 60:02d},120 - INFO - [Epoch {e}] loss: {loss:.4f}, lr: 1.0e-03\n",
    "JSON": lambda e, loss: f'{{"epoch": {e}, "train_loss": {loss:.5f}, "test_acc1": 71.2}}\n',
    "a table": lambda e, loss: "epoch\ttrain_loss\tval_loss\n" * (e == 1) + f"{e}\t{loss:.4f}\t{1.1 * loss:.4f}\n",
    "a head, then the loss": lambda e, loss: f"Epoch {e}\nloss: {loss:.4f}, val_loss: {1.1 * loss:.4f}\n",
    "a rule, then lines": lambda e, loss: f"=== Epoch {e} ===\nTrain loss: {loss:.4f}\nVal loss: {1.1 * loss:.4f}\n",
    "Keras": lambda e, loss: f"Epoch {e}/500\n20/20 - 1s - 50ms/step - loss: {loss:.4f} - val_loss: {1.1 * loss:.4f}\n",
    "a total": lambda e, loss: f"Epoch [{e}/500] loss: {loss:.4f}\n",
    "batches without a total": lambda e, loss: "".join(f"epoch: {e} batch: {b} loss: {loss:.4f}\n" for b in (100, 200, 300)),
    "steps within the epoch": lambda e, loss: "".join(f"epoch: {e} step: {b} loss: {loss:.4f}\n" for b in (100, 200, 300)),
    "batches, then the epoch": lambda e, loss: "".join(f"[{e}, {b:5d}] loss: {loss:.3f}\n" for b in (200, 400)) + f"epoch {e} finished, loss: {loss:.3f}\n",
    "train and test apart": lambda e, loss: f"Epoch {e} | train loss {loss:.4f}\nEpoch {e} | test loss {1.1 * loss:.4f} acc 0.81\n",
    "only a score": lambda e, loss: f"Epoch {e}: reward {-loss:.3f} length 200\n",
    "the epoch as a fraction": lambda e, loss: "".join(f"{{'loss': {loss:.4f}, 'learning_rate': 1e-05, 'epoch': {e - 1 + part / 4}}}\n" for part in (1, 2, 3, 4)),
    "Russian": lambda e, loss: f"Эпоха {e}: loss = {loss:.4f}\n",
}  # fmt: skip
BETWEEN = (
    "",
    "train start\n",
    "Namespace(lr=0.01, epochs=100)\nFiles already downloaded and verified\n",
    "\n\nTraining resnet50\n",
)


def epochs(line: Line, first: int, last: int, scale: float = 1.0) -> str:
    return "".join(line(e, scale * (0.2 + 2 / e)) for e in range(first, last + 1))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("between", [BETWEEN[2], *(pytest.param(each, marks=pytest.mark.slow) for each in BETWEEN)])
def test_epochs_from_the_first_one_again_are_another_training(name: str, between: str):
    """Its losses, a thousand times as high, are not compared with those before."""
    text = between.join(epochs(FORMATS[name], 1, last, scale) for last, scale in ((14, 1), (9, 1000), (20, 40)))
    pipeline, changes = watched(text)
    assert [past.fit for past in pipeline.run.past] == [1, 2]
    assert pipeline.run.attempt.fit == 3
    assert pipeline.run.attempt.epochs_done in (19, 20)
    assert fired(changes) == {}
    assert {past.status for past in pipeline.run.past} == {"running"}


@pytest.mark.parametrize("name", ["words", "from 0", "padded, a score now and then"])
def test_words_of_another_model_in_the_line_are_no_other_kind_of_line(name: str):
    text = "".join(
        "".join(f"{model} {line}\n" for line in epochs(FORMATS[name], 1, 6, scale).splitlines())
        for model, scale in (("resnet", 1), ("vgg", 1000))
    )
    assert watched(text)[0].run.attempt.fit == 2


def test_a_training_that_died_and_begins_anew_is_a_restart():
    line = FORMATS["words"]
    error = 'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\nRuntimeError: CUDA error: an illegal memory access was encountered\n'
    pipeline, changes = watched(epochs(line, 1, 9) + error + epochs(line, 1, 5))
    assert pipeline.run.attempt.fit == 1
    assert "StepWentBack" in fired(changes)


ONE_TRAINING = {
    "a resume that is said": epochs(FORMATS["words"], 1, 9) + "Resuming from checkpoint at epoch 6\n" + epochs(FORMATS["words"], 6, 20),
    "a resume at the first epoch of the log": epochs(FORMATS["words"], 50, 59) + "Resuming training from last.pt\n" + epochs(FORMATS["words"], 50, 70),
    "a resume without a word": epochs(FORMATS["words"], 1, 9) + epochs(FORMATS["words"], 7, 20),
    "an evaluation of each model at the end": epochs(FORMATS["train and test apart"], 1, 9) + "".join(f"Epoch {e} | test loss 0.6 acc 0.81\n" for e in range(1, 10)),
    "an evaluation in other words": epochs(FORMATS["words"], 1, 9) + "".join(f"Evaluating epoch {e}: acc 0.81\n" for e in range(1, 10)),
    "the best epoch, told in each": "".join(f"Epoch {e} loss {2 / e:.4f}\nBest epoch: {1 + (e > 5) * 4} with loss 0.5\n" for e in range(1, 12)),
    "processes that are an epoch apart": "".join(f"Epoch {max(1, e - r)} loss {2 / e:.4f}\n" for e in range(1, 12) for r in (0, 1)),
    "steps that go on": "".join(f"epoch {1 + n % 60 // 12} step {10 * n} loss {3 / (1 + n):.4f}\n" for n in range(1, 180)),
    "steps within the epoch": "".join(f"epoch {e} step {s} loss {3 / e:.4f}\n" for e in range(1, 9) for s in range(0, 100, 10)),
    "a generator and a discriminator": "".join(f"Epoch {e} D loss 0.69\nEpoch {e} G loss 0.71\n" for e in range(1, 12)),
    "two epochs, again and again": epochs(FORMATS["words"], 1, 2) * 4,
    "fractions that step back": epochs(FORMATS["the epoch as a fraction"], 1, 4) + epochs(FORMATS["the epoch as a fraction"], 3, 6),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_TRAINING)
def test_what_repeats_epochs_of_one_training_begins_no_other(name: str):
    pipeline, _ = watched(ONE_TRAINING[name])
    assert pipeline.run.attempt.fit == 1


@pytest.mark.slow
@pytest.mark.parametrize("last", [3, 4, 30])
@pytest.mark.parametrize("name", FORMATS)
def test_trainings_are_told_apart_whether_short_or_long(name: str, last: int):
    assert watched(epochs(FORMATS[name], 1, last) * 3)[0].run.attempt.fit == 3
