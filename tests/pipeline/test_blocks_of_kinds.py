"""Whole stretches of logs in the words of single trainers give what their lines one by one do."""

import io
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.tail import LineBuffer, Stretch, read_lines
from tests.pipeline.courses import RULES

EPOCHS, STEPS = 6, 60


def mindspore() -> Iterator[str]:
    for e in range(1, EPOCHS + 1):
        for s in range(1, STEPS + 1):
            yield f"epoch: {e} step: {s}, loss is {1 / (e + s):.6f}"
        yield f"Train epoch time: {1000 + e}.5 ms, per step time: 5.6 ms"


def allen_nlp() -> Iterator[str]:
    for e in range(EPOCHS):
        head = f"2019-04-19 22:{20 + e}:25,778 - INFO - allennlp.training"
        yield f"{head}.trainer - Epoch {e}/19"
        yield f"{head}.tensorboard_writer -                     Training |  Validation"
        for name in ("precision", "loss", "accuracy"):
            yield f"{head}.tensorboard_writer - {name:15} |     0.81{e}  |     1.61{e}"
        yield f"{head}.tensorboard_writer - cpu_memory_MB   |  2344.944  |       N/A"


def ignite() -> Iterator[str]:
    for e in range(1, EPOCHS + 1):
        for s in range(STEPS):
            yield f"Epoch [{e}/6]: [{s}/60]  {100 * s // 60:2}%|█▏   , loss={1 / (e * 60 + s):.5f} [00:{s:02}<00:35]"
        yield from (f"Epoch: [{s}/9]   6%|▌   , loss=2.{s} [00:00<00:00]" for s in range(9))
        yield f"Epoch {e} - loss={1 / e:.4f}"


def steps_with_sums() -> Iterator[str]:
    for e in range(1, EPOCHS + 1):
        for s in range(1, STEPS + 1):
            yield f"Epoch {e}, Step: {(e - 1) * 60 + s}, Batch Loss: {1 / (e + s):.6f}, Lr: 0.0003"
        yield f"Epoch {e}: total training loss 6{e}.5"


def losses_by_name() -> Iterator[str]:
    for s in range(EPOCHS * STEPS):
        yield f"step {s} | cls loss 0.51{s % 10} | box loss 0.6 | total 1.1{s % 10} | base_lr 0.1 | lr 0.0{1 + s % 9}"


def _state(pipeline: Pipeline) -> list[str]:
    run = pipeline.run
    parts = {**vars(run), **vars(run.attempt), **{f"dialect.{name}": each for name, each in vars(run.dialect).items()}}
    del parts["attempt"]
    return [f"{name}: {value!r}" for name, value in {**parts, "states": pipeline.states}.items()]


@pytest.mark.parametrize("kind", [mindspore, allen_nlp, ignite, steps_with_sums, losses_by_name])
@pytest.mark.parametrize("seed", range(4))
def test_stretches_equal_lines(kind, seed):
    data = "".join(f"{line}\n" for line in kind()).encode()
    one, many = (Pipeline("run.log", Engine(RULES)) for _ in range(2))
    changes = [repr(change) for line in read_lines(io.BytesIO(data)) for change in one.take(line)]
    dice, buffer, found = random.Random(seed), LineBuffer(), []
    for begin, end in pairwise([0, *sorted(dice.randrange(len(data)) for _ in range(seed)), len(data)]):
        for part in buffer.feed_stretch(data[begin:end]):
            found += map(repr, many.take_all(part) if isinstance(part, Stretch) else many.take(part))
    assert found == changes
    for ours, expected in zip(_state(many), _state(one), strict=True):
        assert ours == expected
