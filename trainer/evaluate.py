"""A checkpoint scored on other dates: the figures of the log's METRICS lines, and those of each day.

In: a checkpoint, a panel, and a part of the training or any dates. Out: an `Evaluation`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from trainer.batches.batches import DayBatches
from trainer.batches.dataset import graph_settings, learnt_of, returns_of
from trainer.batches.graph import GraphCache
from trainer.config import SettingError, TrainerError
from trainer.device import autocast_for, device_of
from trainer.measure.daily import Daily, daily_figures
from trainer.measure.metrics import Overall, Score, overall, score_horizons
from trainer.model.network import MEDIAN
from trainer.panel.panel import Panel
from trainer.panel.splits import DateRange
from trainer.trained import Prepared, Trained, read_trained


class EvaluationError(TrainerError):
    """Figures that cannot be written."""


class Evaluation(NamedTuple):
    """What a checkpoint is worth on some dates."""

    dates: str
    """first..last"""
    num_training_dates: int
    """How many of them the checkpoint was trained on."""
    left_out: tuple[str, ...]
    """Trained features that were taken for missing."""
    overall: Overall
    scores: dict[int, Score]
    """By horizon in days."""
    daily: dict[int, Daily]
    days: NDArray[np.datetime64]
    """The dates that the day numbers of `daily` stand for."""


def evaluate(
    checkpoint: Path,
    data: Path,
    *,
    part: str = "test",
    dates: str = "",
    features: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    static_data: str = "",
    device: str = "auto",
    precision: str = "",
    cost_bps: float | None = None,
) -> Evaluation:
    """Score a checkpoint on a part of its training, or on `dates`, written FROM..TO with either end left out.

    By default with the precision and costs of its training. Raises TrainerError.
    """
    trained = read_trained(checkpoint)
    prepared = trained.prepare(data, features=features, exclude=exclude, static_data=static_data, is_scored=True)
    panel, config = prepared.panel, trained.config
    where = _range(dates, panel, config.data.window) if dates else trained.part(part, panel)
    if not len(where):
        within = f"{panel.dates[0]}..{panel.dates[-1]}"
        raise SettingError(f"{data}: no date to score; expected dates with a whole window in {within}, got none")
    found = zip(
        *_predict(trained, prepared, where, device_of(device), precision or config.optim.precision), strict=True
    )
    quantiles_NKQ, returns_NK, learnt_NK, day_N, code_N = (np.concatenate(each) for each in found)
    quantiles_NKQ = trained.normalisation.restore_quantiles(quantiles_NKQ)
    scores = score_horizons(
        quantiles_NKQ,
        returns_NK,
        day_N,
        code_N,
        horizons=panel.horizons,
        learnt_NK=learnt_NK,
        median=MEDIAN,
        cost_bps=config.monitors.cost_bps if cost_bps is None else cost_bps,
    )
    daily = {}
    for place, horizon in enumerate(panel.horizons):
        has_label_N = ~np.isnan(returns_NK[:, place])
        daily[horizon] = daily_figures(
            quantiles_NKQ[has_label_N, place, MEDIAN], returns_NK[has_label_N, place], day_N[has_label_N]
        )
    return Evaluation(
        dates=where.describe(panel.dates),
        num_training_dates=_num_trained(trained, panel, where),
        left_out=prepared.left_out,
        overall=overall(list(scores.values())),
        scores=scores,
        daily=daily,
        days=panel.dates,
    )


def write_daily(found: Evaluation, out: Path) -> None:
    """Write one row per day and horizon, as CSV or parquet by the file's name. Raises EvaluationError."""
    parts = [
        pa.table(
            {
                "date": pa.array(found.days[daily.day_C], type=pa.date32()),
                "horizon": np.full(len(daily.day_C), horizon),
                "is_defined": daily.is_defined_C,
                **{name.removesuffix("_C"): getattr(daily, name) for name in Daily._fields[2:]},
            }
        )
        for horizon, daily in found.daily.items()
    ]
    table = pa.concat_tables(parts)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        (pyarrow.csv.write_csv if out.suffix == ".csv" else pq.write_table)(table, out)
    except OSError as error:
        raise EvaluationError(f"{out}: cannot be written; expected a writable file, got {error}") from error


