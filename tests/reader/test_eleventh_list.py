# ruff: noqa: E501 (each line of a log stands on one line)
"""Kinds that the eleventh list of real logs showed, and some that were known, by made-up twins."""

import itertools

import pytest

from monitor.reader.set_columns import row_of_sets, take_sets
from monitor.reader.state import TableState
from tests.reader.facts import facts_of


def facts(text: str) -> dict:
    return facts_of(text.encode())


def keras_epochs(num_epochs: int, batches: int, *, has_bar: bool) -> str:
    text = ""
    for e in range(1, num_epochs + 1):
        figures = f" - loss: {1 / e:.4f} - val_loss: {2 / e:.4f}"
        drawn = f"{batches}/{batches} [{'=' * 30}]" if has_bar else ""
        text += f"Epoch {e}/40\n{drawn} - 12s{' 32ms/step' if has_bar else ''}{figures}\n"
    return text


@pytest.mark.parametrize("has_bar", [True, False])
@pytest.mark.parametrize("total", [1, 3, 115])
@pytest.mark.parametrize("shown", ["47s 47s/step", "10s 79ms/step"])
def test_the_bar_of_a_prediction_moves_nothing(has_bar: bool, total: int, shown: str):
    text = keras_epochs(5, 11, has_bar=has_bar) + f"{total}/{total} [{'=' * 30}] - {shown}\n"
    seen = facts(text + text.splitlines()[-1] + "\n")
    assert seen.get("step") == (55 if has_bar else None)
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (5, 0.2, 0.4)


@pytest.mark.parametrize("words", ["Validate", "Check", "On the held-out set", "Epoch's end"])
@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("name", ["Val Loss", "val_loss", "valid_loss"])
def test_a_bar_that_shows_held_out_figures_alone_moves_nothing(words: str, every: int, name: str):
    text = ""
    for e in range(10):
        text += f"Train Epoch {e}: 100%|█████| 30/30 [00:04<00:00,  7.2it/s, Loss={1 / (e + 1):.4f}, LR=1.00e-04]\n"
        if e % every == every - 1:
            for done in (4, 8):
                text += (
                    f"{words}: {done * 100 // 8}%|███| {done}/8 [00:00<00:00, 19.1it/s, {name}={done / (e + 1):.4f}]\n"
                )
    seen = facts(text)
    assert (seen["step"], seen["epochs_done"], seen["loss"], seen["val_loss"]) == (300, 10, 0.1, 0.8)


@pytest.mark.parametrize("words", ["", "Training: ", "Train steps: "])
def test_the_trainings_own_bar_may_show_held_out_figures_alone(words: str):
    drawn = [
        f"{words}{n:3}%|███| {n}/100 [00:{n // 2:02}<00:50,  2.0it/s, val_loss={1 / n:.4f}]\n" for n in range(1, 101)
    ]
    seen = facts("".join(drawn))
    assert (seen["step"], seen["val_loss"]) == (100, 0.01)


@pytest.mark.parametrize(
    "names", ["[Epoch/iter]: [{}/{}]", "Epoch/Iter {}/{}", "epoch/step: {}/{}", "Epoch / Batch [{}/{}]"]
)
def test_two_places_named_before_two_numbers(names: str):
    text = ""
    for e in range(4):
        for i in (100, 200, 300):
            text += f"{names.format(e, i)}, loss: {1 / (e * 300 + i):.6f}, accuracy: 0.8{e}\n"
        text += f"Elapsed time: 264.03 seconds, end of epoch: {e}, lr: 0.005, val_loss: 0.7{e}, val_acc: 0.6{e}\n"
    seen = facts(text)
    assert (seen["loss"], seen["val_loss"], seen["epochs_done"]) == (round(1 / 1200, 6), 0.73, 4)
    assert "step" not in seen


def test_losses_without_a_place_are_read_beside_validations_with_one():
    lines = [f"running loss: {1 / i:.4f}\nepoch {i} finished, val_loss: {2 / i:.4f}\n" for i in range(1, 9)]
    assert facts("".join(lines)).get("loss") in (0.125, None)


@pytest.mark.parametrize("total", [10_000, 25_000, 60_000])
@pytest.mark.parametrize("batch_size", [10, 100])
def test_a_round_count_behind_the_epoch_is_of_samples(total: int, batch_size: int):
    leap = batch_size * 10
    text = "".join(
        f"Epoch: [{e}] [{n}/{total}] Loss: [{1 / (e * total + n + 1):.7f}]\n"
        for e in (1, 2)
        for n in range(0, total, leap)
    )
    seen = facts(text)
    assert ("step" in seen, seen["loss"]) == (False, round(1 / (2 * total + total - leap + 1), 7))


