"""Kinds of line that the fifth list of real logs showed: made-up twins, and the kind around each."""

import math

import pytest

from tests.reader.facts import facts_of


def said(*lines):
    return facts_of("\n".join(lines).encode())


@pytest.mark.parametrize("nothing", ["null", "None"])
@pytest.mark.parametrize("key", ["val_loss", "valid_loss_mse", "test_loss"])
def test_a_validation_that_was_not_run_has_measured_nothing(key, nothing):
    rows = ["0.5", nothing, nothing, "0.25", nothing]
    facts = said(*(f'{{"epoch": {n}, "train_loss": {2 - n / 8}, "{key}": {row}}}' for n, row in enumerate(rows)))
    assert facts["loss"] == 1.5
    assert not math.isnan(facts.get("val_loss", 0.25))


def test_a_training_loss_that_is_gone_is_not_finite():
    assert math.isnan(said(*(f'{{"step": {n}, "loss": {"null" if n == 4 else 2 - n / 8}}}' for n in range(5)))["loss"])


@pytest.mark.parametrize(
    "head",
    [
        "[06/25 06:52:43][INFO] train_net.py:  692: ",
        "[06/25 06:52:43][INFO] utils/logging.py: 99: ",
        "2026-03-27 18:59:09,478 - INFO - train.py:267 - ",
        "INFO - 2020/03/07 02:58 -- 1:26:57 - ",
        "2026-06-15 20:58:00 reid.train INFO: ",
    ],
)
def test_who_wrote_a_line_is_no_measurement(head):
    facts = said(*(f"{head}epoch {n}/3, loss: {2 - n / 4}, acc: 0.5" for n in (1, 2, 3)))
    assert (facts["epochs_done"], facts["loss"], list(facts["metrics"])) == (3, 1.25, ["acc"])


@pytest.mark.parametrize("key", ["_type", "type", "split"])
@pytest.mark.parametrize("name", ["val_iter", "val_epoch", "eval"])
def test_a_record_says_of_which_split_it_is(key, name):
    train = '{{"{}": "train_iter", "epoch": "1/2", "iter": "{}/40", "loss": 1.5}}'
    facts = said(
        *(train.format(key, n) for n in (10, 20, 30)),
        *(f'{{"{key}": "{name}", "epoch": "1/2", "iter": "{n}/8", "top1_err": 50.0}}' for n in (2, 4)),
    )
    assert (facts["step"], facts["loss"]) == (30, 1.5)


@pytest.mark.parametrize("unit", ["img", "ex", "samples", "seq", "tok", "B"])
def test_a_bar_that_counts_samples_tells_no_step(unit):
    bar = "Epoch {}: {}%|###| {}/600 [00:05<00:00, 104.87{}/s, loss={}]"
    facts = said(*(bar.format(n, 50 * k, 300 * k, unit, 2 - n / 2 - k / 8) for n in (1, 2) for k in (1, 2)))
    assert (facts.get("step"), facts["loss"], facts["epochs_done"]) == (None, 0.75, 2)


@pytest.mark.parametrize("unit", ["it", "batch", "step"])
def test_a_bar_that_counts_batches_tells_the_step(unit):
    bar = "Epoch {}: {}%|###| {}/600 [00:05<00:00, 104.87{}/s, loss={}]"
    facts = said(*(bar.format(n, 50 * k, 300 * k, unit, 2 - n / 2 - k / 8) for n in (1, 2) for k in (1, 2)))
    assert facts["step"] == 1200


def test_a_bar_may_be_without_its_drawing():
    facts = said(*(f"{10 * n}% {n}/10 [00:0{n}<00:09,  1.0it/s, loss={2 - n / 8}]" for n in range(1, 9)))
    assert (facts["step"], facts["loss"]) == (8, 1.0)


def test_a_bar_that_is_full_while_the_training_goes_on_is_of_an_evaluation():
    report = "{{'loss': {}, 'grad_norm': 0.5, 'learning_rate': 0.001, 'epoch': {}}}"
    facts = said("100%|####| 31/31 [00:08<00:00, 3.9it/s]", report.format(1.5, 0.5), report.format(1.25, 1.0))
    assert (facts.get("step"), facts["loss"]) == (None, 1.25)


