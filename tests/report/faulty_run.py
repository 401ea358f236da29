"""A run in which the loss becomes nan after a checkpoint: what the pictures and the measurements show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from monitor import api
from monitor.alert import Alert, State

HOST = "gpu03"
AFTER_S = 840
"""Seconds until the receivers are told, and until the run ends."""


def log_in(folder: Path) -> Path:
    """Write the log and return its path."""
    path = folder / "lr6e-4" / "train.log"
    path.parent.mkdir()
    lines = ["tokens per iteration will be: 491,520", "number of parameters: 123.59M"]
    for number in range(80):
        moment = f"2026-03-02 09:{number // 6:02}:{number % 6 * 10:02}"
        loss = "nan" if number >= 31 else f"{3.2 - number / 25 + number % 3 / 50:.4f}"
        lines.append(f"{moment} iter {10 * number}: loss {loss}, time 1000.00ms, mfu 15.34%")
        if number and number % 25 == 0:
            lines.append("saving checkpoint to out/ckpt.pt")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def alerts_of(log: Path) -> list[Alert]:
    """Return the alerts as a watch on another host would send them: the fault, late; its end; one of three."""
    firing = [each for each in api.read(str(log)).transitions if each.state is State.FIRING and not each.inhibited_by]
    return [replace(each, host=HOST, at=(each.at or 0.0) + AFTER_S) for each in firing]
