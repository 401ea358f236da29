"""An evaluation for people, for scripts and for spreadsheets: a table, a tree for JSON, a row per day."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from trainer.config import TrainerError
from trainer.evaluation.scoring import Evaluation, Part
from trainer.measure.daily import Daily
from trainer.measure.metrics import Score

COLUMNS = (
    *("horizon", "sharpe", "apart", "net", "turnover", "ic", "t", "rank_ic", "t"),
    *("hit_rate", "r2", "in 80 %", "in 50 %", "days", "undefined"),
)


class EvaluationError(TrainerError):
    """Figures that cannot be written."""


def as_table(found: Evaluation) -> str:
    """Return one row per horizon for a person to read, then those of each fold, year and group."""
    models = f", mean of {found.num_models} models" if found.num_models > 1 else ""
    lines = [f"{found.dates}, costs {found.overall.cost_bps:g} bps{models}", *_aligned([COLUMNS, *_rows(found.scores)])]
    for title, parts in parts_of(found):
        rows = [(part.name, *row) for part in parts for row in _rows(part.scores)]
        lines += ["", *_aligned([(title, *COLUMNS), *rows])]
    return "\n".join(lines)


def parts_of(found: Evaluation) -> list[tuple[str, Sequence[Part]]]:
    """Return the parts that there are several of, each with what it is."""
    folds = tuple(Part(fold.dates, fold.scores) for fold in found.folds)
    every = (("fold", folds), ("year", found.years), ("group", found.groups))
    return [(title, parts) for title, parts in every if len(parts) > 1 or (title == "fold" and parts)]


def row(horizon: int, score: Score) -> tuple[str, ...]:
    """Return the figures of one horizon as text, in the order of COLUMNS."""
    return (
        f"{horizon} d",
        f"{score.sharpe:.2f} ± {score.sharpe_se:.2f}",
        f"{score.sharpe_apart:.2f}",
        f"{score.sharpe_net:.2f}",
        f"{score.turnover:.2f}",
        f"{score.ic:.4f} ± {score.ic_se:.4f}",
        f"{score.ic_t:.1f}",
        f"{score.rank_ic:.4f} ± {score.rank_ic_se:.4f}",
        f"{score.rank_ic_t:.1f}",
        f"{score.hit_rate:.3f}",
        f"{score.r2:.4f}",
        f"{score.coverage_80:.3f}",
        f"{score.coverage_50:.3f}",
        str(score.n_days),
        str(score.n_undefined),
    )


def as_tree(found: Evaluation) -> dict[str, Any]:
    """Return the figures for JSON; a non-finite number is the text "nan", "inf" or "-inf"."""
    tree = {
        "dates": found.dates,
        "training_dates": found.num_training_dates,
        "left_out": list(found.left_out),
        "models": found.num_models,
        "overall": _plain(found.overall._asdict()),
        "horizons": _by_horizon(found.scores),
        "years": {part.name: _by_horizon(part.scores) for part in found.years},
    }
    if found.folds:
        tree["folds"] = [
            {
                "dates": fold.dates,
                "known_until": fold.known_until or None,
                "logs": list(fold.logs),
                "horizons": _by_horizon(fold.scores),
            }
            for fold in found.folds
        ]
    if found.groups:
        tree["groups"] = {part.name: _by_horizon(part.scores) for part in found.groups}
    return tree


def write_daily(found: Evaluation, out: Path) -> None:
    """Write one row per day and horizon, as CSV or parquet by the file's name. Raises EvaluationError."""
    table = pa.concat_tables(
        [
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
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        (pyarrow.csv.write_csv if out.suffix == ".csv" else pq.write_table)(table, out)
    except OSError as error:
        raise EvaluationError(f"{out}: cannot be written; expected a writable file, got {error}") from error


def _rows(scores: Mapping[int, Score]) -> list[tuple[str, ...]]:
    return [row(horizon, score) for horizon, score in scores.items()]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.rjust(width) for text, width in zip(each, widths, strict=True)) for each in rows]


def _by_horizon(scores: Mapping[int, Score]) -> dict[str, Any]:
    return {str(horizon): _plain(score._asdict()) for horizon, score in scores.items()}


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    is_odd = {name for name, value in figures.items() if isinstance(value, float) and not math.isfinite(value)}
    return {name: str(value) if name in is_odd else value for name, value in figures.items()}
