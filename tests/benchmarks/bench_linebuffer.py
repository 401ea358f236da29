"""Measure how many MB of log LineBuffer splits per second of CPU time.

Run ``python tests/benchmarks/bench_linebuffer.py``.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).parents[2]))

from monitor.tail.linebuffer import CHUNK_BYTES, LineBuffer

LOG_BYTES = 64 * 1024 * 1024
NUM_ROUNDS = 5
LINE = (
    b"2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=12/500 step=12 loss=0.79263214 lr=0.0002 "
    b"s_per_batch=2.1 load_s=0.01"
)
LOGS = {
    "plain lines": LINE + b"\n",
    "long lines (900 bytes)": LINE * 7 + b"\n",
    "CRLF": LINE + b"\r\n",
    "ANSI colours": b"\x1b[32m" + LINE + b"\x1b[0m\n",
    "progress bars": b"\rEpoch 1:  12%|#####    | 60/500 [00:12<01:28, 4.9it/s, loss=0.79]" * 9 + b"\n",
    "no newline at all": LINE,
    "NUL hole": b"\0" * CHUNK_BYTES,
}


def main() -> None:
    print(f"LineBuffer, {LOG_BYTES >> 20} MiB in chunks of {CHUNK_BYTES >> 10} KiB, median of {NUM_ROUNDS}, CPU time")
    for name, line in LOGS.items():
        log = line * (LOG_BYTES // len(line))
        speeds = [len(log) / 1e6 / _seconds_for(log) for _ in range(NUM_ROUNDS)]
        print(f"  {name:<24}{statistics.median(speeds):>7.0f} MB/s   {len(line):>7} bytes per line")


def _seconds_for(log: bytes) -> float:
    buffer = LineBuffer()
    began = process_time()
    for begin in range(0, len(log), CHUNK_BYTES):
        buffer.feed(log[begin : begin + CHUNK_BYTES])
    return process_time() - began


if __name__ == "__main__":
    main()
