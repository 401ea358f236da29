# ruff: noqa: E501 (each line of a log stands on one line)
"""Kinds that the tenth list of real logs showed, by made-up twins."""

import pytest

from tests.reader.facts import facts_of


def facts(text: str) -> dict:
    return facts_of(text.encode())


@pytest.mark.parametrize("names", [["loss", "top-1", "top-2"], ["loss", "acc", "f1", "auc"]])
@pytest.mark.parametrize("sets", [("VALID", "TRAIN"), ("TRAIN", "VALID")])
def test_a_header_whose_cells_hold_several_columns(names: list[str], sets: tuple[str, str]):
    head = f"{' ' * 27}|------ {sets[0]} ------|------ {sets[1]} -----|---Accuracy---|------|\n"
    head += (
        f"lr       iter     epoch    | {'   '.join(names)} | {'   '.join(names)}  | Current Best | time |\n{'-' * 90}\n"
    )
    text = head
    for e in range(5):
        figures = {
            each: [f"{(1 if each == 'TRAIN' else 2) / (1 + e):.3f}", *["90.1"] * (len(names) - 1)] for each in sets
        }
        cells = [" ".join(figures[each]) for each in sets]
        text += f"0.0001   {e}.0    {e}.0       | {cells[0]} | {cells[1]} |  88.80  |  2 hr 06 min\n"
    seen = facts(text)
    assert (seen["loss"], seen["val_loss"], seen["lr"], seen["epochs_done"]) == (0.2, 0.4, 0.0001, 5)


def test_columns_without_as_many_figures_are_not_read():
    text = "|--- VALID ---|--- TRAIN ---|\nepoch | loss top-1 | loss top-1 |\n"
    text += "".join(f"{e} | 0.1 90.1 99.9 | 0.2 90.1 99.9 |\n" for e in range(1, 6))
    assert "loss" not in facts(text)


@pytest.mark.parametrize("name", ["Batch", "batch"])
def test_batches_of_all_epochs(name: str):
    text = ""
    for e in range(1, 4):
        text += f"Epoch {e}/5 starting...\n"
        text += "".join(f"{name} {b}/500 | Loss: {1 / b:.4f}\n" for b in range(100 * e - 90, 100 * e + 1, 10))
        text += f"Epoch {e} complete | Avg Loss: 0.5 | Batches: 100/100\n"
    seen = facts(text + f"Epoch 4/5 starting...\n{name} 310/500 | Loss: 0.0032\n")
    assert (seen["step"], seen["epochs_done"], seen["loss"]) == (310, 3, 0.0032)


def test_batches_counted_from_0_are_full_at_the_last_but_one():
    text = "".join(
        f"Training.., epoch: {e}, 937/938, acc: 84.5, loss: {1 / (1 + e):.4f}\n"
        f"epoch: {e}, 156/157, eval_acc: 79.{e}, loss: {2 / (1 + e):.4f}\n"
        for e in range(5)
    )
    seen = facts(text)
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (5, 0.2, 0.4)
    assert seen["metrics"]["acc"] == {"train": 84.5, "val": 79.4}


@pytest.mark.parametrize(
    "title", ["STEP 5: Test evaluation", "Step 5. Saving artifacts", "  STEP 4: Training (100 epochs)"]
)
def test_a_numbered_title_is_no_step(title: str):
    epochs = "".join(f"Epoch {e}/9 | Train Loss: 0.{e} | Val Loss: 0.{e}\n" for e in range(1, 10))
    assert "step" not in facts(f"{title}\n{epochs}{title}\n")


@pytest.mark.parametrize(
    "line", ["  - lr: 1.09e-05", "Trial 7 finished with value: 0.95 and parameters: {'lr': 1e-05, 'batch_size': 16}."]
)
def test_the_best_settings_are_no_rate(line: str):
    trial = "Trial 3 Finished. Final Validation Accuracy: 0.95\n"
    assert "lr" not in facts((trial + f"{line}\n") * 4)


def test_the_outputs_of_a_net_are_terms_of_its_loss():
    text = "".join(
        f"I0613 17:29:4{n}.490244  1860 solver.cpp:228] Iteration {n}00, loss = {2 / n:.4f}\n"
        f"I0613 17:29:4{n}.490244  1860 solver.cpp:244]     Train net output #0: center_loss = 99.4 (* 0.008 = 0.7957 loss)\n"
        f"I0613 17:29:4{n}.490244  1860 solver.cpp:244]     Train net output #1: loss = {1 / n:.4f} (* 1 = {1 / n:.4f} loss)\n"
        for n in range(1, 6)
    )
    assert facts(text)["loss"] == 0.4


def test_the_epochs_loss_comes_behind_its_batches_though_the_log_begins_with_others():
    earlier = "".join(f"Epoch {e:03d} || Loss: 0.7{e} | Time: 48.2 | Test Dice: 0.0{e}\n" for e in (1, 1, 2, 3))
    text = earlier + "".join(
        "".join(f"Train Batch {b:04d} || Loss: 0.{b + 10}\n" for b in range(30))
        + f"Epoch {e:03d} || Loss: 0.5{e} | Time: 48.2 | Test Dice: 0.1{e}\n"
        for e in range(1, 6)
    )
    tail = "".join(f"Train Batch {b:04d} || Loss: 0.{b + 10}\n" for b in range(4))
    assert facts(text + tail)["epochs_done"] == 5
    assert facts(text + tail)["loss"] == 0.13


@pytest.mark.parametrize(("speed", "step"), [("0.005", 100), ("0.011", None)])
def test_reports_that_were_held_back_come_behind_the_bar(speed: str, step: int | None):
    text = "".join(f"\r {n:3d}%|███▌      | {n}/100 [3:15:14<3:32:39, 283.54s/it]" for n in range(101)) + "\n"
    text += "".join(f"{{'loss': 0.{e}, 'learning_rate': 2.5e-07, 'epoch': {e}.5}}\n" for e in range(10, 25))
    text += f"{{'train_runtime': 21142.8, 'train_steps_per_second': {speed}, 'train_loss': 0.5, 'epoch': 25.0}}\n"
    seen = facts(text)
    assert (seen.get("step"), seen["loss"], seen["epochs_done"]) == (step, 0.24, 25)


def test_an_epoch_that_is_finished_names_its_figures():
    text = "".join(f"Finished epoch {e}: Train Perplexity: 1.{e}, Dev Perplexity: 2.{e}\n" for e in range(1, 5))
    seen = facts(text)
    assert seen["epochs_done"] == 4
    assert seen["metrics"]["Perplexity"] == {"train": 1.4, "val": 2.4}


def test_a_rate_beside_an_epoch_and_how_many_there_are_is_its_head():
    text = "Epoch 1/100 (LR: 0.001000)\n" + "".join(f"  Batch {b}/118 | Loss: 1{b}.5\n" for b in range(10, 60, 10))
    seen = facts(text)
    assert (seen["step"], seen["epochs_done"], seen["lr"]) == (50, 0, 0.001)


def test_figures_behind_an_at_are_of_the_development_set():
    line = "Epoch [ {e}/9] | Loss 0.{e} | Accuracy 94.4% @ Loss_dev 1.{e} | Accuracy_dev 47.0%\n"
    seen = facts("".join(line.format(e=e) for e in range(1, 6)))
    assert (seen["loss"], seen["val_loss"]) == (0.5, 1.5)
