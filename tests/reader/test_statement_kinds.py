"""Kinds that print statements of public training loops showed, by made-up twins."""

from pathlib import Path

import pytest

from monitor import api
from tests.reader.facts import facts_of


def facts(*lines: str, times: int = 4) -> dict:
    """Return what is known of a log with these lines for each epoch; ``{n}`` counts from 1, ``{loss}`` falls."""
    text = "".join(
        line.format(n=n, loss=1 / n, val=1.25 / n, more=2.5 / n) + "\n" for n in range(1, times + 1) for line in lines
    )
    return facts_of(text.encode())


@pytest.mark.parametrize("unit", ["s", " s", " sec", " seconds", " ms", "min", " hours"])
@pytest.mark.parametrize("key", ["took about", "time consumption", "spent", "耗时", "Backpropagation", "total"])
def test_a_figure_in_a_unit_of_time_is_no_metric(key: str, unit: str):
    seen = facts(f"epoch {{n}}, loss: {{loss:.4f}}, acc: 0.5, {key}: {{more:.2f}}{unit}")
    assert seen["loss"] == 0.25
    assert seen["metrics"].keys() == {"acc"}


@pytest.mark.parametrize("unit", ["images/s", "samples/sec", "img/s", "tokens/s", "seqs/second"])
@pytest.mark.parametrize("key", ["speed", "ips", "train speed", "rate", "test speed"])
def test_a_figure_per_second_is_no_metric(key: str, unit: str):
    seen = facts(f"epoch {{n}}, loss: {{loss:.4f}}, acc: 0.5, {key}: {{more:.2f}} {unit}")
    assert seen["loss"] == 0.25
    assert seen["metrics"].keys() == {"acc"}


@pytest.mark.parametrize("word", ["Norm", "norm", "normalized"])
def test_a_loss_that_is_normalized_is_no_norm_of_gradients(word: str):
    seen = facts(f"Epoch {{n}}/4 | Train Loss: {{loss:.4f}} | Val Loss ({word}): {{val:.6f}} | Real MAE: 0.7")
    assert (seen["loss"], seen["val_loss"]) == (0.25, 0.3125)
    assert "grad_norm" not in seen


@pytest.mark.parametrize("mean", ["avg_loss", "mean_loss", "running loss"])
@pytest.mark.parametrize("held_out", ["test", "val", "eval"])
def test_a_mean_beside_a_held_out_loss_is_none_of_the_training(held_out: str, mean: str):
    seen = facts(
        "Epoch: {n}", f"train_loss: {{loss:.4f}} | {mean}: 0.8", f"{held_out}_loss: {{val:.4f}} | {mean}: {{more:.4f}}"
    )
    assert (seen["loss"], seen["val_loss"]) == (0.25, 0.3125)


@pytest.mark.parametrize("word", ["Training", "Validation", "Train"])
def test_a_whole_number_behind_the_name_of_a_set_is_no_figure(word: str):
    bar = "({word}: {n}):  40%|████      | 10/25 [00:00<00:00, 25.00it/s]"
    seen = facts("[ Epoch {n} ]", bar.replace("{word}", word))
    assert "metrics" not in seen


@pytest.mark.parametrize("said", ["Generating 8 episodes...", "Evaluating 20 games!!", "Sampling 64 images…"])
def test_what_is_being_done_so_many_times_is_no_figure(said: str):
    seen = facts(f"Epoch {{n}}/4 - {said}", "Epoch {n}/4 - loss: {loss:.4f}")
    assert seen["loss"] == 0.25
    assert "metrics" not in seen


@pytest.mark.parametrize("key", ["epoch_end", "end_epoch", "epoch_done"])
def test_the_epoch_that_ended_is_a_place(key: str):
    seen = facts(f"{key}={{n}} train_loss={{loss:.4f}} val_loss={{val:.4f}}")
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (4, 0.25, 0.3125)
    assert "metrics" not in seen


@pytest.mark.parametrize("key", ["all_loss", "all loss", "loss_all"])
def test_the_loss_of_all_is_the_loss_beside_its_parts(key: str):
    seen = facts(f"Epoch: {{n}}, det loss: 0.2, bbox loss: 0.1, {key}: {{loss:.4f}}")
    assert seen["loss"] == 0.25


