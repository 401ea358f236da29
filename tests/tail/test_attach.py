"""Where the first watch of a log begins, and what it tells about the time before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.grammar import RunStart
from monitor.tail import FileTail, Line
from monitor.tail.start import Start, position_at
from tests.cli.command import monitor
from tests.cli.logs import FAILED, START_LINE, TROUBLED, joined, write
from tests.lines import at, train

SECOND = at(590, RunStart(run="fit-1", attempt=2))
TWO_ATTEMPTS = [
    *TROUBLED[:-1],
    SECOND,
    at(600, train(1, epochs=2)),
    at(700, train(2, loss=float("nan"), epochs=2)),
    at(710, FAILED),
]


def begun(folder: Path, *words: str) -> list[str]:
    """Watch a log of two attempts to its end; return the rules of what was sent."""
    log, sent = write(folder / "run.log", TWO_ATTEMPTS), folder / "alerts.jsonl"
    sent.unlink(missing_ok=True)
    monitor("watch", log, "--until-end", "--sink", f"jsonl:{sent}", *words)
    return [json.loads(line)["alert"] for line in sent.read_text().splitlines()]


def test_history_is_one_alert_unless_all_alerts_are_asked_for(tmp_path: Path) -> None:
    assert begun(tmp_path) == ["BeforeThisWatch"]
    assert len(begun(tmp_path, "--notify-history")) > 8


def test_a_watch_may_begin_at_the_newest_attempt(tmp_path: Path) -> None:
    told = begun(tmp_path, "--from", "attempt", "--notify-history")
    assert "TrainLossNonfinite" in told
    assert "ExcessiveResets" not in told


def test_a_watch_without_a_state_leaves_nothing_behind(tmp_path: Path) -> None:
    begun(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["alerts.jsonl", "run.log"]


def test_an_unknown_place_to_begin_is_refused(tmp_path: Path) -> None:
    said = monitor("watch", write(tmp_path / "run.log", [START_LINE]), "--from", "middle")
    assert (said.code, said.err.count("\n")) == (2, 1)


# ---- the place in the file


def following(log: Path, start: Start) -> list[tuple[int, int, bytes]]:
    """Return number, offset and text of the lines that a tail reads from there, with one that comes later."""
    with FileTail(log, position_at(log, start)) as tail:
        lines = [each for each in tail.poll(0.0) if isinstance(each, Line)]
        with log.open("ab") as file:
            file.write(b"later\n")
        lines += [each for each in tail.poll(0.0) if isinstance(each, Line)]
    return [(line.number, line.offset, line.data) for line in lines]


def test_the_end_is_after_the_last_whole_line(tmp_path: Path) -> None:
    log = write(tmp_path / "run.log", [b"one", b"two"])
    assert following(log, Start.END) == [(3, 8, b"later")]


def test_an_unfinished_last_line_is_not_cut(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_bytes(b"one\ntwo and ")
    assert following(log, Start.END) == [(2, 4, b"two and later")]


def test_the_newest_attempt_keeps_the_numbers_of_its_lines(tmp_path: Path) -> None:
    log = write(tmp_path / "run.log", [START_LINE, b"a" * 200_000, SECOND, b"b"])
    offset = len(START_LINE) + 1 + 200_001
    assert following(log, Start.ATTEMPT) == [
        (3, offset, SECOND),
        (4, offset + len(SECOND) + 1, b"b"),
        (5, offset + len(SECOND) + 3, b"later"),
    ]


@pytest.mark.parametrize("start", Start)
def test_a_log_without_attempts_or_without_lines_is_read_from_its_start(tmp_path: Path, start: Start) -> None:
    log = tmp_path / "run.log"
    log.touch()
    assert following(log, start) == [(1, 0, b"later")]


@pytest.mark.parametrize("start", Start)
def test_a_missing_log_has_no_position(tmp_path: Path, start: Start) -> None:
    assert position_at(tmp_path / "run.log", start) is None


def test_a_log_replaced_after_the_position_was_taken_is_read_from_its_start(tmp_path: Path) -> None:
    log = write(tmp_path / "run.log", [b"one", b"two"])
    position = position_at(log, Start.END)
    log.write_bytes(joined([b"three", b"four"]))
    with FileTail(log, position) as tail:
        assert [each.data for each in tail.poll(0.0) if isinstance(each, Line)] == [b"three", b"four"]
