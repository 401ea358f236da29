"""A long log through `monitor replay` with all shipped rules, against mtail, which extracts the same fields.

mtail (the Debian package) keeps the newest value of every number, by `fields.mtail`, and evaluates no rules. Its own
counter proves that it has read every line. If it is not installed, the row reports that. ``--large`` adds a log of
10,000,000 lines to the growth measurement. Python's bytecode is kept between replays, as for an installed program,
even if the environment disables it: mtail does not need compiling either.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from figures import as_installed, print_row
from long_log import write_log

BAR, ROUNDS = 3.0, 3
PEAK_MB = 150
LINES = 1_000_000
SIZES = (10_000, 100_000, LINES)
LARGEST = 10_000_000
LINEAR_WITHIN = 1.5
"""Largest allowed ratio of seconds per line between the largest size and 100,000 lines, both without the time to start,
which is the time for a log of one line. Chosen by hand."""


class Done(NamedTuple):
    """A finished process."""

    seconds: float
    peak_mb: float
    output: str


def replay(log: Path) -> Done:
    """Replay a log, as a user does."""
    command = [str(Path(sys.executable).with_name("monitor")), "replay", str(log)]
    return _run(command, expected=(0, 1, 3), within=as_installed(log.parent))


def mtail(log: Path) -> Done:
    """Let mtail read a log to its end."""
    program = Path(__file__).with_name("fields.mtail")
    return _run(["mtail", "--one_shot", "--progs", str(program), "--logs", str(log)], expected=(0,))


def _run(command: list[str], *, expected: tuple[int, ...], within: Mapping[str, str] | None = None) -> Done:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        began = perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, env=within)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode in expected, f"{command[0]} ended with {process.returncode}"
        output.seek(0)
        return Done(seconds, usage.ru_maxrss / 1024, output.read())


def _lines_read(printed: str) -> int:
    """Return the number of lines that mtail counted."""
    metric = json.loads(printed[printed.index("{") :])["lines"][0]
    return int(metric["LabelValues"][0]["Value"]["Value"])


def main() -> None:
    """Write the logs and print three rows."""
    sizes = SIZES + ((LARGEST,) if "--large" in sys.argv else ())
    with tempfile.TemporaryDirectory() as folder:
        logs = {size: Path(folder) / f"{size}.log" for size in (1, *sizes)}
        for size, log in logs.items():
            write_log(log, size)
        replay(logs[1])
        _against_mtail(logs[LINES])
        ours = {size: replay(log) for size, log in logs.items()}
    peak = max(done.peak_mb for done in ours.values())
    print_row(
        f"peak memory of a replay of up to {sizes[-1]:,} lines", f"{peak:.0f} MB", f"< {PEAK_MB} MB", peak < PEAK_MB
    )
    per_line = {size: (ours[size].seconds - ours[1].seconds) / size for size in sizes}
    growth = per_line[sizes[-1]] / per_line[SIZES[1]]
    print_row(
        f"seconds of a replay by lines, and per line at {sizes[-1]:,} against {SIZES[1]:,}",
        ", ".join(f"{size:,}: {ours[size].seconds:.2f} s" for size in (1, *sizes)) + f"; {growth:.2f}×",
        f"linear: ≤ {LINEAR_WITHIN}×",
        growth <= LINEAR_WITHIN,
    )


def _against_mtail(log: Path) -> None:
    what = (
        f"{LINES:,} lines, {log.stat().st_size / 1e6:.0f} MB, 30 % of them events: all rules, against mtail without any"
    )
    if shutil.which("mtail") is None:
        print_row(what, "not measured: mtail is not installed (Debian package mtail)", f"≥ {BAR:.0f}×", None)
        return
    pairs = [(mtail(log), replay(log)) for _ in range(ROUNDS)]
    for theirs, _ in pairs:
        assert _lines_read(theirs.output) == LINES, "mtail has not read the whole log"
    ratio = statistics.median(theirs.seconds / ours.seconds for theirs, ours in pairs)
    theirs_s, ours_s = (statistics.median(done.seconds for done in each) for each in zip(*pairs, strict=True))
    print_row(what, f"{ratio:.1f}× ({ours_s:.1f} s against {theirs_s:.1f} s)", f"≥ {BAR:.0f}×", ratio >= BAR)


if __name__ == "__main__":
    main()
