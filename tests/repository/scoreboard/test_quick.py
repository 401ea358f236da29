"""A sample of the board, run for real: every fault of it is named in time, and the healthy runs are quiet."""

import pytest

from tests.scoreboard.board import is_in_time, tables_of
from tests.scoreboard.lives import STORY
from tests.scoreboard.logs import RunLog
from tests.scoreboard.plan import Board, jobs_of
from tests.scoreboard.run import run_all
from tests.scoreboard.runs import Judged

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs() -> list[Judged]:
    return list(run_all(jobs_of(Board.QUICK), workers=2))


def test_every_run_was_trained_and_judged(runs: list[Judged]):
    assert sorted(run.job.name for run in runs) == sorted(job.name for job in jobs_of(Board.QUICK))
    for run in runs:
        if run.job.architecture != STORY:
            assert RunLog(run.log).last_step >= 300


def test_every_fault_is_detected_rightly_named_and_in_time(runs: list[Judged]):
    faulty = [run for run in runs if run.verdict]
    assert [run.job.name for run in faulty if not (run.verdict.is_detected and run.verdict.is_first_right)] == []
    assert [run.job.name for run in faulty if not is_in_time(run)] == []


def test_healthy_runs_are_quiet(runs: list[Judged]):
    assert [(run.job.name, run.findings) for run in runs if run.verdict is None and run.findings] == []


def test_every_detector_judged_the_same_runs(runs: list[Judged]):
    rows = tables_of(runs).detectors
    assert len(rows) > 1
    assert len({(row.false_plain[1], row.false_hard[1], row.runs_caught[1]) for row in rows}) == 1
