"""Which steps have a report of gradients, weights and activations."""

from __future__ import annotations

REPORTS_PER_EPOCH = 2
"""An epoch with fewer regular reports gets one at its last step, so that short runs are covered to their end."""


def is_report_due(step: int, *, every: int, batch: int, batches: int, epoch: int) -> bool:
    """Return whether this step, counted from 0, has a report: every so many steps, and at the end of some epochs.

    ``batch`` is the step's number in its epoch of ``batches`` steps, from 1. The last step of the first epoch has a
    report, and that of each epoch with fewer than two regular ones. A function of the place alone, so that a resumed
    run reports what the run it continues would have reported.
    """
    if step % every == 0:
        return True
    first_step = step - batch + 1
    num_regular = step // every - (first_step - 1) // every
    return batch == batches and (epoch == 1 or num_regular < REPORTS_PER_EPOCH)
