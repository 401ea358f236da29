"""The averaged weights: their formula, their use, and a resumed run that has them too."""

from pathlib import Path

import pytest
from torch import nn

from monitor import grammar
from tests.trainer.runs import fit, make_panel, same_weights
from trainer.checkpoint import read_checkpoint
from trainer.model.weight_average import WeightAverage
from trainer.predict import predict


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"))


def last_checkpoint(folder: Path) -> dict:
    return read_checkpoint(sorted(folder.glob("step_*.ckpt"))[-1])


def one_weight(value: float) -> nn.Module:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, value)
    return layer


def test_the_average_follows_its_formula():
    layer = one_weight(0.0)
    average = WeightAverage(layer, 0.5)
    expected = 0.0
    for number in range(1, 21):
        nn.init.constant_(layer.weight, number)
        average.update()
        decay = min(0.5, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * number
    assert average.state_dict()["weights"]["weight"].item() == pytest.approx(expected)


def test_the_model_has_the_average_only_within_the_block():
    layer = one_weight(0.0)
    average = WeightAverage(layer, 0.9)
    nn.init.constant_(layer.weight, 11.0)
    average.update()
    with average.in_use():
        inside = layer.weight.item()
    assert (inside, layer.weight.item()) == (pytest.approx(9.0), 11.0)


def test_only_validation_uses_the_average_not_training(panel: Path, tmp_path: Path):
    own, averaged = (fit(tmp_path, panel, epochs=1, ema_decay=decay) for decay in (0.0, 0.99))
    losses = [[line.loss for line in run.records(grammar.Train)] for run in (own, averaged)]
    assert losses[0] == losses[1]
    assert own.records(grammar.Epoch)[0].val_loss != averaged.records(grammar.Epoch)[0].val_loss


@pytest.mark.slow
def test_prediction_uses_the_average_too(panel: Path, tmp_path: Path):
    import pyarrow.parquet as pq

    tables = []
    for decay in (0.0, 0.99):
        folder = tmp_path / str(decay)
        fit(tmp_path, panel, epochs=1, ema_decay=decay, checkpoint_dir=str(folder))
        predict(folder, panel, folder / "predictions.parquet")
        tables.append(pq.read_table(folder / "predictions.parquet"))
    assert tables[0]["date"] == tables[1]["date"]
    assert tables[0]["pred_1d"] != tables[1]["pred_1d"]


@pytest.mark.slow
def test_a_resumed_run_has_the_same_average(panel: Path, tmp_path: Path):
    settings = {"epochs": 2, "checkpoint_every": 4, "ema_decay": 0.99}
    fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "whole"), **settings)

    class Killed(BaseException):
        pass

    def kill(bar: object, seen: list[object] = []) -> None:  # noqa: B006 (counts the steps of one run)
        seen.append(bar)
        if len(seen) == 15:
            raise Killed

    with pytest.raises(Killed):
        fit(tmp_path, panel, checkpoint_dir=str(tmp_path / "cut"), hooks={"show": kill}, **settings)
    fit(tmp_path, panel, resume=str(tmp_path / "cut"), **settings)
    whole, resumed = (last_checkpoint(tmp_path / name)["average"] for name in ("whole", "cut"))
    assert same_weights(whole["weights"], resumed["weights"])
    assert whole["num_updates"] == resumed["num_updates"] == 22
