"""What the command line changes for one run: fields of rules, rules left out, and the runs to compare with."""

from pathlib import Path

import pytest

from tests.cli.command import Said, monitor
from tests.cli.logs import EPOCH_1, HEALTHY, TROUBLED, write
from tests.lines import at, epoch_end, report, setting, train

RULE = """groups:
  - name: own
    rules:
      - alert: Own
        fault: metric_off_band
        kind: {condition}
        severity: critical
        summary: "it is {{value}}"
        why: it is
        action: look
        source: the test
"""


@pytest.fixture(autouse=True)
def logs(folder: Path) -> None:
    """Write a log of a run in trouble, and one of a healthy run."""
    write(folder / "run.log", TROUBLED)
    write(folder / "healthy.log", HEALTHY)


def fired(said: Said) -> set[str]:
    """Return the rules that fired, of a replay as JSON."""
    assert said.err == ""
    return {each["alert"] for each in said.objects() if each["state"] == "firing"}


def replay(*words: str) -> set[str]:
    return fired(monitor("replay", "run.log", "--json", *words))


# ---- levels and other fields


def test_a_level_of_the_command_line_is_in_force():
    """Eleven resets in an epoch, 490 seconds of silence."""
    assert {"ExcessiveResets", "TrainingStall"} <= replay()
    assert "ExcessiveResets" not in replay("--set", "ExcessiveResets.level=11")
    assert "ExcessiveResets" in replay("--set", "ExcessiveResets.level=10")
    assert "TrainingStall" not in replay("--set", "TrainingStall.level=500s")
    assert {"ExcessiveResets", "TrainingStall"} & replay(
        "--set", "TrainingStall.silence=500s", "--set", "ExcessiveResets.above=11"
    ) == set()


def test_a_level_of_the_command_line_overrides_the_runs_own_setting(folder: Path):
    """And that one above the rule's default, which is 1e-7."""
    log = [*EPOCH_1[:1], at(1, setting("GRAD_MONITOR_WARN_NORM", "1e-3")), at(2, train(0)), at(3, report(0, gat=1e-4))]
    write(folder / "run.log", log)
    assert "GradientVanishing" in replay()
    assert "GradientVanishing" not in replay("--set", "GradientVanishing.level=1e-5")
    assert "GradientVanishing" in replay("--set", "GradientVanishing.level=1e-2")
    assert "GradientVanishing" in replay("--set", "GradientVanishing.level={config: NOBODY, default: 1e-2}")


def test_any_other_field_can_be_set(folder: Path):
    said = monitor("replay", "run.log", "--json", "--set", "ExcessiveResets.severity=info")
    assert {each["severity"] for each in said.objects() if each["alert"] == "ExcessiveResets"} == {"info"}
    assert "ExcessiveResets" not in replay("--set", "ExcessiveResets.for=2h")
    assert "ExcessiveResets" not in replay("--set", "ExcessiveResets.enabled=false")
    assert "ExcessiveResets" not in replay("--set", "ExcessiveResets.phase=[load]")
    (folder / "own.yaml").write_text(RULE.format(condition="threshold\n        signal: train.loss\n        above: 0.1"))
    assert "Own" in replay("--rules", "own.yaml")
    assert "Own" not in replay("--rules", "own.yaml", "--set", "Own.level=0.9", "--set", "Own.on_nan=ignore")


def test_the_last_of_two_settings_of_one_field_counts():
    assert "ExcessiveResets" not in replay("--set", "ExcessiveResets.level=3", "--set", "ExcessiveResets.level=11")


def test_it_is_a_file_of_ones_own_that_is_changed_where_it_replaces_a_shipped_rule(folder: Path):
    stall = RULE.replace("alert: Own", "alert: TrainingStall").format(condition="stall\n        silence: 1h")
    (folder / "own.yaml").write_text(stall)
    assert "TrainingStall" not in replay("--rules", "own.yaml")
    assert "TrainingStall" in replay("--rules", "own.yaml", "--set", "TrainingStall.level=100s")


def test_the_report_judges_by_the_same_changes():
    page = monitor("report", "run.log", "--disable", "TrainingStall", "--set", "ExcessiveResets.level=11").out
    assert "TrainingStall" not in page
    assert "ExcessiveResets" in page


def test_the_watch_takes_the_same_changes(folder: Path):
    (folder / "own.yaml").write_text(RULE.format(condition="threshold\n        signal: train.loss\n        above: 0.1"))
    words = ["watch", "healthy.log", "--until-end", "--rules", "own.yaml"]
    assert "🔴 Own: it is 0.5" in monitor(*words).out
    assert "Own" not in monitor(*words, "--set", "Own.level=1").out
    assert "Own" not in monitor(*words, "--disable", "Own").out


# ---- leaving rules out


def test_a_disabled_rule_raises_nothing():
    assert replay("--disable", "TrainingStall", "--disable", "ExcessiveResets") == replay() - {
        "TrainingStall",
        "ExcessiveResets",
    }


def test_to_leave_out_every_rule_is_refused():
    names = [line.split()[0] for line in monitor("rules", "list").out.splitlines()[1:]]
    said = monitor("replay", "run.log", *(word for name in names for word in ("--disable", name)))
    assert (said.code, said.out) == (2, "")
    assert said.err == "monitor: --disable: leaves no rule; expected at least one rule to check\n"


# ---- what means nothing

