"""The degeneracy guard: notices when a horizon predicts the same for every stock, and resets its head.

In: predictions without dropout noise, and their targets. Out: records of what each check found and did; nothing is
logged here.
The standard deviation of predictions is taken within each day: across days it would hide a head that only knows the
date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from trainer.config import GuardConfig


class Check(NamedTuple):
    """One check of one horizon."""

    horizon: int
    std: float  # moving average of the predictions' standard deviation
    target_std: float
    ratio: float
    num_strikes: int


class Reset(NamedTuple):
    """Noise was added to one head."""

    horizon: int
    scale: float
    recover_within_steps: int


class Recovered(NamedTuple):
    """After a reset, a head predicts different values again."""

    horizon: int
    std: float


class Failed(NamedTuple):
    """After a reset, a head did not regain variance in time."""

    horizon: int
    std: float


Finding = Check | Reset | Recovered | Failed


class DegeneracyGuard:
    """Watch each horizon's moving average of prediction std / target std; reset its head after enough strikes in a row.

    A reset adds noise to the head's weights, `reset_scale` times the standard deviation of a fresh initialisation.
    The head then has `recover_within_steps` to pass a check; no strikes count until then. `over_ranks` adds up the
    sums of several processes, so that all of them decide alike. `target_std_K` is the spread of all targets, if it is
    known; otherwise it is that of the targets beside the predictions.
    """

    def __init__(
        self,
        heads: Sequence[nn.Module],
        horizons: Sequence[int],
        config: GuardConfig,
        generator: torch.Generator,
        *,
        over_ranks: Callable[[Tensor], Tensor] = lambda sums: sums,
        target_std_K: Tensor | None = None,
    ) -> None:
        self._heads, self._horizons, self._config, self._generator = heads, horizons, config, generator
        self._over_ranks, self._target_std_K = over_ranks, target_std_K
        self._stds = torch.full((2, len(horizons)), float("nan"), dtype=torch.float64)
        self._strikes = [0] * len(horizons)
        self._reset_step: list[int | None] = [None] * len(horizons)

    def observe(self, points_BK: Tensor, targets_BK: Tensor, day_B: Tensor) -> None:
        """Add one look at the predictions to the moving averages. Shapes: (B, K), (B, K), (B,)."""
        sums = torch.stack([_within_day_sums(points_BK.detach(), day_B), _within_day_sums(targets_BK, day_B)])
        squares, counts = self._over_ranks(sums).unbind(1)
        stds = (squares / counts).sqrt().cpu()
        if self._target_std_K is not None:
            stds[1] = self._target_std_K
        average = self._stds
        moved = self._config.guard_decay * average + (1 - self._config.guard_decay) * stds
        moved = torch.where(average.isnan(), stds, moved)
        # A non-finite prediction is evidence of another fault, not of too little variance.
        self._stds = torch.where(stds.isfinite(), moved, average)

    def is_due(self, step: int) -> bool:
        """Return whether a check is due after this step, before which it needs new predictions."""
        return step >= self._config.guard_warmup_steps and step % self._config.guard_every == 0

    def is_below(self, ratio: float) -> bool:
        """Return whether the spread of any horizon is below this share of its targets' spread, or not yet known."""
        std_K, target_std_K = self._stds.tolist()
        return any(not std >= ratio * target_std for std, target_std in zip(std_K, target_std_K, strict=True))

    def check(self, step: int) -> tuple[Finding, ...]:
        """Check every horizon and reset the heads with enough strikes; return () when no check is due."""
        if not self.is_due(step):
            return ()
        pairs = self._stds.t().tolist()
        return tuple(finding for place, pair in enumerate(pairs) for finding in self._judge(place, step, *pair))

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a resumed run needs to decide alike."""
        return {
            "stds": self._stds.cpu(),
            "strikes": list(self._strikes),
            "reset_step": list(self._reset_step),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a `state_dict`."""
        self._stds = state["stds"].clone()
        self._strikes, self._reset_step = list(state["strikes"]), list(state["reset_step"])
        self._generator.set_state(state["generator"])

    def _judge(self, place: int, step: int, std: float, target_std: float) -> list[Finding]:
        horizon = self._horizons[place]
        ratio = std / target_std if target_std else float("nan")
        is_flat = ratio < self._config.guard_min_ratio
        self._strikes[place] = self._strikes[place] + 1 if is_flat else 0
        findings: list[Finding] = []
        reset_step = self._reset_step[place]
        if reset_step is not None and not is_flat:
            findings.append(Recovered(horizon, std))
            self._reset_step[place] = None
        elif reset_step is not None and step - reset_step >= self._config.recover_within_steps:
            findings.append(Failed(horizon, std))
            self._reset_step[place] = None
        elif reset_step is not None:
            # The head still has time to recover: no strike yet.
            self._strikes[place] = 0
        findings.insert(0, Check(horizon, std, target_std, ratio, self._strikes[place]))
        if self._strikes[place] >= self._config.guard_strikes:
            self._reset(self._heads[place])
            self._strikes[place], self._reset_step[place] = 0, step
            findings.append(Reset(horizon, self._config.reset_scale, self._config.recover_within_steps))
        return findings

    @torch.no_grad()
    def _reset(self, head: nn.Module) -> None:
        """Add noise to every weight matrix, in units of a fresh initialisation: 1 / sqrt(inputs)."""
        for weight in head.parameters():
            if weight.dim() < 2:
                continue
            noise = torch.randn(weight.shape, generator=self._generator).to(weight.device, weight.dtype)
            weight.add_(noise, alpha=self._config.reset_scale / weight.shape[1] ** 0.5)


def _within_day_sums(values_BK: Tensor, day_B: Tensor) -> Tensor:
    """Return the sum of squared deviations of the labelled rows from their day's mean, and the number of those rows.

    Shapes: (B, K), (B,) -> (2, K).
    """
    labelled = ~values_BK.isnan()
    values = values_BK.masked_fill(~labelled, 0.0).double()
    num_days = int(day_B.max()) + 1
    sums, counts = (
        torch.zeros(num_days, values.shape[1], dtype=torch.float64, device=values.device).index_add_(0, day_B, part)
        for part in (values, labelled.double())
    )
    centred = (values - (sums / counts.clamp(min=1))[day_B]).masked_fill(~labelled, 0.0)
    return torch.stack([centred.square().sum(0), labelled.double().sum(0)])
