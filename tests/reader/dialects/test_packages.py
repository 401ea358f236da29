"""Real runs of the real packages: a healthy one is quiet, a loss of nan is caught, a killed one is recognised."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import api
from tests.notify.receivers import until
from tests.reader.dialects.logs import fired, watched

PYTHON = sys.executable
PROGRAMS = Path(__file__).parent / "programs"
LIMIT_S = 120.0
CASES = {
    "nanogpt": ("nano.py", "torch"),
    "hf-trainer": ("hf.py", "transformers"),
    "lightning": ("lit.py", "lightning"),
    "keras": ("ker.py", "keras"),
}
EPOCHS = {"nanogpt": 0, "hf-trainer": 4, "lightning": 4, "keras": 8}
"""How many each program trains, as far as its log says."""


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, require: Callable[[str], None]) -> tuple[str, Path]:
    """A dialect and its program, where the package is there."""
    program, package = CASES[request.param]
    require(package)
    return request.param, PROGRAMS / program


def log_of(program: Path, mode: str, folder: Path) -> bytes:
    """Run a training to its end; return what it printed."""
    done = subprocess.run(
        [PYTHON, program, mode, folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S, check=True
    )
    return done.stdout


@pytest.mark.slow
def test_a_healthy_run_is_understood_and_alarms_nobody(case: tuple[str, Path], tmp_path: Path):
    dialect, program = case
    pipeline, changes = watched(log_of(program, "healthy", tmp_path))
    assert pipeline.run.dialect.name == dialect
    assert pipeline.run.understood > 0.5 * pipeline.run.lines
    assert fired(changes) == {}
    [losses] = pipeline.run.attempt.of("train.loss").values()
    assert losses.count >= 8
    assert losses.last.value < losses.early[0]
    assert pipeline.run.attempt.of("epoch.val_loss")
    assert pipeline.run.attempt.epochs_done == EPOCHS[dialect]
    if dialect not in ("keras", "nanogpt"):  # which have no line for their end
        assert pipeline.run.status == "completed"


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_caught(case: tuple[str, Path], tmp_path: Path):
    _, program = case
    _, changes = watched(log_of(program, "nan", tmp_path))
    assert "TrainLossNonfinite" in fired(changes)
    expected = {"TrainLossNonfinite", "ValidationLossNonfinite", "EpochLossNonfinite", "GlobalGradientNonfinite"}
    assert set(fired(changes)) <= {*expected, "EvidenceGap"}


@pytest.mark.slow
def test_a_run_that_was_killed_is_recognised_and_not_taken_for_complete(case: tuple[str, Path], tmp_path: Path):
    dialect, program = case
    path = tmp_path / "run.log"
    with path.open("wb") as log:
        # As people start it: a shell stands behind it, and says how it ended.
        shell = f'"{PYTHON}" "{program}" endless "{tmp_path}" & echo $! > "{tmp_path}/pid"; wait $!; exit 0'
        process = subprocess.Popen(["bash", "-c", shell], stdout=log, stderr=subprocess.STDOUT)
        try:
            # Past the first lines: the shell's message is appended to the last bar, and may hide it.
            until(lambda: (watched(path.read_bytes())[0].run.attempt.step or 0) > 40, LIMIT_S)
        finally:
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        process.wait(LIMIT_S)
    log = api.read(path)
    assert log.snapshot.run.dialect.name == dialect
    assert log.values.step
    assert log.end.ended == "killed"
    assert "Crash" in {alert.rule for alert in log.alerts}
