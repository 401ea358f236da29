"""A table that is rewritten with a further column goes on; another table in its place is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import api
from monitor.tail.linebuffer import Line
from monitor.tail.source import FileChange, Notice
from monitor.tail.tabletail import REWRITTEN_WITHIN_S, TableTail

Write = Callable[[Path, str], None]


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def rows(first: int, last: int, form: str = "{step},{loss}") -> str:
    return "".join(form.format(step=step, loss=round(2 * 0.97**step, 5)) + "\n" for step in range(first, last + 1))


OLD = "step,train_loss\n"
BEHIND = ("step,train_loss,val_loss\n", "{step},{loss},")
BEFORE = ("acc,step,train_loss\n", ",{step},{loss}")
"""A header with a further column, and the form of rows without a value in it."""


def taken(tail: TableTail, now: float) -> list[str | FileChange]:
    return [each.change if isinstance(each, Notice) else each.data.decode() for each in tail.poll(now)]


@pytest.mark.parametrize("write", [in_place, by_rename])
@pytest.mark.parametrize(("header", "form"), [BEHIND, BEFORE])
def test_a_column_that_is_added_repeats_no_row(tmp_path: Path, write: Write, header: str, form: str):
    path = tmp_path / "metrics.csv"
    write(path, OLD + rows(1, 5))
    tail = TableTail(path)
    assert len(taken(tail, 0.0)) == 6
    write(path, header + rows(1, 7, form))
    found = tail.poll(1.0)
    assert [each.data.decode() for each in found if isinstance(each, Line)] == (header + rows(6, 7, form)).split()
    assert [each.number for each in found if isinstance(each, Line)] == [1, 7, 8]
    assert len(found) == 3


@pytest.mark.parametrize("cut", [0, 5, 40, 60])
def test_a_version_that_is_only_half_written_is_waited_for(tmp_path: Path, cut: int):
    path = tmp_path / "metrics.csv"
    path.write_text(OLD + rows(1, 5))
    tail = TableTail(path)
    tail.poll(0.0)
    whole = BEHIND[0] + rows(1, 6, BEHIND[1])
    path.write_text(whole[:cut])
    assert taken(tail, 1.0) == []
    with path.open("a") as file:
        file.write(whole[cut:])
    assert taken(tail, 2.0) == [BEHIND[0].strip(), rows(6, 6, BEHIND[1]).strip()]


@pytest.mark.parametrize("is_held", [False, True])
def test_a_restart_goes_on_where_it_was(tmp_path: Path, is_held: bool):
    path = tmp_path / "metrics.csv"
    path.write_text(OLD + rows(1, 5))
    tail = TableTail(path)
    tail.poll(0.0)
    whole = BEHIND[0] + rows(1, 6, BEHIND[1])
    if is_held:
        path.write_text(whole[:40])
        assert taken(tail, 1.0) == []
    position = tail.position
    tail.close()
    path.write_text(whole)
    again = TableTail(path, position, last_row=rows(5, 5).strip().encode())
    assert taken(again, 0.0) == [BEHIND[0].strip(), rows(6, 6, BEHIND[1]).strip()]


def test_another_table_is_told_at_once_and_one_that_only_begins_alike_after_a_while(tmp_path: Path):
    path = tmp_path / "metrics.csv"
    path.write_text(OLD + rows(1, 5))
    tail = TableTail(path)
    tail.poll(0.0)
    path.write_text(OLD + rows(11, 12))
    assert taken(tail, 1.0) == [FileChange.TRUNCATED, *(OLD + rows(11, 12)).split()]
    with path.open("a") as file:
        file.write(rows(13, 14))
    assert taken(tail, 2.0) == rows(13, 14).split()
    path.write_text(OLD + rows(11, 11))
    assert taken(tail, 3.0) == []
    assert taken(tail, 4.0 + REWRITTEN_WITHIN_S) == [FileChange.TRUNCATED, *(OLD + rows(11, 11)).split()]


@pytest.mark.parametrize("write", [in_place, by_rename])
def test_a_logger_that_adds_a_column_starts_no_run_anew(tmp_path: Path, write: Write):
    path = tmp_path / "metrics.csv"
    write(path, OLD + rows(0, 19))
    with api.follow(path) as followed:
        alerts = followed.poll()
        write(path, BEHIND[0] + rows(0, 19, BEHIND[1]) + "19,,0.9\n")
        for step in range(20, 60):
            alerts += followed.poll()
            with path.open("a") as file:
                file.write(rows(step, step, BEHIND[1]))
        alerts += followed.poll()
        assert alerts == []
        assert (followed.log.values.step, followed.log.values.val_loss) == (59, 0.9)
