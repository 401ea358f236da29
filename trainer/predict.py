"""Predictions from a checkpoint and a panel: one row for each stock and date that has a complete window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from trainer.batches.batches import DayBatches
from trainer.batches.dataset import graph_settings, read_panel
from trainer.batches.graph import EDGE_ATTRIBUTES, GraphCache
from trainer.batches.normalisation import Normalisation, normalised_features
from trainer.checkpoint import CheckpointError, read_checkpoint
from trainer.config import TrainerConfig, TrainerError
from trainer.model.network import MEDIAN, QUANTILES, StockModel
from trainer.panel.panel import Panel
from trainer.panel.splits import DateRange


class PredictionError(TrainerError):
    """Predictions that cannot be written."""


def predict(checkpoint: Path, data: Path, out: Path, *, batch_size: int | None = None) -> int:
    """Write `date, code, pred_1d, pred_1d_q10, ...` in units of returns and return the number of rows.

    `checkpoint` is a file, or a run's checkpoint folder for its best one. The panel is normalised like the training
    panel and needs the same feature columns. Raises TrainerError.
    """
    state = read_checkpoint(checkpoint)
    try:
        config = TrainerConfig.from_dict(state["config"])
        normalisation = _normalisation(state["normalisation"])
        feature_names = tuple(state["feature_names"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{checkpoint}: not from a training run; expected the run's settings, got {error!r}"
        ) from error
    panel = read_panel(data, config.data, features=feature_names)
    model = StockModel(
        num_features=len(feature_names),
        window=config.data.window,
        num_horizons=len(config.data.horizons),
        edge_width=len(EDGE_ATTRIBUTES),
        config=config.model,
    )
    model.load_state_dict(state["average"]["weights"] if state["average"] else state["model"])
    columns = _predict(model.eval(), panel, normalisation, config, batch_size or config.optim.batch_size)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(out.name + ".part")
        pq.write_table(pa.table(columns), part)
        part.replace(out)
    except OSError as error:
        raise PredictionError(f"{out}: cannot be written; expected a writable file, got {error}") from error
    return len(columns["date"])


@torch.no_grad()
def _predict(
    model: StockModel, panel: Panel, normalisation: Normalisation, config: TrainerConfig, batch_size: int
) -> dict[str, pa.Array]:
    """Predict every complete window, without labels."""
    batches = DayBatches(
        panel,
        DateRange(config.data.window - 1, len(panel.dates), label_stop=len(panel.dates)),
        normalisation,
        features_CDF=normalised_features(panel, normalisation),
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


def _normalisation(saved: dict[str, Any]) -> Normalisation:
    arrays: dict[str, Any] = {
        name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in saved.items()
    }
    return Normalisation(**arrays)