@pytest.mark.parametrize("mark", ["|", ":", "-"])
@pytest.mark.parametrize("split", ["Valid", "val", "Test"])
def test_a_count_in_a_bracket_behind_a_set_is_the_epoch_where_both_sets_have_it(split: str, mark: str):
    seen = facts(
        f"[ Train {mark} {{n:03d}}/080 ] loss = {{loss:.5f}}, acc = 0.6",
        f"[ {split} {mark} {{n:03d}}/080 ] loss = {{val:.5f}}, acc = 0.5",
    )
    assert (seen["epochs_done"], seen["epochs"], seen["loss"], seen["val_loss"]) == (4, 80, 0.25, 0.3125)
    assert "step" not in seen


@pytest.mark.parametrize("name", ["0.5PER", "1PER", "5shot acc", "3px"])
def test_a_name_may_begin_with_a_threshold(name: str):
    seen = facts(f"Epoch {{n}}/4 | loss: {{loss:.4f}} | {name}: {{val:.4f}}%")
    assert seen["metrics"] == {name.replace(" ", "_"): {"train": 0.3125}}


@pytest.mark.parametrize("unit", ["2nd", "100ms", "3s", "10min", "16GB"])
def test_a_count_in_a_unit_begins_no_name(unit: str):
    assert facts(f"Epoch {{n}}/4 | loss: {{loss:.4f}} | {unit}: 0.5").get("metrics") is None


def test_a_head_in_the_form_of_a_table_is_none_of_the_line():
    seen = facts(
        "| 2024-09-26 03:01:{n:02d} | INFO | Start epoch {n}:",
        "| 2024-09-26 03:02:{n:02d} | INFO | Train Loss: {loss:.4f}, Acc: 0.5",
    )
    assert (seen["epoch"], seen["loss"]) == (4, 0.25)


@pytest.mark.parametrize("names", [("Epoch", "Time", "LR"), ("epoch", "seconds", "learning rate")])
def test_columns_brought_into_line_by_tabs_in_a_row(names: tuple[str, str, str]):
    header = " \t ".join(names) + " \t \t Train Loss \t Train Acc"
    rows = "".join(f"{n} \t 3.7 \t 0.0010 \t {1 / (n + 1):.4f} \t 0.{n + 1}359\n" for n in range(4))
    seen = facts_of(f"{header}\n{rows}".encode())
    assert (seen["epochs_done"], seen["loss"], seen["lr"]) == (4, 0.25, 0.001)


SPACY = "E    #       LOSS TOK2VEC  LOSS NER  ENTS_F  SCORE \n---  ------  ------------  --------  ------  ------\n"


