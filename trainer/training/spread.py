"""The spread of predictions without dropout noise: what the degeneracy guard sees and the variance penalty acts on.

Under dropout, a model that says the same of every stock still gives predictions that differ: by the noise alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.batches.batches import DayBatch
from trainer.model.network import MEDIAN
from trainer.model.noise import without_noise
from trainer.training.session import Session, labels_of

PROBE_ROWS = 256
"""Rows of the guard's probe, or a batch if that is larger. In ten comparisons at the default learning rate its ratio
was within 14 % of the validation's; with 128 rows within 21 %."""

PENALTY_ROWS = 32
"""Most rows from which a step's variance penalty is computed: it adds a quarter to a step of the default size, while
the spread is below its floor; 128 rows would add 86 %. Other rows in each step, so the mean over steps sees all."""


@torch.no_grad()
def observe_probe(session: Session) -> None:
    """Show the guard the predictions for its fixed training days with the present weights."""
    probe = session.probe
    with without_noise(session.model), session.autocast():
        windows = session.faults.change_windows(probe.x_NTF)
        predictions = session.model(windows, probe.edge_index_2E, probe.edge_attr_EA)
    session.guard.observe(predictions[..., MEDIAN], labels_of(probe), probe.day_N)


def variance_term(session: Session, batch: DayBatch, windows_NTF: Tensor, labels_NK: Tensor) -> Tensor:
    """Return this process's part of a step's variance penalty: of the first day of a batch, which the main process has.

    It is 0 while the guard sees every horizon above the penalty's floor, where the penalty is 0 anyway. `batch` is on
    the CPU; its windows and labels, after faults have changed them, are on the device.
    """
    weighted_loss = session.weighted_loss
    is_on = weighted_loss.variance_penalty_weight > 0 and session.guard.is_below(weighted_loss.variance_floor_ratio)
    if not (is_on and session.ranks.is_main):
        return windows_NTF.new_zeros(())
    part = (each.to(session.device) for each in batch.thinned(PENALTY_ROWS, turn=session.progress.step))
    rows, edge_index_2E, edge_attr_EA = part
    with without_noise(session.model), session.autocast():
        predictions = session.model(windows_NTF[rows], edge_index_2E, edge_attr_EA)
    return weighted_loss.variance_term(predictions, labels_NK[rows])
