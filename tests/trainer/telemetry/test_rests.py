"""Steps in which nothing is looked at are counted by a short way, which changes nothing in the log."""

from __future__ import annotations

import math
import re
from itertools import count
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trainer.telemetry import Telemetry

PACE = re.compile(r"(s_per_batch|load_s|samples_per_s|run_delay_s|seconds|main_idle_s)=\S+")
OWN = re.compile(r" (pid|run|host|cmd|cpu_pct|rss_mb|etime_s|stat|ram_total_mb)=(\"[^\"]*\"|\S+)")
LOSSES = st.sampled_from([*["tensor"] * 20, "float", "int", "none", "nan", "skipped", "validate", "rows of losses"])


def told(path: Path, happens: list[str], *, batches: int, train_every: int, grad_every: int) -> list[str]:
    """Train, and return the log without what is only of this process."""
    torch.manual_seed(0)
    path.unlink(missing_ok=True)
    ticks, times = count(1e9), count(0.0, 0.5)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Telemetry(
        model,
        optimizer,
        epochs=3,
        batches=batches,
        log=path,
        train_every=train_every,
        grad_every=grad_every,
        heartbeat_s=3600,
        clock=lambda: next(ticks),
        timer=lambda: next(times),
    ) as telemetry:
        for number, what in enumerate(happens, 1):
            loss = model(torch.randn(8, 3)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            if what != "skipped":
                optimizer.step()
            given_loss = {
                "float": loss.item(),
                "int": 1,
                "none": None,
                "nan": math.nan,
                "rows of losses": loss.repeat(2),
            }
            telemetry.step(given_loss.get(what, loss), samples=8)
            if what == "validate":
                telemetry.phase("validate")
            if number % batches == 0:
                telemetry.epoch(0.5)
    lines = [OWN.sub("", line.partition(" ")[2]) for line in path.read_text().splitlines()]
    return [
        re.sub(r"(s_per_batch|load_s|samples_per_s|run_delay_s|seconds|main_idle_s)=\S+", "", line) for line in lines
    ]


@settings(max_examples=8, deadline=None)
@given(
    happens=st.lists(LOSSES, min_size=1, max_size=60),
    batches=st.integers(1, 25),
    train_every=st.integers(1, 12),
    grad_every=st.integers(1, 30),
)
def test_the_short_way_and_the_whole_one_write_the_same(
    tmp_path_factory: pytest.TempPathFactory, happens: list[str], batches: int, train_every: int, grad_every: int
):
    path = tmp_path_factory.mktemp("rests") / "run.log"
    shape = {"batches": batches, "train_every": train_every, "grad_every": grad_every}
    short = told(path, happens, **shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Telemetry, "_end_rest", lambda self, loss, samples: False)
        assert short == told(path, happens, **shape)


def test_most_steps_of_a_training_go_the_short_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole, end_step = [], Telemetry._end_step

    def count_step(self: Telemetry, *given: object) -> None:
        whole.append(self._step)
        end_step(self, *given)

    monkeypatch.setattr(Telemetry, "_end_step", count_step)
    told(tmp_path / "run.log", ["tensor"] * 300, batches=300, train_every=10, grad_every=100)
    assert len(whole) < 50
