"""The generator of logs and its judge, without a reader: logs repeat by seed, their facts are printed in them."""

import math
import re

import pytest

from tests.reader.generated.judge import Outcome, judge
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.log import log
from tests.reader.generated.score import main, score

SEEDS = range(2 * len(ALL))


def test_a_seed_always_gives_the_same_log():
    assert [repr(log(seed)) for seed in SEEDS] == [repr(log(seed)) for seed in SEEDS]


def test_the_kinds_are_many_and_their_names_differ():
    assert len({kind.name for kind in ALL}) == len(ALL) >= 40


@pytest.mark.parametrize("name", ["loss", "val_loss", "lr", "grad_norm"])
def test_a_stated_value_is_printed_in_the_log(name: str):
    for seed in SEEDS:
        made = log(seed)
        expected = made.facts.get(name)
        values = [v for v in (expected if isinstance(expected, list) else [expected]) if v is not None]
        printed = {float(text) for text in re.findall(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", made.text.decode())}
        printed |= {float(text.replace(",", ".")) for text in re.findall(r"-?\d+,\d{4}\b", made.text.decode())}
        assert all(not math.isfinite(value) or value in printed for value in values), f"seed {seed}: {name} {values}"


def test_a_reader_that_knows_all_is_right_and_a_mute_one_is_never_wrong():
    knowing = {log(seed).text: log(seed).facts for seed in SEEDS}
    result = score(lambda data: _first_of_each(knowing[data]), SEEDS)
    assert (result.total.counts[Outcome.WRONG], result.total.share_read) == (0, 1.0)
    mute = score(lambda data: {}, SEEDS)
    assert (mute.total.counts[Outcome.WRONG], mute.total.share_read) == (0, 0.0)


@pytest.mark.parametrize(
    ("expected", "seen", "outcome"),
    [
        (0.5, 0.5, Outcome.RIGHT),
        (0.5, 0.51, Outcome.WRONG),
        (0.5, None, Outcome.SILENT),
        ([0.5, None], None, Outcome.FREE),
        ([99, 100], 100, Outcome.RIGHT),
        (None, 7, Outcome.WRONG),
        (math.nan, "nan", Outcome.RIGHT),
        (math.nan, 0.0, Outcome.WRONG),
    ],
)
def test_a_fact_is_judged_by_the_values_that_are_right(expected: object, seen: object, outcome: Outcome):
    (verdict,) = judge({"loss": expected}, {"loss": seen})
    assert verdict.outcome is outcome


def test_a_metric_may_bear_another_usual_name_but_not_another_split():
    facts = {"metrics": {"acc": {"val": 0.9}}}
    assert [v.outcome for v in judge(facts, {"metrics": {"accuracy": {"valid": 0.9}}})] == [Outcome.RIGHT]
    assert [v.outcome for v in judge(facts, {"metrics": {"accuracy": {"train": 0.9}}})] == [
        Outcome.SILENT,
        Outcome.WRONG,
    ]


def test_a_log_can_be_shown(capsys: pytest.CaptureFixture[str]):
    assert main(["--show", "3"]) == 0
    assert "kind: " in capsys.readouterr().out


def _first_of_each(facts: dict[str, object]) -> dict[str, object]:
    def first(value: object) -> object:
        return next((v for v in value if v is not None), None) if isinstance(value, list) else value

    metrics = {name: {split: first(v) for split, v in splits.items()} for name, splits in facts["metrics"].items()}
    return {name: first(value) for name, value in facts.items()} | {"metrics": metrics}
