"""A sample of the families that serve for tuning, run for real: faults are named, healthy runs are quiet."""

import pytest

from tests.scoreboard.families.draw import Part, parts_of
from tests.scoreboard.families.faults import FAULTS
from tests.scoreboard.families.figures import verdict_of
from tests.scoreboard.families.listing import every_family
from tests.scoreboard.families.plan import Job
from tests.scoreboard.families.run import Result, run_job

pytestmark = pytest.mark.slow
HEALTHY = ("table_tiny_targets", "table_mixup", "language_gpt_tied", "graph_nodes", "word_vectors", "gan")
FAULTY = (
    Job("table_values_adam", 0, "one_batch", "start"),
    Job("harder_later", 0, "softmax_over_batch", "start"),
    Job("table_huge_targets", 0, "features_zero", "middle"),
    Job("sound_words", 0, "step_missing", "middle"),
    Job("clicks", 0, "part_left_out", "start"),
)


def test_the_sample_is_of_families_that_were_tuned_on():
    parts = parts_of(every_family())
    assert {parts[name] for name in (*HEALTHY, *(job.family for job in FAULTY))} == {Part.TUNING}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_quiet(name: str):
    result = run_job(Job(name, 0))
    assert (result.alarms, result.printed) == ((), ())


def test_experts_that_get_no_row_any_more_are_told():
    """Two of eight get their last rows in steps 87 and 89 of 240: the balance is too weak, though listed as healthy."""
    result = run_job(Job("table_experts_one", 0))
    assert {alarm.rule for alarm in result.alarms} == {"GradientMissing"}
    assert result.printed == ()


@pytest.mark.parametrize("job", FAULTY, ids=lambda job: job.name)
def test_a_fault_is_named(job: Job):
    result: Result = run_job(job)
    assert verdict_of(result.alarms, result.own_onset, FAULTS[job.fault].labels).is_first_right, result.alarms