BATCHES = [
    ("    step {b:4d}/8  loss {loss}", 8),
    ("[{e}/3] batch {b}/8 loss={loss} lr=0.001", 8),
    ("[E{e}] step {b} loss {loss}", None),
]
SUMMARIES = [
    "[main] Epoch {e}/3 -- train: 0.5  val: 0.6  ppl: 1.8  (70s)",
    "Epoch {e}/3 (120.0s) | loss={loss} | val=0.6",
    "Epoch {e} avg-loss {loss}",
]


@pytest.mark.parametrize("summary", SUMMARIES)
@pytest.mark.parametrize(("batch", "total"), BATCHES)
@pytest.mark.parametrize("num_epochs", [1, 2, 3])
def test_reports_that_name_their_epoch_may_come_at_its_end(batch, total, summary, num_epochs):
    lines = []
    for e in range(1, num_epochs + 1):
        lines += [batch.format(e=e, b=b, loss=3 - e / 2 - b / 80) for b in (2, 4, 6, 8)]
        lines.append(summary.format(e=e, loss=3 - e / 2 - 0.1))
    assert said(*lines)["epochs_done"] == num_epochs
    if num_epochs < 3:
        begun = said(*lines, batch.format(e=num_epochs + 1, b=2, loss=0.5))
        assert (begun["epochs_done"], begun["loss"]) == (num_epochs, 0.5)
        assert begun.get("step") == (8 * num_epochs + 2 if total else None)


def test_a_log_cut_at_its_head_begins_in_the_middle_of_an_epoch():
    bar = "400/400 [==============================] - 11s - loss: {}"
    lines = [bar.format(0.5), "Epoch 19/20", bar.format(0.25), "Epoch 20/20", bar.format(0.125)]
    assert (said(*lines)["loss"], said(*lines)["epochs_done"]) == (0.125, 20)


@pytest.mark.parametrize("word", ["Loaded", "Loading", "Restored", "Resuming from"])
def test_what_a_saved_model_has_is_not_what_this_training_has(word):
    head = f"{word} checkpoints/best.pt  meta={{'iteration': 27, 'train_loss': 1.48, 'policy_loss': 1.45, 'lr': 0.1}}"
    facts = said(head, *(f"  epoch {n}/6  loss={2 - n / 8} acc=0.5" for n in (1, 2)))
    assert (facts.get("step"), facts["loss"], facts["epochs_done"]) == (None, 1.75, 2)


@pytest.mark.parametrize("blanks", ["  ", "\t"])
def test_a_split_may_be_parted_from_its_figures_by_blanks(blanks):
    facts = said("Epoch 1/3", f"Train{blanks}loss: 1.5  acc: 0.75", f"Eval{blanks}acc: 0.5 ± 0.02  loss: 0.25")
    assert (facts["loss"], facts["val_loss"], facts["metrics"]["acc"]) == (1.5, 0.25, {"train": 0.75, "val": 0.5})


def test_a_total_may_stand_in_brackets_of_its_own():
    lines = [
        line
        for n in range(3)
        for line in (
            f"train --- Current batch:200/200  loss:[ {0.5 - n / 8}]",
            f"Epoch [{n}]/[9] \t Training Phase Loss: {0.75 - n / 8} \t Accuracy: 0.5",
            f"Epoch [{n}]/[9] \t Validation Phase Loss: {0.875 - n / 8} \t Accuracy: 0.25",
        )
    ]
    facts = said(*lines)
    assert (facts["epochs_done"], facts["loss"], facts["val_loss"]) == (3, 0.5, 0.625)


@pytest.mark.parametrize(
    "line",
    [
        "Epoch[{n}] done. Loss: {loss} (Base: 0.1, Orth: 0.2), Acc: 3.0%",
        "Epoch {n} finished. Loss: {loss}, BLEU: 0.2",
        "Epoch {n} completed - loss: {loss}",
        "{n} epoch, loss: {loss},  loss_test: 0.5",
        "{n}th epoch finished, loss:{loss}, accuracy:0.9",
        "net_b4 Epoch {n}: Loss = {loss}",
        "Training Loss (epoch {n}): {loss}",
    ],
)
def test_an_epoch_is_named_in_many_ways(line):
    facts = said(*(line.format(n=n, loss=2 - n / 8) for n in range(1, 5)))
    assert (facts["epochs_done"], facts["loss"]) == (4, 1.5)


def test_what_is_done_and_what_is_left_make_the_total():
    lines = (f"-----iteration {n}----------{100 - n} left------" for n in (10, 20))
    facts = said(*(each for line in lines for each in (line, "loss:0.25")))
    assert (facts["step"], facts["steps"], facts["loss"]) == (20, 100, 0.25)


