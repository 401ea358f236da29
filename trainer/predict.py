"""Predictions from a checkpoint and a panel: one row for each stock and date that has a complete window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from trainer.batches.batches import DayBatches
from trainer.batches.dataset import graph_settings
from trainer.batches.graph import GraphCache
from trainer.config import TrainerError
from trainer.model.network import MEDIAN, QUANTILES
from trainer.panel.splits import DateRange
from trainer.trained import Prepared, Trained, read_trained


class PredictionError(TrainerError):
    """Predictions that cannot be written."""


def predict(
    checkpoint: Path,
    data: Path,
    out: Path,
    *,
    batch_size: int | None = None,
    features: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
) -> int:
    """Write `date, code, pred_1d, pred_1d_q10, ...` in units of returns and return the number of rows.

    `checkpoint` is a file, or a run's checkpoint folder for its best one. The panel is normalised like the training
    panel and needs the same feature columns, but for those that are left out: they count as missing. Raises
    TrainerError.
    """
    trained = read_trained(checkpoint)
    prepared = trained.prepare(data, features=features, exclude=exclude)
    columns = _predict(trained, prepared, batch_size or trained.config.optim.batch_size)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(out.name + ".part")
        pq.write_table(pa.table(columns), part)
        part.replace(out)
    except OSError as error:
        raise PredictionError(f"{out}: cannot be written; expected a writable file, got {error}") from error
    return len(columns["date"])


@torch.no_grad()
def _predict(trained: Trained, prepared: Prepared, batch_size: int) -> dict[str, pa.Array]:
    """Predict every complete window, without labels."""
    panel, config, normalisation, model = prepared.panel, trained.config, trained.normalisation, trained.model
    batches = DayBatches(
        panel,
        DateRange(config.data.window - 1, len(panel.dates), label_stop=len(panel.dates)),
        normalisation,
        features_CDF=prepared.features_CDF,
        batch_size=batch_size,
        window_days=config.data.window,
        graph=graph_settings(config.data),
        graph_cache=GraphCache(),
        max_missing_days=config.data.max_missing_days,
        labeled_only=False,
    )
    found, date_index, code_index = [], [], []
    for batch in batches.epoch(0):
        found.append(model(batch.x_NTF, batch.edge_index_2E, batch.edge_attr_EA).numpy())
        date_index.append(batch.date_index_N.numpy())
        code_index.append(batch.code_index_N.numpy())
    predictions_NQK = normalisation.restore_targets(np.concatenate(found).swapaxes(1, 2))
    columns = {
        "date": pa.array(panel.dates[np.concatenate(date_index)], type=pa.date32()),
        "code": pa.array([panel.codes[code] for code in np.concatenate(code_index)]),
    }
    for place, horizon in enumerate(panel.horizons):
        columns[f"pred_{horizon}d"] = pa.array(predictions_NQK[:, MEDIAN, place])
        for level, quantile in enumerate(QUANTILES):
            if level != MEDIAN:
                columns[f"pred_{horizon}d_q{quantile * 100:.0f}"] = pa.array(predictions_NQK[:, level, place])
    return columns
