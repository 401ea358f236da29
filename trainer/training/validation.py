"""One pass over the validation dates: the loss, and each horizon's metrics in units of returns.

Each process predicts its share of the days, and scores the days of all processes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from trainer.batches.dataset import learnt_of, returns_of
from trainer.measure.metrics import Score, score_horizons
from trainer.model.network import MEDIAN
from trainer.training.session import Session, labels_of
from trainer.training.stopping import Stopped


class Validation(NamedTuple):
    """The result of one validation."""

    loss: float
    scores: dict[int, Score]
    """By horizon in days."""


def validate(session: Session) -> Validation:
    """Predict and score all validation samples that have a label."""
    with torch.no_grad(), session.averaged_weights():
        return _validate(session)


def _validate(session: Session) -> Validation:
    session.model.eval()
    dataset, loss_sum, num_pairs = session.dataset, 0.0, 0
    quantiles, returns, learnt, days, codes = [], [], [], [], []
    for number, batch in enumerate(dataset.valid.one_by_one(), start=1):
        on_device = batch.to(session.device, non_blocking=True)
        with session.autocast():
            predictions = session.model(on_device.x_NTF, on_device.edge_index_2E, on_device.edge_attr_EA)
        pairs = int(batch.num_labeled_days_global_H.sum())
        if pairs:
            loss = session.weighted_loss(
                predictions, labels_of(on_device), batch.day_N, num_pairs=pairs, weight_B=on_device.weight_N
            )
            loss_sum += float(loss.total) * pairs
            num_pairs += pairs
        quantiles.append(predictions.float().cpu().numpy())
        returns.append(returns_of(batch, dataset.panel))
        learnt.append(learnt_of(batch, dataset.panel))
        days.append(batch.date_index_N.numpy())
        codes.append(batch.code_index_N.numpy())
        session.phases.moved(done=number)
        if session.stop.is_asked and session.ranks.world_size == 1:
            raise Stopped
    found = map(np.concatenate, (quantiles, returns, learnt, days, codes))
    shares = session.ranks.gather((loss_sum, num_pairs, *found))
    loss_sums, all_pairs, all_quantiles, all_returns, all_learnt, all_days, all_codes = zip(*shares, strict=True)
    day_N = np.concatenate(all_days)
    in_order_N = np.argsort(day_N, kind="stable")
    return Validation(
        loss=sum(loss_sums) / sum(all_pairs) if sum(all_pairs) else float("nan"),
        scores=score_horizons(
            dataset.normalisation.restore_quantiles(np.concatenate(all_quantiles)[in_order_N]),
            np.concatenate(all_returns)[in_order_N],
            day_N[in_order_N],
            np.concatenate(all_codes)[in_order_N],
            horizons=dataset.panel.horizons,
            learnt_NK=np.concatenate(all_learnt)[in_order_N],
            median=MEDIAN,
            cost_bps=session.config.monitors.cost_bps,
        ),
    )
