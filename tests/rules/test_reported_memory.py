"""Memory that a report names: leaks in five formats are found, and what healthy trainings do is not taken for one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.alert import State
from monitor.api import Settings
from monitor.pipeline import Pipeline
from monitor.replay import replay
from tests.rules.names import named

ENGINE = Settings().engine()
FORMATS: dict[str, dict[str, str]] = {
    "titan": {
        "gpu": "step: {n:2d}  loss: {loss:7.4f}  grad_norm: {norm:.4f}  memory: {gb:.2f}GiB(50.00%)  tps: {rate:,}",
        "host": "step: {n:2d}  loss: {loss:7.4f}  grad_norm: {norm:.4f}  cpu_mem: {gb:.2f}GiB  tps: {rate:,}",
    },
    "words": {
        "gpu": "Epoch {epoch}/20 | step {n} | loss {loss:.4f} | GPU mem {gb:.2f}GB | lr 1.0e-04",
        "host": "Epoch {epoch}/20 | step {n} | loss {loss:.4f} | RAM {gb:.2f}GB | lr 1.0e-04",
    },
    "key=value": {
        "gpu": "epoch={epoch} step={n} loss={loss:.4f} max_mem={gb:.2f} lr=0.0001",
        "host": "epoch={epoch} step={n} loss={loss:.4f} rss_gb={gb:.2f} lr=0.0001",
    },
    "json": {
        "gpu": '{{"epoch": {epoch}, "step": {n}, "train_loss": {loss:.4f}, "gpu_memory": {gb:.2f}}}',
        "host": '{{"epoch": {epoch}, "step": {n}, "train_loss": {loss:.4f}, "host_memory": {gb:.2f}}}',
    },
    "mmengine": {
        "gpu": "2026/03/04 09:{minute:02d}:{second:02d} - mmengine - INFO - Epoch(train) [{epoch}][{batch}/30]  "
        "lr: 2.0e-03  memory: {gb:.2f}  loss: {loss:.4f}",
        "host": "2026/03/04 09:{minute:02d}:{second:02d} - mmengine - INFO - Epoch(train) [{epoch}][{batch}/30]  "
        "lr: 2.0e-03  ram: {gb:.2f}  loss: {loss:.4f}",
    },
}
"""Formats whose reports name the memory of the GPU, or that of the host."""
NUM_REPORTS, AN_EPOCH = 240, 30

Course = Callable[[random.Random], list[float]]


def _leak(per_report: float, *, noise: float = 0.0, begins: int = 0, peaks: float = 0.0) -> Course:
    def course(draw: random.Random) -> list[float]:
        return [
            40 + per_report * max(0, n - begins) + draw.uniform(0, noise) + (peaks if n % AN_EPOCH == 0 else 0)
            for n in range(NUM_REPORTS)
        ]

    return course


def _saw(draw: random.Random) -> list[float]:
    """Return a memory that fills within each epoch and is freed at its end."""
    return [40 + 0.3 * (n % AN_EPOCH) + draw.uniform(0, 0.01) for n in range(NUM_REPORTS)]


def _records(draw: random.Random) -> list[float]:
    """Return the most that was ever in use, with batches of random sizes."""
    return list(itertools.accumulate((40 * draw.lognormvariate(0, 0.2) for _ in range(NUM_REPORTS)), max))


def _filling(draw: random.Random) -> list[float]:
    return [60 - 30 * 0.96**n + draw.uniform(0, 0.01) for n in range(NUM_REPORTS)]


def _wavering(draw: random.Random) -> list[float]:
    return [40 * draw.lognormvariate(0, 0.2) for _ in range(NUM_REPORTS)]


def _larger_model(draw: random.Random) -> list[float]:
    """Return a memory that rises twice, when layers are unfrozen."""
    return [30 + 8 * (n > 70) + 8 * (n > 150) + draw.uniform(0, 0.05) for n in range(NUM_REPORTS)]


def _first_steps(draw: random.Random) -> list[float]:
    return [10.0, 25.0, *([42.5] * (NUM_REPORTS - 2))]


FAULTS: dict[str, Course] = {
    "leaks": _leak(0.1),
    "leaks, with noise": _leak(0.1, noise=0.2),
    "leaks from the middle on": _leak(0.15, begins=100),
    "leaks, with peaks at each evaluation": _leak(0.1, peaks=20),
    "leaks slowly": _leak(0.05),
}
HEALTHY: dict[str, Course] = {
    "level": _leak(0.0),
    "level, with noise": _leak(0.0, noise=2.0),
    "level, with peaks at each evaluation": _leak(0.0, peaks=20),
    "rises in the first steps": _first_steps,
    "fills": _filling,
    "is freed after each epoch": _saw,
    "is the most so far": _records,
    "wavers": _wavering,
    "rises when layers are unfrozen": _larger_model,
    "grows less than a twentieth": _leak(0.001),
}
CASES = [
    (form, of, kind) for form, of, kind in itertools.product(FORMATS, ("gpu", "host"), (*FAULTS, *HEALTHY))
    if not (form == "titan" and of == "host")  # a log without epochs says nothing of the end of the first one
]  # fmt: skip


def _judge(case: tuple[str, str, str], folder: Path) -> None:
    form, of, kind = case
    draw = random.Random(f"{form} {of} {kind}")
    lines = []
    for n, gb in enumerate((FAULTS.get(kind) or HEALTHY[kind])(draw)):
        epoch, batch = divmod(n, AN_EPOCH)
        values = {"epoch": epoch + 1, "batch": batch + 1, "minute": n // 60, "second": n % 60, "gb": gb}
        loss, norm = 2.5 * 0.995**n + draw.gauss(0, 0.02), 1 + draw.uniform(0, 0.5)
        text = FORMATS[form][of].format(n=10 * (n + 1), loss=loss, norm=norm, rate=draw.randint(5000, 5100), **values)
        lines.append(text)
    log = folder / "train.log"
    log.write_text("\n".join(lines) + "\n")
    alerts = replay(Pipeline(str(log), ENGINE))
    fired = {each.fault for each in alerts if each.state is State.FIRING and each.severity.is_alarming}
    assert fired == ({"memory_growth"} if kind in FAULTS else set())


@pytest.mark.parametrize("case", CASES[::9], ids=named)
def test_a_leak_is_found_and_nothing_healthy_is_taken_for_one(case, tmp_path):
    _judge(case, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=named)
def test_the_whole_family_of_memories(case, tmp_path):
    _judge(case, tmp_path)
