"""The commands of the status page this project started from, on the log of a real training."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import grammar
from tests.cli.command import monitor
from tests.trainer.runs import EPOCHS, Run, fit, make_panel

LOG = "_logs/training/prod_validation_20ep_20251030_234051.log"
ALL_LOGS = "_logs/training/prod_validation_20ep_*.log"

COMMANDS: dict[str, Callable[[Run], int]] = {
    f'tail -f {LOG} | grep -E "Epoch|Val Loss|Sharpe"': lambda run: 2 * EPOCHS,
    f"tail -f {LOG} | grep ENCODER-GRAD": lambda run: len(run.records(grammar.EncoderGrad)),
    f"tail -f {LOG} | grep GRAD-MONITOR": lambda run: (
        len(run.records(grammar.GradReport)) + len(run.records(grammar.GradBelow))
    ),
    f"tail -f {LOG} | grep DEGENERACY-GUARD": lambda run: sum(
        len(run.records(kind))
        for kind in (grammar.GuardReport, grammar.GuardReset, grammar.GuardRecovered, grammar.GuardFailed)
    ),
    f'grep "Epoch.*Train Loss" {LOG}': lambda run: EPOCHS,
    f'grep "Sharpe Ratio:" {LOG}': lambda run: EPOCHS,
    f'grep -c "DEGENERACY-GUARD.*reset applied" {LOG}': lambda run: len(run.records(grammar.GuardReset)),
    f'grep "DEGENERACY-GUARD.*reset applied" {ALL_LOGS} | wc -l': lambda run: len(run.records(grammar.GuardReset)),
}
"""Each grep of the page, verbatim, and the number of lines that it must find in a run."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Return a real run whose predictions collapse, and whose encoder is cut off in the second epoch."""
    inject = ("pred_collapse@1", "grad_zero@2")
    return fit(folder, make_panel(folder), inject=inject, guard_every=2, guard_warmup_steps=2)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_finds_what_happened(folder: Path, run: Run, command: str):
    """Only the file name is changed, and the log is read instead of followed."""
    line = command.replace("tail -f", "cat").replace(LOG, "run-0.log").replace(ALL_LOGS, "run-*.log")
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    found = int(done.stdout) if "-c" in command or "wc -l" in command else done.stdout.count("\n")
    assert (found, done.stderr) == (COMMANDS[command](run), "")
    assert found > 0


def test_the_run_is_understood_to_its_last_line_and_its_fault_is_found(folder: Path, run: Run):
    log = folder / "run-0.log"
    said = monitor("replay", log)
    assert f"{len(run.lines)} of {len(run.lines)} lines understood" in said.out.replace(",", "")
    assert said.code == 1
    fired = {each["alert"] for each in monitor("replay", log, "--json").objects()}
    assert {"GradientVanishing", "EncoderGradientZero"} <= fired