def test_words_and_marks_around_a_figure_are_not_its_name():
    lines = [
        "Epoch {}/3", "Learning Rate for this epoch: 0.125", "**Train** Prec@1 90.5 Prec@5 99.5", "loss: 1.5",
        "**Test** Prec@1 80.5 Prec@5 89.5", "+ Validation accuracy: 0.75",
    ]  # fmt: skip
    facts = said(*(line.format(n) for n in (1, 2) for line in lines))
    assert facts["lr"] == 0.125
    assert facts["metrics"]["Prec@1"] == {"train": 90.5, "test": 80.5}
    assert facts["metrics"]["accuracy"] == {"val": 0.75}


def test_cells_may_be_tensors():
    rows = (f"{n}\ttensor({2 - n / 8}, device='cuda:0')\ttensor(0.5, device='cuda:0')\t0.1" for n in (1, 2, 3))
    facts = said("epoch\tloss\tacc\tlr", *rows)
    assert (facts["epochs_done"], facts["loss"], facts["lr"]) == (3, 1.625, 0.1)


@pytest.mark.parametrize("num_reports", [5, 40])
def test_reports_without_an_end_of_line_between_them_are_not_read(num_reports):
    glued = "".join(f"train: {n} @ epoch:0/2 loss: {20 - n / 8} time: 4.5" for n in range(num_reports))
    assert "loss" not in said(glued)


@pytest.mark.parametrize("line", ["{n} val {value}", "step {n} | val {value}", "epoch {n}/9 train={value} val={value}"])
def test_a_figure_without_a_name_gets_none(line):
    facts = said(*(line.format(n=n, value=4 - n / 8) for n in range(1, 8)))
    assert facts.get("metrics") is None


@pytest.mark.parametrize("line", ["New best saved  (val_loss={})", "New best model -> run/best.pt (val_loss={})"])
@pytest.mark.parametrize("bests", [(1, 2, 3), (3,), (1,)])
def test_a_line_about_the_best_model_names_the_figure_that_chose_it(line, bests):
    lines = []
    for n in (1, 2, 3):
        lines.append(f"Epoch {n}/3 -- train: {0.75 - n / 8}  val: {1 - n / 8}  ppl: 1.5  (70s)")
        lines += [line.format(1 - n / 8)] * (n in bests)
    assert said(*lines)["val_loss"] == 0.625


def test_a_figure_that_no_line_names_stays_without_a_name():
    lines = [f"Epoch {n}/3 -- train: {0.75 - n / 8}  val: {1 - n / 8}  ppl: 1.5  (70s)" for n in (1, 2, 3)]
    assert "val_loss" not in said(*lines, "New best saved  (val_loss=0.125)")


def test_caffe2_prints_tensors():
    assert said(*(f"Tensor loss of type float. Dims: (): {2 - n / 8}" for n in range(9)))["loss"] == 1.0


@pytest.mark.parametrize("layer", ["MeanNorm(5120)", "BatchNorm(64)", "CrossLoss(32)"])
def test_a_printed_layer_measures_nothing(layer):
    lines = ["(4): NormDist(", f"  (normalize): {layer}", ")", *(f"Epoch: [0][{n}/9] Loss 0.5 (0.75)" for n in (3, 6))]
    facts = said(*lines)
    assert (facts["step"], facts.get("grad_norm"), facts.get("metrics")) == (6, None, None)


def test_two_numbers_in_one_bracket_name_no_step():
    assert "step" not in said(*(f"[5 : {100 * n:6d}] loss G : 22.5 loss D : -14.5" for n in range(1, 9)))


@pytest.mark.parametrize(
    "names", [("Current Loss", "EMA Loss", "Avg Loss"), ("Loss", "Running loss"), ("Train Loss", "Mean Loss")]
)
def test_a_mean_in_a_line_of_its_own_behind_each_loss_is_not_the_loss(names):
    lines = []
    for n in range(1, 5):
        lines += [
            f"Step {n} | Time: 0:0{n}:00",
            *(f"{name}:   {2 - n / 8 + k}" for k, name in enumerate(names)),
            "=" * 9,
        ]
    assert said(*lines)["loss"] == 1.5


