"""Kinds of lines that were misread in real logs, as made-up twins: what they say, and where they say nothing."""

import pytest

from monitor import api
from monitor.reader.lines import read_line
from monitor.reader.plan import plan_of
from monitor.reader.state import MOST_BARREN, ReadState
from tests.reader.facts import flat, read_all


def said(*lines: str) -> dict[str, object]:
    """Return the facts of a log."""
    return flat(read_all("\n".join(lines).encode())[0])


def test_a_setting_that_names_steps_or_epochs_is_no_place():
    found = said("eval_steps = 500", "start_epoch = 0", *(f"Epoch {e} | loss: 0.{9 - e}" for e in (1, 2, 3)))
    assert (found["last_step"], found["epochs_done"]) == (None, 3)


def test_the_epoch_of_the_best_value_is_not_where_the_run_is():
    found = said(*(f"Epoch {e}: val_loss 0.{9 - e}" for e in range(1, 6)), "Best val acc 91.20% (epoch 2)")
    assert found["epochs_done"] == 5


def test_the_last_epoch_is_over_by_the_line_that_closed_those_before_it():
    lines = [line for e in (1, 2, 3) for line in (f"Epoch {e}/3", f" - 18s - loss: 0.{9 - e} - val_loss: 0.5")]
    assert said(*lines)["epochs_done"] == 3
    assert said(*lines[:5])["epochs_done"] == 2


def test_whether_the_first_epoch_is_over_is_not_said_by_a_report_that_may_repeat():
    assert "epochs_done" not in said("Epoch 1/3", "loss: 0.8")


def test_a_bare_count_that_leaps_is_one_of_steps():
    assert said(*(f"[{n}/900] loss: 0.5" for n in (100, 200, 300)))["last_step"] == 300


def test_a_bare_count_with_a_validation_each_is_one_of_epochs():
    found = said(*(f"[{n}/9] loss: 0.5 val_loss: 0.6" for n in (1, 2, 3, 4)))
    assert (found["last_step"], found["epochs_done"]) == (None, 4)


def test_a_bare_count_that_goes_by_one_may_be_either():
    found = said(*(f"[{n}/9] loss: 0.5" for n in (1, 2, 3, 4)))
    assert (found["last_step"], found.get("epochs_done")) == (None, None)


def test_batches_of_another_total_below_an_evaluation_are_its_own():
    train = [f"step {n}/60 - loss: 0.{n} - acc: 0.5" for n in (20, 40, 60)]
    found = said("Epoch 1/2", *train, "Eval begin...", *(f"step {n}/8 - loss: 0.9{n} - acc: 0.5" for n in (4, 8)))
    assert (found["last_step"], found["last_loss"], found["val_loss"]) == (60, 0.6, 0.98)


def test_a_model_of_an_earlier_epoch_that_is_tried_out_moves_nothing():
    lines = [f"epoch: {e} done, auc: 0.8, loss: 0.{9 - e}" for e in range(6)]
    assert said(*lines, "epoch: 3, auc: 0.7", "epoch: 3 done, auc: 0.7")["epochs_done"] == 6


def test_two_counts_called_step_on_a_line_are_not_sure():
    found = said(*(f"iteration:{n // 4} step:{n % 4 * 10}/40, loss: 0.5" for n in range(1, 12)))
    assert found["last_step"] is None


def test_a_comma_in_a_step_parts_thousands_whatever_it_does_in_losses():
    found = said("step 900: loss 0,5312", "step 1,000: loss 0,4312")
    assert (found["last_step"], found["last_loss"]) == (1000, 0.4312)


def test_a_field_may_name_the_set():
    lines = ['{"split": "train", "step": 9, "loss": 0.5}', '{"split": "eval", "step": 9, "loss": 0.7}']
    assert (said(*lines)["last_loss"], said(*lines)["val_loss"]) == (0.5, 0.7)


def test_a_logger_called_train_does_not_make_a_validation_a_training():
    head = "2025-03-04 09:00:00 | INFO | train | epoch 001"
    found = said(f"{head}: 9 / 9 loss=0.5, num_updates=9", f"{head} | dev on 'dev' subset | loss=0.7, num_updates=9")
    assert (found["last_loss"], found["val_loss"]) == (0.5, 0.7)


