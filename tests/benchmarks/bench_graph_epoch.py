"""Graphs that are built in each of three epochs over 1,900 days of 4,000 stocks, without training steps."""

from __future__ import annotations

import resource
import time

import numpy as np
import production  # noqa: F401 (sets the threads)
from figures import print_row

from trainer.batches.graph import GraphCache, GraphSettings, most_bytes

CODES, DAYS, WINDOW, EPOCHS = 4_000, 1_900, 60, 3
SETTINGS = GraphSettings(window_days=WINDOW, neighbours=10, min_correlation=0.2)


def main() -> None:
    """Print one row: each epoch asks for the data check's graphs in order, then for the batches' in a random one."""
    rng = np.random.default_rng(1)
    returns_DC = rng.normal(0.0, 0.01, (DAYS, CODES)).astype(np.float32)
    cache = GraphCache(memory_bytes=most_bytes(DAYS, CODES, SETTINGS))
    built, seconds = [], []
    for _ in range(EPOCHS):
        before, start = cache.num_built, time.process_time()
        for days in (np.arange(DAYS), rng.permutation(DAYS)):
            for day in days:
                cache.day_graph(returns_DC[max(day - WINDOW, 0) : day], SETTINGS)
        built.append(cache.num_built - before)
        seconds.append(time.process_time() - start)
    # Days with less than the shortest history share the empty graph, but each has a content of its own.
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    what = f"graphs of {DAYS:,} days of {CODES:,} stocks, built in each of {EPOCHS} epochs (data check and batches)"
    found = f"{', '.join(map(str, built))}; CPU {', '.join(f'{each:.0f}' for each in seconds)} s; {peak_gib:.1f} GiB"
    print_row(what, found, f"each once: {DAYS}, 0, 0", built == [DAYS, 0, 0])


if __name__ == "__main__":
    main()
