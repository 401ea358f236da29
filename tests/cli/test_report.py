"""``monitor report``: which log it takes, where the page goes, and whose silence it judges."""

import json
import os
import re
from pathlib import Path

import pytest

from monitor.base.clock import SystemClock
from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, HEALTHY, TROUBLED, joined, write

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
    page = monitor("report", "--full")
    assert (page.code, page.err) == (0, "")
    assert "`_logs/training/a_new.log`" in page.out


def test_the_page_goes_to_the_file_and_only_word_of_it_to_stderr(folder: Path):
    write(folder / "run.log", TROUBLED)
    page = monitor("report", "--full", "run.log").out
    said = monitor("report", "run.log", "--full", "--out", "STATUS.md")
    assert (said.code, said.out, said.err) == (0, "", "wrote STATUS.md\n")
    assert without_charts((folder / "STATUS.md").read_text()) == without_charts(page)


def without_charts(page: str) -> str:
    """Return a page without its pictures, which only a page in a file has."""
    before, _, rest = page.partition("### Charts\n")
    return before + rest[rest.index("\n---\n") :]


def test_standard_input_makes_a_page_as_a_file_does(folder: Path):
    page = monitor("report", "--full", "-", stdin=joined(TROUBLED))
    assert (page.code, page.err) == (0, "")
    assert "Training Run fit-1" in page.out


def test_the_same_log_gives_the_same_bytes(folder: Path):
    write(folder / "run.log", TROUBLED)
    assert monitor("report", "--full", "run.log") == monitor("report", "--full", "run.log")


@pytest.mark.parametrize(
    ("ago_s", "mark"),
    [(10, "✅"), (1000, "❌"), (HOUR_S - 60, "❌"), (HOUR_S + 60, "❔"), (90 * HOUR_S, "❔")],
    ids=["just written", "stalled", "stalled for long", "left an hour ago", "left long ago"],
)
def test_the_silence_since_the_last_change_is_judged_unless_the_log_was_left_long_ago(
    folder: Path, ago_s: float, mark: str
):
    written(folder / "run.log", EPOCH_1, ago_s=ago_s)
    [verdict] = [line for line in monitor("report", "--full", "run.log").out.splitlines() if "TrainingStall (" in line][
        :1
    ]
    assert mark in verdict


def test_a_log_without_an_understood_line_gets_no_check_mark(folder: Path):
    write(folder / "run.log", [b"hello", b"nothing that anybody could count"])
    page = monitor("report", "--full", "run.log")
    assert page.code == 0
    marked = [line for line in page.out.splitlines() if "✅" in line]
    assert [line for line in marked if "proved by that line" not in line] == []


WATCH_FILE = """\
title: The long one
logs: logs/*.log
objectives: [{title: First epoch, when: {epoch: 1}}]
"""


def test_a_watch_file_names_the_log_the_title_and_the_aims(folder: Path):
    (folder / "logs").mkdir()
    written(folder / "logs/old.log", TROUBLED, ago_s=100)
    written(folder / "logs/new.log", HEALTHY, ago_s=10)
    (folder / "watch.yaml").write_text(WATCH_FILE)
    page = monitor("report", "--full", "--config", "watch.yaml")
    assert (page.code, page.err) == (0, "")
    assert page.out.startswith("# The long one - Status Monitor\n")
    assert "`logs/new.log`" in page.out
    assert "1. ✅ **First epoch**" in page.out


def test_a_watch_file_without_an_existing_log_names_where_it_looked(folder: Path):
    (folder / "watch.yaml").write_text(WATCH_FILE)
    page = monitor("report", "--full", "--config", "watch.yaml")
    assert (page.code, page.out) == (2, "")
    assert page.err.startswith("monitor: logs/*.log: no log there; expected LOG as an argument")


def test_a_broken_watch_file_is_reported_line_by_line(folder: Path):
    write(folder / "run.log", HEALTHY)
    (folder / "watch.yaml").write_text("titel: x\nsigns: [NoSuchRule]\nnotify: {group_wait: soon}\n")
    page = monitor("report", "--full", "run.log", "--config", "watch.yaml")
    assert (page.code, page.out) == (2, "")
    assert [line.split(": ")[1] for line in page.err.splitlines()] == ["watch.yaml:1", "watch.yaml:3"]
    (folder / "watch.yaml").write_text("title: x\nsigns: [NoSuchRule]\n")
    assert "watch.yaml:2: unknown rule 'NoSuchRule'" in monitor("report", "run.log", "--config", "watch.yaml").err


