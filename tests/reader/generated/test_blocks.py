"""Generated logs in blocks: columns report what single lines report, wherever the blocks are cut."""

import pytest

from tests.reader.blocks import blocks_equal_singles
from tests.reader.facts import lines_of
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.log import log

FEW_SEEDS = range(2 * len(ALL))
MANY_SEEDS = range(40 * len(ALL))


def _lines_in_columns(seeds: range) -> int:
    total = 0
    for seed in seeds:
        try:
            total += blocks_equal_singles(lines_of(log(seed).text), seed, largest=300)
        except AssertionError as problem:
            raise AssertionError(f"seed {seed}: {problem}") from problem
    return total


def test_blocks_are_equal_to_single_lines_on_a_fixed_sample():
    assert _lines_in_columns(FEW_SEEDS) > 0


@pytest.mark.slow
def test_blocks_are_equal_to_single_lines_on_many_logs():
    assert _lines_in_columns(MANY_SEEDS) > 0
