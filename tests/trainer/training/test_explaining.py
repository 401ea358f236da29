"""What the model looks at: in the log of each epoch, in the output of predict, and alerted where a feature dies."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner

from monitor import api, grammar
from tests.trainer.runs import SMALL, Run, fit, make_panel
from trainer.checkpoint import read_checkpoint
from trainer.cli import main
from trainer.config import ModelConfig
from trainer.faults import FAULTS, Fault, Site
from trainer.model.explanation import Explanation, explain
from trainer.model.network import StockModel
from trainer.telemetry.eventlog import MOST_LAGS, MOST_SHARES, EventLog

FEATURES, EPOCHS = 12, 4


class SelectionMoves(Fault):
    """The selection's offset of the first feature becomes `to`: at 3 it has most of the weight, at -20 none."""

    parameters: ClassVar[dict[str, float]] = {"to": 3.0}

    @torch.no_grad()
    def begin(self, site: Site) -> None:
        dict(site.model.named_parameters())["variable_selection.choice_bias"][0] = self.values["to"]


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_panel(tmp_path_factory.mktemp("panel"), features=FEATURES)


def run_with(monkeypatch: pytest.MonkeyPatch, folder: Path, panel: Path, *moves: str) -> Run:
    monkeypatch.setitem(FAULTS, "selection_moves", SelectionMoves)
    inject = tuple(f"selection_moves@{move}" for move in moves)
    return fit(folder, panel, epochs=EPOCHS, inject=inject, checkpoint_dir=str(folder / "c"))


def alerts(run: Run) -> set[str]:
    return {alert.rule for alert in api.read(run.result.log).alerts}


