"""A state that is written in pieces, each time only what changed, is read back whole."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monitor.grammar import Intent, RunStart
from monitor.store.coders import UnknownState
from monitor.store.saved import NOTHING, Saved, SavedMarks, from_rows, to_rows
from tests.cli.logs import HEALTHY, TROUBLED
from tests.cli.watching import SHIPPED
from tests.lines import at, numbered, pipeline, report, train

HISTORY = 1_000
SAME_STEP = [at(0, train(7, loss=1.0)), at(1, train(8, loss=3.0)), at(2, train(8, loss=2.0)), at(3, train(8, loss=2.5))]
"""A step that is reported three times; neither the number of samples nor the extremes change."""
CHANGED = [*(at(step, train(step)) for step in range(1, 60)), at(60, Intent(phase_change="finetune")), b"text"]
ATTEMPTS = [
    at(0, RunStart(run="a", attempt=1)),
    at(1, report(0, gat=1.0, tft=2.0)),
    at(2, RunStart(run="a", attempt=2)),
    at(3, train(1)),
    at(4, report(0, tft=2.0)),
]


class Table:
    """Keeps SavedRows as a database does."""

    def __init__(self) -> None:
        self.core, self.series, self.alerts = b"", dict[str, bytes](), list[bytes]()
        self.marks: SavedMarks = NOTHING
        self.written = 0

    def write(self, saved: Saved) -> None:
        rows = to_rows(saved, self.marks)
        self.core = rows.core
        self.series.update(rows.series)
        self.written = len(rows.series)
        for tag in rows.gone:
            del self.series[tag]
        self.alerts += rows.alerts
        self.marks = rows.marks

    def read(self) -> Saved:
        return from_rows(self.core, self.series, self.alerts[-HISTORY:], HISTORY)


@pytest.mark.parametrize("log", [HEALTHY, TROUBLED, SAME_STEP, CHANGED, ATTEMPTS])
@pytest.mark.parametrize("lines_between", [1, 3])
def test_commits_of_changes_add_up_to_the_whole_state(log: Sequence[bytes], lines_between: int) -> None:
    watch, table = pipeline(SHIPPED), Table()
    for count, line in enumerate(numbered(log), 1):
        watch.take(line)
        if count % lines_between:
            continue
        saved = Saved(run=watch.run, states=watch.states, history=watch.history, fired=watch.fired)
        table.write(saved)
        assert repr(table.read()) == repr(saved)


def test_what_did_not_change_is_not_written_again() -> None:
    watch, table = pipeline(SHIPPED), Table()
    for line in numbered(HEALTHY):
        watch.take(line)
    saved = Saved(run=watch.run, states=watch.states, history=watch.history)
    table.write(saved)
    assert table.written > 5
    table.write(saved)
    assert table.written == 0
    watch.take(numbered([at(20, train(3))])[0])
    table.write(saved)
    assert table.written < 5


def test_making_rows_leaves_the_run_as_it_is() -> None:
    watch = pipeline(SHIPPED)
    for line in numbered(TROUBLED):
        watch.take(line)
    before = repr(watch.run)
    to_rows(Saved(run=watch.run), NOTHING)
    assert repr(watch.run) == before


def test_a_state_with_a_tag_missing_is_refused() -> None:
    watch, table = pipeline(SHIPPED), Table()
    for line in numbered(HEALTHY):
        watch.take(line)
    table.write(Saved(run=watch.run))
    del table.series["TRAIN"]
    with pytest.raises(UnknownState, match="missing"):
        table.read()


def test_all_lines_of_a_state_that_is_read_have_one_path() -> None:
    watch, table = pipeline(SHIPPED), Table()
    for line in numbered(HEALTHY):
        watch.take(line)
    table.write(Saved(run=watch.run))
    every = table.read().run.attempt.series.values()
    lines = [point.evidence for by_labels in every for series in by_labels.values() for point in series.recent]
    assert len({id(line) for line in lines}) > 5
    assert len({id(line.path) for line in lines}) == 1


def test_readings_that_say_the_same_are_kept_once() -> None:
    watch = pipeline(SHIPPED)
    for line in numbered(HEALTHY):
        watch.take(line)
    found = watch.engine.readings(watch.run, watch.states, None, is_following=True)
    kept = watch.snapshot(None, is_following=True).readings
    assert [(rule, list(readings)) for rule, readings in kept] == found
    mute = [readings for _, readings in kept if all(each.value is None for each in readings)]
    assert len({id(each) for each in mute}) == len({*mute}) < len(mute)
