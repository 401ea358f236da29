"""Native logs of whole runs, and the snapshot that a watch of them would have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from monitor import grammar
from monitor.engine.step import Engine
from monitor.grammar import Record, Share, format_line
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.snapshot import Snapshot

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

STARTED_AT = 1761867651.0
"""2025-10-30 23:40:51 UTC."""
TENSORS_OF = {
    "prediction_head_shared": 4,
    "prediction_head_heads": 24,
    "backbone_projection": 2,
    "adaptive_norm": 2,
    "temporal_encoder": 32,
    "input_projection": 4,
    "variable_selection": 1160,
    "gat": 23,
}


class Line(NamedTuple):
    """One line as the tail hands it over."""

    number: int
    offset: int
    data: bytes


def take_lines(
    lines: Sequence[str | bytes],
    *,
    log: str = "_logs/training/run.log",
    is_following: bool = False,
    silence_s: float = 0.0,
) -> Snapshot:
    """Return what a watch knows after these lines, and so many seconds of silence."""
    pipeline = Pipeline(log, Engine(load_rules([Path(__file__).with_name("rules.yaml")])))
    offset = 0
    for number, text in enumerate(lines, start=1):
        data = text if isinstance(text, bytes) else text.encode()
        pipeline.take(Line(number, offset, data))
        offset += len(data) + 1
    now = pipeline.run.now
    if now is not None and silence_s:
        now += silence_s
        pipeline.pass_time(now)
    return pipeline.snapshot(now, is_following=is_following)


class RunLog:
    """A log being written, a tenth of a second per line."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, *records: Record) -> RunLog:
        for record in records:
            self.lines.append(format_line(STARTED_AT + len(self.lines) / 10, record))
        return self

    def start(self, **other: object) -> RunLog:
        said = {"run": "run-1", "pid": 822543, "host": "gpu1", "cmd": "trainer fit", "attempt": 1}
        return self.add(grammar.RunStart(**{**said, **other}))  # type: ignore[arg-type]

    def preface(self, *, device: str = "cpu", epochs: int = 2, **other: object) -> RunLog:
        """Write settings, intent, data and targets."""
        for name, value in _SETTINGS.items():
            self.add(grammar.Config(key=name, value=value, source="env"))
        data = {
            "features": 82,
            "targets": ("target_1d", "target_5d"),
            "batch_size": 2048,
            "precision": "bf16-mixed",
        }
        return self.add(
            grammar.Intent(epochs=epochs, device=device, no_grad_expected=("gat:1",), cadence_train=5, cadence_grad=10),
            grammar.Data(workers=8, persistent=True, **{**data, **other}),  # type: ignore[arg-type]
            grammar.DataCheck(features_dead=Share(0, 82)),
            grammar.Target(h=1, mean=0.000763, std=0.008553),
            grammar.Target(h=5, mean=0.0046, std=0.019692),
            grammar.Floor(loss_floor=0.82),
            grammar.Phase(name="train", epoch=1, step=0),
        )

    def epoch(self, number: int, *, of: int = 2, **other: object) -> RunLog:
        """Write ten steps with their reports, then the end of the epoch and its metrics."""
        step = 10 * (number - 1)
        self.gradients(step, number, **other)
        self.train(step + 5, number, of=of).guard(step + 5).train(step + 10, number, of=of)
        return self.end_epoch(number, of=of)

    def train(self, step: int, epoch: int, *, of: int = 2, loss: float = 0.7926) -> RunLog:
        share = Share(step - 10 * (epoch - 1), 10)
        return self.add(
            grammar.Train(epoch=Share(epoch, of), batch=share, step=step, loss=loss / epoch, lr=2e-4, s_per_batch=2.1)
        )

    def guard(self, step: int) -> RunLog:
        return self.add(grammar.GuardCheck(step=step, h=1, std=0.4, target_std=1.0, ratio=0.4, strikes=Share(0, 3)))

    def gradients(
        self,
        step: int,
        epoch: int,
        *,
        zero: tuple[str, ...] = (),
        small: int = 0,
        without: int = 1,
        groups: Sequence[str] = tuple(TENSORS_OF),
    ) -> RunLog:
        """Write the encoder's lines and a report; ``small`` is of variable_selection, ``without`` of gat."""
        for tensor in ("normalized_features", "projected_features"):
            self.add(grammar.EncoderGrad(tensor=tensor, norm=0.0 if tensor in zero else 0.0155, max=3e-4, step=step))
        found = tuple(
            grammar.GroupGrad(
                group=group,
                norm=0.0 if group in zero else 0.757,
                max=0.0 if group in zero else 0.283,
                grad=Share(TENSORS_OF.get(group, 1) - without * (group == "gat"), TENSORS_OF.get(group, 1)),
                small=small if group == "variable_selection" else 0,
                none=without * (group == "gat"),
                nonfinite=0,
            )
            for group in groups
        )
        return self.add(grammar.GradReport(step=step, epoch=epoch, batch=1, groups=found))

    def end_epoch(self, number: int, *, of: int = 2) -> RunLog:
        figures = {"ic": 0.02 * number, "rank_ic": 0.03 * number, "hit_rate": 0.5 + 0.01 * number}
        return self.add(
            grammar.Epoch(
                epoch=Share(number, of),
                train_loss=0.5 / number,
                val_loss=0.6 / number,
                lr=1e-4,
                seconds=45.0,
                resets=0,
            ),
            grammar.Metrics(epoch=number, sharpe=0.08 * number, n_days=20, definition="mean / std", **figures),
            grammar.HorizonMetrics(epoch=number, h=1, sharpe=0.05, ic=0.01, rank_ic=0.02, ratio=0.4, r2=0.01),
        )

    def end(self, status: str = "completed", epochs: int = 2) -> RunLog:
        return self.add(grammar.RunEnd(status=status, epochs=epochs, seconds=90.0))


_SETTINGS = {
    "ENABLE_ENCODER_GRAD_HOOKS": "1",
    "ENABLE_GRAD_MONITOR": "1",
    "GRAD_MONITOR_EVERY": "10",
    "GRAD_MONITOR_WARN_NORM": "1e-07",
    "DEGENERACY_RESET_SCALE": "0.05",
    "VARIANCE_PENALTY_WEIGHT": "0.01",
}


@pytest.fixture
def log() -> RunLog:
    """Return an empty log to write a run into."""
    return RunLog()


@pytest.fixture
def healthy(log: RunLog) -> list[str]:
    """Return the lines of a run on a CPU, of two epochs, without a fault."""
    return log.start().preface().epoch(1).epoch(2).end().lines


@pytest.fixture
def snapshot_of() -> Callable[..., Snapshot]:
    """Return `take_lines`."""
    return take_lines
