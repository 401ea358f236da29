"""Seconds that `monitor --help` takes, including its start: the median of five processes."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT_S = 0.3
COMMAND = [str(Path(sys.executable).with_name("monitor")), "--help"]


def main() -> None:
    """Print the five times and their median; exit with 1 if the median is above the limit."""
    subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)  # compiles to bytecode, not measured
    times_s = [_once() for _ in range(5)]
    median_s = statistics.median(times_s)
    listed = " ".join(f"{each:.3f}" for each in times_s)
    print(f"monitor --help: {listed} s; median {median_s:.3f} s, limit {LIMIT_S} s")
    sys.exit(median_s > LIMIT_S)


def _once() -> float:
    started = time.perf_counter()
    subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
