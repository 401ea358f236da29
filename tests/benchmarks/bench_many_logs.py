"""The cost of following 200 logs at once on one core, each with 20 lines per second: lag, memory and CPU time.

Lag is the time from writing a line that changes an alert to that alert in the JSON-lines sink, with a state.
Run ``python tests/benchmarks/bench_many_logs.py [SECONDS] [LINES PER SECOND]``.
"""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench_footprint import processor_s, resident_mb
from bench_latency import Arrivals
from figures import print_row

from monitor.grammar import GradReport, GroupGrad, RunStart, Share, Train, format_line

NUM_LOGS, PER_S = 200, 20.0
SECONDS = 60.0
REPORT_EVERY = 20
"""Lines between two GRAD-MONITOR lines of a log."""
NAN_SHARE = 0.02
"""Share of lines with a nan loss; each fires an alert, and the next line resolves it."""
BAR_S, BAR_MB = 1.0, 150.0
ROUNDS, ROUND_S = 30, 1.0
"""So often, and so long, each log that is not followed yet is written to and waited for."""


class Found(NamedTuple):
    """The lag and cost of the watch."""

    num_lines: int
    num_alerts: int
    p99_s: float
    largest_s: float
    mb: float
    pct: float
    """CPU time, in percent of one core."""


def measure(seconds: float, per_s: float) -> Found:
    """Write to all logs at an even pace, and measure when the alerts arrive."""
    source = random.Random(1)
    core = max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        writers = [(folder / "logs" / f"run_{number}.log").open("ab", buffering=0) for number in range(NUM_LOGS)]
        for number, writer in enumerate(writers):
            start = RunStart(run=f"run-{number}", pid=1, host="here", cmd="trainer fit", attempt=1)
            writer.write(format_line(time.time(), start).encode() + b"\n")
        sink = folder / "alerts.jsonl"
        command = [sys.executable, "-m", "monitor", "watch", str(folder / "logs"), "--sink", f"jsonl:{sink}"]
        command += ["--state", str(folder / "state")]
        with subprocess.Popen(
            ["taskset", "-c", str(core), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            try:
                arrivals = Arrivals(sink)
                number = _until_all_are_followed(writers, arrivals)
                before, began = processor_s(process.pid), time.perf_counter()
                written, nan, first = {}, frozenset[int](), number
                while time.perf_counter() - began < seconds:
                    for place, writer in enumerate(writers):
                        number += 1
                        # Spread evenly, because separate runs do not write at the same moment.
                        due = began + (number - first) / per_s / NUM_LOGS
                        time.sleep(max(0.0, due - time.perf_counter()))
                        # Each log reports at a different line, because separate runs do not report at the same moment.
                        if (number // NUM_LOGS + place) % REPORT_EVERY == 0:
                            writer.write(report(number))
                            continue
                        is_nan = place not in nan and source.random() < NAN_SHARE
                        nan = nan | {place} if is_nan else nan - {place}
                        at = time.perf_counter()
                        writer.write(line(number, float("nan") if is_nan else 0.5))
                        if is_nan:
                            written[number] = at
                until = time.perf_counter() + 30
                while not written.keys() <= arrivals.at.keys() and time.perf_counter() < until:
                    time.sleep(0.05)
                used_s, taken_s = processor_s(process.pid) - before, time.perf_counter() - began
                lags = sorted(arrivals.at.get(each, math.inf) - at for each, at in written.items())
                mb = resident_mb(process.pid)
            finally:
                process.kill()
                arrivals.end()
        for writer in writers:
            writer.close()
    p99 = lags[int(0.99 * len(lags))]
    return Found(number - first, len(lags), p99, lags[-1], mb, 100 * used_s / taken_s)


def _until_all_are_followed(writers: Sequence[BinaryIO], arrivals: Arrivals) -> int:
    """Write to each log until an alert of it comes; return the last step.

    What a log holds when the watch first reads it is told in one alert, with other words.
    """
    number, followed = 0, frozenset[int]()
    for _ in range(ROUNDS):
        steps = {place: number + 2 * place + 1 for place in range(NUM_LOGS) if place not in followed}
        number += 2 * NUM_LOGS
        for place, step in steps.items():
            writers[place].write(line(step, float("nan")) + line(step + 1, 0.5))
        time.sleep(ROUND_S)
        followed |= {place for place, step in steps.items() if step in arrivals.at}
        if len(followed) == NUM_LOGS:
            return number
    raise TimeoutError(f"{len(followed)} of {NUM_LOGS} logs are followed after {ROUNDS * ROUND_S:g} s")


def line(number: int, loss: float) -> bytes:
    """Return a TRAIN line with a unique step."""
    record = Train(epoch=Share(1, 9), batch=Share(number % 10_000, 10_000), step=number, loss=loss, s_per_batch=0.5)
    return format_line(time.time(), record).encode() + b"\n"


def report(number: int) -> bytes:
    """Return a GRAD-MONITOR line of eight groups."""
    groups = [GroupGrad(group=f"group_{each}", norm=0.1, max=0.1, grad=Share(4, 4)) for each in range(8)]
    record = GradReport(step=number, epoch=1, batch=number % 10_000, groups=tuple(groups))
    return format_line(time.time(), record).encode() + b"\n"


def main() -> None:
    """Print two rows."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    per_s = float(sys.argv[2]) if len(sys.argv) > 2 else PER_S
    found = measure(seconds, per_s)
    what = f"{NUM_LOGS} logs of {per_s:g} lines/s on one core, {found.num_lines:,} lines"
    rest = f"p99 {found.p99_s * 1e3:.0f} ms of {found.num_alerts}; processor {found.pct:.0f} %"
    lag = f"{found.largest_s * 1e3:.0f} ms ({rest})"
    print_row(f"{what}: largest lag from write() to alert", lag, f"≤ {BAR_S * 1e3:.0f} ms", found.largest_s <= BAR_S)
    print_row(f"{what}: resident memory", f"{found.mb:.0f} MB", f"< {BAR_MB:.0f} MB", found.mb < BAR_MB)


if __name__ == "__main__":
    main()
