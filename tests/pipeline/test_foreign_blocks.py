"""Blocks of another trainer's reports leave the run, the reader and the alerts exactly as single lines do."""

from __future__ import annotations

import io
import random
from itertools import pairwise

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.tail import LineBuffer, Stretch, read_lines
from tests.pipeline.courses import FORMATS, RULES, eager_rules, log

FEW = range(0, len(FORMATS), 4)
MANY = range(60 * len(FORMATS))


def _state(pipeline: Pipeline) -> list[str]:
    run = pipeline.run
    parts = {**vars(run), **{f"attempt.{name}": value for name, value in vars(run.attempt).items()}}
    del parts["attempt"]
    parts |= {f"dialect.{name}": value for name, value in vars(run.dialect).items()}
    return [f"{name}: {value!r}" for name, value in {**parts, "states": pipeline.states}.items()]


BARS = ("with bars", "redrawn", "postfix", "described", "Keras", "Keras 3")


def _assert_same(seed: int, lines: int = 300, *, name: str = "", is_calm: bool = False) -> int:
    """Assert that both ways give the same; return how many lines were folded in blocks."""
    rules = [*RULES, *eager_rules()] if seed % 3 == 0 and not is_calm else RULES
    one, many = (Pipeline("run.log", Engine(rules)) for _ in range(2))
    made, dice = log(seed, lines, name=name, is_calm=is_calm), random.Random(seed)
    changes = [repr(change) for line in read_lines(io.BytesIO(made.data)) for change in one.take(line)]
    cuts = sorted(dice.randrange(len(made.data)) for _ in range(dice.choice([0, 0, 1, 5])))
    buffer, found, num_read = LineBuffer(), [], 0
    read = many.read

    def counted(line):
        nonlocal num_read
        num_read += 1
        return read(line)

    many.read = counted
    for begin, end in pairwise([0, *cuts, len(made.data)]):
        for part in buffer.feed_stretch(made.data[begin:end]):
            found += map(repr, many.take_all(part) if isinstance(part, Stretch) else many.take(part))
    if rest := buffer.end():
        found += map(repr, many.take(rest))
    assert found == changes, f"seed {seed}: {made.spec}"
    for ours, expected in zip(_state(many), _state(one), strict=True):
        assert ours == expected, f"seed {seed}: {made.spec}"
    return many.run.lines - num_read


def test_blocks_of_another_trainers_reports_are_equal_to_single_lines():
    assert sum(map(_assert_same, FEW)) > 0


@pytest.mark.parametrize("name", BARS)
def test_drawings_of_bars_are_folded_in_blocks(name):
    assert _assert_same(3, 320, name=name, is_calm=True) > 100


@pytest.mark.slow
def test_blocks_of_another_trainers_reports_are_equal_to_single_lines_in_many_logs():
    assert sum(map(_assert_same, MANY)) > 0
