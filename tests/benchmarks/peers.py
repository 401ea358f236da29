"""Our model, LightGBM and the Temporal Fusion Transformer on the same panel: split, labels, test dates and figures.

All are scored by the code that scores ours. LightGBM learns each horizon by itself from the last day of each window and
the mean over the window, and stops early on the validation part. It gives one number per stock, so it has no coverage
of quantiles. The transformer is that of pytorch-forecasting, as wide as ours (`peer_tft.py`); it ends when it has used
as much processor time as ours, and its best weights on the validation part count.

Run ``python tests/benchmarks/peers.py``, optionally with a settings file: ``peers.py run.yaml``. Needs lightgbm;
without pytorch-forecasting (``pip install pytorch-forecasting lightning``, in an environment of its own) its row is
left out. Without a file it generates a panel and trains as ``quality.py`` does.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from quality import CODES, DAYS, SETTINGS

import trainer
from trainer.batches.dataset import learnt_of, panel_path
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
        rows = {part: _rows(trained, prepared, part) for part in ("train", "valid", "test")}
        found = {"ours": (ours, ours_s)}
        began = process_time()
        found["LightGBM"] = (_lightgbm(trained, rows, ours), process_time() - began)
        if find_spec("pytorch_forecasting") is None:
            print("pytorch-forecasting is not installed: left out\n")
        else:
            began = process_time()
            theirs, done = _transformer(trained, prepared, rows, ours, budget_s=ours_s)
            found["TFT"] = (theirs, process_time() - began)
            print(f"The transformer had {done} within the time of ours.\n")
        print(f"Test part {where.describe(prepared.panel.dates)}, costs {config.monitors.cost_bps:g} bps\n")
        print("| model | horizon | RankIC | IC | Sharpe | Sharpe, net | turnover | R2 | 80 % band | processor s |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name, (predictions, seconds) in found.items():
            scores = assemble([predictions], [], days=prepared.panel.dates, cost_bps=config.monitors.cost_bps).scores
            for horizon, score in scores.items():
                print(_row(name, horizon, score, seconds))


def _config(folder: Path) -> TrainerConfig:
    if sys.argv[1:]:
        return resolve(file=Path(sys.argv[1])).config
    panel = folder / "panel.parquet"
    write_panel(synthesise(codes=CODES, days=DAYS, seed=101), panel)
    return resolve(cli={**SETTINGS, "data": str(panel)}).config


class Rows(NamedTuple):
    """The rows of a part."""

    last_and_mean_NG: NDArray[np.float32]
    """The last day of each window, and its mean over the days."""
    learnt_NK: NDArray[np.float64]
    code_N: NDArray[np.int64]
    date_N: NDArray[np.int64]


def _lightgbm(trained: Trained, rows: dict[str, Rows], ours: Predictions) -> Predictions:
    """Return what LightGBM predicts of the rows that ours predicts."""
    train, valid, test = rows["train"], rows["valid"], rows["test"]
    found_NK = np.zeros((len(test.code_N), len(ours.horizons)))
    for place in range(len(ours.horizons)):
        known, known_valid = ~np.isnan(train.learnt_NK[:, place]), ~np.isnan(valid.learnt_NK[:, place])
        data = lightgbm.Dataset(train.last_and_mean_NG[known], train.learnt_NK[known, place])
        stops_on = lightgbm.Dataset(
            valid.last_and_mean_NG[known_valid], valid.learnt_NK[known_valid, place], reference=data
        )
        model = lightgbm.train(
            {"objective": "regression", "verbosity": -1, "seed": 1, "num_threads": trained.config.optim.threads},
            data,
            num_boost_round=ROUNDS,
            valid_sets=[stops_on],
            callbacks=[lightgbm.early_stopping(STOP_AFTER, verbose=False)],
        )
        found_NK[:, place] = model.predict(test.last_and_mean_NG)
    return ours._replace(quantiles_NKQ=np.repeat(found_NK[:, :, None], ours.quantiles_NKQ.shape[2], axis=2))


def _transformer(
    trained: Trained, prepared: Prepared, rows: dict[str, Rows], ours: Predictions, *, budget_s: float
) -> tuple[Predictions, str]:
    """Return what the transformer predicts of the same rows, and how far it came."""
    import peer_tft

    config, normalisation = trained.config, trained.normalisation
    parts = {
        name: peer_tft.Part(part.code_N, part.date_N, normalisation.normalise_targets(part.learnt_NK))
        for name, part in rows.items()
    }
    quantiles_NKQ, done = peer_tft.predict(
        prepared.features_CDF,
        parts,
        window=config.data.window,
        hidden=config.model.hidden,
        budget_s=budget_s,
        seed=config.optim.seed,
    )
    return ours._replace(quantiles_NKQ=normalisation.restore_quantiles(quantiles_NKQ)), done


def _rows(trained: Trained, prepared: Prepared, part: str) -> Rows:
    """Return a part's rows, in the order in which ours are predicted."""
    batches = trained.days(prepared, trained.part(part, prepared.panel.dates))
    found = []
    for batch in batches.one_by_one():
        windows_NTF = batch.x_NTF.numpy()
        inputs_NG = np.concatenate([windows_NTF[:, -1], windows_NTF.mean(axis=1)], axis=1)
        found.append(
            (inputs_NG, learnt_of(batch, prepared.panel), batch.code_index_N.numpy(), batch.date_index_N.numpy())
        )
    return Rows(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _row(name: str, horizon: int, score: Score, seconds: float) -> str:
    band = "–" if name == "LightGBM" else f"{score.coverage_80:.2f}"
    return (
        f"| {name} | {horizon} d | {score.rank_ic:.4f} ± {score.rank_ic_se:.4f} | {score.ic:.4f} ± {score.ic_se:.4f} "
        f"| {score.sharpe:.2f} ± {score.sharpe_se:.2f} | {score.sharpe_net:.2f} | {score.turnover:.2f} "
        f"| {score.r2:.4f} | {band} | {seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
