"""Run a board: `python -m tests.scoreboard.run held-out` trains, judges, and writes the page.

Other boards, and parts of a board, are printed instead.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.scoreboard.board import tables_of
from tests.scoreboard.page import circumstances, page, write
from tests.scoreboard.plan import Board, jobs_of
from tests.scoreboard.recipes import Job
from tests.scoreboard.runs import Judged, is_kept, rivals_here, run_job


def run_all(jobs: Sequence[Job], *, workers: int) -> Iterator[Judged]:
    """Yield the runs as they finish, with a progress bar on the terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    rivals_here()
    # Imported before the fork, because these imports take seconds.
    import tests.scoreboard.ownloop
    import tests.scoreboard.shipped  # noqa: F401

    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        # Submitted before the bar starts, because its thread must not exist when processes are forked.
        waiting = [pool.submit(run_job, job) for job in jobs]
        with Progress(*columns, console=Console(stderr=True)) as progress:
            shown = progress.add_task("runs", total=len(jobs))
            for done in as_completed(waiting):
                judged = done.result()
                progress.update(shown, advance=1, description=judged.job.name[:44].ljust(44))
                yield judged


def main() -> None:
    """Run the requested runs, print the misses, and write the page if the whole board was run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", type=Board, choices=list(Board))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kinds", default="", help="only these, separated by commas")
    parser.add_argument("--architectures", default="", help="only these, separated by commas")
    asked = parser.parse_args()
    jobs = [
        job
        for job in jobs_of(asked.board)
        if (not asked.kinds or job.kind in asked.kinds.split(","))
        and (not asked.architectures or job.architecture in asked.architectures.split(","))
    ]
    taken_over, begun = sum(map(is_kept, jobs)), time.monotonic()
    runs = list(run_all(jobs, workers=asked.workers))
    tables = tables_of(runs)
    how = circumstances(
        command=f"python -m tests.scoreboard.run {asked.board.value}",
        minutes=(time.monotonic() - begun) / 60,
        taken_over=taken_over,
        runs=len(jobs),
        workers=asked.workers,
    )
    for miss in tables.misses:
        print(f"{miss.run}: {miss.what}")
    if asked.board is Board.HELD_OUT and not asked.kinds and not asked.architectures:
        write(tables, how)
    else:
        print(page(tables, how))


if __name__ == "__main__":
    main()
