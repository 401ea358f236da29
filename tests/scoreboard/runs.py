"""Trains and judges the runs of a board, each once: results are cached under a digest of all that they depend on.

In: jobs. Out: one record per job. `_logs/scoreboard/logs` has the logs, `judged` the monitor's results, and `rivals`
the results of the others.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from monitor.rules import Rule
from tests.scoreboard.judge import Finding, background_of, judge, judge_story, shipped_rules
from tests.scoreboard.kinds import KINDS
from tests.scoreboard.lives import LIVES, QUIET, STORY, Life
from tests.scoreboard.logs import RunLog
from tests.scoreboard.recipes import Job
from tests.scoreboard.rivals import RIVALS, Rival
from tests.scoreboard.verdicts import Verdict, onset_of, verdict, verdict_of_story

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "_logs/scoreboard"
BASELINE_SEEDS = 1000
"""Added to a run's seed for the seed of its healthy baseline."""
_HERE = "tests/scoreboard"
_TRAINING = (
    "trainer/**/*.py",
    "monitor/grammar/*.py",
    *(f"{_HERE}/{name}.py" for name in ("recipes", "architectures", "task", "fakeclock", "ownloop", "shipped")),
)
_TELLING = ("monitor/grammar/*.py", *(f"{_HERE}/{name}.py" for name in ("lives", "story", "fakeclock")))
_JUDGING = (
    "rules/*.yaml",
    "monitor/**/*.py",
    *(f"{_HERE}/{name}.py" for name in ("judge", "kinds", "lives", "logs", "verdicts")),
)
_RIVALRY = (
    "monitor/grammar/*.py",
    f"{_HERE}/rivals/*.py",
    *(f"{_HERE}/{name}.py" for name in ("kinds", "lives", "logs")),
)
_BY_NAME = {kind.name: kind for kind in KINDS}
_LIVES = {kind.name: kind for kind in LIVES}


class RivalResult(NamedTuple):
    """The result of one rival on one run."""

    name: str
    source: str
    alarms: int
    has_caught: bool
    """Whether it alarmed after the fault's onset and not before, with any rule. False for a healthy run."""
    has_named: bool
    """Whether its first alarm came from a rule for that kind."""


class Judged(NamedTuple):
    """The results of the monitor and of the rivals on one run."""

    job: Job
    findings: tuple[Finding, ...]
    verdict: Verdict | None
    """None for a healthy run."""
    log: Path
    rivals: tuple[RivalResult, ...]


def run_job(job: Job) -> Judged:
    """Train or write one run and judge it, or return the cached result."""
    log = write_story(job) if job.architecture == STORY else train(job)
    kept = _judged(job, log)
    if not kept.exists():
        _write(kept, _judge(job, log))
    found = json.loads(kept.read_text())
    judged_as = (
        None if found["verdict"] is None else Verdict(**{**found["verdict"], "early": tuple(found["verdict"]["early"])})
    )
    return Judged(job, tuple(Finding(**each) for each in found["findings"]), judged_as, log, _rivals(job, log))


def is_kept(job: Job) -> bool:
    """Return whether the same code has trained and judged this run before."""
    return _judged(job, _log_of(job)).exists()


def train(job: Job) -> Path:
    """Train one run unless its log exists; return the log."""
    log = _log_of(job)
    if not log.exists():
        import torch

        from tests.scoreboard.ownloop import train_own
        from tests.scoreboard.shipped import train_shipped

        torch.set_num_threads(1)
        log.parent.mkdir(parents=True, exist_ok=True)
        unfinished = log.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        (train_shipped if job.architecture == "shipped" else train_own)(job, unfinished)
        unfinished.rename(log)
    return log


def _log_of(job: Job) -> Path:
    digest = _digest(_code(_TELLING)) if job.architecture == STORY else _digest(_code(_TRAINING), repr(job))
    return FOLDER / "logs" / f"{job.name}-{digest}.log"


