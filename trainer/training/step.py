"""One optimizer step: forward and backward passes of its batches, measure, clip, move, guard.

Shapes: N rows, K horizons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from trainer.batches.batches import DayBatch
from trainer.measure.guard import Reset
from trainer.measure.pace import StepResult
from trainer.telemetry.eventlog import Nonfinite
from trainer.training.schedule import learning_rate
from trainer.training.session import Session, labels_of
from trainer.training.spread import observe_probe, variance_term


def take_step(session: Session, group: Sequence[DayBatch], *, epoch: int, first_batch: int) -> StepResult:
    """Take one optimizer step on the batches of `group`, whose first is number `first_batch` of the epoch.

    Each batch's loss is divided by the pairs of the whole group over all processes, so that the gradients add up to
    the gradient of one large batch. A step with a non-finite loss or gradient is reported and skipped. Every process
    learns whether one of them has been asked to end.
    """
    progress, config = session.progress, session.config
    step, last_batch = progress.step, first_batch + len(group) - 1
    num_pairs = sum(int(batch.num_labeled_days_global_H.sum()) for batch in group)
    if num_pairs == 0:
        raise ValueError(f"epoch {epoch}, batch {first_batch}: no day has two labels; expected at least one, got 0")
    # The compiled network does not run hooks, neither ours nor those of faults.
    is_hooked = session.instruments.is_due(step) or session.faults.acting()
    forward = session.network if is_hooked else session.compiled
    losses: list[Tensor] = []
    for place, batch in enumerate(group):
        session.faults.before_batch(session.site, first_batch + place)
        on_cpu, batch, is_last = batch, batch.to(session.device, non_blocking=True), place == len(group) - 1
        windows = session.faults.change_windows(batch.x_NTF)
        labels = session.faults.change_labels(labels_of(batch))
        # Before the instruments listen, because they measure the forward pass with noise.
        variance = variance_term(session, on_cpu, windows, labels) if place == 0 else windows.new_zeros(())
        if place == 0:
            session.instruments.before_forward(step, windows)
        with nullcontext() if is_last else session.ranks.gradients_held(session.network):
            with session.autocast():
                predictions = forward(windows, batch.edge_index_2E, batch.edge_attr_EA)
            loss = session.weighted_loss(
                predictions,
                labels,
                on_cpu.day_N,
                num_pairs=num_pairs,
                variance=variance,
                weight_B=batch.weight_N,
            )
            total = session.faults.change_loss(loss.total)
            total.backward()
        losses.append(torch.stack([total, *loss.terms.values()]).detach())

    session.ranks.sum_gradients(session.model)
    session.instruments.after_backward(step, epoch=epoch, batch=last_batch)
    norm = nn.utils.clip_grad_norm_(session.model.parameters(), config.optim.clip)
    own = losses[0].new_tensor([sum(len(batch.day_N) for batch in group), session.stop.is_asked])
    over_ranks = session.ranks.sum(torch.cat([own, torch.stack(losses).sum(0)]))
    # The only point at which a step waits for the device.
    grad_norm, num_rows, num_asked, loss_value, *term_values = torch.cat([norm.reshape(1), over_ranks]).tolist()
    session.stop.is_agreed = num_asked > 0
    progress.step += 1
    lr = learning_rate(progress.step, config.optim, total_steps=session.total_steps)
    for parameters in session.optimizer.param_groups:
        parameters["lr"] = lr
    if math.isfinite(loss_value) and math.isfinite(grad_norm):
        session.optimizer.step()
        if session.average is not None:
            session.average.update()
        progress.skips_in_row = 0
    else:
        _report_nonfinite(session, loss_value, step=progress.step)
        progress.skipped += 1
        progress.skips_in_row += 1
    session.instruments.after_step(step)
    session.optimizer.zero_grad(set_to_none=True)

    if session.guard.is_due(progress.step):
        observe_probe(session)
    findings = session.guard.check(progress.step)
    session.log.guard(findings, step=progress.step, epoch=epoch, strikes=config.guard.guard_strikes)
    return StepResult(
        loss=loss_value,
        terms=dict(zip(loss.terms, term_values, strict=True)),
        num_pairs=num_pairs,
        num_rows=int(num_rows),
        lr=session.optimizer.param_groups[0]["lr"],
        grad_norm=grad_norm,
        num_resets=sum(isinstance(finding, Reset) for finding in findings),
    )


def _report_nonfinite(session: Session, loss: float, *, step: int) -> None:
    grads = [weight.grad for weight in session.model.parameters() if weight.grad is not None]
    count = int(torch.stack([(~grad.isfinite()).sum() for grad in grads]).sum())
    if math.isfinite(loss):
        session.log.write(Nonfinite(where="gradient", count=count, step=step, action="skip_step"))
    else:
        session.log.write(Nonfinite(where="loss", count=1, step=step, action="skip_step"))
