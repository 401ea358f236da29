"""Figures whose names stand elsewhere than right before them, and tables whose headers are more than one line."""

import pytest

from tests.reader.facts import facts_of


def facts(text: str) -> dict:
    return facts_of(text.encode())


@pytest.mark.parametrize("glue", [", ", "; ", " | "])
@pytest.mark.parametrize("place", ["{n}: {loss:.6f}", "epoch {n}", ""])
def test_names_behind_their_figures(glue: str, place: str):
    parts = [place, "{loss:.6f} avg loss", "0.001000 rate", "3.5 seconds", "640 images"]
    line = glue.join(part for part in parts if part)
    seen = facts("".join(line.format(n=n, loss=2 / n) + "\n" for n in range(10, 40)))
    assert seen["loss"] == round(2 / 39, 6)


@pytest.mark.parametrize("line", ["100 images, 3 losses checked", "12 steps, 4 warnings", "3 loss terms, 2 metrics"])
def test_counts_of_things_are_no_figures(line: str):
    assert facts(f"{line}\n" * 4) == {}


def test_names_and_figures_alternate():
    seen = facts("".join(f"epoch,{e},train_loss,{1 / e:.4f},val_loss,{2 / e:.4f}\n" for e in range(1, 6)))
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (5, 0.2, 0.4)


@pytest.mark.parametrize("line", ["Validation loss {n}: {v:.4f}", "Test loss {n} = {v:.4f}", "val loss {n} : {v:.4f}"])
def test_a_number_in_a_name_is_no_figure(line: str):
    text = "".join(f"step {n} loss 0.{n}\n{line.format(n=n, v=1 / n)}\n" for n in range(10, 60, 10))
    assert facts(text)["val_loss"] == 0.02


HEADS = [
    ("Epoch", ""), ("Iteration", ""), ("Time Elapsed", "(hh:mm:ss)"), ("Mini-batch", "Accuracy"),
    ("Validation", "Accuracy"), ("Mini-batch", "Loss"), ("Validation", "Loss"), ("Base Learning", "Rate"),
]  # fmt: skip


@pytest.mark.parametrize("order", [range(8), [0, 1, 2, 5, 6, 3, 4, 7], [1, 0, 2, 7, 5, 6, 3, 4]])
def test_a_header_of_two_lines(order):
    def row(cells: list[str]) -> str:
        return "|" + "|".join(f" {cells[index]:>12} " for index in order) + "|\n"

    text = row([upper for upper, _ in HEADS]) + row([lower for _, lower in HEADS]) + "|" + "=" * 119 + "|\n"
    for e in range(1, 6):
        cells = [str(e), str(50 * e), f"00:00:{10 + e}", "50.00%", "40.00%", f"{1 / e:.4f}", f"{2 / e:.4f}", "0.0100"]
        text += row(cells)
    seen = facts(text)
    assert (seen["step"], seen["loss"], seen["val_loss"], seen["lr"]) == (250, 0.2, 0.4, 0.01)


def test_a_table_with_a_rate_is_the_trainings_though_its_header_comes_again():
    text = "".join(f"clip  gnorm  loss  lr  ppl\n   1   1.5  {1 / n:.4f} 1e-05 12.5\n" for n in range(1, 6))
    seen = facts(text)
    assert (seen["loss"], seen["grad_norm"], seen["lr"]) == (0.2, 1.5, 1e-05)
    assert "val_loss" not in seen


@pytest.mark.parametrize(
    "head",
    [
        "Epoch {e} of 500 took 1.234s", "Epoch: {e:02d} | Epoch Time: 0m 12s", "epoch {e}/500 finished in 3 min 2 s",
        "Epoch {e} - duration: 0:01:12",
    ],
)  # fmt: skip
def test_what_an_epoch_took_says_that_it_is_over(head: str):
    text = "".join(f"{head.format(e=e)}\n\ttrain loss: {1 / e:.4f}\n\tval loss: {2 / e:.4f}\n" for e in range(1, 6))
    seen = facts(text)
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (5, 0.2, 0.4)


@pytest.mark.parametrize(
    "line",
    [
        "{e}epoch results: [train] loss={t:.4f}, [valid] loss={v:.4f}",
        "After {e} epochs: train loss {t:.4f}, val loss {v:.4f}",
        "Epoch-{e}: train-loss={t:.4f}; val-loss={v:.4f}",
        "epoch {e}, the training loss is {t:.4f} and the val loss {v:.4f}",
        "epoch {e}: mean train loss over epoch: {t:.4f}, mean val loss per epoch: {v:.4f}",
    ],
)
def test_an_epoch_in_other_words(line: str):
    seen = facts("".join(f"{line.format(e=e, t=1 / e, v=2 / e)}\n" for e in range(1, 6)))
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (5, 0.2, 0.4)


def test_the_last_step_of_all_ends_the_last_epoch():
    bar = "steps: {p:3d}%|###   | {s}/90 [00:10<01:00,  1.20it/s, avr_loss={loss:.4f}]\r"
    text = "".join(
        f"\nepoch {e}/3\n" + "".join(bar.format(p=s, s=s, loss=1 / s) for s in range(30 * e - 29, 30 * e + 1))
        for e in (1, 2, 3)
    )
    assert (facts(text)["step"], facts(text)["epochs_done"]) == (90, 3)


def test_a_step_of_minus_one_is_the_last_of_its_epoch():
    rows = "".join(f"{e},{s},0.{e + 1}5\n" for e in range(3) for s in (100, 200, -1))
    assert facts("epoch,steps,accuracy\n" + rows)["epochs_done"] == 3


def test_the_iteration_of_a_headed_box_is_the_place():
    text = "".join(
        f"{'#' * 40}\n  Learning iteration {n}/1500\n\n  Computation: 50000 steps/s\n  Mean reward: {n}.50\n"
        for n in range(6)
    )
    assert facts(text)["step"] == 5


def test_the_main_loss_of_a_report_with_extensions():
    text = "epoch       iteration   main/loss   validation/main/loss  elapsed_time\n"
    text += "".join(f"{e}           {e * 600}         {1 / e:<10.4f}  {2 / e:<20.4f}  {e * 5.5}\n" for e in range(1, 6))
    seen = facts(text)
    assert (seen["step"], seen["epochs_done"], seen["loss"], seen["val_loss"]) == (3000, 5, 0.2, 0.4)
