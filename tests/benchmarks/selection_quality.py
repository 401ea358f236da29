"""What the selection network learns: grouped, at several widths, against the loop over 82 full-width networks.

Few stocks, training days and epochs, so that the loop can be afforded; four times as many days are held out, for so
few stocks tell little on one of them.

Run it by ``python tests/benchmarks/selection_quality.py``, or with the seeds wanted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench_step import LoopedSelection
from quality import rank_ic_of
from torch import Tensor

from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.model import network
from trainer.predict import predict
from trainer.settings import resolve
from trainer.training.loop import train

SEEDS = (211, 212, 213)
CODES, DAYS, HIDDEN = 40, 600, 256
TEST_SHARE = 0.75
"""Of 600 days: about 120 are left to train on."""
WIDTHS = (8, 16, 32, 64)
SETTINGS: Mapping[str, Any] = {
    "epochs": 3,
    "batch_size": 64,
    "hidden": HIDDEN,
    "window": 10,
    "embargo_days": 20,
    "valid_share": 0.02,
    "test_share": TEST_SHARE,
    "base_lr": 2e-3,
    "rank_ic_weight": 1.0,
    "threads": 2,
}
"""What differs from the defaults: a rate and a term by which three short epochs show something at all."""


class Loop(LoopedSelection):
    """The loop in the place of the grouped selection, with the arguments of that one."""

    PER_FEATURE: tuple[str, ...] = ()

    def __init__(self, num_features: int, width: int, hidden: int, *, feature_dropout: float = 0.0) -> None:
        del width, feature_dropout
        super().__init__(num_features, hidden)

    def forward(self, x_BTF: Tensor) -> Tensor:
        """Shapes: (B, T, F) -> (B, T, H)."""
        return super().forward(x_BTF)


def main() -> None:
    """Print a table of the widths and the loop; exit with 1 where the default width learns less than the loop."""
    seeds = tuple(map(int, sys.argv[1:])) or SEEDS
    print(f"{CODES} codes x {DAYS} days, 3 epochs, hidden {HIDDEN}: RankIC at 1 d on the held-out days\n", flush=True)
    print("| selection | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean |")
    print("|---|" + "---|" * (len(seeds) + 1))
    means = {}
    for width in (*WIDTHS, None):
        name = "loop over 82 networks" if width is None else f"width {width}"
        found = [_rank_ic(seed, width) for seed in seeds]
        means[width] = statistics.fmean(found)
        print(f"| {name} | {' | '.join(f'{each:.3f}' for each in found)} | {means[width]:.3f} |", flush=True)
    default = resolve(cli={}).config.model.selection_width
    sys.exit(means[default] < means[None])


def _rank_ic(seed: int, width: int | None) -> float:
    """Train with a selection of this width, or with the loop, and score at 1 d."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        panel = folder / "panel.parquet"
        write_panel(synthesise(codes=CODES, days=DAYS, seed=seed), panel)
        asked = {**SETTINGS, "data": str(panel), "log": str(folder / "run.log"), "seed": seed}
        kind = Loop if width is None else network.VariableSelection
        with patch.object(network, "VariableSelection", kind):
            resolved = resolve(cli={**asked, "selection_width": width or HIDDEN})
            result = train(resolved)
            assert result.status == "completed", result
            last = max((folder / "run.checkpoints").glob("step_*.ckpt"))
            predict(last, panel, folder / "predictions.parquet")
        _, rank_ic = rank_ic_of(panel, folder / "predictions.parquet", resolved.config)
    return rank_ic[1]


if __name__ == "__main__":
    main()
