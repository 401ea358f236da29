"""Two processes (gloo) against one on the same training: rows per second, each process with one thread.

Both take the same global batches, so this is strong scaling: half of the rows each, and the sums between them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import print_row

sys.path.insert(0, str(Path(__file__).parents[2]))

from monitor.grammar import Train, parse_line
from trainer.market.generate import synthesise
from trainer.market.write import write_panel

CODES, DAYS, PAIRS = 120, 160, 3
OPTIONS = {"epochs": 1, "batch-size": 480, "hidden": 128, "threads": 1, "train-every": 2, "explain-days": 0}
LAUNCHERS = {
    1: [sys.executable, "-m"],
    # Without the two dashes torchrun reads our options as abbreviations of its own.
    2: [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--"],
}


def main() -> None:
    """Print the ratio of the two, in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_panel(synthesise(codes=CODES, days=DAYS, seed=1), folder / "panel.parquet")
        pairs = [[_rows_per_s(folder, num, f"{pair}_{num}.log") for num in LAUNCHERS] for pair in range(PAIRS)]
    ratio = statistics.median(both / alone for alone, both in pairs)
    alone, both = (statistics.median(each) for each in zip(*pairs, strict=True))
    print_row(
        f"two processes with gloo against one, batch {OPTIONS['batch-size']}, hidden {OPTIONS['hidden']}, "
        f"{os.cpu_count()} cores at a load of {os.getloadavg()[0]:.0f}",
        f"{ratio:.2f}× ({both:.0f} against {alone:.0f} rows/s)",
        "–",
        None,
    )


def _rows_per_s(folder: Path, num: int, log: str) -> float:
    words = [word for name, value in OPTIONS.items() for word in (f"--{name}", str(value))]
    command = [*LAUNCHERS[num], "trainer.cli", "fit", "--data", "panel.parquet", "--log", log, *words]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=environment)
    lines = map(parse_line, (folder / log).read_bytes().splitlines())
    steps = [line.record for line in lines if line is not None and isinstance(line.record, Train)]
    # The first steps also fill the allocator and the caches.
    return statistics.median(step.samples_per_s for step in steps[1:] if step.samples_per_s is not None)


if __name__ == "__main__":
    main()
