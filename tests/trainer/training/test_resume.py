"""A run that is killed and resumed ends with the weights of an unbroken run, bit for bit."""

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitor import grammar
from tests.trainer.runs import Run, fit, make_panel, same_weights
from trainer.checkpoint import CheckpointError, CheckpointHeld, read_checkpoint
from trainer.config import OptimConfig, SettingError, TrainerError
from trainer.settings import resolve, settings
from trainer.training.loop import train
from trainer.training.schedule import learning_rate
from trainer.training.session import Bar
from trainer.training.stopping import StopSwitch

EPOCHS, BATCHES = 3, 11
SETTINGS = {"epochs": EPOCHS, "checkpoint_every": 2, "dropout": 0.2, "edge_dropout": 0.2}
KILLED_AT = sorted(random.Random(7).sample(range(1, EPOCHS * BATCHES), 5))

KILL = """
import os, signal
from pathlib import Path
from tests.trainer.runs import fit

def train_until_killed(folder, step):
    def show(bar, seen=[]):
        seen.append(bar)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)
    fit(folder, Path({panel!r}), checkpoint_dir=str(folder / "c"), hooks={{"show": show}}, **{settings!r})

for step in {steps!r}:
    folder = Path({folder!r}) / str(step)
    folder.mkdir()
    child = os.fork()
    if not child:
        train_until_killed(folder, step)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (step, status)
"""
"""torch is imported once; each run is a fork."""


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


