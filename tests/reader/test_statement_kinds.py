"""Kinds that print statements of public training loops showed, by made-up twins."""

import pytest

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
