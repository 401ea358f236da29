# ruff: noqa: E501 (each line of a log stands on one line)
"""Kinds that the ninth list of real logs showed, by made-up twins."""

import pytest

from tests.reader.dialects.logs import fired, watched
from tests.reader.facts import facts_of


def facts(text: str) -> dict:
    return facts_of(text.encode())


def bar(words: str, done: int, total: int, shown: str) -> str:
    return f"{words}: {100 * done // total:3d}%|██████    | {done}/{total} [00:12<00:14,  7.40it/s, {shown}]"


ENDLESS = "Validation: |          | 0/? [00:00<?, ?it/s]"


@pytest.mark.parametrize("glue", ["", "\x1b[A"])
def test_what_is_behind_a_bar_without_a_total_is_a_line_of_its_own(glue: str):
    text = "".join(
        f"{ENDLESS}{glue}[12/09/24 14:{e:02d}:31] INFO   Epoch {e}: v_recons {0.5 / (1 + e):.3e}  recons 4.6e-01  v_loss {2 / (1 + e):.3e}  loss {1 / (1 + e):.3e}\n"
        for e in range(4)
    )
    seen = facts(text)
    assert (seen["loss"], seen["val_loss"], seen["epochs_done"]) == (0.25, 0.5, 4)
    assert seen["metrics"]["recons"] == {"val": 0.125, "train": 0.46}


def test_one_name_with_v_before_it_may_be_a_value_function():
    text = "".join(f"step {n} loss 0.{n} v_loss 0.5 pi_loss 0.2\n" for n in range(10, 15))
    seen = facts(text)
    assert seen["loss"] == 0.14
    assert "val_loss" not in seen


LOOP = "Training at epoch {n}/{N}\nepoch: {e} lr: 0.001\n[{e}] loss: {loss:.4f}\nAccuracy on the val images: 96 %\n"


@pytest.mark.parametrize("last", [3, 8, 50])
def test_lines_with_a_total_count_from_1_and_those_without_from_0(last: int):
    text = "".join(LOOP.format(n=e + 1, N=50, e=e, loss=1 / (1 + e)) for e in range(last))
    seen = facts(text + "Finished Training\n" * (last == 50))
    assert seen["epoch"] == last
    assert seen["epochs_done"] == last
    assert seen["epochs"] == 50
    assert seen["loss"] == round(1 / last, 4)


