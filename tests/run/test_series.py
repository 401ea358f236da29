"""A series keeps exact counts, a bounded window, and never loses a nan."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.evidence import Evidence
from monitor.run.series import EPOCHS_KEPT, RECENT, Point, Series


def point(value: float = 1.0, *, step: int | None = None, epoch: int = 1, line: int = 1) -> Point:
    evidence = Evidence("run.log", line, 80 * line, None, str(value))
    return Point(value, line, step, step is not None, epoch, float(line), evidence)


def series_of(points: list[Point], *, is_event: bool = False) -> Series:
    series = Series()
    for each in points:
        series.add(each, is_event=is_event)
    return series


@given(st.lists(st.tuples(st.floats(), st.integers(1, 5)), min_size=1, max_size=200))
def test_counts_and_extremes_are_exact_in_all_and_per_epoch(samples):
    series = series_of([point(value, epoch=epoch, line=n) for n, (value, epoch) in enumerate(samples)])
    assert series.count == len(samples)
    assert series.nonfinite == sum(not math.isfinite(value) for value, _ in samples)
    assert repr(series.last.value) == repr(samples[-1][0])
    for epoch, tally in series.epochs.items():
        values = [value for value, each in samples if each == epoch]
        numbers = [value for value in values if not math.isnan(value)]
        assert tally.count == len(values)
        assert (tally.minimum, tally.maximum) == (min(numbers), max(numbers)) if numbers else math.isnan(tally.minimum)
        assert repr(tally.last.value) == repr(values[-1])


def test_the_window_is_bounded_and_the_count_is_not():
    series = series_of([point(n, step=n) for n in range(1_000)])
    assert (series.count, len(series.recent), series.recent[0].value) == (1_000, RECENT, 1_000 - RECENT)
    assert series.first is not None
    assert series.first.value == 0


def test_a_report_and_a_warning_for_one_step_are_one_reading():
    series = series_of([point(1.0, step=200), point(2.0, step=400), point(3.0, step=400)])
    assert (series.count, len(series.recent), series.last.value, series.epochs[1].count) == (2, 2, 3.0, 2)


def test_two_events_of_one_step_are_two():
    assert series_of([point(step=5), point(step=5)], is_event=True).epochs[1].count == 2


def test_two_readings_without_a_step_are_two():
    assert series_of([point(), point()]).count == 2


@pytest.mark.parametrize("first", [1.0, math.nan])
def test_a_step_repeated_as_nan_counts_as_one_nan(first):
    assert series_of([point(first, step=5), point(math.nan, step=5)]).nonfinite == 1


def test_the_cadence_is_the_largest_distance_seen():
    assert series_of([point(step=0), point(step=200), point(step=250)]).step_gap == 200


def test_the_tallies_of_old_epochs_are_dropped_first():
    series = series_of([point(epoch=epoch) for epoch in range(1, 2_000)])
    assert len(series.epochs) == EPOCHS_KEPT
    assert max(series.epochs) == 1_999
    assert min(series.epochs) == 2_000 - EPOCHS_KEPT
