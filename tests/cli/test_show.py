"""``monitor show``: an alert with the lines of the log around its evidence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, TROUBLED, write


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep everybody's state out of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))


@pytest.fixture
def alerts(folder: Path) -> list[dict]:
    """Return the alerts of a log in trouble, written to alerts.jsonl as well."""
    write(folder / "run.log", TROUBLED)
    text = monitor("replay", "run.log", "--json").out
    Path("alerts.jsonl").write_text(text)
    return [json.loads(line) for line in text.splitlines()]


def test_the_line_is_shown_with_those_around_it_and_their_numbers(folder: Path, alerts):
    alert = alerts[0]
    [line, *_] = alert["evidence"]
    said = monitor("show", alert["id"], "run.log", "--context", "2")
    assert said.code == 0
    assert alert["summary"] in said.out.splitlines()[0]
    lines = Path("run.log").read_text().splitlines()
    assert re.search(rf"^▶ +{line['line']}  {re.escape(lines[line['line'] - 1])}$", said.out, re.MULTILINE)
    assert lines[line["line"] - 2][:100] in said.out
    assert alert["action"] in said.out


def test_the_beginning_of_an_id_is_enough_in_a_log_and_in_a_file_of_alerts(alerts):
    start = alerts[0]["id"][:8]
    from_log, from_file = monitor("show", start, "run.log"), monitor("show", start, "--alerts", "alerts.jsonl")
    assert from_log.code == from_file.code == 0
    assert from_log.out == from_file.out


def test_a_watch_that_kept_a_state_is_asked_when_nothing_else_is_named(alerts):
    assert monitor("watch", "run.log", "--state", "state", "--until-end", "--notify-history").code == 1
    said = monitor("show", alerts[0]["id"][:8], "--state", "state")
    assert (said.code, alerts[0]["summary"] in said.out) == (0, True)


def test_json_has_the_alert_and_its_context(alerts):
    found = json.loads(monitor("show", alerts[0]["id"], "run.log", "--json").out)
    assert found["id"] == alerts[0]["id"]
    numbers = [each["line"] for each in found["context"][0]["lines"]]
    assert alerts[0]["evidence"][0]["line"] in numbers
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_log_that_was_written_anew_is_not_shown_for_the_one_that_was_read(alerts):
    Path("run.log").write_text("another line\n" * 3000)
    said = monitor("show", alerts[0]["id"], "--alerts", "alerts.jsonl")
    assert said.code == 0
    assert "the file has another line there now" in said.out
    assert "another line\n" not in said.out
    assert alerts[0]["evidence"][0]["text"][:60] in said.out


def test_a_log_that_is_gone_leaves_the_line_that_was_kept(alerts):
    Path("run.log").unlink()
    said = monitor("show", alerts[0]["id"], "--alerts", "alerts.jsonl")
    assert "does not exist" in said.out
    assert alerts[0]["evidence"][0]["text"][:60] in said.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ffff0000ffff", "run.log"), "no alert with this id in run.log"),
        (("f", "run.log"), "expected at least 4 digits of one id"),
        (("ffff0000", "calm.log"), "no alert found"),
        (("ffff0000",), "holds no state"),
        (("ffff0000", "--alerts", "calm.log"), "calm.log:1: not JSON"),
        (("ffff0000", "--alerts", "odd.jsonl"), "odd.jsonl:1: not an alert"),
        (("ffff0000", "--alerts", "gone.jsonl"), "cannot be read (No such file or directory)"),
        (("ffff0000", "run.log", "--alerts", "alerts.jsonl"), "cannot be combined with LOG"),
    ],
)
def test_what_is_not_there_is_one_clear_line(alerts, arguments: tuple[str, ...], expected: str):
    write(Path("calm.log"), HEALTHY)
    Path("odd.jsonl").write_text("[1]\n")
    said = monitor("show", *arguments)
    assert (said.code, said.out) == (2, "")
    assert expected in said.err


def test_hostile_lines_around_are_shown_and_not_obeyed(alerts):
    lines = Path("run.log").read_bytes().split(b"\n")
    place = alerts[0]["evidence"][0]["line"]
    lines.insert(place, b"\x1b]0;owned\x07\x1b[2J\xe2\x80\xae api_key=hunter2 " + b"x" * 1_000_000)
    Path("run.log").write_bytes(b"\n".join(lines))
    out = monitor("show", alerts[0]["id"], "run.log").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "hunter2" not in out
    assert len(out) < 30_000


@pytest.mark.parametrize("is_file", [True, False], ids=["alerts file", "state"])
def test_paths_are_absolute_and_the_lines_are_found_from_any_folder(alerts, is_file, tmp_path, monkeypatch):
    full, file, state = (Path(name).absolute() for name in ("run.log", "alerts.jsonl", "state"))
    assert monitor("watch", "run.log", "--state", "state", "--until-end", "--notify-history").code == 1
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    said = monitor("show", alerts[0]["id"], *(("--alerts", file) if is_file else ("--state", state)))
    line = alerts[0]["evidence"][0]["line"]
    assert re.search(rf"^{re.escape(str(full))}:{line} \(byte [0-9,]+\)$", said.out, re.MULTILINE)
    assert re.search(rf"^▶ +{line} ", said.out, re.MULTILINE)
    assert re.search(rf"^  +{line - 1} ", said.out, re.MULTILINE), "the line above it was not found"
