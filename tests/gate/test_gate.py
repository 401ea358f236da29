"""JUnit, SARIF and annotations say what `monitor check` says, of any log; hostile text stays text."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from monitor import api
from monitor.gate.case import COMPLETED, READ, Grade
from monitor.gate.github import workflow_commands
from monitor.gate.judged import Judged
from monitor.gate.junit import junit
from monitor.gate.sarif import sarif
from tests.cli.command import monitor
from tests.reader.logs import LOGS
from tests.report.test_summary import CASES as FAULTS
from tests.report.test_summary import gpt, hf

HEALTHY = [*hf(40), "{'train_runtime': 34.2, 'train_samples_per_second': 80.1, 'train_loss': 1.9, 'epoch': 2.0}"]
HOSTILE = "]]>&<failure/> \x00\x1b[31m %0A::error::x \u202e password=hunter2hunter2"


def judged(lines: list[str], folder: Path, *, must_complete: bool = False, name: str = "train.log") -> Judged:
    log = folder / name
    log.write_text("\n".join(lines) + "\n")
    return Judged.of(api.read(str(log)), must_complete=must_complete)


def suites(logs: list[Judged]) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(junit(logs, at=1.8e9)))


def results(logs: list[Judged]) -> list[dict]:
    return json.loads(sarif(logs))["runs"][0]["results"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_failure_with_its_line_in_each_form(name: str, tmp_path: Path):
    log = judged(FAULTS[name][0], tmp_path)
    rule = FAULTS[name][1][2]
    [case] = [case for case in log.cases if case.name == rule]
    [element] = [each for each in suites([log])[0].iter("testcase") if each.get("name") == rule]
    failure = element.find("failure")
    assert failure is not None
    assert failure.get("message") == case.words
    assert f":{case.evidence[0].line}: " in (failure.text or "")
    [result] = [each for each in results([log]) if each["ruleId"] == rule]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == case.evidence[0].line
    assert any(f"title={rule},line={case.evidence[0].line}::" in line for line in workflow_commands([log]))


def test_a_healthy_run_fails_nothing_and_what_is_not_judged_is_no_pass(tmp_path: Path):
    log = judged(HEALTHY, tmp_path, must_complete=True)
    grades = {case.name: case.grade for case in log.cases}
    assert grades[READ] == grades[COMPLETED] == Grade.PASSED
    assert grades["ValidationLossNonfinite"] == Grade.SKIPPED
    assert set(grades.values()) == {Grade.PASSED, Grade.SKIPPED}
    assert results([log]) == list(workflow_commands([log])) == []
    [suite] = suites([log])
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert int(suite.get("tests", "")) == len(list(suite.iter("testcase")))
    assert int(suite.get("skipped", "")) == len(list(suite.iter("skipped"))) > 0


def test_a_run_without_an_end_fails_only_where_one_is_wanted(tmp_path: Path):
    wanted, not_wanted = (judged(HEALTHY[:-1], tmp_path, must_complete=each) for each in (True, False))
    assert [case.name for case in wanted.cases if case.grade is Grade.FAILED] == [COMPLETED]
    assert [case.name for case in not_wanted.cases if case.grade is Grade.FAILED] == []


def test_a_log_that_cannot_be_read_is_an_error(tmp_path: Path):
    log = judged(["some words", "and others"], tmp_path)
    [suite] = suites([log])
    assert suite.get("errors") == "1"
    assert [each["ruleId"] for each in results([log])] == [READ]


@pytest.mark.parametrize("number", range(0, len(LOGS), 5))
def test_the_cases_say_what_the_exit_code_says(number: int, tmp_path: Path):
    path = tmp_path / "train.log"
    path.write_text(LOGS[number].text)
    log = api.read(str(path))
    grades = {case.grade for case in Judged.of(log, must_complete=False).cases}
    assert (Grade.FAILED in grades) == (log.exit_code == 1)
    assert (Grade.UNREAD in grades) == log.is_blind


def test_hostile_text_stays_text(tmp_path: Path):
    lines = [*gpt(20), f"RuntimeError: CUDA error: {HOSTILE}"]
    log = judged(lines, tmp_path, name="a,b%::c.log")
    [suite] = suites([log])
    assert len(list(suite.iter("failure"))) == 1
    [command] = workflow_commands([log])
    _, properties, _ = command.split("::", 2)
    assert properties.endswith("/a%2Cb%25%3A%3Ac.log,title=Crash,line=21")
    assert "\n" not in command
    for text in (command, sarif([log]), junit([log], at=0.0)):
        assert "hunter2hunter2" not in text
        assert not {"\x00", "\x1b", "\u202e"} & set(text)


def test_one_run_of_the_command_writes_all_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    Path("good.log").write_text("\n".join(HEALTHY) + "\n")
    Path("bad.log").write_text("\n".join(FAULTS["nan"][0]) + "\n")
    forms = ["--finished", "--junit", "check.xml", "--sarif", "check.sarif", "--github"]
    good = monitor("check", "good.log", *forms)
    assert (good.code, "::error" in good.out) == (0, False)
    both = monitor("check", "good.log", "bad.log", *forms)
    assert both.code == 1
    commands = [line.partition(",")[0] for line in both.out.splitlines() if line.startswith("::")]
    assert commands == ["::error file=bad.log"] * 2
    names = [each.get("name") for each in ElementTree.parse("check.xml").getroot()]
    assert names == ["good.log", "bad.log"]
    found = json.loads(Path("check.sarif").read_text())["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"] for each in found]
    assert {each["artifactLocation"]["uri"] for each in places} == {"bad.log"}
    assert Path("summary.md").read_text().count("```") == 6
    as_json = monitor("check", "bad.log", "--json", "--github")
    assert json.loads(as_json.out)["exit_code"] == 1
    assert as_json.err.startswith("::error")


def test_a_file_that_cannot_be_written_is_a_usage_error(tmp_path: Path):
    log = tmp_path / "train.log"
    log.write_text("\n".join(HEALTHY) + "\n")
    said = monitor("check", log, "--junit", tmp_path / "none" / "check.xml")
    assert said.code == 2
    assert "expected a file in a writable folder" in said.err
