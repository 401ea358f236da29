"""The figures of the log in TensorBoard's own files, as its own reader has them."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import grammar
from tests.trainer.runs import fit, make_panel
from trainer.config import SettingError
from trainer.telemetry.eventlog import EventLog, Share, Train
from trainer.telemetry.tensorboard import TensorBoard

STEP = Train(epoch=Share(1, 2), batch=Share(1, 3), step=1, loss=0.5, extra=(("loss_huber", "0.25"),))


@pytest.mark.slow
def test_a_runs_figures_are_those_of_its_log(require: Callable[[str], None], tmp_path: Path):
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = fit(tmp_path, make_panel(tmp_path), tensorboard=str(tmp_path / "events"))
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    shown = {tag: [(each.step, each.value) for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    steps, epochs = run.records(grammar.Train), run.records(grammar.Epoch)
    assert shown["train/loss"] == [(each.step, pytest.approx(each.loss)) for each in steps]
    assert shown["epoch/val_loss"] == [(each.epoch.part, pytest.approx(each.val_loss)) for each in epochs]
    horizons = {each.h for each in run.records(grammar.HorizonMetrics)}
    assert {f"metrics_{h}d/rank_ic" for h in horizons} | {"gradients/gat", "train/loss_quantile"} <= shown.keys()


def test_without_the_package_the_setting_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(SettingError, match="tensorboard: cannot be used; expected the package"):
        TensorBoard(tmp_path)


def test_a_folder_that_cannot_be_written_any_longer_costs_neither_the_log_nor_the_training(tmp_path: Path):
    class Full:
        def add_scalar(self, *figure: object) -> None:
            raise OSError(28, "No space left on device")

    board = TensorBoard.__new__(TensorBoard)
    board._writer = Full()
    log = EventLog(tmp_path / "run.log", lambda: 0.0)
    log.also = board
    log.write(STEP, STEP)
    log.close()
    assert (tmp_path / "run.log").read_bytes().count(b"loss=0.5") == 2