@pytest.mark.parametrize("total", [5005, 10_010, 40_037, 9_900])
def test_other_counts_behind_the_epoch_are_of_batches(total: int):
    text = "".join(f"Epoch: [{e}][{n}/{total}]\tLoss {1 / (n + 1):.4f}\n" for e in (0, 1) for n in range(0, total, 500))
    assert facts(text)["step"] in (total + (total - 1) // 500 * 500, total + (total - 1) // 500 * 500 + 1)


@pytest.mark.parametrize("name", ["total training loss", "Total train loss", "total_train_loss"])
def test_the_sum_of_an_epochs_losses_is_not_the_loss(name: str):
    text = ""
    for e in (1, 2, 3):
        text += "".join(f"Epoch {e}, Step: {100 * e + s}, Batch Loss: {1 / (e + s):.6f}, Lr: 0.0003\n" for s in (0, 50))
        text += f"Epoch {e}: {name} 649.{e}\n"
    seen = facts(text)
    assert (seen["loss"], seen["epochs_done"], seen["step"]) == (round(1 / 53, 6), 3, 350)
    assert seen["metrics"]["total_loss"] == {"train": 649.3}


def test_where_it_is_all_there_is_the_total_loss_is_read():
    assert facts("".join(f"Epoch {e}: total training loss 0.{9 - e}\n" for e in (1, 2, 3)))["loss"] == 0.6


PARTS = ("Recon", "KL", "box loss", "cls", "perceptual", "bbox_loss")


@pytest.mark.parametrize("parts", list(itertools.combinations(PARTS, 2)))
@pytest.mark.parametrize("between", [", ", " | ", "  "])
@pytest.mark.parametrize("is_first", [True, False])
def test_total_beside_named_parts_is_the_loss(parts: tuple[str, str], between: str, is_first: bool):
    text = ""
    for e in (1, 2, 3):
        terms = [f"{part}: {i + 1 / e:.4f}" for i, part in enumerate(parts)]
        figures = [f"Total: {1 + 2 / e:.4f}", *terms] if is_first else [*terms, f"total: {1 + 2 / e:.4f}"]
        text += f"Epoch {e}: {between.join(figures)}\n"
    seen = facts(text)
    assert (seen["loss"], seen["epochs_done"]) == (1.6667, 3)


@pytest.mark.parametrize(
    "figures", ["acc: 0.9, Total: {:.2f}", "Precision: 0.5, Recall: 0.6, Total: {:.2f}", "loss: 0.5, kl: 0.1, ce: 0.4, total: {:.2f}"]
)  # fmt: skip
def test_total_beside_other_figures_is_not_the_loss(figures: str):
    text = "".join(f"Epoch {e}: {figures.format(7 + 1 / e)}\n" for e in (1, 2, 3))
    assert facts(text).get("loss") in (0.5, None)


@pytest.mark.parametrize("names", [("cls loss", "box loss"), ("CE loss", "aug loss"), ("mse_loss", "prior_loss")])
def test_one_of_several_losses_is_not_the_loss(names: tuple[str, str]):
    text = "".join(f"Epoch {e} | {names[0]} 0.5{e} | {names[1]} 0.6{e}\n" for e in (1, 2, 3))
    assert "loss" not in facts(text)


TIMES = [
    "Train epoch time: {:.3f} ms, per step time: 5.612 ms", "epoch time: {:.3f} ms, per step time: 5.612 ms",
    "Epoch time: {:.3f}, per step time: 5.612", "Epoch time: {:.1f}s", "Training epoch time: {:.1f} s",
]  # fmt: skip


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("steps", [(2502,), (100, 200, 300)])
@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_a_line_that_tells_how_long_the_epoch_took_closes_it(time: str, steps: tuple[int, ...], epochs: int):
    text = ""
    for e in range(1, epochs + 1):
        text += "".join(f"epoch: {e} step: {s}, loss is {1 / (e + s):.6f}\n" for s in steps)
        text += time.format(1000 + e) + "\n"
    seen = facts(text)
    assert (seen["epochs_done"], seen["loss"]) == (epochs, round(1 / (epochs + steps[-1]), 6))
    begun = f"epoch: {epochs + 1} step: {steps[0]}, loss is 0.5\n"
    assert facts(text + begun)["epochs_done"] == epochs


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_is_told_within_the_epoch_does_not_close_it(time: str):
    text = ""
    for e in (1, 2):
        for s in (100, 200, 300):
            text += f"epoch: {e} step: {s}, loss is {1 / (e + s):.6f}\n{time.format(1000 + s)}\n"
    text += "epoch: 3 step: 100, loss is 0.5\n" + time.format(900) + "\nepoch: 3 step: 200, loss is 0.4\n"
    assert facts(text).get("epochs_done") in (2, None)


@pytest.mark.parametrize("head", ["Training epoch {} out of {}", "Epoch {} out of {}"])
@pytest.mark.parametrize("first", [0, 1])
def test_how_many_epochs_it_is_out_of(head: str, first: int):
    lines = [
        f"INFO:__main__:{head.format(e, 8)}\nINFO:__main__:Training accuracy 0.7{e}\nINFO:__main__:Test accuracy 0.6{e}\n"
        for e in range(first, 8)
    ]
    seen = facts("".join(lines))
    assert (seen["epochs"], seen["metrics"]["accuracy"]) == (8, {"train": 0.77, "test": 0.67})
    assert seen.get("epochs_done") in (8 if first == 0 else 7, None)


@pytest.mark.parametrize("head", ["Finish epoch {}, time elapsed 304.5", "Finished epoch {}, time elapsed 304.5"])
def test_an_epoch_is_finished_before_its_figures(head: str):
    lines = [f"{head.format(e)}\n training Loss:   0.5{e}\n Validation Loss: 0.9{e}\n" for e in range(5)]
    seen = facts("".join(lines))
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (5, 0.54, 0.94)


@pytest.mark.parametrize(
    "header", ["                    Training |  Validation", "Train | Val", "| Training | Validation"]
)
@pytest.mark.parametrize("absent", ["N/A", "-"])
def test_rows_below_a_header_of_sets(header: str, absent: str):
    text = ""
    for e in range(4):
        text += f"2019-04-19 22:20:25,778 - INFO - allennlp.training.trainer - Epoch {e}/19\n"
        rows = [
            header, f"precision       |     0.62{e}  |     0.279", f"cpu_memory_MB   |  2344.944  |       {absent}",
            f"loss            |     0.81{e}  |     1.61{e}", f"accuracy        |     0.67{e}  |     0.36{e}",
        ]  # fmt: skip
        text += "".join(
            f"2019-04-19 22:20:27,277 - INFO - allennlp.training.tensorboard_writer - {row}\n" for row in rows
        )
    seen = facts(text)
    assert (seen["loss"], seen["val_loss"], seen["epochs_done"]) == (0.813, 1.613, 4)
    assert seen["metrics"]["accuracy"] == {"train": 0.673, "val": 0.363}


@pytest.mark.parametrize(
    "row", ["loss | 0.8", "loss | 0.8 | 0.7 | 0.6", "Epoch: 3 | 0.8 | 0.7", "0.5 | 0.8 | 0.7", "loss | high | low", "", "|", "||||"]
)  # fmt: skip
def test_other_lines_end_such_a_table(row: str):
    state = TableState()
    assert take_sets("Training | Validation", state)
    assert row_of_sets(row, state) is None
    assert state.sets == []


@pytest.mark.parametrize(
    "header", ["Training", "Training | Training", "Name | Training", "train loss | val loss", "|", "a | b", "x" * 300]
)
def test_what_is_no_header_of_sets(header: str):
    assert not take_sets(header, TableState())


def test_epochs_behind_a_number_sign_are_no_comment():
    text = "#Epoch 0: Valid Reconstruct Loss: 0.8320\n"
    text += "".join(f"#Epoch {e}: Reconstruct Loss: 0.1{e}, Valid Reconstruct Loss: 0.2{e}\n" for e in range(1, 6))
    seen = facts(text)
    assert seen["epochs_done"] in (5, 6)
    assert seen["metrics"]["Reconstruct_Loss"] == {"train": 0.15, "val": 0.25}


@pytest.mark.parametrize("between", ["  ", " ", "/", ", "])
def test_a_quantity_of_three_sets_before_its_figures(between: str):
    lines = [
        f"kimg {k}     accuracy train/valid/test  {between.join((f'8{i}.10', f'7{i}.20', f'6{i}.30'))}\n"
        for i, k in enumerate((64, 128, 192))
    ]
    assert facts("".join(lines))["metrics"]["accuracy"] == {"train": 82.1, "val": 72.2, "test": 62.3}


def test_the_batches_of_composer_without_epochs_are_the_steps():
    lines = [f"[batch={b}/4800]:\n\t Train loss/train/total: {1 / b:.4f}\n" for b in range(10, 60, 10)]
    seen = facts("".join(lines))
    assert (seen["step"], seen["steps"], seen["loss"]) == (50, 4800, 0.02)
