"""Run a board: `python -m tests.scoreboard.run held-out` trains, judges, and writes what came of it."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.scoreboard.plan import Board, jobs_of
from tests.scoreboard.recipes import Job
from tests.scoreboard.runs import Judged, run_job


def run_all(jobs: Sequence[Job], *, workers: int) -> Iterator[Judged]:
    """Yield every run as it is done, in no order, with a bar on the terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    # Forked once what takes seconds to import is there.
    import tests.scoreboard.ownloop
    import tests.scoreboard.shipped  # noqa: F401

    context = multiprocessing.get_context("fork")
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        shown = progress.add_task("runs", total=len(jobs))
        for done in as_completed([pool.submit(run_job, job) for job in jobs]):
            judged = done.result()
            progress.update(shown, advance=1, description=judged.job.name[:44].ljust(44))
            yield judged


def main() -> None:
    """Parse, run, print what is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("board", type=Board, choices=list(Board))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kinds", default="", help="only these, separated by commas")
    parser.add_argument("--architectures", default="", help="only these, separated by commas")
    parser.add_argument("--seeds", default="", help="only these, separated by commas")
    asked = parser.parse_args()
    jobs = [
        job
        for job in jobs_of(asked.board)
        if (not asked.kinds or job.kind in asked.kinds.split(","))
        and (not asked.architectures or job.architecture in asked.architectures.split(","))
        and (not asked.seeds or str(job.seed) in asked.seeds.split(","))
    ]
    for judged in sorted(run_all(jobs, workers=asked.workers), key=lambda each: each.job.name):
        told = " ".join(f"{each.fault}/{each.rule}@{each.step}" for each in judged.findings[:4])
        said = judged.verdict
        if said is None:
            if judged.findings:
                print(f"FALSE  {judged.job.name:34} {told}")
        elif not (said.is_detected and said.is_first_right and said.is_shown) or (said.over or 0) > 0:
            print(f"FAULT  {judged.job.name:34} {said} {told}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
