"""Our model and LightGBM on the same panel: same split, same labels, same test dates, same figures.

LightGBM learns each horizon by itself from the last day of each window and the mean over the window, stops early on the
validation part, and its predictions are scored by the code that scores ours. It gives one number per stock, so the
coverage of quantiles is ours alone.

Run ``python tests/benchmarks/peers.py``, optionally with a settings file: ``peers.py run.yaml``. Needs lightgbm.
Without a file it generates a panel and trains as ``quality.py`` does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import process_time

import lightgbm
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from quality import CODES, DAYS, SETTINGS

import trainer
from trainer.batches.batches import DayBatches
from trainer.batches.dataset import graph_settings, learnt_of, panel_path
from trainer.batches.graph import GraphCache
from trainer.config import TrainerConfig
from trainer.evaluation.predictions import Predictions, predict_days
from trainer.evaluation.scoring import assemble
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.measure.metrics import Score
from trainer.settings import resolve
from trainer.trained import Prepared, Trained, read_trained

ROUNDS, STOP_AFTER = 500, 30


def main() -> None:
    """Train both, and print a row for each model and horizon."""
    with tempfile.TemporaryDirectory() as folder:
        config = _config(Path(folder))
        began = process_time()
        result = trainer.fit(config, log=Path(folder) / "run.log")
        ours_s = process_time() - began
        trained = read_trained(result.log.with_suffix(".checkpoints"))
        prepared = trained.prepare(panel_path(config.data), is_scored=True)
        where = trained.part("test", prepared.panel.dates)
        device = next(trained.model.parameters()).device
        ours = predict_days(trained, prepared, where, device=device, precision="fp32")
        began = process_time()
        theirs = _lightgbm(trained, prepared, ours)
        theirs_s = process_time() - began
        print(f"Test part {where.describe(prepared.panel.dates)}, costs {config.monitors.cost_bps:g} bps\n")
        print("| model | horizon | RankIC | IC | Sharpe | Sharpe, net | turnover | R2 | processor s |")
        print("|---|---|---|---|---|---|---|---|---|")
        for name, found, seconds in (("ours", ours, ours_s), ("LightGBM", theirs, theirs_s)):
            scores = assemble([found], [], days=prepared.panel.dates, cost_bps=config.monitors.cost_bps).scores
            for horizon, score in scores.items():
                print(_row(name, horizon, score, seconds))


def _config(folder: Path) -> TrainerConfig:
    if sys.argv[1:]:
        return resolve(file=Path(sys.argv[1])).config
    panel = folder / "panel.parquet"
    write_panel(synthesise(codes=CODES, days=DAYS, seed=101), panel)
    return resolve(cli={**SETTINGS, "data": str(panel)}).config


def _lightgbm(trained: Trained, prepared: Prepared, ours: Predictions) -> Predictions:
    """Return what LightGBM predicts of the rows that ours predicts."""
    (train_x, train_y), (valid_x, valid_y), (test_x, _) = (
        _rows(trained, prepared, part) for part in ("train", "valid", "test")
    )
    found_NK = np.zeros((len(test_x), len(ours.horizons)))
    for place in range(len(ours.horizons)):
        known, known_valid = ~np.isnan(train_y[:, place]), ~np.isnan(valid_y[:, place])
        data = lightgbm.Dataset(train_x[known], train_y[known, place])
        model = lightgbm.train(
            {"objective": "regression", "verbosity": -1, "seed": 1, "num_threads": trained.config.optim.threads},
            data,
            num_boost_round=ROUNDS,
            valid_sets=[lightgbm.Dataset(valid_x[known_valid], valid_y[known_valid, place], reference=data)],
            callbacks=[lightgbm.early_stopping(STOP_AFTER, verbose=False)],
        )
        found_NK[:, place] = model.predict(test_x)
    return ours._replace(quantiles_NKQ=np.repeat(found_NK[:, :, None], ours.quantiles_NKQ.shape[2], axis=2))


def _rows(trained: Trained, prepared: Prepared, part: str) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return a part's inputs, the last day and the mean of each window, and its labels."""
    data = trained.config.data
    batches = DayBatches(
        prepared.panel,
        trained.part(part, prepared.panel.dates),
        trained.normalisation,
        features_CDF=prepared.features_CDF,
        batch_size=1,
        window_days=data.window,
        graph=graph_settings(data),
        graph_cache=GraphCache(),
        max_missing_days=data.max_missing_days,
    )
    inputs, labels = [], []
    for batch in batches.one_by_one():
        windows_NTF = batch.x_NTF.numpy()
        inputs.append(np.concatenate([windows_NTF[:, -1], windows_NTF.mean(axis=1)], axis=1))
        labels.append(learnt_of(batch, prepared.panel))
    return np.concatenate(inputs), np.concatenate(labels)


def _row(name: str, horizon: int, score: Score, seconds: float) -> str:
    return (
        f"| {name} | {horizon} d | {score.rank_ic:.4f} ± {score.rank_ic_se:.4f} | {score.ic:.4f} ± {score.ic_se:.4f} "
        f"| {score.sharpe:.2f} ± {score.sharpe_se:.2f} | {score.sharpe_net:.2f} | {score.turnover:.2f} "
        f"| {score.r2:.4f} | {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
