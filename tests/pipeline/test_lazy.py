"""A line that changes no alert is not judged, and one of a known shape is read by one expression, as if it were not."""

from __future__ import annotations

import io

import pytest

from monitor.engine.promises import NOT_ASKED, Promises
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.reader.dialects.shapes import ForeignShapes
from monitor.tail import read_lines
from tests.pipeline.courses import FORMATS, RULES, eager_rules, log

FEW = range(0, len(FORMATS), 2)
LINES = 160
MANY = range(60 * len(FORMATS))


class _Eager(Promises):
    """Asks no rule, so that every rule is judged at every line."""

    def quiet(self, *_):
        return NOT_ASKED


class _Unlearning(ForeignShapes):
    """Knows no shapes, so that every line is read in the ordinary way."""

    def note(self, *_):
        pass

    def event(self, *_):
        return None


def _assert_same(seed: int, *, of: str = "", **course: str) -> int:
    """Assert that both ways give the same after every line; return the number of transitions, ``of`` one rule."""
    rules = [*RULES, *eager_rules()] if seed % 2 else RULES
    lazy, eager = (Pipeline("run.log", Engine(rules)) for _ in range(2))
    eager.promises, eager.shapes = _Eager(), _Unlearning()
    made = log(seed, LINES, **course)
    count = 0
    for line in read_lines(io.BytesIO(made.data)):
        found, expected = lazy.take(line), eager.take(line)
        where = f"seed {seed} ({made.spec}), line {line.number}: {line.data!r}"
        assert [repr(each) for each in found] == [repr(each) for each in expected], where
        assert repr(lazy.states) == repr(eager.states), where
        assert lazy.run.last == eager.run.last, where
        assert repr(lazy.run.dialect) == repr(eager.run.dialect), where
        count += sum(of in each.rule for each in found)
    assert repr(lazy.finish()) == repr(eager.finish()), made.spec
    assert repr(lazy.run) == repr(eager.run), made.spec
    return count


def test_lazy_judging_gives_the_alerts_of_judging_every_line():
    assert sum(map(_assert_same, FEW)) > 0


@pytest.mark.parametrize("lasting", ["stops", "slow"])
def test_a_kind_of_line_that_stops_or_comes_too_rarely_is_noticed_at_the_same_line(lasting):
    assert sum(_assert_same(seed, of="EvidenceGap", name="dense", lasting=lasting) for seed in (0, 2, 4)) > 0


@pytest.mark.slow
def test_lazy_judging_gives_the_alerts_of_judging_every_line_in_many_logs():
    assert sum(map(_assert_same, MANY)) > 0
