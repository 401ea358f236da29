"""Floods of ever new names, deaths, runs and epochs: processor time by lines, and peak memory, as a watch reads them.

Run ``python tests/benchmarks/bench_floods.py [LINES [SORT ...]]``; without sorts, it measures all of
`tests/pipeline/test_floods.py`, each in a process of its own, at a quarter, half and all of 500,000 lines.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from figures import HEADER, print_row

# As a script, Python searches this folder only; the floods are those of the tests.
sys.path.insert(0, str(Path(__file__).parents[2]))

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.rules.choice import shipped_rule_files
from monitor.store.saved import NOTHING, Saved, to_rows
from monitor.tail import read_lines
from monitor.tail.opening import opened
from tests.pipeline.test_floods import SORTS, STATE_BYTES

LINES = 500_000
LINEAR_WITHIN, BAR_MB = 1.5, 150.0


class Cost(NamedTuple):
    """What reading one flood took, line by line."""

    cpu_s: list[float]
    """At a quarter, half and all of the lines."""
    peak_mb: list[float]
    """At the same lines."""
    state_bytes: int
    unjudged: int


def read(log: Path, num_lines: int) -> Cost:
    """Take a log line by line through all stations, with all rules."""
    pipeline = Pipeline(str(log), Engine(tuple(load_rules(shipped_rule_files()))))
    took, peak_mb = list[float](), list[float]()
    marks = [num_lines // 4, num_lines // 2, num_lines]
    with opened(str(log)) as stream:
        began = time.process_time()
        for number, line in enumerate(read_lines(stream), 1):
            pipeline.take(line)
            if number in marks:
                took.append(time.process_time() - began)
                peak_mb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    rows = to_rows(Saved(run=pipeline.run, states=pipeline.states, history=pipeline.history), NOTHING)
    size = len(rows.core) + sum(map(len, rows.series.values())) + sum(map(len, rows.alerts))
    return Cost(took, peak_mb, size, pipeline.run.unjudged)


def in_a_process(call: Callable[[], Cost]) -> Cost:
    """Return what a call returns in a process of its own, so that its peak memory is its own."""
    ours, childs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(childs, json.dumps(call()).encode())
        os._exit(0)
    os.close(childs)
    with os.fdopen(ours, "rb") as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return Cost(*json.loads(told))


def main(words: Sequence[str]) -> None:
    """Print a row per sort."""
    num_lines = int(words[0]) if words else LINES
    print(HEADER)
    for make in SORTS:
        if words[1:] and make.__name__ not in words[1:]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "train.log"
            with log.open("wb") as file:
                file.writelines(make(number) + b"\n" for number in range(num_lines))
            cost = in_a_process(lambda log=log: read(log, num_lines))  # type: ignore[misc]
        growth = (cost.cpu_s[2] - cost.cpu_s[1]) / (2 * cost.cpu_s[0])
        seconds, peaks = (", ".join(f"{each:.0f}" for each in found) for found in (cost.cpu_s, cost.peak_mb))
        is_met = growth <= LINEAR_WITHIN and cost.peak_mb[-1] < BAR_MB and cost.state_bytes < STATE_BYTES
        print_row(
            f"`{make.__name__}`, {num_lines:,} lines",
            f"{seconds} s; the second half against twice the first quarter {growth:.2f}×; {peaks} MB; state "
            f"{cost.state_bytes >> 10:,} KiB",
            f"≤ {LINEAR_WITHIN}×, < {BAR_MB:.0f} MB, < {STATE_BYTES >> 20} MiB",
            is_met and cost.unjudged == 0,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