def test_the_command_line_takes_precedence_over_the_file(folder: Path):
    write(folder / "run.log", HEALTHY)
    (folder / "watch.yaml").write_text("set: {ExcessiveResets.above: 5}\nsigns: [ExcessiveResets]\n")
    by_file = monitor("report", "--full", "run.log", "--config", "watch.yaml").out
    by_line = monitor("report", "--full", "run.log", "--config", "watch.yaml", "--set", "ExcessiveResets.above=7").out
    assert ("expected at most 5" in by_file, "expected at most 7" in by_file) == (True, False)
    assert ("expected at most 5" in by_line, "expected at most 7" in by_line) == (False, True)


def test_bands_of_the_file_are_judged_by_the_rules_as_well(folder: Path):
    write(folder / "run.log", HEALTHY)
    (folder / "watch.yaml").write_text(
        "expected: [{signal: epoch.val_loss, by_epoch: {1: [0, 0.0001], 2: [0, 0.0001]}}]\n"
    )
    page = monitor("report", "run.log", "--config", "watch.yaml", "--format", "json")
    signs = {each["rule"]: each["mark"] for each in json.loads(page.out)["signs"]}
    assert signs["ValidationLossOffBand"] == "breach"


def test_what_a_watch_knew_is_reported_when_its_log_is_gone(folder: Path):
    write(folder / "run.log", HEALTHY)
    assert monitor("watch", "run.log", "--state", "state", "--until-end", "--plain").code == 0
    assert "`run.log`" in monitor("report", "run.log", "--state", "state").out
    (folder / "run.log").unlink()
    page = monitor("report", "--full", "--state", "state")
    assert (page.code, page.err) == (0, "")
    assert "**The watch itself**" in page.out
    assert "(L1)" in page.out


def test_a_folder_without_a_state_is_one_clear_line(folder: Path):
    page = monitor("report", "--state", "nowhere")
    assert (page.code, page.out) == (2, "")
    assert page.err == "monitor: nowhere: holds no state; expected a folder given to monitor watch --state\n"


def test_silences_of_the_state_are_on_the_page(folder: Path):
    write(folder / "run.log", HEALTHY)
    assert monitor("watch", "run.log", "--state", "state", "--until-end", "--plain").code == 0
    made = (
        "silence",
        "StepTimeGrown",
        "--for",
        "2h",
        "--reason",
        "backup | runs",
        "--author",
        "ann",
        "--state",
        "state",
    )
    assert monitor(*made).code == 0
    page = monitor("report", "--full", "run.log", "--state", "state").out
    assert "- **StepTimeGrown**: silenced until " in page
    assert re.search(r"silenced until .* by ann\b.*: backup", page)


@pytest.mark.parametrize(("name", "begins"), [("a.md", "# "), ("a.html", "<!"), ("a.json", "{")])
def test_the_name_of_the_page_decides_its_format(folder: Path, name: str, begins: str):
    write(folder / "run.log", HEALTHY)
    assert monitor("report", "run.log", "--out", name).code == 0
    assert (folder / name).read_text().lstrip().lower().startswith(begins)


def test_the_sample_can_be_used_as_it_is_printed(folder: Path):
    sample = monitor("config", "sample")
    (folder / "watch.yaml").write_text(sample.out)
    assert monitor("config", "check", "watch.yaml").out == "watch.yaml: no problem found\n"
    write(folder / "run.log", HEALTHY)
    assert monitor("report", "run.log", "--config", "watch.yaml").code == 0


def test_a_check_of_several_files_shows_the_mistakes_of_all(folder: Path):
    (folder / "a.yaml").write_text("titel: x\n")
    (folder / "b.yaml").write_text("title: x\n")
    (folder / "c.yaml").write_text("set: {NoRule.level: 3}\n")
    said = monitor("config", "check", "a.yaml", "b.yaml", "c.yaml", "none.yaml")
    assert (said.code, said.out) == (2, "b.yaml: no problem found\n")
    assert [line.split(": ")[1] for line in said.err.splitlines()] == [
        "a.yaml:1",
        "c.yaml:1",
        "none.yaml",
    ]
