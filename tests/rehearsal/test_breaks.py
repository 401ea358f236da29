"""Breaks of generated logs in many forms: they change what they say they change, and nothing else."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from monitor.base.errors import LogError
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.reader.event import Event
from monitor.rehearsal.breaks import BREAKS, Broken, Material
from monitor.rehearsal.healthy import LOSSES, Healthy, read_healthy
from monitor.tail import LineBuffer
from tests.cli.watching import SHIPPED
from tests.reader.generated.log import log

BY_NAME = {each.name: each for each in BREAKS}
FEW, MANY = range(12), range(1_200)


def material(tmp_path: Path, text: bytes) -> Material | None:
    """Return what can be broken of a log; None for one that is not healthy or has too little."""
    path = tmp_path / "train.log"
    path.write_bytes(text)
    engine = Engine(SHIPPED)
    try:
        healthy = read_healthy(str(path), engine, 1.0)
    except LogError:
        return None
    losses = [value for value in values(healthy, healthy.events) if value is not None]
    return Material(healthy, engine) if losses and all(map(math.isfinite, losses)) else None


def values(healthy: Healthy, events: list[Event | None]) -> list[float | None]:
    """Return the training loss that each line gives."""
    return [
        None if event is None else next((each.value for each in event.samples if each.signal in LOSSES), None)
        for event in events
    ]


def steps(events: list[Event | None]) -> list[object]:
    """Return the steps that the lines name."""
    return [getattr(event and event.record, "step", None) for event in events]


def read_again(healthy: Healthy, broken: Broken) -> list[Event | None]:
    """Return what is read of the whole window with its broken end."""
    pipeline = Pipeline(healthy.log, Engine(SHIPPED))
    before = [line.data + b"\n" for line in healthy.lines[: healthy.broken_at]]
    data = b"".join([*before, *(each.data for each in broken.tail)])
    return [pipeline.read(line) for line in LineBuffer().feed(data)]


def check_nan(tmp_path: Path, seed: int) -> bool:
    """Check a log's break; return whether there was one."""
    found = material(tmp_path, log(seed).text)
    if found is None:
        return False
    broken = BY_NAME["nan"].make(found)
    if not isinstance(broken, Broken):
        return False
    healthy = found.healthy
    events = read_again(healthy, broken)
    was, is_ = values(healthy, healthy.events), values(healthy, events)
    assert is_[: healthy.broken_at] == was[: healthy.broken_at], seed
    later = [value for value in is_[healthy.broken_at :] if value is not None]
    assert later and all(map(math.isnan, later)), f"seed {seed}"
    both = [(one, other) for one, other in zip(steps(healthy.events), steps(events), strict=True) if one and other]
    assert both and all(one == other for one, other in both), f"seed {seed}"
    return True


def test_every_later_loss_is_nan_and_no_earlier_one_in_generated_logs(tmp_path: Path):
    assert sum(check_nan(tmp_path, seed) for seed in FEW) >= len(FEW) / 3


@pytest.mark.slow
def test_every_later_loss_is_nan_in_many_generated_logs(tmp_path: Path):
    assert sum(check_nan(tmp_path, seed) for seed in MANY) >= len(MANY) / 3
