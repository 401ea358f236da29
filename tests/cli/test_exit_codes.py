"""What a script learns from the exit code: 0 quiet with evidence, 1 fired, 2 usage, 3 quiet but blind."""

from pathlib import Path

import pytest

from monitor import grammar
from tests.cli.command import monitor
from tests.cli.logs import COMPLETED, EPOCH_1, FOREIGN, HEALTHY, START_LINE, TROUBLED, write
from tests.lines import at, epoch_end, train

ENDED = at(99, COMPLETED)
NOTHING_BUT_ITS_END = [START_LINE, ENDED]
TRAIN_LINE = at(1, train(1))
OWN_RULES = """groups:
  - name: own
    rules:
      - alert: LossSeen
        fault: loss_spike
        kind: threshold
        signal: train.loss
        above: 0.1
        severity: {severity}
        summary: the loss is {{value}}
        why: to see it
        action: look
        source: the test
"""


@pytest.mark.parametrize(
    ("log", "code"),
    [
        (HEALTHY, 0),
        (EPOCH_1, 0),
        (TROUBLED, 1),
        (TROUBLED[:-1], 1),
        (FOREIGN, 3),
        (NOTHING_BUT_ITS_END, 3),
        ([START_LINE, TRAIN_LINE], 0),
        ([START_LINE, at(1, epoch_end(1))], 0),
        ([at(1, grammar.GuardCheck(h=1, std=0.5))] * 50, 3),
    ],
    ids=["healthy", "unfinished", "fired", "fired, unfinished", "foreign", "bare", "a step", "an epoch", "no step"],
)
def test_the_exit_code_of_replay(folder: Path, log: list[bytes], code: int):
    write(folder / "run.log", log)
    assert monitor("replay", "run.log").code == code
    assert monitor("replay", "run.log", "--json").code == code
    assert monitor("replay", "run.log", "--summary").code == code


@pytest.mark.parametrize(
    ("log", "code"),
    [(HEALTHY, 0), (TROUBLED, 1), ([*FOREIGN, ENDED], 3), (NOTHING_BUT_ITS_END, 3)],
    ids=["healthy", "fired", "foreign", "bare"],
)
def test_the_exit_code_of_watch_until_end(folder: Path, log: list[bytes], code: int):
    write(folder / "run.log", log)
    assert monitor("watch", "run.log", "--until-end").code == code


@pytest.mark.parametrize(("others", "code"), [(98, 0), (99, 0), (100, 3)])
def test_a_log_is_blind_below_one_line_in_a_hundred(folder: Path, others: int, code: int):
    """One line with a step is understood, the others are noise."""
    write(folder / "run.log", [TRAIN_LINE, *[b"noise"] * others])
    assert monitor("replay", "run.log").code == code


def test_a_blind_watch_warns_on_stderr(folder: Path):
    write(folder / "run.log", [*FOREIGN, ENDED])
    said = monitor("watch", "run.log", "--until-end")
    assert "1 of 3 lines understood" in said.err
    assert "no alert does not mean no fault" in said.err


@pytest.mark.parametrize(
    ("logs", "code"),
    [
        ({"a.log": HEALTHY, "b.log": HEALTHY}, 0),
        ({"a.log": HEALTHY, "b.log": FOREIGN}, 3),
        ({"a.log": TROUBLED, "b.log": HEALTHY}, 1),
        ({"a.log": FOREIGN, "b.log": TROUBLED}, 1),
    ],
)
def test_of_several_logs_the_worst_decides(folder: Path, logs: dict[str, list[bytes]], code: int):
    for name, lines in logs.items():
        write(folder / name, lines)
    assert monitor("replay", *logs).code == code


@pytest.mark.parametrize(("severity", "code"), [("info", 0), ("warning", 1), ("critical", 1)])
def test_only_an_alert_at_warning_or_above_counts_as_fired(folder: Path, severity: str, code: int):
    write(folder / "run.log", HEALTHY)
    (folder / "own.yaml").write_text(OWN_RULES.format(severity=severity))
    said = monitor("replay", "run.log", "--rules", "own.yaml", "--json")
    assert ([each["alert"] for each in said.objects()], said.code) == (["LossSeen", "LossSeen"], code)


def test_an_alert_that_was_resolved_has_fired_all_the_same(folder: Path):
    write(folder / "run.log", [*EPOCH_1, at(20, train(2, loss=float("nan"))), at(30, train(3)), ENDED])
    said = monitor("replay", "run.log", "--json")
    states = [each["state"] for each in said.objects() if each["alert"] == "TrainLossNonfinite"]
    assert (states, said.code) == (["firing", "resolved"], 1)
