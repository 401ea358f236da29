"""The share of a step spent waiting for data, without worker processes, from the TRAIN lines of a demo training."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import production  # noqa: F401 (sets the threads)
from figures import print_row

from monitor.grammar import Train, parse_line
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.settings import resolve
from trainer.training.loop import train

CODES, DAYS, BATCH_SIZE, EPOCHS = 60, 160, 240, 3
"""The demo's panel and batch size."""
BAR = 0.05


def main() -> None:
    """Print the median share over all TRAIN lines."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_panel(synthesise(codes=CODES, days=DAYS, seed=1), folder / "demo.parquet")
        asked = {"data": str(folder / "demo.parquet"), "log": str(folder / "run.log")}
        result = train(resolve(cli={**asked, "epochs": EPOCHS, "batch_size": BATCH_SIZE}))
        lines = [parse_line(line) for line in result.log.read_bytes().splitlines()]
    steps = [line.record for line in lines if line is not None and isinstance(line.record, Train)]
    share = statistics.median(step.load_s / step.s_per_batch for step in steps)
    what = f"waiting for data, demo panel {CODES} × {DAYS}, batch {BATCH_SIZE}, default model, {len(steps)} lines"
    print_row(what, f"{share * 100:.1f} % of a step", f"< {BAR * 100:.0f} %", share < BAR)


if __name__ == "__main__":
    main()
