"""What checkpoints predict of some dates, beside what happened.

Shape legend: N rows, K horizons, Q quantiles, D dates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.batches.dataset import learnt_of, returns_of
from trainer.device import autocast_for, set_tf32
from trainer.measure.metrics import Score, score_horizons
from trainer.model.explanation import explain
from trainer.model.network import MEDIAN
from trainer.panel.splits import DateRange
from trainer.trained import Prepared, Trained

WITHOUT_GROUP = "(none)"
EXPLAINED_DAYS = 16
"""Evenly spread days from which weights of features and attention are computed."""


class Predictions(NamedTuple):
    """Predictions of some dates, in the order of days; a row is one code on one date."""

    horizons: tuple[int, ...]
    quantiles_NKQ: NDArray[np.float64]
    """In units of what the model learns."""
    returns_NK: NDArray[np.float64]
    """What happened; nan if unlabelled."""
    learnt_NK: NDArray[np.float64]
    """What the model should have said."""
    day_N: NDArray[np.int64]
    """Place of the row's date among the dates of the panel."""
    date_N: NDArray[np.datetime64]
    code_N: NDArray[Any]
    """Names."""
    group_N: NDArray[Any] | None
    """Names of the rows' groups; None if no groups were asked for."""
    shares: tuple[dict[str, float], ...] = ()
    """Of each model of each part, the weight of each feature."""
    attention: tuple[NDArray[np.float64], ...] = ()
    """Of each model of each part, the attention to each lag."""

    def only(self, is_wanted_N: NDArray[np.bool_]) -> Predictions:
        """Return some of the rows."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        kept: dict[str, Any] = {name: None if rows is None else rows[is_wanted_N] for name, rows in columns.items()}
        return self._replace(**kept)

    def score(self, *, cost_bps: float) -> dict[int, Score]:
        """Return the figures of each horizon, as the log of a training has them."""
        _, code_N = np.unique(self.code_N.astype(str), return_inverse=True)
        return score_horizons(
            self.quantiles_NKQ,
            self.returns_NK,
            self.day_N,
            code_N,
            horizons=self.horizons,
            learnt_NK=self.learnt_NK,
            median=MEDIAN,
            cost_bps=cost_bps,
        )


COLUMNS = Predictions._fields[1 : Predictions._fields.index("shares")]
"""The fields that have a value for each row."""


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Return the rows of several parts, whose dates follow each other."""
    found: dict[str, Any] = {}
    for name in COLUMNS:
        columns = [getattr(part, name) for part in parts]
        found[name] = None if columns[0] is None else np.concatenate(columns)
    return parts[0]._replace(
        **found,
        shares=tuple(each for part in parts for each in part.shares),
        attention=tuple(each for part in parts for each in part.attention),
    )


def averaged(members: Sequence[Predictions]) -> Predictions:
    """Return the mean of what several models predict of the same rows."""
    mean_NKQ = np.mean([each.quantiles_NKQ for each in members], axis=0)
    shares = tuple(share for each in members for share in each.shares)
    attention = tuple(lags for each in members for lags in each.attention)
    return members[0]._replace(quantiles_NKQ=mean_NKQ, shares=shares, attention=attention)


@torch.no_grad()
def predict_days(
    trained: Trained, prepared: Prepared, where: DateRange, *, device: torch.device, precision: str
) -> Predictions:
    """Predict the labelled rows of some dates. Raises PanelError if there are none."""
    panel, batches = prepared.panel, trained.days(prepared, where)
    model = trained.model.to(device)
    set_tf32(trained.config.optim.tf32)
    days = []
    # Each day by itself, as in the run's validation, so that both give the same numbers.
    for batch in batches.one_by_one():
        there = batch.to(device)
        with autocast_for(precision, device):
            quantiles = model(there.x_NTF, there.edge_index_2E, there.edge_attr_EA)
        returns_NK, learnt_NK = returns_of(batch, panel), learnt_of(batch, panel)
        days.append((quantiles.float().cpu().numpy(), returns_NK, learnt_NK, batch.date_index_N, batch.code_index_N))
    with autocast_for(precision, device):
        explained = explain(model, (day.x_NTF.to(device) for day in batches.some_days(EXPLAINED_DAYS)))
    quantiles_NKQ, returns_NK, learnt_NK, day_N, code_N = (np.concatenate(each) for each in zip(*days, strict=True))
    group_N = None
    if panel.groups_GDC is not None and prepared.asked_group is not None:
        names = np.array([*panel.group_names[prepared.asked_group], WITHOUT_GROUP], dtype=object)
        group_N = names[panel.groups_GDC[prepared.asked_group, day_N, code_N]]
    return Predictions(
        panel.horizons,
        trained.normalisation.restore_quantiles(quantiles_NKQ),
        returns_NK,
        learnt_NK,
        day_N,
        panel.dates[day_N],
        np.array(panel.codes, dtype=object)[code_N],
        group_N,
        ({name: float(share) for name, share in zip(trained.feature_names, explained.share_F, strict=True)},),
        (explained.attention_T,),
    )
