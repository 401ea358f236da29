"""Memory and time of a training step by batch size, each in a separate process, for its own peak memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

from figures import median_seconds, print_row
from production import TrainingStep, make_batch, make_model

SIZES = (256, 512, 1024, 2048)
BAR_GIB = 8.0
LINEAR_WITHIN = 1.3
"""Largest allowed ratio of seconds per row between the largest and the smallest size. Chosen by hand."""


STOCKS_PER_DAY = 256


def measure(num_rows: int, stocks_per_day: int) -> dict[str, float]:
    """Return the seconds of a step, and the peak resident memory of this process in GiB."""
    batch = make_batch(num_rows, stocks_per_day=stocks_per_day)
    seconds = median_seconds(TrainingStep(make_model(), batch), rounds=3)
    return {"seconds": seconds, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def main() -> None:
    """Print the memory at the largest size and the seconds at each size, as one day and as whole days of a market."""
    one_day = {num_rows: _measured(num_rows, num_rows) for num_rows in SIZES}
    peak = one_day[SIZES[-1]]["gib"]
    print_row(f"training step, batch {SIZES[-1]}: resident", f"{peak:.2f} GiB", f"≤ {BAR_GIB:.0f} GiB", peak <= BAR_GIB)
    _print_growth("one day", one_day)
    days = {num_rows: _measured(num_rows, STOCKS_PER_DAY) for num_rows in SIZES}
    _print_growth(f"whole days of {STOCKS_PER_DAY} stocks", days)


def _measured(num_rows: int, stocks_per_day: int) -> dict[str, float]:
    command = [sys.executable, __file__, str(num_rows), str(stocks_per_day)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _print_growth(what: str, found: dict[int, dict[str, float]]) -> None:
    smallest, largest = min(found), max(found)
    growth = (found[largest]["seconds"] / largest) / (found[smallest]["seconds"] / smallest)
    print_row(
        f"seconds per step by batch, {what}, and per row the largest against the smallest",
        ", ".join(f"{rows}: {each['seconds']:.2f} s" for rows, each in found.items()) + f"; {growth:.2f}×",
        f"linear: ≤ {LINEAR_WITHIN}×",
        growth <= LINEAR_WITHIN,
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(*map(int, sys.argv[1:]))))
    else:
        main()
