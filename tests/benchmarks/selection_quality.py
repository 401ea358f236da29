"""How well the selection network learns: grouped, at several widths, against the loop over 82 full-width networks.

There are few stocks, training days and epochs, because the loop is slow. Four times as many days are held out, because
one day with so few stocks shows little.

Run ``python tests/benchmarks/selection_quality.py``, optionally with seeds.
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
"""Share of the 600 days; about 120 are left for training."""
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
"""What differs from the defaults: among others a rate and a term with which three short epochs show a difference."""


class Loop(LoopedSelection):
    """The loop with the arguments of the grouped selection, so that it can replace it."""

    PER_FEATURE: tuple[str, ...] = ()

    def __init__(self, num_features: int, width: int, hidden: int, *, feature_dropout: float = 0.0) -> None:
        del width, feature_dropout
        super().__init__(num_features, hidden)

    def forward(self, x_BTF: Tensor) -> Tensor:
        """Shapes: (B, T, F) -> (B, T, H)."""
        return super().forward(x_BTF)


def main() -> None:
    """Print a table of the widths and the loop; exit with 1 if the default width learns less than the loop."""
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