def test_rows_of_spacy_are_at_their_step():
    row = "  {}  {:6d}  {:12.2f}  {:8.2f}   60.12    0.60\n"
    rows = "".join(row.format(n // 2, 200 * n, 21.32 * n, 2701.13 / n) for n in (1, 2, 3))
    seen = facts_of((SPACY + rows).encode())
    assert (seen["step"], seen["metrics"]["SCORE"]) == (600, {"train": 0.6})


@pytest.mark.parametrize("mean", ["avg", "avg loss"])
@pytest.mark.parametrize("left", ["", ", 5.2 hours left"])
def test_lines_of_darknet(mean: str, left: str):
    line = " {n}: {loss:f}, {more:f} MEAN, 0.001000 rate, 3.105 seconds, 64 images"
    seen = facts(line.replace("MEAN", mean) + left, "Loaded: 0.1 s")
    assert (seen["step"], seen["loss"], seen["lr"]) == (4, 0.25, 0.001)


def test_lines_of_marian():
    seen = facts(
        "[2024-07-01 10:0{n}:00] Ep. 1 : Up. {n}00 : Sen. 64,000 : Cost {loss:.8f} : Time 1.12s : 8500.12 words/s : "
        "gNorm 1.5 : L.r. 9.3750e-06"
    )
    assert (seen["step"], seen["loss"], seen["lr"], seen["grad_norm"]) == (400, 0.25, 9.375e-06, 1.5)
    assert "metrics" not in seen


@pytest.mark.parametrize("said", ["changed to", "set to", "has been reduced to", "is now decayed to:"])
@pytest.mark.parametrize("key", ["Learning rate", "lr", "learning_rate", "the new lr"])
def test_a_rate_is_what_it_is_from_now_on(key: str, said: str):
    assert facts("epoch {n} loss {loss:.4f}", f"{key} {said} 0.004")["lr"] == 0.004


@pytest.mark.parametrize("place", ["Epoch {n}: ", "epoch {n} | ", ""])
def test_names_in_parentheses_behind_their_figures(place: str):
    seen = facts(f"{place}{{loss:.4f}} (train loss), {{val:.4f}} (val loss), 0.61 (val acc)")
    assert (seen["loss"], seen["val_loss"], seen["metrics"]) == (0.25, 0.3125, {"acc": {"val": 0.61}})


@pytest.mark.parametrize("joint", ["({:.1f}%)", "/{:.1f}%", "/ {:.1f}%"])
@pytest.mark.parametrize("is_loss", [True, False])
def test_a_figure_that_falls_beside_a_share_that_rises_is_a_loss(joint: str, is_loss: bool):
    lines = []
    for n in range(1, 6):
        of = [(1 / n, 50 + 8 * n), (1.25 / n, 48 + 7 * n)]
        shown = [f"{figure if is_loss else share / 110:.4f} {joint.format(share)}" for figure, share in of]
        lines.append(f"Epoch {n} | Train: {shown[0]} | Val: {shown[1]} | LR 0.001\n")
    seen = facts_of("".join(lines).encode())
    assert (seen.get("loss"), seen.get("val_loss")) == ((0.2, 0.25) if is_loss else (None, None))


def bars(total: int) -> str:
    drawn = [f"{100 * n // total:3d}%|##        | {n}/{total} [00:01<00:01, 20.00it/s]" for n in range(0, total + 1, 5)]
    return "\r" + "\r".join(drawn)


@pytest.mark.parametrize("evaluated", [0, 10, 20])
def test_a_bar_without_a_word_that_is_drawn_for_each_epoch_is_not_the_whole_training(evaluated: int, tmp_path: Path):
    path = tmp_path / "train.log"
    validated = f"{bars(evaluated)}\nvalid loss: 0.5\n" if evaluated else ""
    path.write_text("".join(f"{bars(20)}\ntrain loss: {1 / n:.4f}\n{validated}" for n in range(1, 6)), newline="")
    read = api.read(path)
    assert read.end.ended != "completed"
    assert (read.values.step, read.values.loss) == (None, 0.2)


@pytest.mark.parametrize("name", ["Head E{n}/4", "[Fold 0] H{n}/4", "Model M{n} / 4"])
def test_the_total_of_what_a_name_counts_is_no_figure(name: str):
    seen = facts(f"{name}: train_loss={{loss:.4f}} val_mse={{val:.4f}}")
    assert (seen["loss"], seen["metrics"]) == (0.25, {"mse": {"val": 0.3125}})


@pytest.mark.parametrize("arrow", ["->", "=>", "-->", "|", ":"])
@pytest.mark.parametrize("heading", ["Dev Losses", "Val loss", "Test results"])
def test_figures_behind_a_heading_within_the_line_are_of_its_set(heading: str, arrow: str):
    seen = facts(
        f"Epoch {{n}} Train Losses {arrow} overall: 0.9", f"Epoch {{n}} {heading} {arrow} overall: {{val:.4f}}"
    )
    assert seen["metrics"]["overall"] == {"train": 0.9, ("test" if "Test" in heading else "val"): 0.3125}


def test_a_word_at_an_epoch_is_no_figure():
    seen = facts("epoch {n} loss: {loss:.4f}", "Temperature at epoch {n} : high")
    assert (seen["loss"], seen.get("metrics")) == (0.25, None)


SAVED = [
    "保存最佳模型",
    "모델 저장",
    "モデルを保存",
    "Модель сохранена",
    "Modelo guardado",
    "Modell gespeichert",
    "Modèle sauvegardé",
]


@pytest.mark.parametrize("said", SAVED)
def test_a_model_that_was_saved_reports_no_loss(said: str):
    seen = facts("Epoch {n}/4 - Train Loss: {loss:.4f}, Val Loss: {val:.4f}", f"  {said} (val_loss=0.0123)")
    assert seen["val_loss"] == 0.3125


@pytest.mark.parametrize(("every", "total"), [(5, 26), (5, 29), (10, 55), (5, 25)])
@pytest.mark.parametrize("missing", [0, 1])
def test_epochs_that_a_log_does_not_name_are_not_missing_at_its_end(
    every: int, total: int, missing: int, tmp_path: Path
):
    path = tmp_path / "train.log"
    last = total // every * every - missing * every
    lines = [f"Epoch {n}/{total}, loss: {1 / n:.4f}, val loss: {1.25 / n:.4f}" for n in range(every, last + 1, every)]
    path.write_text("\n".join([*lines, "Finished Training", ""]))
    rules = {alert.rule for alert in api.read(path).alerts}
    assert ("EndedEarly" in rules) == bool(missing)


@pytest.mark.parametrize("place", ["---Epoch.{n} ", "--epoch_{n} ", "Epoch.{n}, "])
def test_a_place_glued_to_its_number_behind_dashes(place: str):
    seen = facts(f"{place}Train Loss: {{loss:.4f}}.", f"{place}Val Loss: {{val:.4f}}; MAPE: 0.88")
    assert (seen["epochs_done"], seen["loss"], seen["val_loss"]) == (4, 0.25, 0.3125)
    assert seen["metrics"].keys() == {"MAPE"}


@pytest.mark.parametrize("word", ["vali", "Vali"])
def test_another_short_word_for_the_validation(word: str):
    seen = facts(f"Epoch: {{n}} | train loss: {{loss:.4f}} | {word} loss: {{val:.4f}} | {word} acc: 0.5")
    assert (seen["loss"], seen["val_loss"], seen["metrics"]) == (0.25, 0.3125, {"acc": {"val": 0.5}})


@pytest.mark.parametrize("heading", ["Validation BLEU", "Dev F1", "Val accuracy"])
def test_scores_behind_the_name_of_a_score_of_a_set_are_of_that_set(heading: str):
    seen = facts("Epoch {n} - loss: {loss:.4f}", f"Epoch {{n}} - {heading}: macro 0.25, AUC 0.5, R2 0.75")
    assert seen["metrics"]["AUC"] == {"val": 0.5}


@pytest.mark.parametrize("stage", ["Train-Student", "Teacher", "RL"])
def test_the_epoch_of_a_stage(stage: str):
    seen = facts(f"{stage} Epoch {{n}} | loss: {{loss:.4f}} acc: 0.5")
    assert (seen["epochs_done"], seen["loss"], seen["metrics"].keys()) == (4, 0.25, {"acc"})


@pytest.mark.parametrize("line", ["------start train {n}/20-----", "progress : {n}1%", "Total samples : 640"])
def test_what_says_how_far_it_is_or_how_much_there_is_is_no_figure(line: str):
    seen = facts("epoch {n} loss: {loss:.4f}", line)
    assert (seen["loss"], seen.get("metrics")) == (0.25, None)


def test_the_parameters_of_a_trial_are_no_report():
    seen = facts("epoch {n} loss: {loss:.4f}", "[{n}/4] Params: {{'lr': 0.3, 'recon_loss': 0.7, 'hidden': 64}}")
    assert (seen["loss"], seen.get("lr"), seen.get("metrics")) == (0.25, None, None)


@pytest.mark.parametrize("unit", ["it", "batch"])
def test_a_bar_that_shows_the_loss_is_the_trainings_in_each_of_its_rounds(unit: str):
    def drawn(done: int, loss: float) -> str:
        shown = f", training_loss={loss:.3g}" if done else ""
        return f"\r{100 * done // 60:3d}%|###  | {done}/60 [00:02<00:00, 25.00{unit}/s{shown}]"

    rounds = ["".join(drawn(done, 1 / n) for done in (0, 20, 40, 60)) + f"\nval acc: 0.{n}\n" for n in range(1, 6)]
    assert facts_of("".join(rounds).encode())["step"] == 300


@pytest.mark.parametrize("mark", ["==", "*** ", ""])
@pytest.mark.parametrize("words", ["end-of-epoch", "End of epoch", "end of epoch"])
def test_the_end_of_an_epoch_that_is_said_by_itself(words: str, mark: str):
    seen = facts("=== Epoch {n}/4 ===", "[step {n}0] avg_loss={loss:.4f}", f"{mark}{words} {{n}}{mark.strip()}")
    assert (seen["epochs_done"], seen["loss"]) == (4, 0.25)


@pytest.mark.parametrize("key", ["val acc", "val F1"])
def test_a_held_out_figure_does_not_head_the_loss_behind_it(key: str):
    seen = facts(f"Epoch {{n}}: {key}: 0.75, loss: {{loss:.4f}}")
    assert "val_loss" not in seen
