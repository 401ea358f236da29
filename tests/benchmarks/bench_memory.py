"""Memory and time of a training step by batch size; each size in a process of its own, which knows its peak."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from figures import median_seconds, print_row
from production import TrainingStep, make_batch, make_model

SIZES = (256, 512, 1024, 2048)
BAR_GIB = 8.0
LINEAR_WITHIN = 1.5
"""Largest ratio of the seconds per row at the largest size to those at the smallest. Chosen by hand."""


def measure(num_rows: int) -> dict[str, float]:
    """Return the seconds of a step, and the largest resident memory in GiB of this process so far."""
    seconds = median_seconds(TrainingStep(make_model(), make_batch(num_rows)), rounds=3)
    return {"seconds": seconds, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main() -> None:
    """Print the memory at the largest size, and the seconds at each."""
    found = {}
    for num_rows in SIZES:
        done = subprocess.run(
            [sys.executable, __file__, str(num_rows)], check=True, stdout=subprocess.PIPE, encoding="utf-8"
        )
        found[num_rows] = json.loads(done.stdout)
    largest, smallest = SIZES[-1], SIZES[0]
    peak = found[largest]["gib"]
    print_row(f"training step, batch {largest}: resident", f"{peak:.2f} GiB", f"≤ {BAR_GIB:.0f} GiB", peak <= BAR_GIB)
    growth = (found[largest]["seconds"] / largest) / (found[smallest]["seconds"] / smallest)
    print_row(
        "seconds per step by batch, and per row the largest against the smallest",
        ", ".join(f"{rows}: {each['seconds']:.2f} s" for rows, each in found.items()) + f"; {growth:.2f}×",
        f"linear: ≤ {LINEAR_WITHIN}×",
        growth <= LINEAR_WITHIN,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()