def test_a_header_behind_a_hash_and_semicolons_make_tables():
    assert said("# epoch loss lr", "1 0.9 0.1", "2 0.8 0.1")["last_loss"] == 0.8
    assert said("step;loss", "10;0.9", "20;0.8")["last_step"] == 20


def test_a_name_in_a_sentence_is_no_metric():
    assert said("step 1 loss 0.5", "Process 4711 exits successfully.").keys() == {
        "step",
        "loss",
        "last_step",
        "last_loss",
    }


def test_of_two_means_of_the_loss_neither_is_the_loss():
    assert said("step 1 ema_loss 0.5 avg_loss 0.6")["last_loss"] is None


def test_planning_ends_where_every_line_has_a_new_shape_and_goes_on_with_a_report():
    state = ReadState()
    read_line("step 1 loss 0.5", state)
    before = plan_of.cache_info().misses
    words = [f"w{'abcdefghij'[n % 10]}{'abcdefghij'[n // 10 % 10]}{'abcdefghij'[n // 100 % 10]}" for n in range(1000)]
    for number in range(5 * MOST_BARREN):
        read_line(f"{words[number % 1000]} {words[number // 1000]} met 7 of them", state)
    assert plan_of.cache_info().misses - before <= MOST_BARREN
    assert state.surplus >= 3 * MOST_BARREN
    assert read_line("step 2 loss 0.4", state).reports
    assert state.num_barren == 0


def test_a_number_that_ends_its_sentence_is_a_whole_one():
    lines = [line for e in (1, 2, 3) for line in (f"Now at epoch {e}. LR=0.1", *(
        f"Epoch[{e}/3], Step[{n:03}/040], Loss: 0.5" for n in (0, 20)))]  # fmt: skip
    assert said(*lines)["last_step"] == 101


def test_a_shape_that_comes_again_behind_many_new_ones_is_planned():
    words = "abcdefghij"
    noise = [f"w{a}{b}{c} {d} is 7 big" for a in words for b in words for c in words[:8] for d in ("x", "y")]
    found = said(*noise, *noise, *(f"Epoch [1][{n}/90] lr: 0.1, loss: 0.{n}" for n in (10, 20, 30)))
    assert (found["last_step"], found["last_loss"]) == (30, 0.3)


def test_an_epoch_may_be_counted_twice_in_its_head():
    lines = [line for e in (1, 2, 3) for line in (
        f"Epoch {e} ({e}/3):", f"Train accuracy: 0.{e}", "Test accuracy: 0.5")]  # fmt: skip
    assert said(*lines)["epochs_done"] == 3


def test_a_bar_of_another_total_behind_the_epochs_last_batch_is_not_the_trainings():
    lines = [line for e in (0, 1) for line in (
        f"Epoch: {e}", f" [==== 90/90 ====>]  Step: 8ms | Loss: 0.{5 - e} | Acc: 50%",
        " [==== 10/10 ====>]  Step: 8ms | Loss: 0.9 | Acc: 40%")]  # fmt: skip
    assert said(*lines)["last_loss"] == 0.4


def test_a_cost_beside_losses_by_name_is_no_loss():
    found = said(*(f"[Epoch {e}] Training cost: 200.1, CrossEntropy=0.5, BoxLoss=0.4" for e in (0, 1)))
    assert found["last_loss"] is None


def test_the_mean_below_the_batches_of_a_test_is_the_tests():
    lines = [line for e in (0, 1) for line in (
        f"Epoch: [{e}]  [3/4]  loss: 0.5 (0.6)", "Averaged stats: loss: 0.5 (0.6)",
        "Test:  [1/2]  loss: 0.8 (0.9)", "Test: Total time: 0:00:10 (1.0 s / it)",
        "Averaged stats: loss: 0.8 (0.9)")]  # fmt: skip
    assert said(*lines)["last_loss"] == 0.5


def test_a_sentence_may_announce_an_evaluation():
    found = said("[Epoch 1 Batch 9/9] loss=0.5", "Now we are doing evaluation on dev.", "[Batch 4/5] loss=0.8")
    assert (found["last_step"], found["last_loss"]) == (9, 0.5)


