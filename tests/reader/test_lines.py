"""Single lines and short logs: which number is which, and where the run stands."""

import pytest

from monitor.reader.lines import read_line
from monitor.reader.state import ReadState
from tests.reader.facts import flat, read_all


def said(*lines: str) -> dict[str, object]:
    """Return the facts of a log."""
    return flat(read_all("\n".join(lines).encode())[0])


@pytest.mark.parametrize(
    ("line", "loss", "val"),
    [
        ("Epoch: 1 | Val Loss: 9.9 | Train Loss: 0.5", 0.5, 9.9),
        ("step 10 | aux loss 0.01 | loss 2.3", 2.3, None),
        ("epoch 3 | best loss: 0.1 | loss: 0.8", 0.8, None),
        ("Iter 200: Val loss 2.936, Val took 3.2s", None, 2.936),
        (
            "2025-03-04 09:00:00 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 9.9 | best_loss 0.1",
            None,
            9.9,
        ),
        ("[Val] epoch 1 loss 9.9", None, 9.9),
        ("Eval: step 10 loss: 9.9", None, 9.9),
        ("step 1 train: loss 0.5 acc 0.9 | val: loss 0.6 acc 0.8", 0.5, 0.6),
        ("Epoch: [0][10/500] Loss 2.95 (10.95)", 2.95, None),
        ("epoch 1 loss_cls: 0.5 loss_box: 0.6", None, None),
        ("step 1 loss: tensor(0.53, device='cuda:0')", 0.53, None),
        ("Validation loss decreased (0.5 --> 0.4).  Saving model", None, None),
        ("step 5 head loss 0.3", None, None),
        ("epoch 1 cost 35.2s", None, None),
        ("epoch 1 val_loss: 0.5 -> 0.4", None, None),
        (
            "Epoch 1, batch 50, loss[loss=0.5, simple_loss=0.7, over 1234 frames.], tot_loss[loss=0.6, over 99 frames.]",  # noqa: E501
            0.5,
            None,
        ),
        ("Epoch 1, validation: loss=0.3, simple_loss=0.4, over 99 frames.", None, 0.3),
        ("step 7 d_loss: 0.5, g_loss: 0.7", None, None),
        ("step 8: training loss = 2.5e-03 (lr = 1e-4)", 0.0025, None),
        ("step 9 | loss 2,345.6 | lr 0.1", 2345.6, None),
    ],
)
def test_the_loss_of_a_line_is_the_whole_loss_of_its_split(line: str, loss: float | None, val: float | None):
    found = said("step 0 loss 5.0" if "step" in line else "epoch 0", line)
    assert (found.get("last_loss") if found.get("last_loss") != 5.0 else None, found.get("val_loss")) == (loss, val)


def test_a_loss_whose_part_is_not_finite_is_not_finite():
    assert str(said("epoch 0", "epoch 1 loss_cls: nan loss_box: 0.6")["last_loss"]) == "nan"
    assert said("epoch 0", "epoch 1 loss: 0.5 loss_box: nan")["last_loss"] == 0.5


def test_the_summary_of_a_run_is_no_step():
    found = said("{'loss': 0.5, 'epoch': 1.0}", "{'train_runtime': 3.2, 'train_loss': 0.9, 'epoch': 1.0}")
    assert found["last_loss"] == 0.5


def test_a_summary_of_the_run_under_a_heading_is_no_step():
    lines = ["{'loss': 0.5, 'epoch': 1.0}", "***** train metrics *****", "  epoch      =   1.0", "  train_loss =  0.9"]
    assert said(*lines)["last_loss"] == 0.5
    assert said(*lines, "***** eval metrics *****", "  epoch  =  1.0", "  eval_loss = 0.4")["val_loss"] == 0.4


def test_a_bar_behind_the_last_batch_of_an_epoch_is_an_evaluation():
    bar = " [=====================>]  Step: 34ms | Tot: 12s | Loss: {} | Acc: 45.6% (123/270) {}/{} "
    found = said("Epoch: 0", bar.format(0.5, 390, 391), bar.format(0.4, 391, 391), bar.format(0.9, 100, 100))
    assert (found["last_loss"], found["last_step"], found["epochs_done"]) == (0.4, 391, 1)


def test_what_an_onlooker_repeats_at_the_end_is_no_report():
    assert said("step 10 loss 0.5", "wandb: Run summary:", "wandb:   train/loss 0.99")["last_loss"] == 0.5


def test_a_report_that_is_repeated_as_the_best_is_not_the_last():
    lines = [f"[{n}]\ttraining's l2: 0.{90 - n}\tvalid_1's l2: 0.{95 - n}" for n in (10, 20, 30)]
    found = said(*lines, "Early stopping, best iteration is:", lines[1])
    assert (found["last_step"], found["metrics.l2.val"]) == (30, 0.65)