def as_tree(found: Evaluation) -> dict[str, Any]:
    """Return the figures for JSON; a non-finite number is the text "nan", "inf" or "-inf"."""

    def plain(figures: dict[str, Any]) -> dict[str, Any]:
        is_odd = {name for name, value in figures.items() if isinstance(value, float) and not math.isfinite(value)}
        return {name: str(value) if name in is_odd else value for name, value in figures.items()}

    return {
        "dates": found.dates,
        "training_dates": found.num_training_dates,
        "left_out": list(found.left_out),
        "overall": plain(found.overall._asdict()),
        "horizons": {str(horizon): plain(score._asdict()) for horizon, score in found.scores.items()},
    }


def as_table(found: Evaluation) -> str:
    """Return one row per horizon for a person to read."""
    rows = [
        (
            *("horizon", "sharpe", "apart", "net", "turnover", "ic", "t", "rank_ic", "t"),
            *("hit_rate", "r2", "in 80 %", "in 50 %", "days", "undefined"),
        )
    ]
    for horizon, each in found.scores.items():
        rows.append(
            (
                f"{horizon} d",
                f"{each.sharpe:.2f} ± {each.sharpe_se:.2f}",
                f"{each.sharpe_apart:.2f}",
                f"{each.sharpe_net:.2f}",
                f"{each.turnover:.2f}",
                f"{each.ic:.4f} ± {each.ic_se:.4f}",
                f"{each.ic_t:.1f}",
                f"{each.rank_ic:.4f} ± {each.rank_ic_se:.4f}",
                f"{each.rank_ic_t:.1f}",
                f"{each.hit_rate:.3f}",
                f"{each.r2:.4f}",
                f"{each.coverage_80:.3f}",
                f"{each.coverage_50:.3f}",
                str(each.n_days),
                str(each.n_undefined),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"{found.dates}, costs {found.overall.cost_bps:g} bps", *lines])


@torch.no_grad()
def _predict(
    trained: Trained, prepared: Prepared, where: DateRange, device: torch.device, precision: str
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Yield each day's quantiles in standard units, returns, what is learnt of them, days and codes, in order."""
    config = trained.config
    batches = DayBatches(
        prepared.panel,
        where,
        trained.normalisation,
        features_CDF=prepared.features_CDF,
        batch_size=1,
        window_days=config.data.window,
        graph=graph_settings(config.data),
        graph_cache=GraphCache(),
        max_missing_days=config.data.max_missing_days,
    )
    model = trained.model.to(device)
    # Each day by itself, as in the run's validation, so that both give the same numbers.
    for batch in batches.one_by_one():
        there = batch.to(device)
        with autocast_for(precision, device):
            quantiles = model(there.x_NTF, there.edge_index_2E, there.edge_attr_EA)
        returns_NH = returns_of(batch, prepared.panel)
        learnt_NH, day_N, code_N = learnt_of(batch, prepared.panel), batch.date_index_N, batch.code_index_N
        yield quantiles.float().cpu().numpy(), returns_NH, learnt_NH, day_N.numpy(), code_N.numpy()


def _range(dates: str, panel: Panel, window: int) -> DateRange:
    """Return the dates of FROM..TO that end a complete window. Raises SettingError for another form."""
    first, between, last = dates.partition("..")
    try:
        start, end = (np.datetime64(text, "D") if text else None for text in (first, last))
    except ValueError:
        between = ""
    if not between:
        raise SettingError(f"dates: cannot be used; expected FROM..TO such as 2024-01-01..2024-06-30, got {dates!r}")
    at = 0 if start is None else int(np.searchsorted(panel.dates, start))
    stop = len(panel.dates) if end is None else int(np.searchsorted(panel.dates, end, side="right"))
    at = max(at, window - 1)
    return DateRange(at, max(stop, at), label_stop=len(panel.dates))


def _num_trained(trained: Trained, panel: Panel, where: DateRange) -> int:
    if "train" not in trained.parts:
        return 0
    train = trained.part("train", panel)
    return max(min(train.stop, where.stop) - max(train.first, where.first), 0)
