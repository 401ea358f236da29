"""The first rank to fail: in one log that several ranks write, and over a folder with a log for each."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from monitor import api
from monitor.report.first_rank import first_to_fail
from tests.cli.command import monitor

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."
NCCL = "torch.distributed.DistBackendError: NCCL error: unhandled system error"
STEP = "2026-03-04 09:00:{s:02d} step={step} loss={loss:.3f} lr=0.0003"


def steps(count: int) -> list[str]:
    return [STEP.format(s=n, step=n, loss=3 - n / 50) for n in range(1, count)]


def crash(lines: list[str], folder: Path) -> str:
    """Return what the alert about the death says."""
    log = folder / "train.log"
    log.write_text("\n".join(lines) + "\n")
    [found] = [each for each in api.read(str(log)).alerts if each.rule == "Crash" and each.state is api.State.FIRING]
    return found.summary


@pytest.mark.parametrize("order", list(itertools.permutations((0, 2, 5))))
def test_of_ranks_that_write_one_log_the_first_is_named(order: tuple[int, ...], tmp_path: Path):
    said = crash([*steps(20), *(f"[rank{rank}]: {OOM}" for rank in order)], tmp_path)
    assert f"on rank {order[0]}, the first of 3 that failed" in said


def test_the_root_is_named_although_its_effects_on_others_came_first(tmp_path: Path):
    said = crash([*steps(20), f"[rank0]: {NCCL}", f"[rank3]: {OOM}"], tmp_path)
    assert "on rank 3, one of 2 that failed" in said


def test_a_single_rank_is_not_counted(tmp_path: Path):
    assert "the first of" not in crash([*steps(20), f"[rank3]: {OOM}"], tmp_path)


def test_ranks_that_a_step_has_followed_do_not_count(tmp_path: Path):
    survived = [*steps(10), f"[rank1]: {OOM}", STEP.format(s=30, step=30, loss=2.0), f"[rank4]: {OOM}"]
    assert "the first of" not in crash(survived, tmp_path)


def ranks(folder: Path, deaths: dict[int, str], *, count: int = 4) -> list[Path]:
    """Write a log for each rank."""
    logs = []
    for rank in range(count):
        log = folder / f"rank{rank}.log"
        log.write_text("\n".join([*steps(30), *([deaths[rank]] if rank in deaths else [])]) + "\n")
        logs.append(log)
    return logs


def test_over_the_logs_of_a_training_the_earliest_death_is_first(tmp_path: Path):
    logs = ranks(tmp_path, {1: f"2026-03-04 09:00:33 {NCCL}", 3: f"2026-03-04 09:00:31 {OOM}"})
    [said] = first_to_fail(api.read(str(log)).snapshot for log in logs)
    assert said == "first to fail: rank 3 (out of GPU memory), rank3.log L30, 2 s before rank 1; 2 of 4 failed"


def test_the_command_says_it_below_the_logs(tmp_path: Path):
    ranks(tmp_path, {2: f"2026-03-04 09:00:31 {OOM}"})
    said = monitor("check", str(tmp_path))
    assert said.code == 1
    assert said.out.splitlines()[-1].startswith("first to fail: rank 2 (out of GPU memory), rank2.log L30")


def test_logs_of_different_trainings_are_not_compared(tmp_path: Path):
    (tmp_path / "a.log").write_text("\n".join([*steps(30), OOM]) + "\n")
    (tmp_path / "b.log").write_text("\n".join([*steps(30), OOM]) + "\n")
    assert first_to_fail(api.read(str(tmp_path / name)).snapshot for name in ("a.log", "b.log")) == []