def test_an_assignment_in_source_code_is_no_report():
    code = ["import os", "def train(model):", "total_loss = 0.0", "return total_loss", "opt = make(", "lr=0.02,", ")"]
    found = said("step 1 val_loss 0.9", *code, "step 2 val_loss 0.8")
    assert (found["last_loss"], found.get("lr")) == (None, None)


def test_the_training_bar_that_is_full_says_the_last_step():
    bars = [f" {n}%|#| {n}/100 [00:10<00:01, 9it/s]" for n in (90, 100)]
    found = said(bars[0], "{'loss': 0.5, 'epoch': 0.9}", bars[1])
    assert (found["last_step"], found["last_loss"]) == (100, 0.5)


def test_a_batch_without_a_total_is_read_where_its_shape_comes_again():
    assert said(*(f"[0.{n}%] batch_index={n} loss=0.{n}" for n in (1, 2, 3)))["last_loss"] == 0.3


def test_a_label_before_a_name_is_no_part_of_it():
    assert said("step 1 loss 0.5", "validation metrics:acc:0.9,f1:0.8")["metrics"]["acc"] == {"val": 0.9}


def test_an_ordinal_is_a_count_and_a_comma_may_part_a_pair():
    assert said(*(line for n in (1, 2, 3) for line in (f"current step: {n}th step", "loss: 0.5")))["last_step"] == 3
    lines = [line for e in (0, 1, 2) for line in (f"lr, 0.0{9 - e}", f"epoch={e}/9, total_loss=0.5")]
    assert said(*lines)["lr"] == 0.07


def test_the_epoch_at_the_end_of_a_long_record_is_read():
    rows = ["{" + "".join(f'"test_loss_part_{n}_unscaled_by_weight": 0.{e}12345678901234, ' for n in range(75))
            + f'"train_loss": 0.5, "epoch": {e}}}' for e in (0, 1, 2)]  # fmt: skip
    assert len(rows[0]) > 4_000
    assert said(*rows)["epochs_done"] == 3


def test_the_total_of_a_row_of_losses_is_the_loss():
    rows = [f"     {e}/9      2.1G     0.05     0.02     0.01     0.{8 - e}      30" for e in (0, 1, 2)]
    assert said(" Epoch   gpu_mem       box       obj       cls     total    labels", *rows)["last_loss"] == 0.6
    rows = [f"     {e}/9      2.1G     0.05     0.{8 - e}" for e in (0, 1, 2)]
    assert said(" Epoch   gpu_mem       acc     total", *rows)["last_loss"] is None


def test_the_number_of_an_epoch_may_stand_before_the_word():
    found = said(*(f"INFO:{e}-epoch ({n}/40): total loss 0.5, lr 0.1" for e in (0, 1) for n in (19, 39)))
    assert found["last_step"] in (None, 79, 80)
    assert (found.get("epochs"), found["lr"]) == (None, 0.1)


def test_the_first_round_of_boosted_trees_is_read_at_once():
    found = said("[0]\ttrain-error:0.18750\tval-error:0.33594")
    assert (found["last_step"], found["metrics.error.val"]) == (0, 0.33594)
    assert "metrics" not in said("[0] memory: 3.25 size: 7")


def test_a_single_numbered_set_is_the_one_that_is_held_out():
    assert said("[0]\tvalidation_0-logloss:0.5")["metrics.logloss.val"] == 0.5
    assert said("[1]\tvalid_0's auc: 0.5")["metrics.auc.val"] == 0.5
    assert said("[1]\tvalid_0-loss: 0.5")["val_loss"] == 0.5


def test_several_numbered_sets_keep_their_names_for_which_is_held_out_is_not_said():
    for form in ("validation_{}-{}:{}", "validation_{}'s {}: {}", "validation_{}/{}: {}"):
        figures = (("loss", 0.1), ("auc", 0.9))
        pairs = (form.format(which, name, value + which / 100) for which in (0, 1) for name, value in figures)
        found = said("[0]\t" + "\t".join(pairs))
        assert found["metrics"] == {
            "loss": {"validation_0": 0.1, "validation_1": 0.11}, "auc": {"validation_0": 0.9, "validation_1": 0.91},
        }  # fmt: skip
        assert (found["last_loss"], found.get("val_loss")) == (None, None)


