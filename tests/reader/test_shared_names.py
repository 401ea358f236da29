"""A quantity that a line, or a heading, names once for several sets: each set's figure is read, or none."""

from itertools import permutations, product

import pytest

from tests.reader.facts import facts_of

LOSS, VAL, TEST = 0.25, 0.5, 0.75
SETS = {"train": LOSS, "val": VAL, "test": TEST}
ORDERS = [order for n in (2, 3) for order in permutations(SETS, n) if {"train", "val"} <= {*order}]
WORDS = {"train": ["train", "Training", "trn"], "val": ["val", "Valid", "dev"], "test": ["test", "Test", "testing"]}


def facts(lines: list[str]) -> dict:
    return facts_of("".join(f"{line}\n" for line in lines).encode())


def epochs(line: str) -> list[str]:
    return [line.replace("<e>", str(e)) for e in range(1, 4)]


def read(lines: list[str]) -> tuple:
    seen = facts(lines)
    return seen.get("loss"), seen.get("val_loss")


HEADS = ["epoch <e> loss:", "Epoch <e> | losses |", "Epoch <e>: loss", "epoch=<e>, Loss ="]
PAIRS, GLUES = ["{} {:.3f}", "{}={:.3f}", "{}: {:.3f}", "{} = {:.3f}"], [" ", ", ", " | ", "; "]
KEYS = ["{} loss:", "loss ({}):", "loss {} =", "Loss {}", "[{}] loss:", "({}) loss -", "epoch <e> {} loss"]
NAMES, FIGURES = ["/", " / ", ", ", "|", " & "], ["/", " / ", ", ", " | "]
PART = 11
"""Of the combinations, every so many-th is read; 11 divides none of their numbers, so that all words take part."""


def check(line: str, *, is_sure: bool) -> None:
    loss, val_loss = read(epochs(line))
    assert loss in (LOSS, None), line
    assert val_loss in (VAL, None), line
    if is_sure:
        assert (loss, val_loss) == (LOSS, VAL), line


@pytest.mark.parametrize("head", HEADS)
def test_a_loss_is_named_before_the_sets(head: str):
    for pair, glue, spelling, order in [*product(PAIRS, GLUES, range(3), ORDERS)][::PART]:
        line = f"{head} {glue.join(pair.format(WORDS[each][spelling], SETS[each]) for each in order)}"
        check(line, is_sure=":" not in pair or "|" in head or head.endswith(":"))


@pytest.mark.parametrize("key", KEYS)
def test_a_key_lists_the_sets(key: str):
    for names, figures, order in [*product(NAMES, FIGURES, ORDERS)][::PART]:
        place = "" if "<e>" in key else "epoch <e> "
        shown = figures.join(f"{SETS[each]:.3f}" for each in order)
        line = f"{place}{key.format(names.join(order))} {shown}"
        check(line, is_sure=key.startswith(("{}", "[", "epoch")) and names == "/")


@pytest.mark.parametrize("figures", ["0.250", "0.250/0.500/0.750", "0.250 (0.240) / 0.500 (0.510)"])
def test_a_list_of_sets_with_other_figures_than_these_is_not_read(figures: str):
    assert read(epochs(f"epoch <e> train/val loss: {figures}")) == (None, None)


def test_a_key_that_is_filed_under_a_word_is_no_list():
    assert read(epochs("epoch <e> train/loss: 0.250 train/val_loss: 0.500")) == (LOSS, VAL)


def test_each_quantity_has_its_own_sets():
    seen = facts(epochs("epoch <e> loss: train 0.250, val 0.500; acc: train 0.9, val 0.8"))
    assert (seen["loss"], seen["val_loss"]) == (LOSS, VAL)
    assert seen["metrics"] == {"acc": {"train": 0.9, "val": 0.8}}


@pytest.mark.parametrize("title", ["Loss:", "=== Losses ===", "loss", "--- Loss ---", "Loss per epoch (train | val)"])
def test_a_heading_names_what_is_below_it(title: str):
    seen = facts([title, *epochs("Epoch <e> | train=0.250 | val=0.500"), "Accuracy:", "Epoch 3 | train=0.9 | val=0.8"])
    assert (seen["loss"], seen["val_loss"]) == (LOSS, VAL)
    assert seen["metrics"]["Accuracy"] == {"train": 0.9, "val": 0.8}


@pytest.mark.parametrize("title", ["", "Results:", "Training starts", "Rewards per set:"])
def test_figures_that_nothing_names_are_no_loss(title: str):
    assert read([title or "-", *epochs("Epoch <e> | train=0.250 | val=0.500")]) == (None, None)


@pytest.mark.parametrize("line", ["epoch <e> train loss 0.250 val 0.500", "epoch <e> train_loss=0.250 val=0.500"])
def test_a_set_behind_another_sets_loss_may_have_any_figure(line: str):
    assert read(epochs(line)) == (LOSS, None)
