"""Columns equal single numbers to the last bit: figures, schedules and what a series remembers."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.evidence import Evidence
from monitor.grammar import Intent
from monitor.reader.signals import CATALOGUE
from monitor.run.columns.rows import read_numbers
from monitor.run.derived.declared_rate import declared_rate, declared_rates
from monitor.run.series import Point, Series, Steps

values = st.sampled_from([0.5, 0.25, -1.0, 0.0, -0.0, math.nan, math.inf, -math.inf]) | st.floats()


@given(st.lists(st.floats(allow_nan=False).map(lambda value: f"{value:.6f}".encode()) | st.just(b"0.1"), min_size=1))
def test_a_column_of_decimals_is_read_as_float_reads_them(column):
    assert repr(read_numbers(column).tolist()) == repr([float(each) for each in column])


@given(st.lists(st.floats().map(lambda value: repr(value).encode()) | st.sampled_from([b"-0", b"9" * 400]), min_size=1))
def test_a_column_of_long_numbers_is_read_as_float_reads_them(others):
    column = [b"0.12345678901234567", *others]
    assert repr(read_numbers(column).tolist()) == repr([float(each) for each in column])


@given(st.integers(0, 9), st.lists(st.integers(0, 999_999), min_size=1))
def test_decimals_of_one_length_are_read_as_float_reads_them(whole, decimals):
    column = [b"%d.%06d" % (whole, each) for each in decimals]
    assert repr(read_numbers(column).tolist()) == repr([float(each) for each in column])


@given(
    st.builds(
        Intent,
        schedule=st.sampled_from(["cosine", "linear", "constant", "unheard of", None]),
        base_lr=st.none() | st.floats(1e-9, 1.0),
        min_lr=st.none() | st.floats(0.0, 1e-3),
        warmup_start=st.none() | st.floats(0.0, 1e-3),
        warmup_steps=st.none() | st.integers(0, 500),
        total_steps=st.none() | st.integers(0, 2_000),
    ),
    st.lists(st.integers(0, 3_000), min_size=1),
)
def test_declared_rates_of_many_steps_equal_those_of_single_steps(intent, steps):
    rates = declared_rates(np.array(steps), intent)
    alone = [declared_rate(step, intent) for step in steps]
    assert repr(alone) == repr([None] * len(steps) if rates is None else rates.tolist())


@given(st.lists(values, min_size=1, max_size=90), st.lists(values, max_size=200), st.integers(0, 3))
def test_a_series_remembers_the_same_from_a_column_as_from_single_samples(before, coming, stride):
    one, many = Series.of(CATALOGUE["train.loss"]), Series.of(CATALOGUE["train.loss"])
    for index, value in enumerate(before):
        one.add(_point(value, index), is_event=False)
        many.add(_point(value, index), is_event=False)
    steps = [len(before) - 1 + stride * number for number in range(1, len(coming) + 1)]
    for value, step in zip(coming if len(coming) > 1 else (), steps, strict=False):
        one.add(_point(value, step), is_event=False)
    if len(coming) > 1:
        points = [_point(value, step) for value, step in zip(coming, steps, strict=True)]
        many.extend(np.array(coming), Steps.of(np.array(steps), are_own=True), lambda first: points[first:])
    assert repr(many) == repr(one)


def _point(value: float, step: int) -> Point:
    return Point(value, step, step, True, 1, float(step), Evidence("run.log", step, step, None, ""))
