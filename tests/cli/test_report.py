"""``monitor report``: which log it takes, where the page goes, and whose silence it judges."""

import os
from pathlib import Path

import pytest

from monitor.clock import SystemClock
from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, FOREIGN, HEALTHY, TROUBLED, joined, write

HOUR_S = 3600.0


def written(path: Path, lines: list[bytes], *, ago_s: float) -> Path:
    """Write a log that was last changed so many seconds before now."""
    changed = SystemClock().wall() - ago_s
    write(path, lines)
    os.utime(path, (changed, changed))
    return path


def test_without_a_log_it_takes_the_one_that_was_written_last(folder: Path):
    training = folder / "_logs/training"
    training.mkdir(parents=True)
    written(training / "z_old.log", HEALTHY, ago_s=200)
    written(training / "a_new.log", TROUBLED, ago_s=100)
    written(training / "newer.txt", HEALTHY, ago_s=0)
    (training / "folder.log").mkdir()
    page = monitor("report")
    assert (page.code, page.err) == (0, "")
    assert "`_logs/training/a_new.log`" in page.out


def test_the_page_goes_to_the_file_and_only_word_of_it_to_stderr(folder: Path):
    write(folder / "run.log", TROUBLED)
    page = monitor("report", "run.log").out
    said = monitor("report", "run.log", "--out", "STATUS.md")
    assert (said.code, said.out, said.err) == (0, "", "wrote STATUS.md\n")
    assert (folder / "STATUS.md").read_text() == page


def test_standard_input_makes_a_page_as_a_file_does(folder: Path):
    page = monitor("report", "-", stdin=joined(TROUBLED))
    assert (page.code, page.err) == (0, "")
    assert "Training Run fit-1" in page.out


def test_the_same_log_gives_the_same_bytes(folder: Path):
    write(folder / "run.log", TROUBLED)
    assert monitor("report", "run.log") == monitor("report", "run.log")


@pytest.mark.parametrize(
    ("ago_s", "mark"),
    [(10, "✅"), (1000, "❌"), (HOUR_S - 60, "❌"), (HOUR_S + 60, "❔"), (90 * HOUR_S, "❔")],
    ids=["just written", "stalled", "stalled for long", "left an hour ago", "left long ago"],
)
def test_the_silence_since_the_last_change_is_judged_unless_the_log_was_left_long_ago(
    folder: Path, ago_s: float, mark: str
):
    written(folder / "run.log", EPOCH_1, ago_s=ago_s)
    [verdict] = [line for line in monitor("report", "run.log").out.splitlines() if "TrainingStall:" in line][:1]
    assert mark in verdict


def test_a_log_of_which_nothing_is_understood_earns_no_check_mark(folder: Path):
    write(folder / "run.log", FOREIGN)
    page = monitor("report", "run.log")
    assert page.code == 0
    marked = [line for line in page.out.splitlines() if "✅" in line]
    assert [line for line in marked if "proved by that line" not in line] == []