def test_the_steps_of_an_episode_are_not_those_of_the_run():
    found = said(*(f"Episode {n}/1000 - Reward: 4{n}.2, Steps: {300 - n}, Loss: 0.{n}" for n in range(1, 5)))
    assert (found["last_step"], found["last_loss"]) == (None, 0.4)


def test_the_number_of_steps_of_an_epoch_is_no_step():
    lines = [f"[GPU0] Epoch {n} | Batchsize: 32 | Steps: 16" for n in range(3)]
    assert said(*lines)["last_step"] is None


def test_reports_without_a_place_have_no_step():
    found = said(*("{'loss': 0.5, 'grad_norm': 1.0}" for _ in range(9)))
    assert found["last_step"] is None


def test_a_head_line_serves_the_lines_below_it():
    found = said(
        *(line for e in range(1, 4) for line in (f"Epoch {e}/3", *(f"step {n}/20 loss: 0.{n}" for n in (10, 20))))
    )
    assert (found["last_step"], found["epochs_done"]) == (60, 3)


def test_epochs_from_0_are_counted():
    assert said(*(f"epoch {e} loss 0.{e}" for e in range(5)))["epochs_done"] == 5
    assert said(*(f"epoch {e} loss 0.{e}" for e in range(1, 6)))["epochs_done"] == 5


def test_epochs_of_a_log_that_begins_in_the_middle_are_not_guessed():
    assert "epochs_done" not in said("Epoch: [21][10/1930] Loss 2.5 (2.6)", "Epoch: [21][20/1930] Loss 2.5 (2.6)")


def test_a_bar_of_an_evaluation_moves_nothing():
    bar = " {}%|██| {}/{} [00:01<00:09,  9.91it/s]"
    found = said(
        *(bar.format(n, n, 100) for n in range(6)),
        "{'loss': 2.5, 'epoch': 0.1}",
        *(bar.format(n, n, 100) for n in range(5, 11)),
        bar.format(50, 4, 8),
        "{'loss': 2.4, 'epoch': 0.2}",
    )
    assert found["last_step"] == 10


def test_two_fits_in_one_log_are_two_fits():
    log = "".join(f"Epoch {e}/2\n10/10 - 1s 2ms/step - loss: 0.{e}\n" for e in (1, 2)) * 3
    _, _, state = read_all(log.encode())
    assert state.place.fit == 3


def test_ranks_are_one_report_and_a_nan_of_any_counts():
    lines = [f"[rank{r}]: step {n} loss 0.{n}{r}" for n in range(1, 5) for r in (0, 1, 2)]
    assert said(*lines)["last_loss"] == 0.4
    found = said(*lines, "[rank2]: step 4 loss nan")
    assert str(found["last_loss"]) == "nan"


def test_nothing_in_a_place_where_numbers_stood_is_not_finite():
    assert str(said(*(f"step {n} loss: 0.5" for n in range(3)), "step 3 loss: None")["last_loss"]) == "nan"
    assert (
        said(
            *(f"step {n} loss: 0.5, val_loss: None" for n in range(3)),
            "step 3 loss: 0.5, val_loss: 0.7",
            "step 4 loss: 0.5, val_loss: None",
        )["val_loss"]
        == 0.7
    )


def test_a_mark_in_source_code_or_settings_is_no_report():
    found = said(
        "lr = 0.1", "for step in range(10):", "    loss = 0.5 # first", "epoch: 100", "Namespace(loss=0.5, step=3)"
    )
    assert found == {"last_step": None, "last_loss": None}


def test_the_state_stays_small_whatever_comes():
    import dataclasses
    import json

    lines = [f"w{n}x step {n} loss_{n}: 0.5 name{n}: 0.25 {{" for n in range(8000)]
    _, facts, state = read_all("\n".join(lines).encode())
    assert len(json.dumps(dataclasses.asdict(state))) < 1_000_000
    assert len(facts.metrics) <= 400


def test_a_metric_that_only_checkpoint_lines_name_is_read_with_its_split():
    line = "Epoch 3, global step 400: 'val_wer' reached 0.60000 (best 0.60000), saving model to '/e=3.ckpt' as top 3"
    (report,) = read_line(line, ReadState()).reports
    assert report.kind == "checkpoint"
    assert [(value.name, value.split, value.number) for value in report.values] == [("wer", "val", 0.6)]


def test_a_loss_by_which_a_checkpoint_was_chosen_is_left_to_the_reports():
    line = "Epoch 3, global step 400: 'val_loss' reached 0.61 (best 0.61), saving model to '/e=3.ckpt' as top 3"
    (report,) = read_line(line, ReadState()).reports
    assert report.values == ()