def test_a_feature_whose_weight_dies_is_alerted(panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run = run_with(monkeypatch, tmp_path, panel, "1:to=3", "3:to=-20")
    first = [line.relative for line in run.records(grammar.SelectionShare) if line.feature == "feature_00"]
    assert first[1] > 1.5
    assert max(first[2:]) < 0.01
    found = api.read(run.result.log)
    mine = [alert for alert in found.alerts if alert.rule == "FeatureDropped"]
    assert [dict(alert.labels)["feature"] for alert in mine] == ["feature_00"]


@pytest.mark.slow
@pytest.mark.parametrize("moves", [(), ("1:to=3",), ("1:to=3", "3:to=1"), ("1:to=-20",)])
def test_a_feature_that_keeps_some_weight_or_never_had_any_is_not(
    moves: tuple[str, ...], panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = run_with(monkeypatch, tmp_path, panel, *moves)
    assert len(run.records(grammar.SelectionShare)) == EPOCHS * FEATURES
    assert "FeatureDropped" not in alerts(run)


def test_the_weights_of_an_epoch_sum_to_1_and_come_with_the_attention_by_lag(
    panel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run = run_with(monkeypatch, tmp_path, panel)
    assert run.unknown() == []
    for epoch in range(1, EPOCHS + 1):
        lines = [line for line in run.records(grammar.SelectionShare) if line.epoch == epoch]
        assert sum(line.share or 0.0 for line in lines) == pytest.approx(1.0)
        assert [line.relative for line in lines] == pytest.approx([(line.share or 0.0) * FEATURES for line in lines])
        assert all((line.highest or 0.0) >= (line.relative or 0.0) for line in lines)
    attention = run.records(grammar.AttentionLags)
    assert [line.epoch for line in attention] == list(range(1, EPOCHS + 1))
    assert dict(attention[0].lags or ()).keys() == set(range(SMALL["window"]))
    assert sum(dict(attention[0].lags or ()).values()) == pytest.approx(1.0)
    off = fit(tmp_path, panel, epochs=1, explain_days=0)
    assert off.records(grammar.SelectionShare) == []
    assert "FeatureDropped" not in alerts(off)
    predict(tmp_path, panel)


def predict(folder: Path, panel: Path) -> None:
    """Predict with the run's checkpoint, and hold what explains it to the model itself."""
    words = ("predict", "--checkpoint", folder / "c", "--data", panel, "--out", folder / "p.parquet")
    done = CliRunner().invoke(main, [str(word) for word in (*words, "--explain", folder / "why.parquet")])
    assert done.exit_code == 0, done.stderr
    why, predicted = pq.read_table(folder / "why.parquet"), pq.read_table(folder / "p.parquet")
    dates = np.unique(predicted["date"].to_numpy())
    assert np.array_equal(np.unique(why["date"].to_numpy()), dates)
    names = read_checkpoint(folder / "c")["feature_names"]
    shares = why["share"].to_numpy().reshape(len(dates), -1)
    assert why["name"].to_pylist()[: shares.shape[1]] == [*names, *map(str, range(SMALL["window"]))]
    assert shares[:, : len(names)].sum(axis=1) == pytest.approx(np.ones(len(dates)))
    assert shares[:, len(names) :].sum(axis=1) == pytest.approx(np.ones(len(dates)))


def test_an_explanation_is_what_the_forward_pass_uses():
    torch.manual_seed(0)
    model = StockModel(
        num_features=3,
        window=4,
        num_horizons=1,
        edge_width=3,
        config=ModelConfig(hidden=8, selection_width=4, temporal_heads=2, graph_heads=2),
    ).eval()
    windows = torch.randn(6, 4, 3)
    whole, parts = explain(model, [windows]), explain(model, [windows[:2], windows[2:]])
    assert parts.share_F == pytest.approx(whole.share_F, abs=1e-6)
    assert parts.attention_T == pytest.approx(whole.attention_T, abs=1e-6)
    with torch.no_grad():
        model.variable_selection.choice_bias[1] = 50.0
        alone = model.variable_selection(windows)
        changed = windows.clone()
        changed[..., [0, 2]] += 0.01
        # All weight is on one feature: the others pass nothing on.
        assert torch.allclose(model.variable_selection(changed), alone, atol=1e-5)
    assert explain(model, [windows]).share_F.round(6).tolist() == [0.0, 1.0, 0.0]


def test_the_attention_is_that_of_the_forward_pass_with_the_last_day_first():
    torch.manual_seed(0)
    config = ModelConfig(hidden=8, selection_width=4, temporal_heads=2, graph_heads=2)
    model = StockModel(num_features=3, window=4, num_horizons=1, edge_width=3, config=config).eval()
    windows, seen = torch.randn(6, 4, 3), []
    model.temporal_encoder.attention.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    model(windows, torch.zeros(2, 0, dtype=torch.long), torch.zeros(0, 3))
    _, weight_B1T = model.temporal_encoder.attention(*seen[0], need_weights=True)
    expected = weight_B1T.mean((0, 1)).flip(0).tolist()
    assert explain(model, [windows]).attention_T.tolist() == pytest.approx(expected)
    assert len(set(expected)) == 4


def test_of_many_features_those_with_the_highest_weight_so_far_are_logged(tmp_path: Path):
    features = [f"f{number:03d}" for number in range(100)]
    share_F = np.full(100, 0.01)
    highest = {name: 1.0 + number / 100 for number, name in enumerate(features)} | {"f007": 9.0}
    share_F[7] = 1e-6  # it was used, and no longer is
    attention_T = np.full(MOST_LAGS + 6, 1 / (MOST_LAGS + 6))
    with closing(EventLog(tmp_path / "run.log", lambda: 0.0)) as log:
        log.explanation(Explanation(share_F, attention_T), features=features, highest=highest, epoch=3)
    lines = [grammar.parse_line(line) for line in (tmp_path / "run.log").read_bytes().splitlines()]
    records = [line.record for line in lines if line is not None]
    shares = [record for record in records if isinstance(record, grammar.SelectionShare)]
    assert len(shares) == MOST_SHARES
    assert (shares[0].feature, shares[0].highest, shares[1].feature) == ("f007", 9.0, "f099")
    (attention,) = (record for record in records if isinstance(record, grammar.AttentionLags))
    assert len(attention.lags or ()) == MOST_LAGS
    assert attention.older == pytest.approx(6 / (MOST_LAGS + 6))
    assert attention.mean_lag == pytest.approx((MOST_LAGS + 5) / 2)
