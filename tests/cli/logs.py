"""Whole logs of small runs, as bytes; times are seconds after `START`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from monitor import grammar
from monitor.grammar import RunEnd, RunStart
from tests.lines import at, epoch_end, report, reset, setting, train

START_LINE = at(0, RunStart(run="fit-1", pid=1, host="gpu1", cmd="trainer fit", attempt=1))
COMPLETED = RunEnd(status="completed", epochs=2, best_epoch=2, best_val_loss=0.5, seconds=60.0)
FAILED = RunEnd(status="failed", epochs=1, error="out of memory")

EPOCH_1 = [
    START_LINE,
    at(1, setting("ENABLE_GRAD_MONITOR", "1")),
    at(2, report(0, gat=1.0, adaptive_norm=1.0)),
    at(3, grammar.EncoderGrad(tensor="projected_features", norm=0.01, max=0.001, step=0)),
    at(4, grammar.GuardCheck(h=1, step=0, std=0.5)),
    at(5, train(1, epochs=2)),
    at(6, epoch_end(1, epochs=2)),
]
"""The first epoch of two, without a fault."""
HEALTHY = [
    *EPOCH_1,
    at(7, report(2, 2, gat=1.0, adaptive_norm=1.0)),
    at(7, grammar.EncoderGrad(tensor="projected_features", norm=0.01, max=0.001, step=2)),
    at(7, grammar.GuardCheck(h=1, step=2, std=0.5)),
    at(8, train(2, 2, epochs=2)),
    at(9, epoch_end(2, epochs=2)),
    at(10, COMPLETED),
]
"""A run of two epochs, without a fault, that ended well."""
TROUBLED = [
    *EPOCH_1,
    at(7, report(2, 2, gat=0.0, adaptive_norm=0.0)),
    at(8, train(2, 2, loss=float("nan"), epochs=2)),
    *(at(9 + count / 10, reset(epoch=2, step=2)) for count in range(11)),
    at(500, train(3, 2, loss=0.4, epochs=2)),
    b"Traceback (most recent call last):",
    at(501, report(4, 2, gat=1.0, adaptive_norm=0.0)),
    at(501, grammar.EncoderGrad(tensor="projected_features", norm=0.01, max=0.001, step=4)),
    at(502, epoch_end(2, epochs=2)),
    at(503, FAILED),
]
"""A run in which much goes wrong in the second epoch: a silence of 490 s too, and a failed end."""
FOREIGN = [b"hello", b"listening for connections"]
"""Lines that no dialect understands."""


def joined(lines: Iterable[bytes]) -> bytes:
    """Return a log's bytes, a line feed after each line."""
    return b"".join(line + b"\n" for line in lines)


def write(path: Path, lines: Iterable[bytes]) -> Path:
    """Write a log and return its path."""
    path.write_bytes(joined(lines))
    return path
