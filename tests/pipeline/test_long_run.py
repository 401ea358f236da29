"""A long run of the trainer with all its monitors: its lines are read many at once, and tell what they tell singly."""

import io
import random
from collections.abc import Iterator

import pytest

from monitor import pipeline
from monitor.engine.step import Engine
from monitor.grammar import ActivationReport, Epoch, ModelGroup, RunStart, Share, Train, format_line
from monitor.pipeline import Pipeline
from monitor.run.columns.prepare import forecast
from monitor.tail import LineBuffer, Stretch, read_lines
from tests.benchmarks.long_log import write_log
from tests.pipeline.courses import RULES

LINES = 60_000
MOST_BLOCKS = 150
"""Parts of the log that are looked at to see whether they can be folded at once: most belong to its start, where each
signal comes for the first time, so a longer log has few more."""


def _at_once(reader: Pipeline, data: bytes) -> list[str]:
    changes = []
    for part in LineBuffer().feed_stretch(data):
        changes += reader.take_all(part) if isinstance(part, Stretch) else reader.take(part)
    return list(map(repr, changes))


def test_a_long_log_is_folded_in_few_blocks(tmp_path, monkeypatch):
    write_log(tmp_path / "run.log", LINES)
    blocks: list[int] = []
    monkeypatch.setattr(pipeline, "forecast", lambda run, block: blocks.append(len(block)) or forecast(run, block))
    _at_once(Pipeline("run.log", Engine(RULES)), (tmp_path / "run.log").read_bytes())
    assert len(blocks) <= MOST_BLOCKS


def _validated(dice: random.Random, worse_from: int) -> Iterator[str]:
    """Yield a run whose validation wanders, then rises; its first layer runs before the first weights."""
    now, step = 1_761_867_651.0, 0

    def line(record, s: float = 0.5) -> str:
        nonlocal now
        now += s
        return format_line(now, record)

    yield line(RunStart(run="fit-1", pid=7))
    yield line(ModelGroup(group="body", tensors=4, depth=1))
    val_loss = 1.0
    for epoch in range(1, 60):
        for _ in range(4):
            step += 1
            loss, place = 1 / epoch + dice.random() / 50, {"epoch": Share(epoch, 60), "batch": Share(step % 4, 4)}
            yield line(Train(step=step, loss=loss, lr=0.001, **place))
        for layer in ("drop", "body", "head"):
            dead_units = Share(dice.choice((0, 60)), 64)
            yield line(ActivationReport(layer=layer, step=step, mean=0.1, std=1.0, dead_units=dead_units))
        val_loss *= dice.choice((0.97, 0.99, 1.0, 1.04)) if epoch < worse_from else dice.choice((1.0, 1.02, 1.06))
        yield line(Epoch(epoch=Share(epoch, 60), train_loss=1 / epoch, val_loss=val_loss, lr=0.001))


@pytest.mark.parametrize("worse_from", [1, 20])
@pytest.mark.parametrize("seed", range(6))
def test_validations_and_activations_at_once_equal_single_lines(seed, worse_from):
    data = "".join(f"{each}\n" for each in _validated(random.Random(seed), worse_from)).encode()
    one, many = (Pipeline("run.log", Engine(RULES)) for _ in range(2))
    changes = [repr(change) for line in read_lines(io.BytesIO(data)) for change in one.take(line)]
    assert _at_once(many, data) == changes
    assert vars(many.run.attempt).keys() == vars(one.run.attempt).keys()
    for name, value in vars(one.run.attempt).items():
        assert repr(vars(many.run.attempt)[name]) == repr(value), name
    assert any("Overfitting" in each for each in changes)