def _judged(job: Job, log: Path) -> Path:
    return FOLDER / "judged" / f"{job.name}-{_digest(_code(_JUDGING), log.name)}.json"


@cache
def rivals_here() -> tuple[Rival, ...]:
    """Install what the rivals need and return those that work on this machine. Call this before any fork."""
    reasons = {rival.name: rival.prepare() for rival in RIVALS}
    for name, reason in reasons.items():
        if reason is not None:
            print(f"{name}: skipped: {reason}", file=sys.stderr)
    return tuple(rival for rival in RIVALS if reasons[rival.name] is None)


def rules_digest() -> str:
    """Return a digest of the rule files."""
    return _code(("rules/*.yaml",))


def write_story(job: Job) -> Path:
    """Write the log of a story unless it exists; return it."""
    log = _log_of(job)
    if not log.exists():
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(f"{item.text}\n" for item in life_of(job).story.items if item.how == "line"))
    return log


def life_of(job: Job) -> Life:
    """Return the story of a job; the same seed always gives the same story."""
    tell = QUIET[job.kind] if job.kind in QUIET else _LIVES[job.kind].tell
    return tell(random.Random(job.name))


def _judge(job: Job, log: Path) -> dict[str, Any]:
    if job.architecture == STORY:
        life = life_of(job)
        findings = judge_story(life.story.items, life.until, _rules())
        of_story = verdict_of_story(_LIVES[job.kind], life, findings) if job.kind in _LIVES else None
        return _as_json(findings, of_story)
    kind, background = _BY_NAME.get(job.kind), None
    if kind is not None and kind.needs_baseline:
        baseline = replace(job, kind=f"{job.kind}_baseline", seed=job.seed + BASELINE_SEEDS, inject="")
        background = background_of(train(baseline), _rules())
    findings = judge(log, _rules(), background)
    return _as_json(findings, None if kind is None else verdict(kind, RunLog(log), findings, seed=job.seed))


def _rivals(job: Job, log: Path) -> tuple[RivalResult, ...]:
    """Let the rivals judge the same log, or return the cached results."""
    names = [rival.name for rival in rivals_here()]
    kept = FOLDER / "rivals" / f"{job.name}-{_digest(_code(_RIVALRY), log.name, *names)}.json"
    if not kept.exists():
        _write(kept, [_rival_result(rival, job, log)._asdict() for rival in rivals_here()])
    return tuple(RivalResult(**each) for each in json.loads(kept.read_text()))


def _rival_result(rival: Rival, job: Job, log: Path) -> RivalResult:
    life = life_of(job) if job.architecture == STORY else None
    alarms = rival.judge(log, until=None if life is None else life.until)
    is_faulty = job.kind in _BY_NAME or job.kind in _LIVES
    if not (is_faulty and alarms):
        return RivalResult(rival.name, rival.source, len(alarms), False, False)
    seen, kind = RunLog(log), _BY_NAME.get(job.kind)
    onset = seen.step_at(life.onset_at) if life else 0 if kind is None else onset_of(kind, seen, seed=job.seed)
    # An alarm about the finished log has no step and comes after every onset.
    is_early = any(each.step is not None and each.step < onset for each in alarms)
    has_named = alarms[0].label in rival.catches(job.kind)
    return RivalResult(rival.name, rival.source, len(alarms), not is_early, has_named and not is_early)


def _as_json(findings: Sequence[Finding], found: Verdict | None) -> dict[str, Any]:
    return {
        "findings": [each._asdict() for each in findings],
        "verdict": None if found is None else found._asdict(),
    }


@cache
def _rules() -> list[Rule]:
    return shipped_rules()


@cache
def _code(patterns: tuple[str, ...]) -> str:
    """Return a digest of every file that matches."""
    files = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    return _digest(*(f"{path.relative_to(ROOT)}\n{path.read_text()}" for path in files))


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content))
    unfinished.rename(path)
