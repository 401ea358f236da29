"""What a line of other people's logs costs, reading and judging, with all rules.

    python tests/benchmarks/bench_real_logs.py FOLDER

FOLDER holds the logs of many repositories, one folder each, as `tests/real_logs/fetch.py` lays them down. The first
200 kB of the largest log of each of forty, drawn by a seed, are read to their end.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from pathlib import Path
from time import process_time

from figures import print_row

BAR_MS, LOGS, READ_BYTES, FEWEST_LINES, SEED = 0.1, 40, 200_000, 700, 21


def drawn(folder: Path) -> list[bytes]:
    """Return the beginnings of the logs."""
    largest = [
        max((each for each in repo.rglob("*") if each.is_file()), key=lambda each: each.stat().st_size, default=None)
        for repo in sorted(folder.iterdir())
        if repo.is_dir()
    ]
    large = [each for each in largest if each is not None and each.stat().st_size >= READ_BYTES]
    random.Random(SEED).shuffle(large)
    begun = (each.open("rb").read(READ_BYTES) for each in large)
    whole = (data[: data.rindex(b"\n") + 1] for data in begun if data.count(b"\n") >= FEWEST_LINES)
    return [data for data, _ in zip(whole, range(LOGS), strict=False)]


def line_ms(data: bytes, log: Path) -> float:
    """Return the processor time of a line, on average over a log."""
    from monitor.api import Settings
    from monitor.pipeline import Pipeline
    from monitor.replay import replay

    log.write_bytes(data)
    pipeline = Pipeline(str(log), Settings().engine())
    began = process_time()
    replay(pipeline)
    return 1e3 * (process_time() - began) / pipeline.run.lines


def main() -> None:
    """Print a row."""
    what = "other people's logs, all rules: processor time per line, mean of the logs"
    if len(sys.argv) < 2:
        print_row(what, "not measured: no folder of logs was given", f"≤ {BAR_MS} ms", None)
        return
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "train.log"
        found = drawn(Path(sys.argv[1]))
        line_ms(found[0], log)
        taken = [line_ms(data, log) for data in found]
    mean = statistics.mean(taken)
    said = f"{mean:.3f} ms of {len(taken)}; median {statistics.median(taken):.3f}, {min(taken):.3f} to {max(taken):.3f}"
    print_row(what, said, f"≤ {BAR_MS} ms", mean <= BAR_MS)


if __name__ == "__main__":
    main()
