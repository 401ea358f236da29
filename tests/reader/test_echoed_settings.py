"""Settings that a trainer prints before it trains are no metrics, however they are headed, indented and repeated."""

import pytest

from tests.reader.facts import facts_of

SETTINGS = {
    "BATCH_SIZE": "128", "MARGIN": "0.3", "WEIGHT_DECAY": "0.0005", "NUM_LAYERS": "12", "DROP_PATH": "0.1", "SEED": "1",
}  # fmt: skip
HEADINGS = ("TEST:", "EVAL:", "Validation:", "train:", "--- Test ---", "DATA:")


def echo(heading: str, line: str) -> str:
    """Return a section of settings, each as the line says."""
    return "\n".join([heading, *(line.format(key=key, value=value) for key, value in SETTINGS.items())])


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize(
    "line", ["  {key}: {value}", "{key} = {value}", "    {key}    : {value}", "  - {key}: {value}"]
)
@pytest.mark.parametrize("heading", HEADINGS)
def test_settings_are_no_metrics_also_when_they_are_printed_again(heading: str, line: str, times: int):
    assert "metrics" not in facts_of("\n".join([echo(heading, line)] * times).encode())


@pytest.mark.parametrize("heading", HEADINGS)
def test_what_comes_after_them_is_read(heading: str):
    training = "".join(f"Epoch {n}/3 - loss: {1 / n:.4f} - val_acc: 0.{n}5\n" for n in (1, 2, 3))
    seen = facts_of(f"{echo(heading, '  {key}: {value}')}\n\n{training}".encode())
    assert (seen["epoch"], seen["loss"], seen["metrics"]) == (3, 0.3333, {"acc": {"val": 0.35}})


@pytest.mark.parametrize("heading", ["Test:", "Validation results:", "--- Evaluation ---"])
def test_scores_below_such_a_heading_are_metrics(heading: str):
    seen = facts_of(f"{heading}\n  accuracy: 0.91\n  macro_f1: 0.88\n".encode())
    assert {name: set(by.values()) for name, by in seen["metrics"].items()} == {"accuracy": {0.91}, "macro_f1": {0.88}}


@pytest.mark.parametrize("said", ["Training: epochs=50, episodes_per_epoch=4", "Eval: max_steps=900, every=5"])
def test_how_long_a_training_will_be_is_no_place_for_figures(said: str):
    assert "metrics" not in facts_of(f"{said}\n{said}\n".encode())


@pytest.mark.parametrize("word", ["Num steps", "num_timesteps", "Num frames", "total_timesteps"])
def test_steps_by_other_words_are_steps(word: str):
    lines = "".join(f"{word}: {n}000   Return: {30 + n}.5   Time: 0:01:3{n}\n" for n in (1, 2, 3))
    seen = facts_of(f"{word}: 2000000, seed: 4\n{lines}".encode())
    assert seen["step"] == 3000
    assert [*seen["metrics"]] == ["Return"]


@pytest.mark.parametrize("word", ["std dev", "std. dev.", "Std Dev", "standard deviation", "std_dev"])
def test_a_standard_deviation_is_of_no_dev_set(word: str):
    lines = "".join(f"Epoch {n} loss: {1 / n:.4f}\n{word} of weights: 0.0{n}3\n" for n in (1, 2, 3))
    seen = facts_of(lines.encode())
    assert seen["loss"] == 0.3333
    assert all("val" not in by for by in seen.get("metrics", {}).values())


@pytest.mark.parametrize("first", ["test_iter: 1000", "val_step: 50", "eval_batch = 8"])
def test_how_much_will_be_evaluated_does_not_begin_the_training(first: str):
    settings = f"{first}\ndisplay: 20\naverage_loss: 20\nlr_mult: 1\nlr_mult: 1\nkernel_size: 3\nkernel_size: 3\n"
    assert facts_of(settings.encode()).keys() & {"step", "epoch", "loss", "metrics"} == set()
    seen = facts_of(f"{settings}Iteration 0, loss = 6.5\nIteration 20, loss = 6.4\n".encode())
    assert (seen["step"], seen["loss"], seen.get("metrics")) == (20, 6.4, None)
