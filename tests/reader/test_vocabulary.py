"""The words of keys: quantity, split, name."""

from pathlib import Path

import pytest

from monitor.base.errors import Problems
from monitor.base.resources import rules_dir
from monitor.reader.vocabulary import load, meaning

FILE = rules_dir() / "vocabulary" / "words.yaml"


def test_the_shipped_words_mean_what_their_samples_say():
    assert load(FILE).quantities


@pytest.mark.parametrize(
    ("key", "name", "role", "split", "own_name"),
    [
        ("train_loss", "loss", "value", "train", "loss"),
        ("Val Loss", "loss", "value", "val", "Loss"),
        ("Loss/train", "loss", "value", "train", "Loss"),
        ("lm loss", "loss", "value", "", "lm_loss"),
        ("loss_rpn_cls", "loss", "part", "", "loss_rpn_cls"),
        ("nll_loss", "loss", "criterion", "", "nll_loss"),
        ("trainer/global_step", "step", "place", "", "trainer/global_step"),
        ("elapsed time per iteration (ms)", "s_per_step", "time", "", None),
        ("wav2vec_lr", "metric", "metric", "", "wav2vec_lr"),
        ("val_mean_dice", "metric", "metric", "val", "mean_dice"),
        ("valid CER", "metric", "metric", "val", "CER"),
        ("valid_0's l2", "metric", "metric", "val", "l2"),
        ("train/train_runtime", "run_end", "end", "train", None),
        ("train/runtime", "train_time", "clock", "train", "runtime"),
        ("验证损失", "loss", "value", "val", None),
    ],
)
def test_a_key_means_a_quantity_of_a_split(key: str, name: str, role: str, split: str, own_name: str | None):
    said = meaning(key)
    assert (said.name, said.role, said.split) == (name, role, split)
    assert own_name in (None, said.own_name)


@pytest.mark.parametrize("key", ["best loss", "aux loss", "best_val_loss"])
def test_a_best_or_auxiliary_loss_is_marked(key: str):
    assert meaning(key).marks & {"best", "aux"}


def test_a_wrong_word_file_is_refused_with_its_lines(tmp_path: Path):
    file = tmp_path / "words.yaml"
    file.write_text(
        "vocabulary: 1\nquantities:\n  - {name: a, role: dance, words: [a], samples: {a: a}}\n  - {name: b, role: value, words: [b]}\nx: 1\n"  # noqa: E501
    )
    with pytest.raises(Problems) as raised:
        load(file)
    said = "\n".join(map(str, raised.value.problems))
    assert all(text in said for text in ("words.yaml:3", "'dance'", "no samples", "unknown key 'x'"))