def test_the_mean_of_an_epoch_behind_several_losses_is_its_loss():
    lines = [
        line
        for e in range(3)
        for line in (
            f"Epoch {e + 1}/3",
            *(f"loss: {2 - e / 2 - n / 8}" for n in (1, 2, 3)),
            f"Average loss: {2 - e / 2}",
        )
    ]
    assert said(*lines)["loss"] == 1.0


@pytest.mark.parametrize("inner", ["iteration", "iter"])
def test_an_iteration_of_the_epoch_stands_beside_the_global_step(inner):
    lines = [
        line
        for e in range(3)
        for n in (100, 200)
        for line in (f"epoch: {e}, {inner}: {n}, step: {200 * e + n}", f"[Train] loss: 0.5, score: 0.{n}")
    ]
    assert said(*lines)["step"] == 600


@pytest.mark.parametrize(("train", "val"), [("tr", "val"), ("train", "valid"), ("train", "dev")])
def test_a_split_may_be_glued_to_its_figure(train, val):
    line = "Epoch: {}, {}loss: {}, {}acc: 0.75, {}loss: {}, {}acc: 0.5"
    facts = said(*(line.format(n, train, 2 - n / 8, train, val, 3 - n / 8, val) for n in range(1, 5)))
    assert (facts["loss"], facts["val_loss"], facts["metrics"]["acc"]) == (1.5, 2.5, {"train": 0.75, "val": 0.5})


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("Epoka {n} | Krok {s}/10 | strata: {loss}", 0),
        ("Época {n} | paso {s}/10 | pérdida: {loss}", 1),
        ("当前Batch：{s}/10 | 当前epoch:{n}/50 | 当前损失值：{loss} | 当前准确率：46.5%", 0),
        ("Epoch {n}/499 : Mon May  6 10:49:11 2019 - 10h 13m\nIter {s}/10 Loss: {loss}", 0),
    ],
)
def test_places_have_names_in_other_languages_and_dates_behind_them(line, first):
    text = "\n".join(line.format(n=n + first, s=s, loss=2 - n / 2 - s / 80) for n in range(3) for s in (5, 10))
    facts = said(text)
    assert (facts["step"], facts["loss"]) == (30, 0.875)


@pytest.mark.parametrize(
    ("logger", "split"), [("test", "TRAIN"), ("main", "TRAIN"), ("eval", "Train"), ("run-1", "train")]
)
def test_a_lines_own_split_says_more_than_its_loggers_name(logger, split):
    facts = said(*(f"[{logger}] INFO: [{split}] LOSS : {2 - n / 8}" for n in range(9)))
    assert (facts["loss"], facts.get("val_loss")) == (1.0, None)


@pytest.mark.parametrize(
    "train", ["Train Epoch: {e} dl: {n}/4 Loss: {loss}", "[Train] epoch {e} batch {n}/4 loss {loss}"]
)
def test_a_loss_without_a_place_below_placed_ones_of_the_training_is_not_read(train):
    lines = [
        line
        for e in (1, 2, 3)
        for line in (
            *(train.format(e=e, n=n, loss=2 - e / 4) for n in (2, 4)),
            " R@1: 2.5 (window: 2.5)",
            " MedR: 138.0 (window: 138.0)",
            " Loss: 7.75",
        )
    ]
    assert said(*lines)["loss"] == 1.25


@pytest.mark.parametrize("head", ["[2024-11-14 14:42:56,418] ", "", "INFO: "])
def test_a_mapping_with_words_and_truth_values_echoes_settings(head):
    settings = "{'epoch': 50, 'bs': 1024, 'use_gpu': True, 'lr': 0.5, 'model': 'sasrec', 'data': 'amazon', 'dim': 32}"
    lines = [head + settings, head + settings]
    for n in range(3):
        lines += [f"{head}train total loss:{3 - n / 2}", f"{head}Epoch: {n}/50 \tval loss: {3.5 - n / 2}\tHR@1: 0.{n}5"]
    facts = said(*lines)
    assert (facts.get("lr"), facts["epoch"], facts["epochs"], facts["loss"]) == (None, 3, 50, 2.0)
    assert not {"bs", "dim"} & set(facts.get("metrics", {}))


def test_a_report_may_hold_words_and_truth_values():
    row = "{{'epoch': {}, 'loss': {}, 'done': False, 'host': 'a', 'phase': 'train', 'lr': 0.5}}"
    facts = said(*(row.format(n, 2 - n / 8) for n in range(1, 5)))
    assert (facts["loss"], facts["lr"]) == (1.5, 0.5)
