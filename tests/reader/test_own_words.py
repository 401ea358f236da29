"""Vocabulary files of users: their words win, and all their mistakes are told at once."""

from pathlib import Path

import pytest

from monitor.base.errors import Problems
from monitor.reader.lines import read_line
from monitor.reader.own_words import load_words
from monitor.reader.state import ReadState
from monitor.reader.vocabulary import enforce

WRONG = """vocabulary: 2
colours: []
splits:
  late: [spat]
  val: 3
quantities:
  - {name: los, words: [crit], samples: {crit: los}}
  - {name: loss, words: crit}
  - {name: loss, words: [zap], samples: {zap: loss}}
  - {name: lr, words: [zap], samples: {zap: lr}, unit: s}
"""


def test_every_mistake_is_told_with_its_line(tmp_path: Path):
    path = tmp_path / "w.yaml"
    path.write_text(WRONG)
    with pytest.raises(Problems) as caught:
        load_words([path])
    told = [str(each).removeprefix(f"{tmp_path}/") for each in caught.value.problems]
    for start in (
        "w.yaml:1: vocabulary: 2",
        "w.yaml:2: unknown key 'colours'",
        "w.yaml:4: unknown split 'late'",
        "w.yaml:5: 3 not words",
        "w.yaml:7: name: 'los' not a quantity",
        "w.yaml:8: 'crit' not words",
        "w.yaml:8: no samples",
        "w.yaml:10: unknown key 'unit'",
        "w.yaml:10: 'zap' means loss already",
    ):
        assert any(each.startswith(start) for each in told), (start, told)


def test_a_sample_that_means_something_else_is_told(tmp_path: Path):
    path = tmp_path / "w.yaml"
    path.write_text("vocabulary: 1\nquantities:\n  - {name: loss, words: [crit], samples: {gloss: loss}}\n")
    with pytest.raises(Problems, match="'gloss' means metric; expected loss"):
        load_words([path])


def test_own_words_win_and_end_with_their_reader(tmp_path: Path):
    path = tmp_path / "w.yaml"
    path.write_text("vocabulary: 1\nquantities:\n  - {name: metric, words: [cost], samples: {cost: metric}}\n")

    def read(words: bool) -> set[str]:
        enforce(load_words([path]) if words else None)
        line = "step 5 loss=0.5 cost=3.25"
        return {f"{v.quantity}:{v.name}" for report in read_line(line, ReadState()).reports for v in report.values}

    try:
        assert read(words=True) == {"loss:", "metric:cost"}
    finally:
        enforce(None)
    assert read(words=False) != {"loss:", "metric:cost"}