MISTAKES = {
    "TrainingStal.level=5s": "unknown rule 'TrainingStal'; expected a rule of monitor rules list "
    "(did you mean 'TrainingStall'?)",
    "TrainingStall.silnce=5s": "unknown field 'silnce'; expected level, or one of ",
    "TrainingStall.level=5": "silence: 5 has no unit; expected a number and one of s, m, h, d",
    "TrainingStall.severity=loud": "severity: invalid value 'loud'; expected 'info', 'warning' or 'critical'",
    "TrainingStall.severity=critcal": "'info', 'warning' or 'critical' (did you mean 'critical'?)",
    "ExcessiveResets.level=many": "above: not a level: 'many'; expected a finite number",
    "ExcessiveResets.level=": "none of them is given; expected exactly one of above, levels",
    "ExcessiveResets.alert=Other": "'alert' cannot be changed; expected level, or one of ",
    "ExcessiveResets.kind=stall": "'kind' cannot be changed; expected level, or one of ",
    "ExcessiveResets.for=-5s": "for: '-5s' is negative; expected a number and one of steps, epochs, s, m, h, d",
    "ExcessiveResets.level=[": "'[' is not a value; expected a word, a number, or [one, two]",
    "ExcessiveResets": "not a setting; expected RULE.level=VALUE, or another field of the rule",
    "ExcessiveResets.level": "not a setting; expected RULE.level=VALUE, or another field of the rule",
    "=5": "not a setting; expected RULE.level=VALUE, or another field of the rule",
    "GradientNonfinite.level=5": "rule 'GradientNonfinite' has no single level; expected one of its fields: ",
    "GradientMeanVanishing.clear=1e-9": "clear: would fire the alert; expected a level on the quiet side",
}


@pytest.mark.parametrize("text", MISTAKES)
@pytest.mark.parametrize("command", ["replay run.log", "rules list", "report run.log"])
def test_a_setting_that_means_nothing_is_refused_with_what_was_meant(command: str, text: str):
    said = monitor(*command.split(), "--set", text)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"monitor: --set {text}: ")
    assert MISTAKES[text] in said.err
    assert "; expected " in said.err


def test_all_wrong_settings_are_shown_at_once():
    said = monitor("replay", "run.log", "--set", "No.level=1", "--set", "ExcessiveResets.abve=3", "--disable", "Nobody")
    assert said.code == 2
    assert [line.split(": ")[1] for line in said.err.splitlines()] == [
        "--set No.level=1",
        "--disable Nobody",
        "--set ExcessiveResets.abve=3",
    ]
    assert "(did you mean 'above'?)" in said.err


# ---- other runs

BASELINE = RULE.format(
    condition="""compare
        signal: epoch.val_loss
        against: baseline
        figure: ratio
        above: 1.2"""
)
PEER = RULE.format(condition="constant\n        signal: epoch.val_loss\n        across: runs")


def ended(*losses: float) -> list[bytes]:
    """Return the log of a run with these validation losses."""
    lines = [*EPOCH_1[:1], at(1, train(1))]
    return [*lines, *(at(10 * epoch, epoch_end(epoch, val_loss=loss)) for epoch, loss in enumerate(losses, 1))]


@pytest.mark.parametrize(("mine", "is_worse"), [((0.5, 0.41), False), ((0.5, 0.61), True)])
def test_a_baseline_is_the_log_of_a_run_to_compare_with(folder: Path, mine: tuple[float, ...], is_worse: bool):
    write(folder / "baseline.log", ended(0.5, 0.5, 0.4))
    write(folder / "run.log", ended(*mine))
    (folder / "own.yaml").write_text(BASELINE)
    assert ("Own" in replay("--rules", "own.yaml", "--baseline", "baseline.log")) == is_worse
    assert "Own" not in replay("--rules", "own.yaml")


@pytest.mark.parametrize(("theirs", "is_the_same"), [(0.412345, True), (0.412346, False)])
def test_a_peer_is_the_log_of_a_run_that_cannot_have_the_same_values(folder: Path, theirs: float, is_the_same: bool):
    write(folder / "peer.log", [line.replace(b"run=fit-1", b"run=fit-2") for line in ended(0.7, theirs)])
    write(folder / "other.log", [line.replace(b"run=fit-1", b"run=fit-3") for line in ended(0.9, 0.8)])
    write(folder / "run.log", ended(0.5, 0.412345))
    (folder / "own.yaml").write_text(PEER)
    peers = ["--peer", "other.log", "--peer", "peer.log"]
    assert ("Own" in replay("--rules", "own.yaml", *peers)) == is_the_same
    assert "Own" not in replay("--rules", "own.yaml", "--peer", "other.log")


@pytest.mark.parametrize("command", ["replay", "report", "watch"])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--peer", "run.log"], "--peer run.log: is the log itself; expected the log of another run"),
        (["--baseline", "./run.log"], "--baseline ./run.log: is the log itself; expected the log of another run"),
        (["--baseline", "-"], "--baseline -: standard input cannot be another run; expected a file"),
        (
            ["--peer", "missing.log"],
            "--peer missing.log: neither a log nor a saved baseline; expected a file, or a name given to monitor "
            "baseline save; {state}/trainwarden/baselines has none",
        ),
    ],
)
def test_only_another_run_is_accepted_as_baseline_or_peer(
    command: str, words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    told = told.format(state=tmp_path / "state")
    said = monitor(command, "run.log", *words)
    assert (said.code, said.out, said.err) == (2, "", f"monitor: {told}\n")
