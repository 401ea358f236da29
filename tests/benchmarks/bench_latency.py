"""The time from writing a line to its alert in the JSON-lines sink, with and without file events.

Each is measured with a real ``monitor watch`` and 1,000 lines at random moments, each of which changes an alert.
Run ``python tests/benchmarks/bench_latency.py [NUM_EVENTS]``.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from figures import print_row

from monitor.grammar import Share, Train, format_line
from monitor.live.daemon import POLL_S

NUM_EVENTS = 1_000
EVERY_S = 0.1
"""Mean time between two events, a tenth of the poll interval."""
STEP = re.compile(rb"\bstep=(\d+) ")
BAR_S = 0.1
LIMIT_S = 30.0
# Replaces the Waker by one without file events, so that the command needs no option only for tests.
POLLING = (
    "import functools, sys; import monitor.tail.waker as waker; import monitor.cli.watching as watching; "
    "watching.Waker = functools.partial(waker.Waker, use_events=False); from monitor.cli import main; main()"
)


class Latencies(NamedTuple):
    """Latencies over all events, in seconds."""

    median: float
    p99: float
    largest: float


def measure(num_events: int, *, use_events: bool, every_s: float) -> Latencies:
    """Write events at random moments, on average `every_s` apart; return how long their alerts took."""
    source = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        log, sink = Path(folder) / "run.log", Path(folder) / "alerts.jsonl"
        log.touch()
        with watched(log, sink, use_events=use_events), log.open("ab", buffering=0) as writer:
            arrivals = Arrivals(sink)
            # The first one waits for the program to start.
            writer.write(event(0))
            arrivals.wait_for(1)
            written = []
            for number in range(1, num_events + 1):
                time.sleep(2 * every_s * source.random())
                line = event(number)
                written.append(time.perf_counter())
                writer.write(line)
            arrivals.wait_for(num_events + 1)
            arrivals.end()
    taken = sorted(arrivals.at[number] - at for number, at in enumerate(written, start=1))
    return Latencies(taken[len(taken) // 2], taken[int(0.99 * len(taken))], taken[-1])


class Arrivals:
    """Records, in a separate thread, when the first alert of each step arrived.

    It checks the sink twice per millisecond, because a wake-up would take longer than that.
    """

    def __init__(self, sink: Path) -> None:
        self.at: dict[int, float] = {}
        self._sink, self._is_over = sink, False
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def wait_for(self, count: int) -> None:
        """Wait until this many steps have had an alert."""
        until = time.perf_counter() + LIMIT_S
        while len(self.at) < count:
            time.sleep(0.01)
            assert time.perf_counter() < until, f"only {len(self.at)} of {count} alerts arrived within {LIMIT_S} s"

    def end(self) -> None:
        """Stop checking."""
        self._is_over = True
        self._thread.join()

    def _look(self) -> None:
        offset, rest = 0, b""
        while not self._is_over:
            time.sleep(0.0005)
            if not self._sink.exists() or self._sink.stat().st_size == offset:
                continue
            now = time.perf_counter()
            with self._sink.open("rb") as file:
                file.seek(offset)
                new = file.read()
            offset += len(new)
            *lines, rest = (rest + new).split(b"\n")
            for line in lines:
                # The line that caused an alert is the last of its evidence.
                if steps := STEP.findall(line):
                    self.at.setdefault(int(steps[-1]), now)


def event(number: int) -> bytes:
    """Return a line that changes an alert: a nan loss fires it, and the next loss resolves it."""
    loss = 0.5 if number % 2 else float("nan")
    record = Train(epoch=Share(1, 9), batch=Share(number, 10_000), step=number, loss=loss)
    return format_line(time.time(), record).encode() + b"\n"


@contextmanager
def watched(log: Path, sink: Path, *, use_events: bool) -> Iterator[None]:
    """Run a watch of the log."""
    how = ["-m", "monitor"] if use_events else ["-c", POLLING]
    command = [sys.executable, *how, "watch", str(log), "--sink", f"jsonl:{sink}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def main() -> None:
    """Print one row with and one without file events."""
    num_events = int(sys.argv[1]) if len(sys.argv) > 1 else NUM_EVENTS
    for use_events, bar_s in (
        (True, BAR_S),
        (False, POLL_S + BAR_S),
    ):
        found = measure(num_events, use_events=use_events, every_s=EVERY_S)
        how = "with file events" if use_events else "polling alone"
        print_row(
            f"write() to alert in the sink, {how}, {num_events} events: p99",
            f"{found.p99 * 1e3:.0f} ms (median {found.median * 1e3:.0f}, largest {found.largest * 1e3:.0f})",
            f"≤ {bar_s * 1e3:.0f} ms",
            found.p99 <= bar_s,
        )


if __name__ == "__main__":
    main()