BAR = "Epoch 2: 100%|##########| 16/16 [00:00<00:00, 99.60it/s, train_loss=2.7, val_loss=4.9]"
RICH = "Epoch 2/2  ━━━━━━━━━━━━━━━━ 16/16 0:00:00 • 0:00:00 202.31it/s"
LIMIT = "`Trainer.fit` stopped: `max_epochs=3` reached."


def test_an_end_that_is_glued_to_a_bar_leaves_the_bar_what_it_says():
    bars = (f"Epoch {e}: 100%|##########| 16/16 [00:00<00:00, 99.60it/s, train_loss=2.9]" for e in (0, 1))
    assert said(*bars, BAR + LIMIT)["val_loss"] == 4.9
    assert (said(BAR + LIMIT)["last_loss"], said(BAR + LIMIT)["epochs_done"]) == (2.7, 3)


def test_an_end_that_is_glued_to_a_bar_of_rich_leaves_the_bar_what_it_says():
    found = said(f"{RICH} train_loss: 2.7 val_loss: 4.9       {LIMIT}")
    assert (found["last_loss"], found["val_loss"]) == (2.7, 4.9)
    assert (found["last_step"], found["epochs_done"], found["epochs"]) == (None, 3, 3)


def test_a_full_bar_of_n_of_n_alone_does_not_say_from_where_it_counts():
    bar = f"{RICH} train_loss: 2.7"
    assert said(bar) == {"last_loss": 2.7, "loss": 2.7, "last_step": None}
    assert said(bar, bar) == {"last_loss": 2.7, "loss": 2.7, "last_step": None}
    for lines in (
        (LIMIT, bar),
        (bar, LIMIT),
        (bar.replace("Epoch 2", "Epoch 0"), bar.replace("Epoch 2", "Epoch 1"), bar),
    ):
        found = said(*lines)
        assert (found["epoch"], found["epochs_done"], found["epochs"]) == (3, 3, 3)
    two = LIMIT.replace("3", "2")
    for lines in ((two, bar), (bar, two)):
        found = said(*lines)
        assert (found["last_step"], found["epoch"], found["epochs_done"], found["epochs"]) in (
            (32, 2, 2, 2),
            (None, 2, 2, 2),
        )


def test_the_limit_that_was_reached_closes_the_last_epoch_of_this_training_only():
    bars = [f"Epoch {e}: 100%|##########| 16/16 [00:00<00:00, 99.60it/s, loss=2.9]" for e in (0, 1)]
    assert said(*bars, LIMIT)["epochs_done"] == 2
    assert said(*bars, LIMIT.replace("3", "2"))["epochs"] == 2


@pytest.mark.parametrize("tag", ["", "[transformers] ", "[INFO|trainer.py:2409] 2026-03-02 09:00:00,123 >> "])
def test_a_plan_below_its_banner_is_read(tag: str):
    plan = (
        "***** Running training *****",
        "  Num examples = 1,280",
        "  Num Epochs = 3",
        "  Total optimization steps = 4,800",
    )
    found = said(*(tag + line for line in plan), "{'loss': '7.9', 'epoch': '0.25'}")
    assert (found["epochs"], found["steps"], found["last_step"]) == (3, 4800, None)
    assert "metrics" not in found


def test_what_is_no_plan_of_this_training_is_none():
    assert "epochs" not in said("Num Epochs = 3", "{'loss': '7.9', 'epoch': '0.25'}")
    head = "***** Running training *****"
    assert "epochs" not in said(head, "Num Epochs = 9,223,372,036,854,775,807", "{'loss': '7.9', 'epoch': '0.25'}")
    assert "epochs" not in said(head, "a line", "Num Epochs = 3", "{'loss': '7.9', 'epoch': '0.25'}")
    assert "epochs" not in said("***** Running Evaluation *****", "Num Epochs = 3", "{'loss': '7.9', 'epoch': '0.25'}")