@pytest.fixture(scope="module")
def whole(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """Return the last checkpoint of an unbroken run."""
    folder = tmp_path_factory.mktemp("whole")
    fit(folder, panel, checkpoint_dir=str(folder / "c"), **SETTINGS)
    return last_checkpoint(folder / "c")


def last_checkpoint(folder: Path) -> dict:
    return read_checkpoint(sorted(folder.glob("step_*.ckpt"))[-1])


@pytest.fixture(scope="module")
def killed(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one killed run for each step of KILLED_AT and for step 15, in folders named by the step."""
    folder = tmp_path_factory.mktemp("killed")
    script = KILL.format(steps=sorted({*KILLED_AT, 15}), folder=str(folder), panel=str(panel), settings=SETTINGS)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return folder


def copy_of(killed: Path, step: int, folder: Path) -> None:
    """Copy one killed run, so that each test resumes its own."""
    shutil.copytree(killed / str(step), folder, dirs_exist_ok=True)


@pytest.mark.parametrize(
    "step", [*KILLED_AT[:2], *(pytest.param(step, marks=pytest.mark.slow) for step in KILLED_AT[2:])]
)
def test_after_kill_9_the_resumed_run_ends_with_the_same_bits(
    step: int, panel: Path, whole: dict, killed: Path, tmp_path: Path
):
    copy_of(killed, step, tmp_path)
    if list((tmp_path / "c").glob("step_*.ckpt")):
        fit(tmp_path, panel, resume=str(tmp_path / "c"), **SETTINGS)
    else:
        # Killed before the first checkpoint: nothing to resume, and the folder is free for a new start.
        fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"), **SETTINGS)
    again = last_checkpoint(tmp_path / "c")
    assert same_weights(again["model"], whole["model"])
    assert again["progress"] == whole["progress"]
    for left, right in zip(again["optimizer"]["state"].values(), whole["optimizer"]["state"].values(), strict=True):
        assert same_weights(left, right)


def test_a_resumed_run_is_the_second_attempt_of_the_same_run_and_logs_where_it_continues(
    panel: Path, killed: Path, tmp_path: Path
):
    copy_of(killed, 15, tmp_path)
    run = fit(tmp_path, panel, resume=str(tmp_path / "c"), **SETTINGS)
    first = (tmp_path / "run-0.log").read_bytes().splitlines()[0]
    before = grammar.parse_line(first).record
    start = run.records(grammar.RunStart)[0]
    assert (start.run, start.attempt) == (before.run, 2)
    assert run.records(grammar.Intent)[0].resume_from == 14
    loaded = [line for line in run.records(grammar.Checkpoint) if line.action == "load"]
    assert [(line.epoch, line.step) for line in loaded] == [(2, 14)]
    assert run.records(grammar.Train)[0].step == 16
    assert run.parsed()[-1].record.status == "completed"


def test_an_interrupted_epoch_reports_the_loss_and_resets_of_both_halves(panel: Path, killed: Path, tmp_path: Path):
    whole = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "whole"), **SETTINGS)
    copy_of(killed, 15, tmp_path)
    resumed = fit(tmp_path, panel, resume=str(tmp_path / "c"), **SETTINGS)
    for expected, got in zip(whole.records(grammar.Epoch)[1:], resumed.records(grammar.Epoch), strict=True):
        assert (got.train_loss, got.val_loss, got.resets) == (
            expected.train_loss,
            expected.val_loss,
            expected.resets,
        )


def test_a_finished_run_does_nothing_when_resumed(panel: Path, tmp_path: Path):
    fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "c"))
    again = fit(tmp_path, panel, resume=str(tmp_path / "c"))
    assert again.records(grammar.Train) == []
    assert again.result.status == "completed"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": 16}, "expected hidden=8, got 16"),
        ({"batch_size": 36}, "expected batch_size=72, got 36"),
        ({"rank_ic_weight": 0.5}, "expected rank_ic_weight=0.2, got 0.5"),
    ],
)
def test_a_checkpoint_from_another_configuration_is_refused(panel: Path, tmp_path: Path, changes: dict, message: str):
    fit(tmp_path, panel, epochs=1, checkpoint_dir=str(tmp_path / "c"))
    with pytest.raises(CheckpointError, match=message):
        fit(tmp_path, panel, resume=str(tmp_path / "c"), **changes)


CHANGES = [
    ("weight_decay", 0.2, "by name"),
    ("base_lr", 2e-3, "by name"),
    ("min_lr", 1e-6, "by name"),
    ("warmup_steps", 2, "by name"),
    ("clip", 0.5, "by name"),
    ("graph_neighbours", 3, "by name"),
    ("reset_scale", 0.1, "by name"),
    ("epochs", 3, "asked"),
    ("grad_monitor_every", 7, "asked"),
    ("dropout", 0.1, "never"),
    ("horizons", (1, 5), "never"),
    ("variance_penalty_weight", 0.1, "never"),
]
TYPICAL = ("base_lr", "clip", "epochs", "dropout")
"""One or two of each kind: those of `make test`."""


@pytest.fixture(scope="module")
def one_epoch(panel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the checkpoint folder of a run of one epoch out of two, ended at the end of the first."""
    folder = tmp_path_factory.mktemp("one_epoch")
    stop = StopSwitch()
    fit(folder, panel, checkpoint_dir=str(folder / "c"), hooks={"stop": stop, "show": stop_at(stop, batch=11)})
    return folder / "c"


def stop_at(stop: StopSwitch, *, batch: int) -> Callable[[Bar], None]:
    return lambda bar: stop.ask(signal.SIGINT) if bar.batch == batch else None


def resume_alone(folder: Path, checkpoints: Path, *changes: tuple[str, Any]) -> Run:
    """Resume a copy of a run, with nothing but these settings asked for."""
    shutil.copytree(checkpoints, folder / "c")
    log = folder / "resumed.log"
    resolved = resolve(cli={"resume": str(folder / "c"), "log": str(log), **dict(changes)})
    return Run(train(resolved, clock=lambda: 1.7e9), log.read_bytes().splitlines())


def config_of(run: Run) -> dict[str, tuple[str, str, dict[str, str]]]:
    return {line.key: (line.value, line.source, dict(line.extra)) for line in run.records(grammar.Config)}


def test_resume_alone_goes_on_with_the_checkpoints_settings(panel: Path, one_epoch: Path, tmp_path: Path):
    whole = fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "whole"))
    run = resume_alone(tmp_path, one_epoch)
    stated = config_of(run)
    assert stated["hidden"] == ("8", "checkpoint", {})
    assert stated["weight_decay"] == ("0.05", "checkpoint", {})
    assert stated["resume"][1] == "cli"
    assert run.result.status == "completed"
    assert same_weights(last_checkpoint(tmp_path / "c")["model"], last_checkpoint(tmp_path / "whole")["model"])
    assert run.records(grammar.Epoch)[-1].val_loss == whole.records(grammar.Epoch)[-1].val_loss


