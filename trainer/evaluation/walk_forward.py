"""Purged walk-forward: for each fold models are trained on what was known before it, and score it.

Before a fold come `embargo_days` dates that are not used. A training reads no row after its last known date (the
setting `until`), and a fold is scored on a panel that ends with the fold; so what happens after a fold changes none of
its figures. Each training is a run with a log and checkpoints of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from trainer.batches.dataset import panel_dates
from trainer.config import SettingError, TrainerConfig, TrainerError
from trainer.evaluation.predictions import Predictions
from trainer.evaluation.scoring import Asked, Evaluation, Fold, assemble, cut, predict_mean
from trainer.panel.splits import DateRange
from trainer.trained import read_trained
from trainer.training.fit import resolve_call
from trainer.training.loop import FitResult, train
from trainer.training.stopping import StopSwitch

TEST_SHARE = 0.5
"""Share of the dates, the latest ones, that the folds cover together. Chosen by hand: the first fold's models then
have as many dates to learn from as are scored."""


class WalkForwardError(TrainerError):
    """A training of a fold that did not end as it should."""


class Plan(NamedTuple):
    """How to walk."""

    folds: int
    seeds: tuple[int, ...]
    """Of each fold's models, whose predictions are averaged."""
    fold_days: int = 0
    """Dates of a fold; 0 cuts the last TEST_SHARE of the dates."""
    train_days: int = 0
    """Latest dates that a training reads; 0 reads all."""


def walk_forward(
    config: TrainerConfig,
    data: Path,
    plan: Plan,
    *,
    runs: Path,
    asked: Asked | None = None,
    stop: StopSwitch | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Evaluation:
    """Train and score each fold; `runs` is the folder for the logs and checkpoints. `tell` hears of each training.

    Raises TrainerError.
    """
    asked = asked or Asked()
    dates = panel_dates(data, config.data)
    ranges = fold_ranges(len(dates), plan, window=config.data.window, horizons=config.data.horizons)
    parts: list[Predictions] = []
    folds: list[Fold] = []
    for number, where in enumerate(ranges, start=1):
        known = where.first - config.data.embargo_days - 1
        if known < config.data.window:
            raise SettingError(
                f"folds: no dates before fold {number}; expected more dates or fewer folds, got {known + 1} dates "
                f"before {dates[where.first]} and its embargo of {config.data.embargo_days}"
            )
        since = str(dates[max(known + 1 - plan.train_days, 0)]) if plan.train_days else config.data.since
        results = []
        for seed in plan.seeds:
            name = f"{config.run.name}_fold{number}_seed{seed}"
            tell(f"fold {number} of {len(ranges)}, {where.describe(dates)}: seed {seed}, known until {dates[known]}")
            results.append(
                _train(config, data, runs / f"{name}.log", since=since, until=str(dates[known]), seed=seed, stop=stop)
            )
        models = [read_trained(result.log.with_suffix(".checkpoints")) for result in results]
        parts.append(predict_mean(models, data, dates, where, asked))
        folds.append(Fold(where.describe(dates), str(dates[known]), tuple(str(each.log) for each in results), {}))
    cost_bps = config.monitors.cost_bps if asked.cost_bps is None else asked.cost_bps
    found = assemble(parts, folds, days=dates, cost_bps=cost_bps)
    return found._replace(dates=f"{dates[ranges[0].first]}..{dates[ranges[-1].stop - 1]}", num_models=len(plan.seeds))


def fold_ranges(num_dates: int, plan: Plan, *, window: int, horizons: tuple[int, ...]) -> list[DateRange]:
    """Return the folds, which end with the panel. Raises SettingError if there are too few dates."""
    scored = plan.folds * plan.fold_days if plan.fold_days else round((num_dates - window + 1) * TEST_SHARE)
    if plan.folds < 1 or scored < plan.folds or scored > num_dates - window:
        raise SettingError(
            f"folds: too few dates; expected at least {plan.folds} and at most {num_dates - window} dates in "
            f"{plan.folds} folds, got {scored}"
        )
    return cut(DateRange(num_dates - scored, num_dates, label_stop=num_dates), plan.folds, horizons=horizons)


def _train(
    config: TrainerConfig, data: Path, log: Path, *, since: str, until: str, seed: int, stop: StopSwitch | None
) -> FitResult:
    """Train one model on the dates that were known. Raises WalkForwardError unless it completes."""
    own = dataclasses.replace(
        config,
        run=dataclasses.replace(config.run, name=log.stem, log=str(log), checkpoint_dir="", resume="", allow_change=()),
        data=dataclasses.replace(config.data, data=str(data), since=since, until=until, test_share=0.0),
        optim=dataclasses.replace(config.optim, seed=seed),
    )
    result = train(resolve_call(own, {}), command="trainer evaluate", stop=stop)
    if result.status != "completed":
        raise WalkForwardError(f"{log}: {result.status}; expected a training that completes, got its log")
    return result
