"""A public log of the original trainer: everything that was wrong with its run is found, with the line that says so."""

import os
import re
from pathlib import Path

import pytest

from monitor.pipeline import Pipeline
from tests.reader.dialects.logs import fired, watched

PLACE = Path(os.environ.get("TRAINWARDEN_REAL_LOGS", Path(__file__).parents[4] / "shared" / "real_logs"))
LOG = PLACE / "atft_gpu_smoke.log"

Read = tuple[Pipeline, list, list[str]]


@pytest.fixture(scope="module")
def read() -> Read:
    """The pipeline behind the log, what changed, and the log's lines."""
    if not LOG.is_file():
        pytest.skip(f"{LOG.name} is not there; TRAINWARDEN_REAL_LOGS names its folder")
    data = LOG.read_bytes()
    pipeline, changes = watched(data, str(LOG))
    return pipeline, changes, data.decode("utf-8", "replace").split("\n")


@pytest.mark.parametrize(
    ("rule", "text", "num"),
    [
        ("DeadInputs", "std=0.1104", 1),
        ("PredictionCollapse", "scale_ratio=0.0000", 4),
        ("GradientZero", "[GAT-GRAD] Low gradient detected: 0.00e+00", 1),
        ("ValidationLossNonfinite", "val/loss: nan", 1),
        ("LossFrozen", "loss=0.3544", 1),
        ("ClaimUnmeasured", "Achieved Sharpe Ratio: 0.08177260619898637", 1),
        ("FellBack", "DayBatch/collate setup skipped", 1),
    ],
)
def test_what_was_wrong_is_found_with_its_line(read: Read, rule: str, text: str, num: int):
    _, changes, lines = read
    found = fired(changes)[rule]
    assert len(found) == num
    assert all(text in lines[line - 1] for line in found)


def test_nothing_else_alarms(read: Read):
    _, changes, _ = read
    assert set(fired(changes)) == {
        "DeadInputs",
        "PredictionCollapse",
        "GradientZero",
        "ValidationLossNonfinite",
        "LossFrozen",
        "ClaimUnmeasured",
        "FellBack",
    }


def test_the_faults_have_the_names_of_the_catalogue(read: Read):
    _, changes, _ = read
    by_rule = {change.rule: change.fault for change in changes}
    assert by_rule["LossFrozen"] == "loss_zero_or_frozen"
    assert by_rule["DeadInputs"] == "dead_inputs"
    assert by_rule["PredictionCollapse"] == "pred_collapse"
    assert by_rule["GradientZero"] == "grad_zero"
    assert by_rule["ValidationLossNonfinite"] == "loss_nonfinite"


def test_the_losses_of_the_bars_are_read_over_all_13_batches(read: Read):
    pipeline, _, lines = read
    [series] = pipeline.run.attempt.of("train.loss").values()
    assert {point.step for point in series.recent} == set(range(14))
    assert {point.value for point in series.recent} == {0.3544, 0.3504}
    assert all("loss=" in lines[point.evidence.line - 1] for point in series.recent)
    assert pipeline.run.attempt.step == 13


def test_records_behind_progress_bars_are_not_lost(read: Read):
    pipeline, _, lines = read
    behind = [line for line in lines if re.search(r"it/?.*\]\[20\d\d-", line)]
    assert len(behind) > 10
    # A line that begins with a bar bears the time of the record behind it.
    [series] = pipeline.run.attempt.of("train.loss").values()
    timed = [point for point in series.recent if "][2025-10-28" in point.evidence.text]
    assert len(timed) >= 10
    assert all(point.evidence.at is not None for point in timed)


def test_it_ended_with_success_by_its_own_word(read: Read):
    pipeline, _, lines = read
    ended = pipeline.run.attempt.ended
    assert ended is not None
    assert pipeline.run.status == "completed"
    assert "succeeded" in lines[ended.evidence.line - 1]


def test_the_sharpe_was_nan(read: Read):
    pipeline, _, lines = read
    [series] = pipeline.run.attempt.of("metric.sharpe").values()
    assert str(series.last.value) == "nan"
    assert "Sharpe: nan" in lines[series.last.evidence.line - 1]
