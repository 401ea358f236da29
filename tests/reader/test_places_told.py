"""Where a report belongs, by lines that measure nothing themselves, and by counters of other lines."""

import pytest

from tests.reader.facts import facts_of


def facts(text: str) -> dict:
    return facts_of(text.encode())


HEADED = [
    "[TRAIN] Epoch {e:03d} | batch {b}/95 ({p:.1f}%) | 0.192s/batch", "Epoch {e} Batch {b}/95 took 3.2s",
    "Epoch {e}, batch {b}/95", "epoch: {e} - batch {b} of 95 - 12.3 s",
]  # fmt: skip


@pytest.mark.parametrize("head", HEADED)
@pytest.mark.parametrize("below", ["loss: {loss:.4f}", "[TRAIN] mean acc: 0.6\n[TRAIN] mean loss: {loss:.4f}"])
def test_figures_belong_to_the_place_of_the_line_above_them(head: str, below: str):
    first = 0 if "03d" in head else 1
    text = "".join(
        f"{head}\n{below}\n".format(e=e, b=b, p=b / 0.95, loss=1 / (e * 100 + b))
        for e in range(first, first + 2)
        for b in range(5, 91, 5)
    )
    seen = facts(text)
    assert seen["step"] == 95 + 90
    assert seen["loss"] == round(1 / ((first + 1) * 100 + 90), 4)


@pytest.mark.parametrize("total", [3, 15])
def test_a_bare_count_that_a_line_then_calls_the_epoch(total: int):
    text = "".join(
        f"train ({e}/{total}) acc: 0.92 | loss: {1 / e:.4f}\nvalid ({e}/{total}) acc: 0.9 | loss: {2 / e:.4f}\n"
        f"* Epoch ({e}/{total}) \n"
        for e in range(1, 4)
    )
    seen = facts(text)
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (3, 0.3333, 0.6667)
    assert "step" not in seen


def test_an_evaluations_batches_move_no_step():
    text = "".join(f"Epoch 1 Batch {b}/95 took 3.2s\nloss: 0.{b}\n" for b in range(10, 60, 10))
    text += "".join(f"[VAL] Epoch 1 Batch {b}/20 took 3.2s\n" for b in range(5, 21, 5))
    assert facts(text)["step"] == 50


@pytest.mark.parametrize(
    "line", ["Generating samples at epoch {}", "Plotting figures for epoch {}...", "Sampling in epoch {}"]
)
def test_what_is_done_now_tells_the_epoch(line: str):
    bar = "Epochs:   4%|4         | 5/126 [24:52<9:57:34, 296.32s/it]\n"
    seen = facts(bar + "".join(f"Step: {n * 100} | Loss: {5 / n:.4f}\n{line.format(n)}\n" for n in range(6, 60)))
    assert (seen["step"], seen["epoch"]) == (5900, 59)
    assert seen.get("epochs_done") in (None, 58, 59)


@pytest.mark.parametrize(
    "line", ["Loading weights from epoch {}", "Resuming at epoch {}", "Using the model of epoch {}"]
)
def test_what_is_loaded_tells_no_epoch(line: str):
    text = "".join(f"epoch {e} loss 0.{e}\n" for e in range(11, 20))
    assert facts(text + line.format(11) + "\n")["epoch"] == 19


def test_word_vectors_count_epochs_of_their_own():
    text = "".join(f"EPOCH {e}: training on 73847 raw words took 0.2s, 367458 effective words/s\n" for e in range(5))
    text += "".join(f"Epoch {e}/10, Train Loss: {1 / e:.4f}\n" for e in range(1, 11))
    seen = facts(text)
    assert (seen["epoch"], seen["epochs_done"], seen["epochs"], seen["loss"]) == (10, 10, 10, 0.1)


@pytest.mark.parametrize("key", ["Epoch id:{} ", "epoch_idx={}, ", "Epoch no {} - ", "epoch index {}: "])
def test_a_word_behind_a_place_says_that_it_is_counted(key: str):
    text = "".join(f"{key.format(e)}training steps:{s} avg loss:0.{s}\n" for e in (1, 2) for s in range(4, 9))
    assert (facts(text)["epoch"], facts(text)["loss"]) == (2, 0.8)


@pytest.mark.parametrize("key", ["Accuracy = ", "f1: ", "mean reward "])
def test_a_figure_of_merit_that_comes_again_is_no_setting(key: str):
    seen = facts("".join(f"{key}0.{n}\n" for n in range(50, 56)) + "depth: 0.5\n" * 2)
    assert [*seen["metrics"].values()] == [{"": 0.55}]


def test_settings_that_come_again_are_no_figures():
    assert facts("lr: 0.5\nmomentum: 0.9\nmin_samples: 0.25\n" * 5) == {}
