"""One pass over the validation dates: its loss, and each horizon's metrics in units of returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from trainer.metrics import Score, score
from trainer.model import MEDIAN
from trainer.session import Session
from trainer.step import labels_of


class Validation(NamedTuple):
    """What a validation found."""

    loss: float
    scores: dict[int, Score]
    """By horizon in days."""


@torch.no_grad()
def validate(session: Session) -> Validation:
    """Predict every validation sample and score it; rows without a label take no part."""
    session.model.eval()
    dataset, loss_sum, num_pairs = session.dataset, 0.0, 0
    points, labels, days = [], [], []
    for number, batch in enumerate(dataset.valid.epoch(0), start=1):
        on_device = batch.to(session.device)
        with session.autocast():
            predictions = session.model(on_device.x_NTF, on_device.edge_index_2E, on_device.edge_attr_EA)
        pairs = int(batch.num_labeled_days_global_H.sum())
        if pairs:
            loss = session.objective(predictions, labels_of(on_device), on_device.day_N, num_pairs=pairs)
            loss_sum += float(loss.total) * pairs
            num_pairs += pairs
        points.append(predictions[..., MEDIAN].cpu().numpy())
        labels.append(labels_of(batch).numpy())
        days.append(batch.date_index_N.numpy())
        session.phases.moved(done=number)
    restore = dataset.normalisation.restore_targets
    points_NK = restore(np.concatenate(points)).astype(np.float64)
    returns_NK = restore(np.concatenate(labels)).astype(np.float64)
    day_N = np.concatenate(days)
    return Validation(
        loss=loss_sum / num_pairs if num_pairs else float("nan"),
        scores={
            horizon: score(points_NK[:, place], returns_NK[:, place], day_N, horizon_days=horizon)
            for place, horizon in enumerate(dataset.panel.horizons)
        },
    )
