"""Logs that write rarely, in rhythms of their own: a silence that is usual is no stall, a longer one is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import api
from monitor.alert import State

BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)

RHYTHMS = {
    "a long epoch and a short validation": ([1260, 60], 0),
    "one line in forty minutes": ([2400], 2),
    "epochs of ten minutes with a checkpoint": ([600, 5, 20], 1),
    "lines that become rare": ([35] * 20 + [370] * 40, 2),
    "now and then a long one": ([40, 40, 40, 40, 900], 2),
}
"""Seconds from one line to the next, over and over; and at most how often it may stall before that is known."""


def log_of(gaps: list[int], count: int, *, stall: int = 0) -> Iterator[str]:
    at = BEGIN
    for number in range(count):
        what = "train" if number % 2 == 0 else "valid"
        yield f"{at:%Y-%m-%d %H:%M:%S},000 - INFO - {what} epoch {number // 2 + 1}: loss={2 / (1 + number / 20):.4f}"
        at += timedelta(seconds=gaps[number % len(gaps)])
    if stall:
        at += timedelta(seconds=stall)
        yield f"{at:%Y-%m-%d %H:%M:%S},000 - INFO - train epoch {count // 2 + 1}: loss=0.9000"


def alerts_of(lines: Iterator[str], folder: Path, rule: str) -> list[int]:
    """Return the line after which each alert of a rule began."""
    log = folder / "train.log"
    log.write_text("".join(f"{line}\n" for line in lines))
    found = api.read(log).transitions
    return [each.evidence[0].line for each in found if each.state is State.FIRING and each.rule == rule]


@pytest.mark.parametrize("name", RHYTHMS)
def test_a_rhythm_is_learnt(name: str, tmp_path: Path):
    gaps, most = RHYTHMS[name]
    assert len(alerts_of(log_of(gaps, 80), tmp_path, "TrainingStall")) <= most


@pytest.mark.parametrize("name", RHYTHMS)
def test_a_silence_beyond_the_rhythm_is_still_told(name: str, tmp_path: Path):
    gaps, _ = RHYTHMS[name]
    assert alerts_of(log_of(gaps, 80, stall=8 * 3600), tmp_path, "TrainingStall")[-1:] == [80]


def test_where_lines_come_often_five_minutes_are_a_stall(tmp_path: Path):
    assert alerts_of(log_of([12], 60, stall=301), tmp_path, "TrainingStall") == [60]


def test_an_evaluation_with_lines_of_its_own_is_no_hang(tmp_path: Path):
    """No step for four minutes, where steps took two seconds: the log does not say that it evaluates."""

    def lines() -> Iterator[str]:
        at = BEGIN
        for step in range(200):
            yield f"{at:%Y-%m-%d %H:%M:%S},000 - INFO - step {step} loss {2 / (1 + step / 20):.4f}"
            at += timedelta(seconds=2)
            for part in range(24 if step % 100 == 99 else 0):
                yield f"{at:%Y-%m-%d %H:%M:%S},000 - INFO - looking at picture {37 * part}"
                at += timedelta(seconds=10)

    assert alerts_of(lines(), tmp_path, "SoftHang") == []


def test_the_first_loss_of_an_epoch_that_a_bar_counts_may_be_the_only_one(tmp_path: Path):
    def lines() -> Iterator[str]:
        for epoch in range(1, 6):
            yield f"Epoch {epoch}/5: 100%|██████████| 9000/9000 [00:09<00:00, 908.88it/s]"
            yield f"Epoch {epoch} | Train Loss: {2 / epoch:.4f} | Val Loss: {2.1 / epoch:.4f}"

    assert alerts_of(lines(), tmp_path, "EvidenceGap") == []


@pytest.mark.parametrize("unit", ["Task: {}", "task {}", "Stage {}", "[phase {}]", "Experiment #{}"])
def test_a_further_task_begins_its_own_count(unit: str, tmp_path: Path):
    lines = (
        f"{unit.format(task)} Iter: {step} Train Loss: {2 / (1 + step):.3f}"
        for task in range(4)
        for step in range(0, 60, 10)
    )
    assert alerts_of(lines, tmp_path, "StepWentBack") == []


def test_without_one_a_count_that_begins_anew_is_told(tmp_path: Path):
    lines = (f"Iter: {step} Train Loss: {2 / (1 + step):.3f}" for _ in range(2) for step in range(0, 60, 10))
    assert alerts_of(lines, tmp_path, "StepWentBack") != []
