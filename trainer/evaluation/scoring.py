"""Checkpoints scored on other dates: the figures of the log's METRICS lines, in all, by fold, year and group.

In: checkpoints, a panel, and a part of the training or any dates. Out: an `Evaluation`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.batches.dataset import panel_dates
from trainer.config import SettingError
from trainer.device import device_of
from trainer.evaluation.predictions import Predictions, averaged, joined, predict_days
from trainer.measure.daily import Daily, daily_figures
from trainer.measure.metrics import Overall, Score, overall
from trainer.model.network import MEDIAN
from trainer.panel.splits import DateRange
from trainer.trained import Trained, read_trained

MOST_GROUPS = 200
"""Most groups that are scored one by one."""


class Part(NamedTuple):
    """The figures of some of the rows: of a fold, a year or a group."""

    name: str
    scores: dict[int, Score]
    """By horizon in days."""


class Fold(NamedTuple):
    """Dates that were scored by models which knew nothing of them, nor of what came after."""

    dates: str
    """first..last"""
    known_until: str
    """Last date that the models of this fold knew; empty where the fold has no models of its own."""
    logs: tuple[str, ...]
    """Logs of its trainings."""
    scores: dict[int, Score]


class Evaluation(NamedTuple):
    """What a model is worth on some dates."""

    dates: str
    """first..last"""
    num_training_dates: int
    """How many of them the model was trained on."""
    left_out: tuple[str, ...]
    """Trained features that were taken for missing."""
    num_models: int
    """How many models' predictions were averaged."""
    overall: Overall
    scores: dict[int, Score]
    """By horizon in days."""
    daily: dict[int, Daily]
    days: NDArray[np.datetime64]
    """The dates that the day numbers of `daily` stand for."""
    folds: tuple[Fold, ...]
    years: tuple[Part, ...]
    groups: tuple[Part, ...]
    predictions: Predictions


class Asked(NamedTuple):
    """How to score."""

    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    static_data: str = ""
    device: str = "auto"
    precision: str = ""
    """Empty: that of the training."""
    cost_bps: float | None = None
    """None: that of the training."""
    group_column: str = ""


def evaluate(
    checkpoints: Sequence[Path],
    data: Path,
    asked: Asked | None = None,
    *,
    part: str = "test",
    dates: str = "",
    folds: int = 1,
) -> Evaluation:
    """Score the mean of what checkpoints predict on a part of their training, or on `dates`, written FROM..TO.

    With several `folds` the dates are cut into as many, and no figure of one uses what happened after it. Raises
    TrainerError.
    """
    asked = asked or Asked()
    models = [read_trained(path) for path in checkpoints]
    first = models[0]
    for path, model in zip(checkpoints, models, strict=True):
        if model.config.data.horizons != first.config.data.horizons:
            raise SettingError(
                f"{path}: other horizons than {checkpoints[0]}; expected {first.config.data.horizons}, "
                f"got {model.config.data.horizons}"
            )
    left_out = first.left_out(features=asked.features, exclude=asked.exclude)
    every_date = panel_dates(data, dataclasses.replace(first.config.data, since="", until=""))
    window = max(model.config.data.window for model in models)
    where = range_of(dates, every_date, window) if dates else first.part(part, every_date)
    if not len(where):
        within = f"{every_date[0]}..{every_date[-1]}"
        raise SettingError(f"{data}: no date to score; expected dates with a whole window in {within}, got none")
    if folds > len(where):
        raise SettingError(f"folds: more than dates; expected at most {len(where)}, got {folds}")
    ranges = [where] if folds == 1 else cut(where, folds, horizons=first.config.data.horizons)
    parts = [predict_mean(models, data, every_date, each, asked) for each in ranges]
    cost_bps = first.config.monitors.cost_bps if asked.cost_bps is None else asked.cost_bps
    found = assemble(
        parts,
        [Fold(each.describe(every_date), "", (), {}) for each in ranges] if folds > 1 else [],
        days=every_date,
        cost_bps=cost_bps,
    )
    num_trained = int(_is_trained(models, every_date, where).sum())
    return found._replace(
        dates=where.describe(every_date), num_training_dates=num_trained, left_out=left_out, num_models=len(models)
    )


