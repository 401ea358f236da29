"""A full disk, a signal, a file system without hard links: what is saved gives the weights of an unbroken run."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor import grammar
from tests.trainer.runs import fit, make_panel, same_weights
from trainer import checkpoint
from trainer.checkpoint import read_checkpoint
from trainer.training.stopping import stop_on_signals

SETTINGS = {"dropout": 0.2, "edge_dropout": 0.2, "guard_every": 4}


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="module")
def whole(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Return the last checkpoint of an unbroken run."""
    folder = tmp_path_factory.mktemp("whole")
    fit(folder, panel, checkpoint_dir=str(folder / "c"), **SETTINGS)
    return last(folder / "c")


def last(folder: Path) -> dict:
    return read_checkpoint(sorted(folder.glob("step_*.ckpt"))[-1])


@pytest.mark.parametrize(
    ("step", "number"),
    [
        (5, signal.SIGINT),
        (14, signal.SIGTERM),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(5, signal.SIGTERM), (11, signal.SIGINT)]),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(11, signal.SIGTERM), (14, signal.SIGINT)]),
    ],
)
def test_a_signal_saves_before_the_end_line_and_the_resumed_run_has_the_weights_of_an_unbroken_one(
    panel: Path, whole: dict, tmp_path: Path, number: signal.Signals, step: int
):
    seen: list[object] = []

    def show(bar: object) -> None:
        seen.append(bar)
        if len(seen) == step:
            os.kill(os.getpid(), number)

    with stop_on_signals() as stop:
        run = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), hooks={"show": show, "stop": stop}, **SETTINGS)
    assert (run.result.status, stop.signal) == ("stopped", number)
    assert last(tmp_path / "c")["step"] == step
    kinds = [type(line.record) for line in run.parsed()]
    assert kinds[-2:] == [grammar.Checkpoint, grammar.RunEnd]
    fit(tmp_path, panel, resume=str(tmp_path / "c"), **SETTINGS)
    assert same_weights(last(tmp_path / "c")["model"], whole["model"])
    assert last(tmp_path / "c")["progress"] == whole["progress"]


def test_a_signal_in_a_validation_is_answered_within_it(panel: Path, whole: dict, tmp_path: Path):
    class Clock:
        now = 1.7e9

        def __call__(self) -> float:
            self.now += 0.01
            log = tmp_path / "run-0.log"
            if log.exists() and b"[PHASE] name=validate" in log.read_bytes() and not stop.is_asked:
                os.kill(os.getpid(), signal.SIGTERM)
            return self.now

    with stop_on_signals() as stop:
        hooks = {"stop": stop, "clock": Clock()}
        run = fit(
            tmp_path,
            panel,
            checkpoint_dir=str(tmp_path / "c"),
            hooks=hooks,
            **SETTINGS,
        )
    assert run.result.status == "stopped"
    assert (last(tmp_path / "c")["step"], run.records(grammar.Epoch)) == (11, [])
    fit(tmp_path, panel, resume=str(tmp_path / "c"), **SETTINGS)
    assert same_weights(last(tmp_path / "c")["model"], whole["model"])


@pytest.mark.parametrize(("name", "code"), [pytest.param("SIGINT", 130, marks=pytest.mark.slow), ("SIGTERM", 143)])
def test_the_exit_code_names_the_signal(panel: Path, tmp_path: Path, name: str, code: int):
    script = f"""
import os, signal, sys
from trainer.training import progress_bar
progress_bar.ProgressBar.show = lambda self, bar: os.kill(os.getpid(), signal.{name})
from trainer.cli import main
main(["fit", "--data", {str(panel)!r}, "--log", {str(tmp_path / "run.log")!r}, "--epochs", "1", "--hidden", "8"])
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()


def test_a_full_disk_at_a_checkpoint_warns_and_goes_on_and_leaves_no_part(
    panel: Path, whole: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real, calls = os.fsync, []

    def fsync(file: int) -> None:
        calls.append(file)
        if 8 <= len(calls) < 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    monkeypatch.setattr(checkpoint.os, "fsync", fsync)
    run = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), checkpoint_every=2, keep_checkpoints=99, **SETTINGS)
    assert run.result.status == "completed"
    unsaved = [line for line in run.records(grammar.Checkpoint) if line.action == "unsaved"]
    assert len(unsaved) == 4
    assert "cannot be written; expected free disk space, got No space left" in dict(unsaved[0].extra)["message"]
    assert Path(unsaved[0].path).exists()
    assert list((tmp_path / "c").glob("*.part")) == []
    assert same_weights(last(tmp_path / "c")["model"], whole["model"])


def test_a_best_checkpoint_without_room_says_that_best_is_an_earlier_one(
    panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real, calls = os.fsync, []

    def fsync(file: int) -> None:
        calls.append(file)
        if len(calls) > 4:  # two each for run.json and the first epoch
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    monkeypatch.setattr(checkpoint.os, "fsync", fsync)
    run = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), **SETTINGS)
    assert (run.result.status, run.result.best_epoch) == ("completed", 2)
    assert read_checkpoint(tmp_path / "c")["epoch"] == 1
    (unsaved,) = (line for line in run.records(grammar.Checkpoint) if line.action == "unsaved")
    assert dict(unsaved.extra)["message"].endswith("; best.ckpt is still that of an earlier epoch, if any")


def test_without_hard_links_the_best_checkpoint_is_a_copy(
    panel: Path, whole: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def link(*paths: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(checkpoint.os, "link", link)
    run = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), **SETTINGS)
    assert run.result.status == "completed"
    assert read_checkpoint(tmp_path / "c")["epoch"] == run.result.best_epoch
    assert same_weights(last(tmp_path / "c")["model"], whole["model"])
    assert list((tmp_path / "c").glob("*.part")) == []
