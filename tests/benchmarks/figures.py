"""What all benchmarks share: medians, ratios within one run, and a row of the table."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

ROUNDS = 5
"""Number of measurements of which an absolute figure is the median."""

HEADER = "| what | measured | bar | verdict |\n|---|---|---|---|"


def seconds_of(call: Callable[[], object]) -> float:
    """Return the seconds that one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def median_seconds(call: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """Return the median over several calls, after a first one that is not counted."""
    call()
    return statistics.median(seconds_of(call) for _ in range(rounds))


def interleaved(
    first: Callable[[], object], second: Callable[[], object], *, rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Return both medians in seconds, and the median of the ratios first / second of neighbouring calls.

    Neighbouring calls run under the same load of the machine.
    """
    first(), second()
    pairs = [(seconds_of(first), seconds_of(second)) for _ in range(rounds)]
    lefts, rights = zip(*pairs, strict=True)
    ratio = statistics.median(left / right for left, right in pairs)
    return statistics.median(lefts), statistics.median(rights), ratio


def as_installed(folder: Path) -> dict[str, str]:
    """Return an environment in which Python keeps its bytecode in a folder between starts.

    Installed programs do so too; without it, each start would compile a hundred files.
    """
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


def print_row(what: str, measured: str, bar: str, is_met: bool | None) -> None:
    """Print one row; `is_met` None means that it was not measured or has no bar."""
    verdict = {True: "met", False: "MISSED", None: "–"}[is_met]
    print(f"| {what} | {measured} | {bar} | {verdict} |", flush=True)
