# ruff: noqa: E501 (each line of a log stands on one line)
"""Kinds that the twelfth list of real logs showed, by made-up twins."""

import pytest

from monitor.reader.bars import take_bar
from tests.reader.facts import facts_of


def facts(text: str) -> dict:
    return facts_of(text.encode())


@pytest.mark.parametrize("summary", [
    "  Channels: {0}, Params: 3,022, TrainLoss: 0.2{0}, TestLoss: 0.1{0}, TestAcc: 95.6{0}%\n",
    "width {0}: train loss 0.2{0}, test loss 0.1{0}\n",
])  # fmt: skip
@pytest.mark.parametrize("num_fits", [1, 3])
def test_a_summary_behind_the_last_epoch_does_not_open_it(summary: str, num_fits: int):
    text = ""
    for fit in range(num_fits):
        text += f"--- Rank 0: Training model with base_channels = {2 + fit} ---\n"
        text += "".join(
            f"Epoch {e}/5 | Train Loss: 0.{9 - e} | Test Loss: 0.8{9 - e} | Test Acc: 9{e}.0%\n" for e in range(1, 6)
        )
    seen = facts(text + "Summary of results:\n" + "".join(summary.format(i) for i in range(1, 6)))
    assert (seen["epochs_done"], seen["epochs"]) == (5, 5)


def test_batches_without_a_place_behind_an_epochs_report_open_it_before_the_last():
    text = ""
    for e in range(1, 4):
        text += f"Epoch {e}/5\n" + "".join(f"loss: {1 / (e * 10 + b):.4f}\n" for b in range(4))
    assert facts(text)["epochs_done"] == 2


@pytest.mark.parametrize("order", [("base_lr: {0}", "lr: {1}"), ("lr: {1}", "base_lr: {0}"), ("base lr {0}", "lr {1}")])
def test_the_present_rate_beside_the_one_a_schedule_starts_from(order: tuple[str, str]):
    rates = "  ".join(order)
    lines = [
        f"Epoch(train) [{e}][8/8]  {rates.format('1.0000e-02', f'{e}.5000e-05')}  loss: 0.{9 - e}\n"
        for e in range(1, 5)
    ]
    assert facts("".join(lines))["lr"] == 4.5e-05


def test_the_base_rate_alone_is_the_rate():
    lines = [f"Epoch(train) [{e}][8/8]  base_lr: {e}.0000e-02  loss: 0.{9 - e}\n" for e in range(1, 5)]
    assert facts("".join(lines))["lr"] == 0.04


def ignite(epochs: int, batches: int, held_out: int) -> str:
    text = ""
    for e in range(1, epochs + 1):
        for b in range(batches):
            text += f"Epoch [{e}/{epochs}]: [{b}/{batches}]  {100 * b // batches:2}%|█▏         , loss={1 / (e * batches + b):.4f}, |g|=1.5e+00 [00:{b:02}<00:35]\n"
        text += "".join(
            f"Epoch: [{b}/{held_out}]   6%|▌         , loss=2.{b:02} [00:00<00:00]\n" for b in range(held_out)
        )
        text += f"Epoch {e} - |param|=1.87e+03 |g|=1.04e+00 loss={1 / e:.4f}\nValidation - loss={2 / e:.4f} lowest_loss=9.0\n"
    return text


@pytest.mark.parametrize("epochs", [2, 5])
@pytest.mark.parametrize("batches", [7, 20])
@pytest.mark.parametrize("held_out", [1, 3, 18])
def test_the_bars_of_ignite(epochs: int, batches: int, held_out: int):
    seen = facts(ignite(epochs, batches, held_out))
    assert (seen["epochs_done"], seen["loss"]) == (epochs, round(1 / epochs, 4))
    assert seen["val_loss"] == round(2 / epochs, 4)


@pytest.mark.parametrize(
    "line", ["Epoch: [0/18]   0%|          , loss=2.89e+00", "%|", "Epoch [1/2]: [x/166]   0%|  [00:00]", "Epoch: [1/2] 5%|[" * 50, f"Epoch: [{'9' * 5000}/18]   6%|▌   , loss=2.9 [00:00<00:00]"]
)  # fmt: skip
def test_what_is_no_bar_of_ignite(line: str):
    assert take_bar(line) is None


@pytest.mark.parametrize("mark", ["#####{}##### Epoch: {}", "### Epoch {1}", "# epoch {1}", "##{}# Epoch {}"])
def test_number_signs_around_a_set(mark: str):
    lines = [f"{mark.format('Train', e)}, Loss: 0.{9 - e}\n" for e in range(1, 5)]
    seen = facts("".join(lines))
    assert (seen["loss"], seen["epochs_done"]) == (0.5, 4)


@pytest.mark.parametrize("code", ["# loss = 0.5", "# the epoch = 3", "## alpha: 0.1, loss: 0.3", "#---- loss 0.5 ----"])
def test_comments_are_still_none(code: str):
    assert facts(f"{code}\n" * 5) == {}
