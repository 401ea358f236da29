"""How `monitor check` grows with a log: processor time per line and peak memory, for two formats and for new names.

Run ``python tests/benchmarks/bench_growth.py [LINES] [LINES OF NEW NAMES]``; the most lines are 10,000,000 and 500,000.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench_formats import write
from figures import as_installed, print_row

FORMATS = ("nanoGPT", "Hugging Face with bars")
LEAST, MOST, NAMES = 10_000, 10_000_000, 500_000
LINEAR_WITHIN, BAR_MB = 1.5, 150.0


class Cost(NamedTuple):
    """What one reading of a log took."""

    cpu_s: float
    peak_mb: float


def check(log: Path) -> Cost:
    """Let `monitor check` read a log in a process of its own."""
    command = [str(Path(sys.executable).with_name("monitor")), "check", str(log), "--json"]
    with Path(os.devnull).open("wb") as nowhere:
        told = [(os.POSIX_SPAWN_DUP2, nowhere.fileno(), where) for where in (1, 2)]
        process = os.posix_spawn(command[0], command, as_installed(log.parent), file_actions=told)
    _, status, used = os.wait4(process, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 1, 3), "monitor check failed"
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def new_names(lines: int) -> Iterator[str]:
    """Yield reports each of which has a metric of a name of its own."""
    for step in range(1, lines + 1):
        yield f"step {step}: loss {2 + step % 7 / 100:.4f}, score_{step:x}q 0.{step % 90:02d}10\n"


def main() -> None:
    """Print a row per format, and one for new names."""
    given = [int(each) for each in sys.argv[1:]]
    most, names = (given + [MOST, NAMES][len(given) :])[:2]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        for name in FORMATS:
            found: dict[int, Cost] = {}
            write(log, name, 300)
            check(log)
            start = check(log).cpu_s
            lines = LEAST
            while lines <= most:
                write(log, name, lines)
                found[lines] = check(log)
                lines *= 10
            per_line = {lines: (cost.cpu_s - start) / lines for lines, cost in found.items()}
            tenth = max(found) // 10
            growth = per_line[max(found)] / per_line.get(tenth, per_line[max(found)])
            told = ", ".join(f"{lines:,}: {1e6 * each:.1f} µs" for lines, each in per_line.items())
            print_row(
                f"`monitor check`, {name}: processor time per line by lines, and the last against the one before",
                f"{told}; {growth:.2f}×", f"linear: ≤ {LINEAR_WITHIN}×", growth <= LINEAR_WITHIN,
            )  # fmt: skip
            peak = found[max(found)].peak_mb
            what = f"peak memory of `monitor check`, {name}, {max(found):,} lines"
            print_row(what, f"{peak:.0f} MB", f"< {BAR_MB:.0f} MB", peak < BAR_MB)
        costs = {}
        for lines in (names // 10, names):
            log.write_text("".join(new_names(lines)))
            costs[lines] = check(log)
        told = ", ".join(f"{lines:,}: {1e6 * (cost.cpu_s - start) / lines:.0f} µs" for lines, cost in costs.items())
        peak = costs[names].peak_mb
        what = "`monitor check`, a new name in every line: processor time per line by lines; peak memory"
        print_row(what, f"{told}; {peak:.0f} MB", f"< {BAR_MB:.0f} MB", peak < BAR_MB)


if __name__ == "__main__":
    main()
