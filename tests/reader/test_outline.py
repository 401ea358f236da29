"""What is looked up by a line's outline, its digits as 0, is what the line itself gives."""

from __future__ import annotations

import importlib
import io
import re
from collections.abc import Iterator
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

import pytest

from monitor.reader.dialects import DialectReader
from monitor.reader.dialects.state import DialectState
from monitor.reader.outline import MOST_OUTLINES, ByOutline
from monitor.reader.template import shape_of
from monitor.tail import read_lines
from tests.pipeline.courses import FORMATS
from tests.pipeline.courses import log as course
from tests.reader.facts import lines_of
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.log import log

DIGITS = frozenset(map(ord, "0123456789"))
TELL_DIGITS_APART = {
    "phrases._CODE": "finds more where a digit is 0, so that such a line is read by itself",
    "phrases._DONE_EPOCH": "f1, which the outline leaves out",
    "bars._KERAS_TIMES": "what a bar shows; whether it is one, does not depend on it",
    "numbers.SLOT": "nan.0, inf.0, 1.#IND and @0.5:0.95, which the outline leaves out",
    "numbers._GROUPS": "read by itself",
    "numbers._WRAPPED": "float32(...), which the outline leaves out",
    "tables._CELL": "contains SLOT; of rows below a header, which are read by themselves",
}


def _told_apart(items: object) -> Iterator[int]:
    """Yield the digits that an expression takes where it does not take all of them."""
    for kind, value in items:  # type: ignore[attr-defined]
        if kind in (code.LITERAL, code.NOT_LITERAL):
            yield from DIGITS & {value}
        elif kind is code.IN:
            found: set[int] = set()
            for each, what in value:
                if each is code.LITERAL:
                    found |= DIGITS & {what}
                elif each is code.RANGE:
                    found |= DIGITS & set(range(what[0], what[1] + 1))
                elif each is code.CATEGORY and what in (code.CATEGORY_DIGIT, code.CATEGORY_WORD):
                    found |= DIGITS
            yield from found if len(found) < len(DIGITS) else ()
        elif kind is code.BRANCH:
            for each in value[1]:
                yield from _told_apart(each)
        elif isinstance(value, tuple) and isinstance(value[-1], parser.SubPattern):
            yield from _told_apart(value[-1])


def _expressions(name: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    module = importlib.import_module(f"monitor.reader.{name}")
    for own, value in vars(module).items():
        for each in value if isinstance(value, tuple) else (value,):
            for found in each if isinstance(each, tuple) else (each,):
                if isinstance(found, re.Pattern):
                    yield f"{name}.{own}", found


def test_an_expression_that_tells_digits_apart_is_known_here():
    found = {
        name
        for module in ("lines", "phrases", "bars", "tables", "numbers", "template")
        for name, each in _expressions(module)
        if any(_told_apart(parser.parse(each.pattern, each.flags)))
    }
    assert {name for name in found if not name.endswith(".SLOT") or name == "numbers.SLOT"} == set(TELL_DIGITS_APART)


def test_the_walk_finds_single_digits_and_parts_of_all():
    assert any(_told_apart(parser.parse(r"x(?:f1|[0-4])")))
    assert not any(_told_apart(parser.parse(r"\d+[0-9a-f]\w(?<!\d)")))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("acc1: 0.5 acc5: 0.75", "acc2: 0.5 acc6: 0.25"), ("top 1 acc: 0.5", "top 5 acc: 0.5"),
        ("mAP@0.5:0.95 x: 0.25", "mAP@1.5:0.95 x: 0.25"), ("loss: 1.#IND", "loss: 2.#IND"),
        ("loss: nan.0", "loss: nan.5"), ("loss: np.float32(0.5)", "loss: np.float31(0.5)"),
        ("loss: 10.5", "loss: 1.55"),
    ],
)  # fmt: skip
def test_the_shape_of_a_line_is_its_own_also_where_only_digits_differ(first, then, monkeypatch):
    known = [shape_of(text) for text in (first, first, first, then, first)]
    monkeypatch.setattr(ByOutline, "__call__", lambda *_: None)
    assert known == [shape_of(text) for text in (first, first, first, then, first)]


def test_what_is_remembered_stays_bounded():
    by_outline = ByOutline(len)
    for number in range(3 * MOST_OUTLINES):
        by_outline("x" * (number % 500) + " " * (number // 500))
    assert len(by_outline._known) <= MOST_OUTLINES


def _events(lines: list[str]) -> list[str]:
    reader, state = DialectReader(), DialectState()
    read = read_lines(io.BytesIO("".join(f"{line}\n" for line in lines).encode()))
    return [f"{reader.read(line, 'run.log', state, is_over=False)!r}{state!r}" for line in read]


def _assert_same(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Twice, since the first line of an outline is never looked up.
    by_outline = [_events(lines) for _ in range(2)]
    with monkeypatch.context() as patch:
        patch.setattr(ByOutline, "__call__", lambda *_: None)
        expected = _events(lines)
    for number, (found, own) in enumerate(zip(by_outline[1], expected, strict=True)):
        assert found == own, f"line {number + 1}: {lines[number]!r}"
    assert by_outline[0] == expected


@pytest.mark.parametrize("seed", range(len(ALL)))
def test_a_generated_log_is_read_alike_by_outlines_and_line_by_line(seed, monkeypatch):
    _assert_same(lines_of(log(seed).text)[:120], monkeypatch)


@pytest.mark.parametrize("seed", range(len(FORMATS)))
def test_a_course_is_read_alike_by_outlines_and_line_by_line(seed, monkeypatch):
    _assert_same(lines_of(course(seed, 40).data), monkeypatch)


@pytest.mark.slow
def test_many_generated_logs_are_read_alike_by_outlines_and_line_by_line(monkeypatch):
    for seed in range(len(ALL), 8 * len(ALL)):
        _assert_same(lines_of(log(seed).text), monkeypatch)
