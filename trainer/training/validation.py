"""One pass over the validation dates: the loss, and each horizon's metrics in units of returns.

Each process predicts its share of the days, and scores the days of all processes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from trainer.measure.metrics import Score, score
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
    points, labels, days = [], [], []
    for number, batch in enumerate(dataset.valid.one_by_one(), start=1):
        on_device = batch.to(session.device)
        with session.autocast():
            predictions = session.model(on_device.x_NTF, on_device.edge_index_2E, on_device.edge_attr_EA)
        pairs = int(batch.num_labeled_days_global_H.sum())
        if pairs:
            loss = session.weighted_loss(predictions, labels_of(on_device), on_device.day_N, num_pairs=pairs)
            loss_sum += float(loss.total) * pairs
            num_pairs += pairs
        points.append(predictions[..., MEDIAN].cpu().numpy())
        labels.append(labels_of(batch).numpy())
        days.append(batch.date_index_N.numpy())
        session.phases.moved(done=number)
        if session.stop.is_asked and session.ranks.world_size == 1:
            raise Stopped
    shares = session.ranks.gather((loss_sum, num_pairs, *map(np.concatenate, (points, labels, days))))
    loss_sums, all_pairs, all_points, all_labels, all_days = zip(*shares, strict=True)
    day_N = np.concatenate(all_days)
    in_order_N = np.argsort(day_N, kind="stable")
    day_N, restore = day_N[in_order_N], dataset.normalisation.restore_targets
    points_NK = restore(np.concatenate(all_points)[in_order_N]).astype(np.float64)
    returns_NK = restore(np.concatenate(all_labels)[in_order_N]).astype(np.float64)
    return Validation(
        loss=sum(loss_sums) / sum(all_pairs) if sum(all_pairs) else float("nan"),
        scores={
            horizon: score(points_NK[:, place], returns_NK[:, place], day_N, horizon_days=horizon)
            for place, horizon in enumerate(dataset.panel.horizons)
        },
    )
