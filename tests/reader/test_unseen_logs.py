"""Kinds that real logs outside all lists showed, by made-up twins."""

import pytest

from tests.reader.facts import facts_of


def facts(line: str) -> dict:
    """Return what is known of a log with this line three times; ``{n}`` counts from 1."""
    return facts_of("".join(line.format(n=n) + "\n" for n in (1, 2, 3)).encode())


@pytest.mark.parametrize(
    "where", ["core.py:70", "a/b/trainer.py:7", "ops.cc:1204", "loop.lua:12", "sgd.jl:5", "x.rs:88"]
)
@pytest.mark.parametrize("line", ["[{where}] step {{n}} loss 0.5{{n}}", "step {{n}} loss 0.5{{n}} (3:{where})"])
def test_a_line_of_a_source_file_is_no_figure(line: str, where: str):
    seen = facts(line.format(where=where))
    assert (seen["step"], seen["loss"], seen.get("metrics")) == (3, 0.53, None)


@pytest.mark.parametrize("word", ["Epoch.", "epoch.", "Ep.", "---Epoch.", "EPOCH."])
def test_a_dot_ends_the_word_before_a_number(word: str):
    seen = facts(f"{word}{{n}} Train loss: 2.45{{n}}; Acc_Top1: 0.6{{n}}")
    assert (seen["epoch"], seen["loss"], seen["metrics"]) == (3, 2.453, {"Acc_Top1": {"train": 0.63}})


@pytest.mark.parametrize("text", ["loss: .5{n}", "loss=.5{n}", "loss .5{n}"])
def test_a_number_without_a_nought_is_still_one(text: str):
    assert facts(f"epoch {{n}} {text}")["loss"] == 0.53


def test_a_count_beyond_its_total_is_no_share():
    assert "metrics" not in facts("epoch=0 i=126{n}/530 loss=2.{n}")


@pytest.mark.parametrize(
    ("key", "split"),
    [
        ("训练准确率", "train"),
        ("验证准确率", "val"),
        ("测试准确率", "test"),
        ("最佳验证准确率", "val"),
        ("検証精度", "val"),
    ],
)
def test_a_script_without_spaces_names_the_set_within_the_word(key: str, split: str):
    assert facts(f"epoch {{n}} loss: 0.5{{n}} {key}: 54.4{{n}}")["metrics"] == {key: {split: 54.43}}


@pytest.mark.parametrize("verb", ["Deleting", "deleted", "Removing", "Evicted", "Pruned old"])
@pytest.mark.parametrize("text", ["{verb} Checkpoint[step={n}1 | time=2026-01-04 23:06:35]: (Reason: old checkpoint)."])
def test_a_checkpoint_that_is_deleted_says_nothing_of_where_the_training_is(text: str, verb: str):
    said = "06:14:01.892 [I] " + text.replace("{verb}", verb)
    seen = facts_of("".join(f"step {n}00 loss 0.5{n}\n{said.format(n=n)}\n" for n in (1, 2, 3)).encode())
    assert (seen["step"], seen["loss"]) == (300, 0.53)


@pytest.mark.parametrize(
    "said", ["Sampling slow: 31.9s, steps=102", "Generating: step 900 took 3.2s", "decoding took 4s"]
)
def test_how_far_something_else_is_says_nothing_of_the_training(said: str):
    seen = facts_of("".join(f"step {n}00 loss 0.5{n}\n{said}\n" for n in (1, 2, 3)).encode())
    assert (seen["step"], seen["loss"]) == (300, 0.53)


@pytest.mark.parametrize(
    "said", ["**Step 1:** Area = 12 m x 18 m = 216 m²", "**Step 2: Cost of 36 donuts.**", "**Step 5."]
)
def test_the_steps_of_an_answer_are_none_of_the_training(said: str):
    seen = facts_of("".join(f"[step {n}00] loss=0.5{n}\n{said}\n" for n in (1, 2, 3)).encode())
    assert (seen["step"], seen["loss"]) == (300, 0.53)


@pytest.mark.parametrize(
    "said",
    [
        "Epoch.{n} Test loss: 0.7",
        "epoch {n} test_loss: 0.7 test_acc: 0.8",
        "Epoch.{n} Test Log-Loss: 0.7; MAPE: 6; QQ_Dev: 1.2",
    ],
)
def test_a_test_of_an_earlier_model_does_not_take_the_training_back(said: str):
    training = "".join(f"epoch {n} train_loss: 0.5{n} val_loss: 0.6{n}\n" for n in range(10))
    seen = facts_of((training + said.format(n=6) + "\n" + said.format(n=3) + "\n").encode())
    assert (seen["epoch"], seen["epochs_done"]) == (10, 10)


def test_settings_as_json_over_several_lines_are_no_report():
    lines = (
        "Saving the configuration:\n"
        + '{\n  "lr": 0.0032,\n  "update_bias": false,\n  "a": "x",\n  "b": null,\n  "c": "y"\n}\n'
    )
    assert "lr" not in facts_of((lines * 3).encode())