def predict_mean(
    models: Sequence[Trained], data: Path, dates: NDArray[np.datetime64], where: DateRange, asked: Asked
) -> Predictions:
    """Return the mean of what models predict of some dates; nothing after the last label's end is read."""
    until = str(dates[where.label_stop - 1]) if where.label_stop < len(dates) else ""
    members = []
    for model in models:
        prepared = model.prepare(
            data,
            features=asked.features,
            exclude=asked.exclude,
            static_data=asked.static_data,
            until=until,
            is_scored=True,
            group_column=asked.group_column,
        )
        precision = asked.precision or model.config.optim.precision
        members.append(predict_days(model, prepared, where, device=device_of(asked.device), precision=precision))
    return averaged(members)


def assemble(
    parts: Sequence[Predictions], folds: Sequence[Fold], *, days: NDArray[np.datetime64], cost_bps: float
) -> Evaluation:
    """Return the figures of all parts together, of each fold, of each year and of each group."""
    whole = joined(parts)
    scores = whole.score(cost_bps=cost_bps)
    daily = {}
    for place, horizon in enumerate(whole.horizons):
        has_label_N = ~np.isnan(whole.returns_NK[:, place])
        daily[horizon] = daily_figures(
            whole.quantiles_NKQ[has_label_N, place, MEDIAN],
            whole.returns_NK[has_label_N, place],
            whole.day_N[has_label_N],
        )
    return Evaluation(
        dates=f"{whole.date_N[0]}..{whole.date_N[-1]}",
        num_training_dates=0,
        left_out=(),
        num_models=1,
        overall=overall(list(scores.values())),
        scores=scores,
        daily=daily,
        days=days,
        folds=tuple(
            fold._replace(scores=part.score(cost_bps=cost_bps)) for fold, part in zip(folds, parts, strict=False)
        ),
        years=_parts(whole, whole.date_N.astype("datetime64[Y]").astype(str), cost_bps=cost_bps),
        groups=() if whole.group_N is None else _parts(whole, whole.group_N.astype(str), cost_bps=cost_bps),
        predictions=whole,
    )


def cut(where: DateRange, folds: int, *, horizons: tuple[int, ...]) -> list[DateRange]:
    """Cut dates into folds of about the same number; labels of a fold must end before the next one begins.

    Raises SettingError if a fold would have no label, not even of the shortest horizon.
    """
    edges = np.linspace(where.first, where.stop, folds + 1).round().astype(int).tolist()
    stops = [*edges[1:-1], where.label_stop]
    ranges = [
        DateRange(first, stop, label_stop=label_stop)
        for first, stop, label_stop in zip(edges[:-1], edges[1:], stops, strict=True)
    ]
    for number, each in enumerate(ranges, start=1):
        if each.label_stop - each.first <= min(horizons):
            raise SettingError(
                f"folds: too few dates; expected more than the shortest horizon of {min(horizons)} in each of {folds} "
                f"folds, got {len(each)} in fold {number}"
            )
    return ranges


def range_of(asked: str, dates: NDArray[np.datetime64], window: int) -> DateRange:
    """Return the dates of FROM..TO that end a complete window. Raises SettingError for another form."""
    first, between, last = asked.partition("..")
    try:
        start, end = (np.datetime64(text, "D") if text else None for text in (first, last))
    except ValueError:
        between = ""
    if not between:
        raise SettingError(f"dates: cannot be used; expected FROM..TO such as 2024-01-01..2024-06-30, got {asked!r}")
    at = 0 if start is None else int(np.searchsorted(dates, start))
    stop = len(dates) if end is None else int(np.searchsorted(dates, end, side="right"))
    at = max(at, window - 1)
    return DateRange(at, max(stop, at), label_stop=len(dates))


def _parts(whole: Predictions, name_N: NDArray[np.str_], *, cost_bps: float) -> tuple[Part, ...]:
    names = np.unique(name_N).tolist()
    if len(names) > MOST_GROUPS:
        raise SettingError(f"group_column: too many groups; expected at most {MOST_GROUPS}, got {len(names)}")
    return tuple(Part(name, whole.only(name_N == name).score(cost_bps=cost_bps)) for name in names)


def _is_trained(models: Sequence[Trained], dates: NDArray[np.datetime64], where: DateRange) -> NDArray[np.bool_]:
    """Return which of the dates any of the models was trained on."""
    found = np.zeros(len(where), dtype=bool)
    for model in models:
        if "train" in model.parts:
            train = model.part("train", dates)
            found[max(train.first - where.first, 0) : max(train.stop - where.first, 0)] = True
    return found
