"""The cost of telemetry in an ordinary loop, at its default cadence: alternates an epoch with it and one without.

The loop is the worst case: a small network on a CPU, whose steps take about a millisecond.
"""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path

import torch
from figures import interleaved, print_row
from torch import nn

from trainer.telemetry.telemetry import Telemetry

BATCHES, ROWS, WIDTH = 200, 256, 256
"""Two gradient reports per epoch."""
BAR = 0.02
PAIRS = 15


class Epoch:
    """One epoch of an ordinary loop, with telemetry or without."""

    def __init__(self, folder: Path | None) -> None:
        torch.manual_seed(0)
        layers = [layer for _ in range(4) for layer in (nn.Linear(WIDTH, WIDTH), nn.ReLU())]
        self._model = nn.Sequential(*layers, nn.Linear(WIDTH, 1))
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=1e-3)
        self._x, self._y = torch.randn(ROWS, WIDTH), torch.randn(ROWS, 1)
        self._folder = folder

    def __call__(self) -> None:
        """Train one epoch."""
        telemetry = (
            None
            if self._folder is None
            else Telemetry(self._model, self._optimizer, epochs=1, batches=BATCHES, log=self._folder / "run.log")
        )
        with telemetry or nullcontext():
            for _ in range(BATCHES):
                loss = (self._model(self._x) - self._y).square().mean()
                self._optimizer.zero_grad()
                loss.backward()
                self._optimizer.step()
                if telemetry is not None:
                    telemetry.step(loss, samples=ROWS)


def main() -> None:
    """Print the share that telemetry adds."""
    with tempfile.TemporaryDirectory() as folder:
        _, alone_s, ratio = interleaved(Epoch(Path(folder)), Epoch(None), rounds=PAIRS)
    added = ratio - 1
    print_row(
        f"telemetry in another loop, steps of {alone_s / BATCHES * 1e3:.1f} ms: added to the epoch",
        f"{added * 100:.1f} %",
        f"≤ {BAR * 100:.0f} %",
        added <= BAR,
    )


if __name__ == "__main__":
    main()
