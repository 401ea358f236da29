"""Generated logs with known facts: a reader is right or silent, never wrong, and reads nine tenths of what is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reader.generated.judge import Outcome, judge
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.log import log
from tests.reader.generated.score import Reader, score, shown, table

FEW_SEEDS = range(2 * len(ALL))
MANY_SEEDS = range(100 * len(ALL))
SHARE_READ = 0.9


@pytest.fixture(scope="module")
def read() -> Reader:
    """The function under test: the bytes of a log to its facts."""
    return pytest.importorskip("tests.reader.facts").facts_of


def test_a_reader_is_never_wrong_and_reads_nine_tenths_of_a_fixed_sample(read: Reader):
    result = score(read, FEW_SEEDS)
    assert result.wrong == [], table(result, examples=2)
    assert result.total.share_read >= SHARE_READ, table(result, examples=2)


@given(seed=st.integers(min_value=0, max_value=2**31))
def test_a_reader_is_never_wrong_on_any_seed(read: Reader, seed: int):
    made = log(seed)
    wrong = [verdict for verdict in judge(made.facts, read(made.text)) if verdict.outcome is Outcome.WRONG]
    assert wrong == [], f"seed {seed}\n{shown(made)}"


@pytest.mark.slow
def test_a_reader_is_never_wrong_and_reads_nine_tenths_of_many_logs(read: Reader):
    result = score(read, MANY_SEEDS)
    assert result.wrong == [], table(result, examples=2)
    assert result.total.share_read >= SHARE_READ, table(result, examples=2)
