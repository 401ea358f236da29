"""However the bytes of a foreign log arrive, and wherever a watch of it is killed, the answers are the same."""

import io
import random

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.run.run import Run
from monitor.store.codec import StateCodec
from monitor.tail import Stretch, TextBuffer, read_lines, read_stretches
from monitor.tail.linebuffer import Gathered
from tests.reader.dialects.logs import LOGS, RULES, watched

NATIVE = "".join(
    f"2025-10-30T23:40:{step:02d}.123Z INFO [TRAIN] epoch=1/20 batch={step}/500 step={step} loss=0.{60 + step}\n"
    for step in range(1, 40)
)
END = "2025-10-30T23:42:00.000Z INFO [RUN] end status=completed epochs=1\n"
MIXED = {
    "foreign, then ours": "torchrun starts\n" + LOGS["nanogpt"] + NATIVE,
    "ours, then foreign behind its end": NATIVE + END + LOGS["megatron"],
    "ours with foreign lines in it": NATIVE + LOGS["nanogpt"] + NATIVE,
}
BLANKS = "\n" + 63 * " "
RICH = "".join(
    f"Epoch {e}/2 ━━━━━━━━ {n}/16 0:00:01 • 0:00:00 99.31it/s "
    f"loss_step:{BLANKS}{3 - n / 9 - e / 9:.4f} val_loss:{BLANKS}2.{e}\n"
    for e in range(3)
    for n in (4, 8, 16)
)
LAGGING = "***** Running training *****\n  Num Epochs = 3\n  Total optimization steps = 48\n" + "".join(
    f"\r  8%|9         | {n - 4}/48 [00:00<00:00, 162.1it/s]\r{' ' * 30}\r"
    f"{{'loss': {7 - n / 9:.4f}, 'epoch': {n / 16}}}\n"
    for n in range(4, 49, 4)
)
CODE = "import torch\n\ndef main():\n    for batch in data:\n        loss = model(batch)\n" * 9
FURTHER = {
    "a bar that a terminal broke over lines": RICH + "`Trainer.fit` stopped: `max_epochs=3` reached.\n",
    "bars that lag": LAGGING + "{'train_runtime': 3.2, 'train_loss': 0.41, 'epoch': 3.0}\n",
    "two fits": LOGS["keras"] + LOGS["keras"],
    "a stated resume": LOGS["nanogpt"] + "Resuming from checkpoint at step 100\n" + LOGS["nanogpt"],
    "source code above, checkpoints within": CODE + LOGS["hf-trainer"]
    + "Saving model checkpoint to out/checkpoint-40\n" + LOGS["hf-trainer"],
    "gbk": ("第 1 轮 训练损失: 0.5 验证损失: 0.6\n" * 5 + LOGS["nanogpt"] + "保存模型到 检查点\n").encode("gbk"),
    "utf-16": (LOGS["generic"] + "训练完成\r\n").encode("utf-16"),
    "windows line ends": LOGS["torchtitan"].replace("\n", "\r\n"),
    "NULs within": LOGS["megatron"][:4000] + "\0" * 700 + LOGS["megatron"][4000:],
}  # fmt: skip
ALL = {name: text if isinstance(text, bytes) else text.encode() for name, text in {**LOGS, **MIXED, **FURTHER}.items()}


def state(pipeline: Pipeline) -> str:
    return repr((pipeline.run, pipeline.states, pipeline.fired, list(pipeline.history)))


@pytest.mark.parametrize("name", ALL)
def test_any_chunking_gives_the_same_state_and_alerts(name: str):
    data = ALL[name]
    whole, changes = watched(data)
    dice = random.Random(name)
    for _ in range(3):
        other, told, buffer, rest = Pipeline("run.log", Engine(RULES)), [], TextBuffer(), data
        while rest:
            size = dice.choice((1, 2, 3, 50, dice.randint(1, 4_000)))
            for line in buffer.feed(rest[:size]):
                told += other.take(line)
            rest = rest[size:]
        if last := buffer.end():
            told += other.take(last)
        assert repr(told) == repr(changes)
        assert state(other) == state(whole)


@pytest.mark.parametrize("name", ALL)
def test_whole_stretches_give_the_same_as_single_lines(name: str):
    data = ALL[name]
    whole, changes = watched(data)
    other, told = Pipeline("run.log", Engine(RULES)), []
    for part in read_stretches(io.BytesIO(data)):
        told += other.take_all(part) if isinstance(part, Stretch) else other.take(part)
    assert repr(told) == repr(changes)
    assert state(other) == state(whole)
    gathered, told = Pipeline("run.log", Engine(RULES)), []
    told += gathered.take_all(Gathered.of(list(read_lines(io.BytesIO(data)))))
    assert repr(told) == repr(changes)
    assert state(gathered) == state(whole)


@pytest.mark.parametrize("name", ALL)
def test_a_watch_that_was_killed_goes_on_as_if_nothing_had_been(name: str):
    lines = list(read_lines(io.BytesIO(ALL[name])))
    whole, changes = watched(ALL[name])
    codec = StateCodec(Run)
    dice = random.Random(name)
    for cut in [1, 2, *(dice.randrange(len(lines)) for _ in range(3))]:
        first = Pipeline("run.log", Engine(RULES))
        told = [change for line in lines[:cut] for change in first.take(line)]
        kept = codec.loads(codec.dumps(first.run))
        second = Pipeline(
            "run.log", Engine(RULES), run=kept, states=first.states, fired=first.fired, history=first.history
        )
        told += [change for line in lines[cut:] for change in second.take(line)]
        assert repr(told) == repr(changes)
        assert state(second) == state(whole)
