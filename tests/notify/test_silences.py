"""Silences from the command line to the delivery: who, why, until when; and files of other programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.base.errors import StateError
from monitor.notify import Silences, read_silences
from monitor.notify.silences import FILE, change_silences, new_silence
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, write
from tests.notify.receivers import alert

NOW = 1_700_000_000.0


def put(folder: Path, *silences: object) -> None:
    change_silences(folder, lambda known: [*known, *silences])  # type: ignore[list-item]


def test_a_silence_covers_its_rule_until_its_end(tmp_path: Path):
    put(tmp_path, new_silence("Rule1", "ana", "backup", NOW, NOW + 3_600))
    known = Silences(tmp_path)
    assert known.covering(alert(1), NOW + 3_599) is not None
    assert known.covering(alert(1), NOW + 3_600) is None
    assert known.covering(alert(2), NOW) is None


def test_a_silence_can_name_an_alert_by_the_beginning_of_its_id(tmp_path: Path):
    name = alert(77).id
    put(tmp_path, new_silence(name, "ana", "", NOW, NOW + 60), new_silence("00000", "ana", "", NOW, NOW + 60))
    known = Silences(tmp_path)
    assert known.covering(alert(77), NOW) is not None
    assert known.covering(alert(2), NOW) is None, "five digits are too few"


def test_a_watch_notices_when_a_silence_is_added_or_removed(tmp_path: Path):
    known = Silences(tmp_path)
    assert known.covering(alert(1), NOW) is None
    put(tmp_path, new_silence("Rule1", "ana", "", NOW, NOW + 60))
    assert known.covering(alert(1), NOW) is not None
    change_silences(tmp_path, lambda all_of_them: [])
    assert known.covering(alert(1), NOW) is None


@pytest.mark.parametrize("data", ["", "{", "[1]", '[{"id": 1}]', "[" * 100_000, "null", '{"a": 1}'])
def test_a_broken_file_silences_nothing_and_is_reported(tmp_path: Path, data: str):
    (tmp_path / FILE).write_text(data)
    assert Silences(tmp_path).covering(alert(1), NOW) is None
    with pytest.raises(StateError, match="does not contain silences"):
        read_silences(tmp_path)


def test_the_commands_show_who_silences_why_and_until_when(tmp_path: Path):
    state = ["--state", str(tmp_path)]
    made = monitor("silence", "StepTimeGrown", "--for", "2h", "--reason", "backup", "--author", "ana", *state)
    assert made.code == 0 and "StepTimeGrown silent until" in made.out
    assert "by ana (as " in made.out and made.out.endswith("): backup\n")
    taken = monitor("ack", "0123456789abcdef", "--author", "ana", *state)
    assert taken.code == 0 and "acknowledged until it is over by ana" in taken.out
    assert len(monitor("silence", *state).out.splitlines()) == 2
    over = monitor("unsilence", "StepTimeGrown", *state)
    assert over.code == 0 and over.out.startswith("ended: ")
    assert len(json.loads((tmp_path / FILE).read_text())) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["silence", "StepTimeGrown"], "--for: is missing"),
        (["silence", "StepTimeGrown", "--for", "soon"], "--for: "),
        (["silence", "no rule; rm -rf", "--for", "1h"], "neither a rule nor an alert's id: "),
        (["ack", "xyz"], "not an alert id"),
        (["unsilence", "StepTimeGrown"], "nothing silences 'StepTimeGrown'"),
    ],
)
def test_an_invalid_request_is_one_line_and_exit_code_2(tmp_path: Path, words: list[str], said: str):
    done = monitor(*words, "--state", str(tmp_path))
    assert done.code == 2 and said in done.err and len(done.err.splitlines()) == 1


def test_a_missing_state_folder_is_named(tmp_path: Path):
    done = monitor("silence", "--state", str(tmp_path / "none"))
    assert done.code == 2 and "not a state folder" in done.err


def test_sinks_test_reports_the_result_of_each_sink(tmp_path: Path):
    out = tmp_path / "alerts.jsonl"
    done = monitor("sinks", "test", "--sink", f"jsonl:{out}", "--sink", "command:false")
    assert done.code == 1
    assert "✅ jsonl:" in done.out and "❌ command:false" in done.out
    assert [json.loads(line)["state"] for line in out.read_text().splitlines()] == ["firing", "resolved"]
    assert monitor("sinks", "test").code == 2


def test_the_status_lists_the_silences(tmp_path: Path):
    write(tmp_path / "run.log", HEALTHY)
    state = tmp_path / "state"
    options = ["--state", str(state)]
    assert monitor("watch", str(tmp_path / "run.log"), "--until-end", *options).code == 0
    assert monitor("silence", "StepTimeGrown", "--for", "2h", "--reason", "backup", *options).code == 0
    said = monitor("status", *options)
    assert said.code == 0 and "StepTimeGrown silent until" in said.out and said.out.rstrip().endswith(": backup")
    (document,) = monitor("status", "--json", *options).objects()
    assert [each["target"] for each in document["silences"]] == ["StepTimeGrown"]
    (state / FILE).write_text("{")
    broken = monitor("status", *options)
    assert (broken.code, broken.err.count("\n")) == (0, 1)
