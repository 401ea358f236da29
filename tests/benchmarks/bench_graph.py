"""Seconds to build one day's graph from 60 days of returns."""

from __future__ import annotations

import numpy as np
import production  # noqa: F401 (sets the threads)
from figures import median_seconds, print_row

from trainer.batches.graph import GraphSettings, day_graph

DAYS = 60
BARS_S = {4000: 0.5, 1000: 0.05}


def main() -> None:
    """Print one row for each number of stocks."""
    for num_codes, bar_s in BARS_S.items():
        returns_WN = np.random.default_rng(1).normal(0.0, 0.01, (DAYS, num_codes)).astype(np.float32)
        settings = GraphSettings(window_days=DAYS, neighbours=10, min_correlation=0.2)
        seconds = median_seconds(lambda returns=returns_WN, how=settings: day_graph(returns, how))
        what = f"graph of a day, {num_codes:,} stocks × {DAYS} days"
        print_row(what, f"{seconds:.3f} s", f"≤ {bar_s} s", seconds <= bar_s)


if __name__ == "__main__":
    main()