@pytest.mark.parametrize(
    ("name", "value", "how"),
    [pytest.param(*each, marks=[] if each[0] in TYPICAL else pytest.mark.slow, id=each[0]) for each in CHANGES],
)
def test_a_changed_setting_is_refused_or_logged_as_changed_and_in_force(
    one_epoch: Path, tmp_path: Path, name: str, value: object, how: str
):
    row = next(row for row in settings() if row.name == name)
    if how != "asked":
        with pytest.raises(CheckpointError, match=rf"expected {row.key}=.*, got"):
            resume_alone(tmp_path, one_epoch, (name, value))
        last = grammar.parse_line((tmp_path / "resumed.log").read_bytes().splitlines()[-1])
        assert last.record.status == "failed"
        shutil.rmtree(tmp_path / "c")
    allowed = () if how == "asked" else (("allow_change", (name,)),)
    if how == "never":
        with pytest.raises(SettingError, match=f"allow_change: cannot change in a resumed run; .* got {name}"):
            resume_alone(tmp_path, one_epoch, (name, value), *allowed)
        return
    run = resume_alone(tmp_path, one_epoch, (name, value), *allowed)
    written, source, extra = config_of(run)[row.key]
    before = last_checkpoint(one_epoch)["config"][row.section][name]
    assert (written, source, extra) == (str(value), "cli", {"changed_from": str(before)})
    saved = last_checkpoint(tmp_path / "c")
    assert saved["config"][row.section][name] == value
    (group,) = saved["optimizer"]["param_groups"]
    stated = {key: each[0] for key, each in config_of(run).items()}
    assert group["weight_decay"] == float(stated["weight_decay"])
    optim = OptimConfig(**saved["config"]["optim"])
    total_steps = run.records(grammar.Intent)[0].total_steps
    assert group["lr"] == learning_rate(saved["step"], optim, total_steps=total_steps)
    assert (str(optim.base_lr), str(optim.clip)) == (stated["base_lr"], stated["clip"])


def test_a_checkpoint_from_another_panel_is_refused(panel: Path, tmp_path: Path):
    fit(tmp_path, panel, epochs=1, checkpoint_dir=str(tmp_path / "c"))
    other = make_panel(tmp_path, days=111)
    with pytest.raises(CheckpointError, match="expected a panel with fingerprint"):
        fit(tmp_path, other, resume=str(tmp_path / "c"))


def test_a_new_run_does_not_write_into_the_folder_of_an_old_one(panel: Path, tmp_path: Path):
    fit(tmp_path, panel, epochs=1, checkpoint_dir=str(tmp_path / "c"))
    with pytest.raises(CheckpointError, match="has checkpoints of another run; expected an empty folder"):
        fit(tmp_path, panel, epochs=1, checkpoint_dir=str(tmp_path / "c"))


def test_a_second_run_on_the_folder_of_a_running_one_is_refused_and_logged(panel: Path, tmp_path: Path):
    seen: list[BaseException] = []

    def start_another(bar: object) -> None:
        if not seen:
            with pytest.raises(CheckpointHeld) as refused:
                fit(tmp_path, panel, epochs=1, checkpoint_dir=str(tmp_path / "c"))
            seen.append(refused.value)

    first = fit(tmp_path, panel, epochs=1, checkpoint_dir=str(tmp_path / "c"), hooks={"show": start_another})
    lines = [grammar.parse_line(line) for line in (tmp_path / "run-1.log").read_bytes().splitlines()]
    (conflict,) = [line.record for line in lines if isinstance(line.record, grammar.CheckpointConflict)]
    assert conflict.holder.startswith(first.records(grammar.RunStart)[0].run)
    assert lines[-1].record.status == "failed"
    assert isinstance(seen[0], TrainerError)
    assert first.result.status == "completed"
