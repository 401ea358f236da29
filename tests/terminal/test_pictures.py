"""The live view as pictures that a person has looked at: healthy, failing, several logs, at three sizes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.terminal.screen import render
from monitor.terminal.screen.chart import SCALE_CELLS, Curve, chart
from tests.terminal.draw import FOLDER, SCENES, drawn, names, path


@pytest.mark.parametrize(("name", "width", "height"), list(names()))
def test_a_picture_is_the_one_that_was_looked_at(name: str, width: int, height: int):
    known = path(name, width, height).read_text(encoding="utf-8")
    assert drawn(SCENES[name], width, height) == known, "changed; look at it: python -m tests.terminal.draw"


def test_there_is_no_picture_of_something_else():
    assert {each.name for each in FOLDER.glob("*")} == {path(*each).name for each in names()}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 3), (40, 10), (81, 25), (111, 33), (300, 90)])
def test_every_page_fills_a_terminal_of_any_size(name: str, width: int, height: int):
    assert [row.cell_len for row in render(SCENES[name], width, height)] == [width] * height


@pytest.mark.parametrize("name", SCENES)
def test_a_short_run_is_not_told_to_be_too_early(name: str):
    for size in [(80, 24), (200, 60)]:
        assert "too early" not in drawn(SCENES[name], *size)


def test_causes_stand_above_what_they_explain():
    text = drawn(SCENES["failing"], 80, 60)
    assert text.index("❌ TrainLossNonfinite") < text.index("Checked:") < text.index("── alerts")


values = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(st.lists(values, max_size=80), st.integers(SCALE_CELLS + 2, 120), st.integers(2, 20))
def test_any_course_is_drawn_within_its_room(course: list[float], width: int, height: int):
    rows = chart([Curve("train", list(enumerate(course)), "cyan")], width, height)
    assert len(rows) in (0, height + 1)
    assert all(row.cell_len <= width for row in rows)
    if len({each for each in course if math.isfinite(each)}) < 2:
        assert rows == []


def test_a_value_that_is_not_finite_is_a_cross_at_its_place():
    points = [(0.0, 1.0), (1.0, 2.0), (2.0, math.nan), (3.0, 1.0)]
    top = chart([Curve("train", points, "cyan")], SCALE_CELLS + 40, 6)[0].plain
    assert top.count("×") == 1
    assert 20 < top.index("×") - SCALE_CELLS < 34
