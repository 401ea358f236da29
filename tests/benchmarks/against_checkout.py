"""The training step of this checkout against that of another, in turns within one run.

    git worktree add /tmp/before 2ee1d66
    python tests/benchmarks/against_checkout.py /tmp/before [ROWS [STOCKS_PER_DAY]]

Each side is a process of its own with its own `production.py`, which takes a step when it is asked to; the other waits.
Prints seconds and processor seconds of a step, the median ratio of neighbouring steps, and the peak of memory.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PAIRS = 5


def main(other: Path, num_rows: int, stocks_per_day: int) -> None:
    """Print both sides and their ratio."""
    sides = [_Side(checkout, num_rows, stocks_per_day) for checkout in (other, Path(__file__).parents[2])]
    for side in sides:
        side.step()
    pairs = [[side.step() for side in sides] for _ in range(PAIRS)]
    for what in ("seconds", "processor"):
        before, after = ([pair[place][what] for pair in pairs] for place in (0, 1))
        ratio = statistics.median(left / right for left, right in zip(before, after, strict=True))
        medians = f"{statistics.median(before):.3f} s against {statistics.median(after):.3f} s"
        print(f"batch {num_rows}, days of {stocks_per_day}: {what} {ratio:.2f}× ({medians})")
    peaks = " and ".join(f"{pairs[-1][place]['gib']:.2f} GiB" for place in (0, 1))
    print(f"peak memory {peaks}")


class _Side:
    def __init__(self, checkout: Path, num_rows: int, stocks_per_day: int) -> None:
        command = [sys.executable, __file__, "--serve", str(checkout), str(num_rows), str(stocks_per_day)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    def step(self) -> dict[str, float]:
        """Let this side take a step."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found


def serve(checkout: Path, num_rows: int, stocks_per_day: int) -> None:
    """Take a step for each line of standard input."""
    # The folder of this file must not hide the other checkout's modules.
    sys.path[:] = [str(checkout / "tests/benchmarks"), str(checkout), *sys.path[1:]]
    import production

    step: Any = production.TrainingStep(
        production.make_model(), production.make_batch(num_rows, stocks_per_day=stocks_per_day)
    )
    for _ in sys.stdin:
        seconds, processor = time.perf_counter(), time.process_time()
        step()
        found = {
            "seconds": time.perf_counter() - seconds,
            "processor": time.process_time() - processor,
            "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        rows = int(sys.argv[2]) if len(sys.argv) > 2 else 2048
        main(Path(sys.argv[1]), rows, int(sys.argv[3]) if len(sys.argv) > 3 else rows)
