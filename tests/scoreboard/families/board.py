"""Run one part of the list: `python -m tests.scoreboard.families.board first` prints each result as it comes.

For a part that is held out, the figures, the page and the README's summary are written from all results so far.
"""

from __future__ import annotations

import argparse
import time

from tests.scoreboard import page
from tests.scoreboard.families.draw import Part
from tests.scoreboard.families.figures import figures_of, has_begun
from tests.scoreboard.families.judging import Alarm
from tests.scoreboard.families.plan import jobs_of
from tests.scoreboard.families.run import Result, digest, log_of, results_of, run_all
from tests.scoreboard.families.words import Draw, keep


def words_of(result: Result) -> str:
    """Return a result in one line."""
    native, printed = _told(result.alarms), _told(result.printed)
    return f"{result.job.name} ({result.cpu_s} s): {native} | {result.job.form}: {printed}"


def _told(alarms: tuple[Alarm, ...]) -> str:
    return " ".join(f"{each.rule}@{each.step}" for each in alarms) or "-"


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", type=lambda text: Part[text.upper()], choices=list(Part))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="healthy, faulty, or names of faults, separated by commas")
    parser.add_argument("--kept", action="store_true", help="only judge the runs whose logs are there")
    asked = parser.parse_args()
    every = jobs_of(asked.part)
    wanted = {"healthy": [""], "faulty": [job.fault for job in every if job.fault]}.get(
        asked.only, asked.only.split(",")
    )
    jobs = [job for job in every if not asked.only or job.fault in wanted]
    if asked.kept:
        jobs = [job for job in jobs if log_of(job).with_suffix(".json").exists()]
    for result in run_all(asked.part, jobs, asked.workers):
        print(words_of(result), flush=True)
    results = results_of(asked.part)
    if asked.part is not Part.TUNING:
        date = time.strftime("%Y-%m-%d", time.gmtime())
        planned = len(every) - sum(not has_begun(each) for each in results)
        keep(Draw(asked.part.value, digest(), date, planned, figures_of(results)))
        page.write_words(*page.read())


if __name__ == "__main__":
    main()
