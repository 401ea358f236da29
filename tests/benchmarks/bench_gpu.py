"""The training step on a GPU, in fp32 and in bf16: time, memory, growth with the batch, and the cost of the monitors.

Without a GPU, one row reports that. The bars are the same as for the CPU, if there is one.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path

import torch
from bench_monitors import both
from figures import ROUNDS, interleaved, median_seconds, print_row
from production import Batch, TrainingStep, make_batch, make_model

from trainer.config import MonitorConfig
from trainer.telemetry.eventlog import EventLog

DEVICE = "cuda"
BATCHES = (256, 512, 1024, 2048)
LINEAR_BAR, MEMORY_BAR_GIB, MONITORS_BAR = 1.5, 8.0, 0.02
WARM_STEPS, PAIRS = 5, 41
GIB = 2**30


class GpuStep(TrainingStep):
    """A training step on the GPU that waits for its end; in mixed precision if requested."""

    def __init__(self, batch: Batch, *, is_mixed: bool) -> None:
        super().__init__(make_model().to(DEVICE), Batch(*(each.to(DEVICE) for each in batch)))
        self._is_mixed = is_mixed

    def forget(self) -> None:
        super().forget()
        torch.cuda.synchronize()

    def backward(self) -> None:
        batch = self.batch
        with torch.autocast(DEVICE, torch.bfloat16, enabled=self._is_mixed):
            predictions = self.model(batch.x_NTF, batch.edge_index_2E, batch.edge_attr_EA)
        self._weighted_loss(predictions.float(), batch.labels_NK, batch.day_N).total.backward()


def _times(*, is_mixed: bool) -> tuple[list[float], float]:
    """Return the seconds per step for each batch size, and the peak memory of the largest in GiB."""
    seconds = []
    for num_rows in BATCHES:
        step = GpuStep(make_batch(num_rows), is_mixed=is_mixed)
        for _ in range(WARM_STEPS):
            step()
        torch.cuda.reset_peak_memory_stats()
        seconds.append(median_seconds(step, rounds=4 * ROUNDS))
    return seconds, torch.cuda.max_memory_allocated() / GIB


def _print_precision(name: str, *, is_mixed: bool) -> float:
    seconds, peak_gib = _times(is_mixed=is_mixed)
    shown = ", ".join(f"{rows}: {1000 * each:.1f} ms" for rows, each in zip(BATCHES, seconds, strict=True))
    per_row = seconds[-1] / BATCHES[-1] / (seconds[0] / BATCHES[0])
    print_row(
        f"GPU, {name}: a step by batch, and per row the largest against the smallest",
        f"{shown}; {per_row:.2f}×",
        f"linear: ≤ {LINEAR_BAR}×",
        per_row <= LINEAR_BAR,
    )
    print_row(
        f"GPU, {name}, batch {BATCHES[-1]}: peak memory", f"{peak_gib:.2f} GiB", "≤ 8 GiB", peak_gib <= MEMORY_BAR_GIB
    )
    return seconds[-1]


def _print_monitors() -> None:
    with tempfile.TemporaryDirectory() as folder, closing(EventLog(Path(folder) / "run.log", time.time)) as log:
        watched, unwatched = both(lambda: GpuStep(make_batch(BATCHES[-1]), is_mixed=True), log)
        for _ in range(WARM_STEPS):
            watched(), unwatched()
        with_s, without_s, ratio = interleaved(watched, unwatched, rounds=PAIRS)
    every = MonitorConfig().grad_monitor_every
    added = (ratio - 1) / every
    print_row(
        f"GPU, bf16, batch {BATCHES[-1]}: monitors, a report every {every} steps, added to the step",
        f"{100 * added:.1f} % ({1000 * with_s:.1f} ms with a report, {1000 * without_s:.1f} ms without)",
        f"≤ {100 * MONITORS_BAR:.0f} %",
        added <= MONITORS_BAR,
    )


def main() -> None:
    """Print the rows."""
    if not torch.cuda.is_available():
        print_row("training step on a GPU", "no GPU on this machine", "–", None)
        return
    print(f"GPU: {torch.cuda.get_device_name()}, torch {torch.__version__}")
    torch.manual_seed(1)
    single_s = _print_precision("fp32", is_mixed=False)
    mixed_s = _print_precision("bf16-mixed", is_mixed=True)
    print_row(f"GPU, batch {BATCHES[-1]}: a step in fp32 against bf16-mixed", f"{single_s / mixed_s:.2f}×", "–", None)
    _print_monitors()


if __name__ == "__main__":
    main()
