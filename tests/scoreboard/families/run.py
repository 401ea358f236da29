"""Trains and judges the runs of one part of the list, each once.

Every result is one line of `build/scoreboard/families/PART-DIGEST.jsonl`, the digest being that of all code and rules
that it depends on, so that an interrupted run goes on where it ended. Logs are kept under a digest of what writes them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from tests.scoreboard.families.draw import Part
from tests.scoreboard.families.faults import FAULTS
from tests.scoreboard.families.forms import lines_until, written
from tests.scoreboard.families.judging import Alarm, alarms_of
from tests.scoreboard.families.listing import every_family
from tests.scoreboard.families.loop import train
from tests.scoreboard.families.plan import Job

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "build/scoreboard/families"
_NOT_TRAINING = {"draw", "plan", "run", "judging", "figures", "words", "board"}


class Result(NamedTuple):
    """What came of one run."""

    job: Job
    own_onset: int
    """The last line before the fault in the training's own log; 0 for one from the start and for a healthy run."""
    printed_onset: int
    """The same in what was printed."""
    has_died: bool
    """Whether the training ended with an error."""
    steps: int
    cpu_s: float
    alarms: tuple[Alarm, ...]
    printed: tuple[Alarm, ...]
    """Those of the same run as it was printed, in the job's form."""

    def as_line(self) -> str:
        """Return the result as a line of JSON."""
        return json.dumps(self._asdict() | {"job": self.job._asdict()})

    @classmethod
    def of_line(cls, line: str) -> Result:
        """Return what `as_line` was given."""
        given = json.loads(line)
        alarms = {key: tuple(Alarm(*each) for each in given[key]) for key in ("alarms", "printed")}
        return cls(**{**given, "job": Job(**given["job"]), **alarms})


def run_job(job: Job) -> Result:
    """Train unless the log exists, and judge."""
    log, kept = log_of(job), log_of(job).with_suffix(".json")
    if not kept.exists():
        _train(job, log, kept)
    facts = json.loads(kept.read_text())
    return Result(job, **facts, alarms=tuple(alarms_of(log)), printed=tuple(alarms_of(_printed(log))))


def log_of(job: Job) -> Path:
    """Return where the log of a run is kept."""
    return FOLDER / _training_digest(is_faulty=bool(job.fault)) / f"{job.name}.log"


def _printed(log: Path) -> Path:
    return log.with_suffix(".printed.log")


def _train(job: Job, log: Path, kept: Path) -> None:
    import torch

    torch.set_num_threads(1)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    fault, began = FAULTS.get(job.fault), time.process_time()
    run = train(every_family()[job.family], job.seed, log, fault, from_start=job.onset != "middle")
    cpu_s = round(time.process_time() - began, 2)
    _printed(log).write_text(written(run, job.form))
    steps = max((item.step for item in run.items), default=0)
    onset = run.epochs * run.batches // 2 if job.onset == "middle" else 0
    facts = {
        "own_onset": run.own_lines_before,
        "printed_onset": lines_until(run, job.form, onset) if onset else 0,
        "has_died": bool(run.traceback),
        "steps": steps,
        "cpu_s": cpu_s,
    }
    kept.write_text(json.dumps(facts))


def results_of(part: Part) -> list[Result]:
    """Return the results that this code has written."""
    path = FOLDER / f"{part.name.lower()}-{digest()}.jsonl"
    return [Result.of_line(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_all(part: Part, jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """Yield the results of jobs that were not run yet, as they come, after writing each."""
    done = {each.job for each in results_of(part)}
    path = FOLDER / f"{part.name.lower()}-{digest()}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_quiet) as pool,
        path.open("a") as file,
    ):
        waiting = {pool.submit(run_job, job): job for job in jobs if job not in done}
        for future in as_completed(waiting):
            result = future.result()
            file.write(result.as_line() + "\n")
            file.flush()
            yield result


def _quiet() -> None:
    """Switch off torch's warnings in a worker: what a person would be warned of is not measured here."""
    import warnings

    warnings.simplefilter("ignore")


@cache
def _training_digest(*, is_faulty: bool) -> str:
    here = Path(__file__).parent
    idle = _NOT_TRAINING if is_faulty else _NOT_TRAINING | {"faults"}
    own = [path for path in sorted(here.glob("*.py")) if path.stem not in idle]
    return _of([*own, *sorted(ROOT.glob("trainer/telemetry/*.py")), *sorted(ROOT.glob("trainer/measure/*.py"))])


@cache
def digest() -> str:
    """Return the digest of everything that a result depends on."""
    judging = [*ROOT.glob("monitor/**/*.py"), *ROOT.glob("rules/**/*.yaml")]
    training = _training_digest(is_faulty=True)
    return hashlib.sha256(f"{training} {_of(sorted(judging))}".encode()).hexdigest()[:12]


def _of(paths: Sequence[Path]) -> str:
    text = "".join(f"{path.relative_to(ROOT)}\n{path.read_text()}" for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
