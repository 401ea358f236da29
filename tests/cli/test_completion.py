"""What a shell is offered for the word at the cursor, as its completion script asks for it."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from monitor.cli import COMMANDS
from tests.cli.command import monitor
from tests.cli.logs import TROUBLED, write
from tests.cli.test_help import LEAVES


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the state of the user who runs the tests out of it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch):
    """Return what is offered behind ``monitor WORDS``: type and word of each."""

    def ask(line: str) -> list[tuple[str, str]]:
        words = f"monitor {line}"
        with monkeypatch.context() as shell:
            shell.setenv("_MONITOR_COMPLETE", "bash_complete")
            shell.setenv("COMP_WORDS", words)
            shell.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
            said = monitor()
        assert (said.code, said.err) == (0, "")
        return [(kind, word) for kind, _, word in (row.partition(",") for row in said.out.splitlines() if row)]

    return ask


def words(items: list[tuple[str, str]]) -> list[str]:
    return [word for _, word in items]


def test_every_command_is_offered(offered):
    assert words(offered("")) == list(COMMANDS)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("re", ["report", "replay"]),
        ("rules ex", ["explain"]),
        ("check --fin", ["--finished"]),
        ("watch run.log --from ", ["start", "attempt", "end"]),
        ("rules explain GradientVanish", ["GradientVanishing"]),
        ("check run.log --disable GradientVanish", ["GradientVanishing"]),
        ("check run.log --dialect hf", ["hf-trainer"]),
        ("watch run.log --sink al", ["alertmanager:"]),
        ("check run.log --time-zone Europe/Berl", ["Europe/Berlin"]),
        ("completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_what_begins_as_typed_is_offered(offered, line: str, expected: list[str]):
    assert words(offered(line)) == expected


@pytest.mark.parametrize(
    "line",
    ["check ", "check a.log ", "watch ", "replay ", "report ", "doctor ", "init ", "share ", "compare ",
     "dialects explain ", "baseline save good "],
)  # fmt: skip
def test_files_are_offered_where_a_log_is_expected(offered, line: str):
    assert [kind for kind, _ in offered(line)] == ["file"]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_log_and_every_state_folder_is_offered(path: tuple[str, ...]):
    """A new command is completed as well as the old ones."""
    command = LEAVES[path]
    context = click.Context(command)
    for each in command.params:
        if isinstance(each, click.Argument) and "LOG" in each.make_metavar(context):
            assert "file" in {item.type for item in each.shell_complete(context, "x")}, each.name
        if each.name in ("state", "states"):
            assert {item.type for item in each.shell_complete(context, "x")} == {"dir"}, each.name


def test_folders_are_offered_for_a_state(offered):
    assert offered("status --state x") == [("dir", "x")]


def test_a_setting_is_offered_as_far_as_the_dot_and_then_its_fields(offered):
    found = words(offered("check run.log --set GradientVanishing"))
    assert "GradientVanishing.level=" in found
    assert len(found) > 1


def test_a_rule_of_the_users_own_file_is_offered(offered, folder: Path):
    (folder / "mine.yaml").write_text(
        "groups:\n"
        "  - name: mine\n"
        "    rules:\n"
        "      - {alert: MyOwnRule, fault: loss_spike, summary: s, why: w, action: a, kind: threshold,\n"
        "         signal: train.loss, above: 5, severity: warning, source: chosen by hand}\n"
    )
    assert words(offered("check run.log --rules mine.yaml --disable MyOwn")) == ["MyOwnRule"]


def test_a_faulty_file_of_rules_offers_nothing_and_says_nothing(offered, folder: Path):
    (folder / "mine.yaml").write_text("groups: 5")
    assert offered("check run.log --rules mine.yaml --disable Grad") == []


def test_alerts_silences_and_baselines_of_a_state_are_offered(offered, folder: Path):
    write(folder / "run.log", TROUBLED)
    assert monitor("watch", "run.log", "--state", "state", "--until-end").code == 1
    ids = words(offered("ack --state state "))
    assert ids
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in ids)
    assert words(offered("show --state state " + ids[0][:5])) == [ids[0]]
    both = words(offered("silence --state state "))
    assert set(ids) < set(both)
    assert "GradientZero" in both
    assert monitor("silence", "GradientZero", "--for", "1h", "--state", "state").code == 0
    assert words(offered("unsilence --state state ")) == ["GradientZero"]
    assert monitor("baseline", "save", "good", "run.log", "--state", "state").code == 0
    assert "good" in words(offered("baseline show --state state go"))


def test_without_a_state_no_alert_is_offered(offered):
    assert offered("ack ") == []


@pytest.mark.parametrize("line", ["chek x", "rules lst x", "check --nothing "])
def test_behind_a_mistake_nothing_breaks(offered, line: str):
    offered(line)


@pytest.mark.parametrize("program", ["monitor", "trainwarden", "trainer"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_program_has_a_script_for_each_shell(shell: str, program: str):
    said = monitor("completion", shell, "--program", program)
    assert (said.code, said.err) == (0, "")
    assert f"_{program.upper()}_COMPLETE={shell}_complete" in said.out
    assert f"_{program}_completion" in said.out
