"""Predictions from a checkpoint and a panel: one row for each stock and date that has a complete window."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from trainer.config import TrainerConfig, TrainerError
from trainer.device import autocast_for, device_of, set_tf32
from trainer.model.explanation import Explanation, explain
from trainer.model.network import MEDIAN, QUANTILES
from trainer.panel.panel import Panel
from trainer.panel.splits import DateRange
from trainer.trained import Prepared, Trained, read_trained


class PredictionError(TrainerError):
    """Predictions that cannot be written."""


class Predicted(NamedTuple):
    """What was written."""

    num_rows: int
    warnings: tuple[str, ...]


def predict(
    checkpoint: Path,
    data: Path,
    out: Path,
    *,
    device: str = "auto",
    precision: str = "",
    since: datetime.date | None = None,
    features: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    static_data: str = "",
    explain_to: Path | None = None,
) -> Predicted:
    """Write `date, code, pred_1d, pred_1d_q10, ...` in units of returns (or of ranks or z-scores, where the
    training's labels were such), from the date `since` on if it is given.

    `checkpoint` is a file, or a run's checkpoint folder for its best one. The panel is normalised like the training
    panel and needs the same feature columns, but for those that are left out: they count as missing. An empty
    `precision` is that of the run. Each day is predicted by itself, as in the run's validation, so that both give the
    same numbers. With `explain_to`, that parquet file gets the weight of each feature and the
    attention to each lag on each date, a mean over its stocks, as `date, kind, name, share`. Raises TrainerError.
    """
    trained = read_trained(checkpoint)
    prepared = trained.prepare(data, features=features, exclude=exclude, static_data=static_data)
    first, warnings = _first_day(prepared.panel, trained.config, since)
    columns, explained = _predict(
        trained,
        prepared,
        first=first,
        device=device_of(device),
        precision=precision or trained.config.optim.precision,
        explains=explain_to is not None,
    )
    for path, table in ((out, columns), (explain_to, explained)):
        if path is not None:
            _write(path, pa.table(table))
    return Predicted(len(columns["date"]), warnings)


def _write(out: Path, table: pa.Table) -> None:
    """Write a file that is complete or absent. Raises PredictionError."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_name(out.name + ".part")
        pq.write_table(table, part)
        part.replace(out)
    except OSError as error:
        raise PredictionError(f"{out}: cannot be written; expected a writable file, got {error}") from error


def _first_day(panel: Panel, config: TrainerConfig, since: datetime.date | None) -> tuple[int, tuple[str, ...]]:
    """Return the index of the first date to predict, and what is wrong with the history before the dates.

    Raises PredictionError if the panel does not have a window's history for the dates that are asked for.
    """
    dates, window, graph_days = panel.dates, config.data.window, config.data.graph_days
    asked = 0 if since is None else int(np.searchsorted(dates, np.datetime64(since, "D")))
    if asked == len(dates):
        raise PredictionError(f"--since {since}: after the panel; expected {dates[-1]} at the latest, got {since}")
    first, num_before = max(asked, window - 1), asked
    if first >= len(dates):
        raise PredictionError(
            f"{panel.source}: history too short; expected at least the window of {window} dates, got {len(dates)}"
        )
    if since is not None and num_before < window - 1:
        raise PredictionError(
            f"--since {since}: history too short; expected {window - 1} dates before it in the panel, got {num_before}"
        )
    num_short = min(graph_days, len(dates)) - first
    if not config.model.use_graph or num_short <= 0:
        return first, ()
    return first, (
        f"{panel.source}: the graphs of {num_short} dates, {dates[first]} to {dates[first + num_short - 1]}, are built "
        f"from fewer than {graph_days} days of returns, so their predictions may be off; expected {graph_days} dates "
        f"before the first one that is used, got {first}",
    )


@torch.no_grad()
def _predict(
    trained: Trained, prepared: Prepared, *, first: int, device: torch.device, precision: str, explains: bool
) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """Predict every complete window from a date on, without labels; explain each date where that is asked."""
    panel, normalisation = prepared.panel, trained.normalisation
    model = trained.model.to(device)
    set_tf32(trained.config.optim.tf32)
    where = DateRange(first, len(panel.dates), label_stop=len(panel.dates))
    batches = trained.days(prepared, where, labeled_only=False)
    found, date_index, code_index, explained = [], [], [], []
    for batch in batches.one_by_one():
        on_device = batch.to(device)
        with autocast_for(precision, device):
            predictions = model(on_device.x_NTF, on_device.edge_index_2E, on_device.edge_attr_EA)
        found.append(predictions.float().cpu().numpy())
        if explains:
            with autocast_for(precision, device):
                explained.append((int(batch.date_index_N[0]), explain(model, [on_device.x_NTF])))
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
    return columns, _explained(explained, panel, trained.feature_names)


def _explained(found: Sequence[tuple[int, Explanation]], panel: Panel, features: Sequence[str]) -> dict[str, pa.Array]:
    """Return a row for each date and feature, and for each date and lag."""
    if not found:
        return {}
    lags = [str(lag) for lag in range(len(found[0][1].attention_T))]
    names = [*features, *lags]
    kinds = ["feature"] * len(features) + ["lag"] * len(lags)
    days = np.repeat([day for day, _ in found], len(names))
    return {
        "date": pa.array(panel.dates[days], type=pa.date32()),
        "kind": pa.array(kinds * len(found)),
        "name": pa.array(names * len(found)),
        "share": pa.array(np.concatenate([part for _, each in found for part in each])),
    }
