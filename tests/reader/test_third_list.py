"""Kinds of fault that the third list of real logs showed, on made-up lines."""

from monitor.reader.facts import Facts
from monitor.reader.lines import read_line
from monitor.reader.state import ReadState


def said(*lines: str) -> dict[str, object]:
    """Read lines and return the facts at their end."""
    state, facts = ReadState(), Facts()
    for line in lines:
        facts.take(read_line(line, state))
    return facts.said(state)


def test_a_line_that_says_of_the_test_what_another_says_of_the_training_is_of_the_test():
    lines = [
        line
        for i in range(1, 4)
        for line in (
            f"Epoch: {i}/3 | Batch 10/10 | Loss: 0.5{i}",
            f"**Epoch: {i}/3 | Train. Acc.: 9{i}.5% | Loss: 0.6{i}",
            f"**Epoch: {i}/3 | Test. Acc.: 8{i}.5% | Loss: 0.7{i}",
        )
    ]
    found = said(*lines)
    assert (found["loss"], found["val_loss"]) == (0.63, 0.73)
    assert found["metrics"] == {"Acc": {"train": 93.5, "test": 83.5}}


def test_a_loss_without_split_behind_a_held_out_figure_is_not_read_where_nothing_tells_whose_it_is():
    found = said(*(f"Epoch {i}: val acc: 0.8{i}, loss: 0.5{i}" for i in range(1, 4)))
    assert ("loss" in found, "val_loss" in found) == (False, False)


def test_a_loss_without_split_before_a_held_out_figure_is_of_the_training():
    assert said(*(f"Epoch {i}: loss: 0.5{i}, val acc: 0.8{i}" for i in range(1, 4)))["loss"] == 0.53


def test_what_is_counted_behind_the_last_epoch_is_no_training():
    lines = [f"Epoch {i}/3: Policy Loss = 1.{i}, Value Loss = 0.0{i}" for i in range(1, 4)]
    rounds = [
        line for i in range(1, 5) for line in (f"Player {i % 2 + 1} Hand: r p", f"Player {i % 2 + 1} (Round {i}/9)")
    ]
    found = said(*lines, *rounds)
    assert (found["epochs_done"], found.get("step")) == (3, None)


def test_a_score_at_an_iteration_has_its_place_behind_it():
    head = "16:30:1{}.854 [main] INFO org.deep.listeners.ScoreListener - Score at iteration {}00 is 0.5{}"
    found = said(*(head.format(i, i, i) for i in range(1, 5)))
    assert (found["step"], found["metrics"]) == (400, {"Score": {"train": 0.54}})


def test_a_place_may_be_glued_to_its_number():
    lines = [f"TRAIN in epoch {i} , step {s}, loss = 0.{i}{s}" for i in range(2) for s in range(3)]
    found = said(*lines, "TEST in epoch1, loss = 3.5, acc = 45.5%")
    assert (found["loss"], found["val_loss"], found["metrics"]) == (0.12, 3.5, {"acc": {"test": 45.5}})


def test_a_number_within_a_file_name_is_no_place():
    assert said("Saved to /a/epoch7, step 5: loss 0.5", "loading runs/epoch9.pt").get("epoch") is None


def test_a_running_total_of_steps_is_a_place():
    boxes = [
        line
        for i in range(1, 4)
        for line in (
            "----------------",
            f"| total/steps  | {i}000 |",
            f"| train/loss_actor | -3.{i} |",
            "----------------",
        )
    ]
    assert said(*boxes)["step"] == 3000


def test_a_bar_that_is_drawn_by_hand_is_one():
    drawn = "Training [{:10}] {}0.0% {}00/1000 | 4.6 it/s | ETA: 9.5 s | loss=3.{} | validation_loss=3.5{}"
    lines = [drawn.format("=" * i, i, i, i, i) for i in range(1, 10)]
    found = said("BPE training [==========] 100.0% 317/317 | 139.6 it/s | ETA: 0.0 s", *lines)
    assert (found["step"], found["steps"], found["loss"], found["val_loss"]) == (900, 1000, 3.9, 3.59)


def test_a_rate_that_changes_is_what_it_is_from_now_on():
    lines = [line for i in (1, 2, 3) for line in (f"epoch {i}, loss 0.5{i}", f"learning rate 0.00{i} -> 0.000{i}")]
    assert said(*lines)["lr"] == 0.0003


def test_a_held_out_figure_that_comes_again_is_no_setting():
    assert said(*(f"INFO: Validation Dice Coeff: 0.5{i}" for i in range(4)))["metrics"] == {"Dice_Coeff": {"val": 0.53}}
    assert "metrics" not in said(*("Training size: 3535", "Validation size: 392") * 4)


def test_a_phase_before_the_word_epoch_begins_a_new_count():
    def epochs(name: str, number: int) -> list[str]:
        return [f"{name}Epoch {i}/{number} | Train Loss: 0.9{i} | Val Loss: 0.8{i}" for i in range(1, number + 1)]

    found = said(*epochs("", 5), "--- Starting Specialized Fine-Tuning Phase ---", *epochs("Fine-Tune ", 3))
    assert (found["epochs_done"], found["loss"]) == (3, 0.93)


def test_a_loss_for_a_place_has_its_place_behind_it():
    lines = [
        line
        for e in range(3)
        for line in (
            *(f"Loss for Iter {e * 100 + i}: 0.{e}{i}, acc = 0.5" for i in (1, 51)),
            f"Test loss for epoch {e}: 0.3{e}, Acc = 0.7",
        )
    ]
    found = said(*lines)
    assert (found["step"], found["loss"], found["val_loss"]) == (251, 0.251, 0.32)
    assert found.get("epochs_done") in (None, 3)


def test_the_steps_of_a_box_are_those_of_the_environment():
    box = (
        "-----------------------------",
        "| time/             |        |",
        "|    iterations     | {i}    |",
        "|    total_timesteps | {i}024 |",
        "| train/            |        |",
        "|    loss           | 0.{i}  |",
        "|    n_updates      | {i}0   |",
        "-----------------------------",
    )
    assert said(*(row.format(i=i) for i in range(1, 4) for row in box))["step"] == 3024


def test_a_date_may_be_written_without_marks():
    found = said(*(f"20200204-19:5{i}:00 Train Epoch: {i}/5 ..." for i in range(1, 4)))
    assert (found["epoch"], found["epochs"]) == (3, 5)
