"""Kinds of fault that the second list of real logs showed, on made-up lines."""

from monitor.reader.facts import Facts
from monitor.reader.lines import read_line
from monitor.reader.state import ReadState


def said(*lines: str) -> dict[str, object]:
    """Read lines and return the facts at their end."""
    state, facts = ReadState(), Facts()
    for line in lines:
        facts.take(read_line(line, state))
    return facts.said(state)


def test_a_loss_below_a_heading_with_a_picture_is_of_the_evaluation():
    lines = [f"Step {i} | Loss: 0.5{i}" for i in range(3)]
    found = said(*lines, "📊 Evaluation Results:", "   Loss: 0.25")
    assert (found["loss"], found["val_loss"]) == (0.52, 0.25)


def test_below_a_heading_a_line_at_the_step_of_the_run_is_of_the_evaluation():
    lines = [f"loss=0.5{i}, global_step={i}" for i in range(3)]
    found = said(*lines, "***** Eval results *****", "  acc = 0.75", " global_step = 2, average loss = 0.25")
    assert (found["loss"], found["val_loss"], found["step"]) == (0.52, 0.25, 2)


def test_what_an_estimator_saves_is_of_its_evaluation():
    lines = [f"loss = 0.5{i}, step = {i} (1.5 sec)" for i in range(3)]
    found = said(*lines, "Saving dict for global step 2: accuracy = 0.75, global_step = 2, loss = 0.25")
    assert (found["loss"], found["val_loss"]) == (0.52, 0.25)


def test_a_value_at_a_step_has_its_place_behind_it():
    found = said("Start training epoch 1.", *(f":\tLoss at step {i}: {8.5 - i / 10:.3f}" for i in range(1, 5)))
    assert (found["step"], found["loss"]) == (4, 8.1)


def test_epochs_count_from_1_where_the_first_was_not_taken_for_a_report():
    assert said(*(f"Epoch {i} Average Loss_G: 0.1{i}, Loss_D: 0.2{i}" for i in range(1, 5)))["epochs_done"] == 4


def test_a_total_smaller_than_the_step_is_that_of_something_else():
    lines = [f"step: {i} / 400" for i in (200, 400)]
    assert "steps" not in said(*lines, *(f"Step {i}: grad_norm=0.5, loss=0.25" for i in range(300, 600, 100)))


def test_rows_below_a_header_above_all_reports_are_of_the_training():
    assert said("total loss\tscore loss\tborder loss\t", "14.1\t0.2\t0.8\t", "13.5\t0.1\t0.7\t")["loss"] == 13.5


def test_two_counts_of_epochs_one_from_0_do_not_mix():
    encoder = [f"Epoch #{i}: train_loss=1.{9 - i}, val_loss=1.5" for i in range(5)]
    head = [f"Epoch {i}/100: train_loss=0.0{i}, val_loss=0.25" for i in range(10, 101, 10)]
    assert said(*encoder, *head).get("epochs_done") in (100, None)


def test_batches_of_an_evaluation_are_told_by_the_word_before_them():
    lines = [line for i in (1, 2, 3) for line in (f"step {i} loss 5.5{i}", "Eval  batches[  100] | loss 5.25")]
    found = said(*lines)
    assert (found["loss"], found["val_loss"]) == (5.53, 5.25)


def test_a_header_may_have_numbers_in_its_names():
    found = said(
        "  epoch,  train/box_loss,  metrics/precision,  metrics/mAP_0.5,metrics/mAP_0.5:0.95,  val/box_loss,  x/lr0",
        "      0,          0.0675,            0.53076,          0.49509,             0.23577,      0.036992,   0.07",
        "      1,        0.048845,            0.65937,          0.61509,             0.33577,      0.026992,   0.04",
    )
    assert found["epochs_done"] == 2
    metrics = found["metrics"]
    assert isinstance(metrics, dict)
    read = {name: next(iter(splits.values())) for name, splits in metrics.items()}
    assert (read["metrics/precision"], read["metrics/mAP_05"], read["metrics/mAP_05_095"]) == (
        0.65937,
        0.61509,
        0.33577,
    )


def test_a_line_of_pairs_is_no_header():
    assert said(*(f"epoch {i}, loss 0.5{i}, lr 0.1, val_loss 0.6" for i in (1, 2, 3)))["loss"] == 0.53
    assert said(*(f"epoch:{i}, loss:0.5{i}, lr:0.1, val_loss:0.6" for i in (1, 2, 3)))["loss"] == 0.53


def test_what_is_above_all_reports_on_lines_of_its_own_is_a_setting():
    settings = ["train_steps           : 400000", "iterations            : 5000", "n_layer               : 2"]
    found = said(*settings, *settings, *(f"[{i}000] | gnorm 1.5 lr 0.0{i} | loss 5.{i}" for i in range(1, 4)))
    assert (found["step"], found["loss"], "metrics" in found) == (3000, 5.3, False)


def test_a_step_on_a_line_of_its_own_gives_way_to_the_count_of_the_reports():
    found = said("Iteration: 50", *(f"[{i}000] | lr 0.0{i} | loss 5.{i}" for i in range(1, 4)))
    assert found["step"] == 3000


def test_a_step_in_the_singular_is_the_place_of_the_lines_below_it():
    assert said(*(line for i in (1, 2, 3) for line in (f"Step: {i}00", f"loss: 0.5{i}")))["step"] == 300


def test_a_report_in_the_same_words_under_the_heading_of_an_evaluation_is_of_that():
    lines = [
        line
        for i in range(1, 4)
        for line in (
            f"epoch: {i},  loss is: 0.5{i}, acc is: 0.7{i}",
            "testing in eval mode……",
            f"epoch: {i},  loss is: 0.6{i}, acc is: 0.6{i}",
            "Now continue training……",
        )
    ]
    found = said(*lines)
    assert (found["loss"], found["val_loss"], found["epochs_done"]) == (0.53, 0.63, 3)
    assert found["metrics"] == {"acc": {"train": 0.73, "val": 0.63}}


def test_the_number_of_a_cutoff_is_part_of_the_name():
    lines = [line for i in (1, 2) for line in (f"Epoch: {i}/2,top 1 acc: 0.2{i}", f"Epoch: {i}/2,top 5 acc: 0.5{i}")]
    found = said(*lines)["metrics"]
    assert found == {"top_1_acc": {"train": 0.22}, "top_5_acc": {"train": 0.52}}


def test_a_loss_without_place_or_split_beside_losses_with_places_is_not_read():
    lines = [f"Epoch: [1/5] Iter:[{i}/90], lr: [0.01], Loss: 1.5{i}, Acc:0.6{i}" for i in (10, 20, 30)]
    evaluated = "Loss: 0.887, MeanIU:  0.6256, Best_mIoU:  0.6349"
    found = said(*lines, evaluated, *lines, evaluated)
    assert (found["loss"], found.get("val_loss")) == (1.530, None)
    assert isinstance(found["metrics"], dict)
    assert found["metrics"]["MeanIU"] == {"": 0.6256}
    assert said(*lines, "Train Loss: 0.9")["loss"] == 0.9


def test_a_bar_goes_on_below_the_heading_of_an_evaluation():
    lines = [f"Iteration: {i}%|█ | {i}/100 [00:05<00:11, 5.2it/s, loss=0.{i}, global_step={i}]" for i in (40, 60, 80)]
    found = said(*lines, "***** Running evaluation for dev *****", lines[-1])
    assert (found["loss"], found.get("val_loss")) == (0.8, None)