def test_names_and_numbers_that_a_terminal_parted_belong_together():
    blanks = " " * 63
    lines = [
        f"{RICH} train_loss_step: ",
        f"{blanks}2.725 val_loss:  ",
        f"{blanks}4.883 val_mae:   ",
        f"{blanks}1.715    ",
    ]
    found = said(LIMIT, *lines, f"{blanks}train_loss_epoch:", f"{blanks}4.209")
    assert (found["last_step"], found["last_loss"], found["val_loss"]) == (48, 2.725, 4.883)
    assert found["metrics.mae.val"] == 1.715
    assert "val_loss" not in said(LIMIT, lines[0], "another line", *lines[2:])
    assert said(LIMIT, lines[0], "  2.725 val_loss:", *lines[2:]).get("val_loss") is None


def test_a_checkpoint_that_is_glued_to_a_full_bar_leaves_it_the_last_step():
    bar = "{}%|##| {}/700 [10:05<30:24,  4.49s/it]"
    lines = [bar.format(0, 0), "{'loss': 10.4, 'epoch': 1.25}", bar.format(42, 294), "{'loss': 8.9, 'epoch': 2.25}"]
    assert said(*lines, bar.format(100, 700) + "Model weights saved to out/checkpoint-700")["last_step"] == 700


def test_a_bar_that_looks_like_that_of_the_epoch_before_is_a_new_one_below_a_new_head():
    bar = "20/20 [==============================] - 7s 350ms/step - loss: nan"
    assert said("Epoch 1/3", bar, "Epoch 2/3", bar, "Epoch 3/3", bar)["epochs_done"] == 3


@pytest.mark.parametrize("words", ["", "Training", "Batches"])
def test_bars_that_come_before_the_line_that_names_their_epoch_belong_to_it(words: str):
    def epoch(number: int, *, first: int = 1) -> list[str]:
        bars = [f"{words}: {10 * n}%|#| {n * 6}/60 [00:07<00:03, 9.00it/s, loss=0.{n}]" for n in (4, 10)]
        return [*(bar.removeprefix(": ") for bar in bars), f"Epoch {number - 1 + first}, Train Loss: 0.{9 - number}"]

    for first in (0, 1):
        lines = [line for number in (1, 2, 3) for line in epoch(number, first=first)]
        found = said(*lines)
        assert (found["last_step"], found["epochs_done"]) == (180, 3)
        found = said(*lines, *epoch(4)[:1])
        assert (found["last_step"], found["epochs_done"]) == (204, 3)


@pytest.mark.parametrize("terms", ["(0.4 + 0.3)", "0.4 + 0.3", "0.4 + 0.2 + 0.1"])
def test_a_sum_is_what_its_terms_come_to(terms: str):
    assert said(*(f"Epoch: {e}, Loss: {terms} = 0.{e}" for e in range(1, 9)))["last_loss"] == 0.8
    assert said(*(f"Epoch: {e}, Loss: {terms}" for e in range(1, 9)))["last_loss"] is None


@pytest.mark.parametrize("mark", ["—", "–", "->", "→", "•", "·", "|", "»", "-"])
def test_the_set_of_a_line_comes_before_any_mark(mark: str):
    lines = [
        line
        for e in (1, 2, 3)
        for line in (f"Epoch {e}/3", f"Train  {mark} loss: 0.{e} | acc: 0.7", f"Val  {mark} loss: 0.{9 - e} | acc: 0.6")
    ]
    found = said(*lines)
    assert (found["last_loss"], found["val_loss"]) == (0.3, 0.6)
    assert (found["metrics.acc.train"], found["metrics.acc.val"]) == (0.7, 0.6)


def test_a_bare_number_in_brackets_is_a_round_of_trees_only_with_a_tab_behind():
    rounds = [f"[{n:03d}]\ttrain-rmse:0.{n}\tval-rmse:0.{n + 1}" for n in range(1, 7)]
    assert said(*rounds)["last_step"] == 6
    found = said(*(f"[{n:03d}] train 0.{n} | val 0.{n + 1}" for n in range(1, 7)))
    assert (found["last_step"], found["epochs_done"]) == (None, 6)