@pytest.mark.parametrize(
    ("numbers", "done"),
    [
        (range(10, 60, 10), 50), (range(500, 5001, 500), 5000), (range(9, 50, 10), 50), (range(4, 30, 5), 30),
        (range(3, 20, 3), 18), (range(12, 52, 10), None), (range(7, 12), None), (range(2, 20, 2), None),
        ([4, 5, 6, 9, 14], None),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "line", ["epoch {e} | loss {x:.3f}\n", '{{"epoch": {e}, "train_loss": {x:.3f}}}\n', "[Epoch {e}] loss={x:.3f}\n"]
)
def test_the_rhythm_of_epochs_tells_from_where_they_are_counted(numbers, done, line: str):
    """Every tenth: 10, 20, 30 counts from 1, and 9, 19, 29 from 0; anything else does not tell."""
    assert facts("".join(line.format(e=e, x=1 + 1 / e) for e in numbers)).get("epochs_done") == done


@pytest.mark.parametrize("words", ["Early stopping triggered after {n} epochs", "Training finished after {n} epochs."])
@pytest.mark.parametrize(("from_zero", "last"), [(False, 70), (True, 69)])
def test_after_how_many_epochs_it_stopped_tells_from_where_they_are_counted(words: str, from_zero: bool, last: int):
    text = "".join(f"Epoch {e}: Train Loss = 0.5, Val Loss = 0.6\n" for e in (last - 1, last))
    assert facts(text).get("epochs_done") is None
    assert facts(text + words.format(n=70) + "\n")["epochs_done"] == 70
    assert "epochs_done" not in facts(text + "Early stopping triggered after 10 epochs without improvement\n")


def test_steps_beside_episodes_that_always_grow_are_those_of_the_run():
    text = "".join(
        f'{{"step": {50 * n}, "train/return": -48.0, "train/length": 50, "episodes": {n}}}\n' for n in range(1, 30)
    )
    assert facts(text)["step"] == 1450
    assert "step" not in facts(text.split('{"step": 550')[0])


def test_steps_beside_episodes_that_rise_and_fall_are_those_of_an_episode():
    lengths = (186, 178, 190, 25, 68, 47, 130, 138, 106, 323, 101, 114)
    text = "".join(f"episode: {n}, step: {lengths[n % 12]}, reward: 61.775, done: True\n" for n in range(1, 90))
    assert "step" not in facts(text)


def test_a_label_glued_to_its_place_is_none_of_its_name():
    text = "".join(
        f"2019-11-27 17:20:0{n},658-lstm_logger-{{train:epoch{1 + n // 3},step{n + 2},train_loss: {9 - n}.5}}\n"
        for n in range(8)
    )
    seen = facts(text)
    assert (seen["step"], seen["epoch"], seen["epochs_done"], seen["loss"]) == (9, 3, 2, 2.5)


def nemo(epochs: range, of: int = 20) -> str:
    return "".join(
        bar(f"Epoch {e}", n, of, "v_num=4-21, train_step_timing in s=4.170") + f"[NeMo I 2025-03-04 08:{e:02d}:{2 * n:02d} wer:329] \n    \n"
        f"[NeMo I 2025-03-04 08:{e:02d}:{2 * n:02d} wer:330] reference:words\n"
        for e in epochs for n in range(4, of + 1, 4)
    )  # fmt: skip


@pytest.mark.parametrize("first", [0, 3, 28])
def test_epochs_in_lightning_s_bars_are_counted_from_0(first: int):
    """Also where the log begins in a later one: its steps are known, and no hang is seen."""
    text = nemo(range(first, first + 3))
    seen = facts(text)
    assert seen["step"] == 20 * (first + 3)
    assert seen["epochs_done"] == first + 3
    assert fired(watched(text)[1]) == {}


def test_a_record_that_was_written_into_a_bar_is_none_of_its_figures():
    text = bar(
        "Epoch 3", 9, 20, "v_num=4, loss=0.5[NeMo I 2025-03-04 09:10:38 wer:329]                 | 0/95 [00:00<?, ?it/s"
    )
    assert set(facts(text + "\n").get("metrics", {})) == set()


def test_a_checkpoint_that_lightning_judged_says_where_the_run_is():
    text = "".join(f"Epoch {e}, global step {352 * (e + 1)}: 'val/accuracy' was not in top 1\n" for e in range(15))
    seen = facts(bar("Epoch 14", 351, 352, "v_num=ab, train/loss=1.360") + "\n" + text)
    assert (seen["step"], seen["epochs_done"]) == (5280, 15)


def test_a_letter_that_may_be_seconds_is_a_step_only_where_the_line_begins_with_it():
    assert "step" not in facts(
        "".join(f"e: {e} s: 9058 current accu: 0.7{e}\ne: {e} s: 9058 Test accuracy: 0.7{e}\n" for e in range(1, 6))
    )
    assert facts("".join(f"s:{n} trl:9.25 lr:0.001 norm:1.50\n" for n in range(5)))["step"] == 4


def test_a_validation_with_figures_and_none_for_its_loss_was_run():
    """JSON has no word for nan: ``null`` is one where the loss was a number before, and the others still are."""
    text = "".join(f'{{"validation_loss":0.{9 - n},"validation_PSNR":30.{n},"epoch":{n}.5}}\n' for n in range(5))
    assert facts(text + '{"validation_loss":null,"validation_PSNR":31.9,"epoch":5.5}\n')["val_loss"] != 0.5
    assert facts(text + '{"loss":0.4,"validation_loss":null,"validation_PSNR":null,"epoch":5.5}\n')["val_loss"] == 0.5


def test_a_score_that_is_null_beside_figures_was_not_taken():
    """A loss, or a part of it, that is null where numbers came before is not finite."""
    text = "".join(
        f'{{"iteration": {n}, "total_loss": 0.{9 - n}, "policy_loss": 0.2, "stop_rate": 0.{n}}}\n' for n in range(1, 6)
    )
    more = "".join(
        f'{{"iteration": {n}, "total_loss": 0.3, "policy_loss": 0.2, "stop_rate": null}}\n' for n in range(6, 20)
    )
    assert facts(text + more)["metrics"]["stop_rate"] == {"train": 0.5}
    assert fired(watched(text + more)[1]) == {}
    broken = facts(text + '{"iteration": 6, "total_loss": 0.3, "policy_loss": null, "stop_rate": 0.1}\n')
    assert broken["metrics"]["policy_loss"]["train"] != broken["metrics"]["policy_loss"]["train"]


def test_a_divergence_from_a_prior_has_no_better_direction():
    """The KL of a variational model rises while it learns: no overfitting."""
    line = "Epoch {e}: train_loss {t:.4f} val_loss {v:.4f} train_kl {k:.3f} val_kl {q:.3f}\n"
    text = "".join(
        line.format(e=e, t=2 / (2 + e), v=2.1 / (2 + e), k=max(0.5, 20 - e), q=0.6 + 2 * e) for e in range(1, 40)
    )
    assert fired(watched(text)[1]) == {}