@pytest.mark.parametrize("form", ["[{e}/2][{n}/60] loss: 0.{n}", "Epoch [{f}/2] Batch {n} | Total Loss: 0.{n}"])
def test_a_training_that_ends_before_its_next_report_would_come_is_complete(form: str, tmp_path):
    lines = [form.format(e=e, f=e + 1, n=n) for e in (0, 1) for n in range(0, 60, 10)]
    path = tmp_path / "train.log"
    path.write_text("\n".join([*lines, "Training time 0:05:30", ""]))
    assert "EndedEarly" not in {alert.rule for alert in api.read(path).alerts}
    path.write_text("\n".join([*lines[:-2], "Training time 0:05:30", ""]))
    assert "EndedEarly" in {alert.rule for alert in api.read(path).alerts}


@pytest.mark.parametrize("after", ["Valid batches: 60/60", "val batches 60", "Test samples: 900/900"])
def test_a_count_of_another_set_behind_the_figures_is_not_what_they_are_about(after: str):
    found = said(*(f"Epoch {e}/9  Loss: 0.{9 - e}  {after}" for e in range(1, 7)))
    assert (found["last_loss"], found.get("val_loss"), found["epochs_done"]) == (0.3, None, 6)


@pytest.mark.parametrize("gap", ["  ", "   ", "      "])
def test_a_set_that_is_padded_belongs_to_its_key(gap: str):
    lines = [
        f"Epoch {e}/9\nTrain Loss: 0.{9 - e}  Train Acc: 0.7\nVal{gap}Loss: 0.{e}  Val{gap}Acc: 0.6" for e in (1, 2)
    ]
    found = said(*lines)
    assert (found["last_loss"], found["val_loss"], found["metrics.Acc.val"]) == (0.7, 0.2, 0.6)


def test_a_step_that_is_as_many_epochs_as_the_line_names_closes_the_epoch():
    at_end = [f"Epoch [{e}/9], Loss: 0.{9 - e}, Global Step: {120 * e}" for e in range(1, 7)]
    assert said(*at_end)["epochs_done"] == 6
    within = [f"Epoch [{e}/9], Loss: 0.{9 - e}, Global Step: {120 * e - 50}" for e in range(1, 7)]
    assert said(*within)["epochs_done"] == 5


def test_batches_of_an_epoch_without_a_figure_are_progress():
    lines = [
        line for e in (1, 2)
        for line in (f"==== Epoch {e} / 4 ====", *(f"  Batch {n}  of  188.    Elapsed: 0:00:{n}." for n in (40, 80)))
    ]  # fmt: skip
    assert said(*lines)["last_step"] == 268
    assert said("Batch 40  of  188.    Elapsed: 0:00:40.", "a line")["last_step"] is None


@pytest.mark.parametrize(
    ("epoch", "of", "loss", "val_loss"),
    [
        ("Эпоха", " из ", "потери", "валидация потери"),
        ("Época", "/", "perda", "validação perda"),
        ("Epoche", " von ", "Verlust", "Validierung Verlust"),
        ("エポック", "/", "損失", "検証損失"),
        ("에포크", "/", "손실", "검증 손실"),
        ("Époque", " sur ", "perte", "validation perte"),
    ],
)
def test_epochs_and_losses_are_read_in_other_languages(epoch: str, of: str, loss: str, val_loss: str):
    found = said(*(f"{epoch} {e}{of}9 - {loss}: 0.{9 - e} - {val_loss}: 0.{e}" for e in range(1, 7)))
    assert (found["last_loss"], found["val_loss"], found["epochs_done"], found["epochs"]) == (0.3, 0.6, 6, 9)
    found = said(*(line for e in range(1, 7) for line in (f"{epoch} {e}{of}9", f"{loss}: 0.{9 - e}")))
    assert (found["last_loss"], found["epochs"]) == (0.3, 9)


@pytest.mark.parametrize(
    ("line", "loss"),
    [
        ("Loss after epoch {e}: inf", float("inf")),
        ("Epoch {e} completed. Average Loss: 0.5", 0.5),
        ("[Epoch:{e}], Loss: 0.5, Accuracy: 0.6", 0.5),
        ("EPOCH {e} loss 0.5 seconds 0.4 calibration_nll 0.3", 0.5),
        ("epoch {e} has total loss 0.5", 0.5),
        ("  Ep{e:02d}/9 | loss 0.5/0.6 | acc 39.9%/39.2% | lr 1.00e-01 | 0.1s", 0.5),
        (
            "Epoch: [{e}][10/450]\tBatch Time 0.5 (0.5)\tData Load Time 0.1 (0.2)\tLoss 0.5 (0.7)\tTop-5 50.1 (51.2)",
            0.5,
        ),
        ("Ep {e} (Step 000100):Train loss 0.5, Val loss 0.6", 0.5),
    ],
)
def test_a_loss_is_read_whatever_is_around_it(line: str, loss: float):
    found = said(*(line.format(e=e) for e in range(6)))
    assert found["last_loss"] == loss
    assert found["epoch"] == 6
    assert found.get("metrics.acc.train") in (None, 39.9)


def test_a_rate_is_of_no_set():
    assert said(*(f"Epoch 00{e} | Train: 0.5 | Val: 0.6 | LR: {e}e-4" for e in range(1, 5)))["lr"] == 4e-4


@pytest.mark.parametrize("word", ["rl step", "Baseline step", "Fine-tune iteration"])
def test_a_stage_may_be_named_before_a_step(word: str):
    assert said(*(f"{word} {n} | loss 0.{n} | lr 1e-3" for n in range(1, 7)))["last_step"] == 6


@pytest.mark.parametrize("word", ["save step", "warmup step", "max step", "last step"])
def test_a_step_that_is_a_setting_is_none_of_the_training(word: str):
    assert said(*(f"{word} {n} | loss 0.{n} | lr 1e-3" for n in range(1, 7))).get("last_step") is None


def test_shares_behind_a_set_are_no_count_of_batches():
    found = said(*(f"  S2 Ep   {e}/37  train 0.{e} / {60 + e}.1%  val 0.{e} / 61.1%  lr 1e-3" for e in range(1, 7)))
    assert (found["last_step"], found["epochs_done"]) == (None, 6)


def test_losses_before_the_line_that_closes_their_epoch_belong_to_it():
    lines = [line for e in (1, 2, 3) for line in ("Loss: 0.5", "Loss: 0.4", f"Epoch {e}/9 complete.")]
    assert said(*lines)["epochs_done"] == 3
    assert said(*lines, "Loss: 0.3", "Loss: 0.2")["epochs_done"] == 3


@pytest.mark.parametrize("key", ["trainloss", "train \t loss", "Train-loss", "train   loss"])
def test_a_set_and_its_loss_are_two_words_however_they_are_joined(key: str):
    val = key.replace("train", "val").replace("Train", "Val")
    found = said(*(f"epoch {e}/9, {key} 0.{9 - e}, {val} 0.{e}" for e in range(1, 7)))
    assert (found["last_loss"], found["val_loss"]) == (0.3, 0.6)


def test_a_logger_of_julia_writes_heads_and_fields():
    lines = [
        line for e in (1, 2, 3)
        for line in (f"┌ Info: Epoch {e}", f"│   train_loss = 0.{9 - e}", f"│   val_loss = 0.{e}", f"└   lr = {e}e-3")
    ]  # fmt: skip
    found = said(*lines)
    assert (found["last_loss"], found["val_loss"], found["lr"], found["epoch"]) == (0.6, 0.3, 0.003, 3)


@pytest.mark.parametrize("form", [
    '{{"epoch": {e}, "total_epochs": 5, "loss": {loss}}}',
    "epoch={e} max_epochs=5 loss={loss}",
    "epoch: {e}, num_epochs: 5, loss: {loss}, val_loss: {loss}",
])  # fmt: skip
def test_a_report_that_names_the_planned_epochs_by_a_key_of_their_own_tells_the_plan(form):
    lines = [form.format(e=e, loss=f"0.{9 - e}") for e in range(1, 6)]
    assert [said(*lines[:num])["epochs"] for num in (2, 5)] == [5, 5]
    assert said(*lines)["epochs_done"] == 5
    assert "epochs" not in said(*(line.replace(" 5", " 0").replace("=5", "=0") for line in lines))
