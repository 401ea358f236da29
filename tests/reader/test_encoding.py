"""Logs whose text is not UTF-8: the words are read, by any cut, after a kill, and through the command."""

import io
import json
from pathlib import Path

import pytest

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.reader.encoding import TextEncoding, decoded
from monitor.run.run import Run
from monitor.store.codec import StateCodec
from monitor.tail import read_lines
from tests.cli.command import monitor
from tests.reader.dialects.logs import RULES

CHINESE = "".join(
    f"第 {n} 轮 [{n}/20], 训练损失: {2 / n:.4f}, 学习率: 0.001, 验证损失: {2.2 / n:.4f}\n" for n in range(1, 21)
)
JAPANESE = "学習を開始します\n" + "".join(
    f"エポック epoch {n}/20 loss: {2 / n:.4f} val_loss: {2.2 / n:.4f} を記録しました\n" for n in range(1, 21)
)
RUSSIAN = "Начало обучения модели\n" + "".join(
    f"Эпоха epoch {n}/20: loss={2 / n:.4f} val_loss={2.2 / n:.4f} потери\n" for n in range(1, 21)
)
FRENCH = "Début de l'entraînement, répertoire prêt\n" + "".join(
    f"époque — epoch {n}/20: loss={2 / n:.4f} val_loss={2.2 / n:.4f} (durée)\n" for n in range(1, 21)
)
LOGS = {
    "gbk": CHINESE, "gb18030": CHINESE, "shift_jis": JAPANESE, "koi8_r": RUSSIAN, "cp1251": RUSSIAN,
    "cp1252": FRENCH, "utf-8": CHINESE, "utf-8-sig": CHINESE, "utf-16": CHINESE, "utf-16-le": FRENCH,
}  # fmt: skip


def read(data: bytes) -> Pipeline:
    pipeline = Pipeline("run.log", Engine(RULES))
    for line in read_lines(io.BytesIO(data)):
        pipeline.take(line)
    return pipeline


@pytest.mark.parametrize("encoding", LOGS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_losses_and_epochs_are_read_in_every_encoding(encoding: str, end: str):
    text = LOGS[encoding]
    run = read(text.replace("\n", end).encode(encoding)).run
    [losses], [vals] = run.attempt.of("train.loss").values(), run.attempt.of("epoch.val_loss").values()
    assert (losses.last.value, vals.last.value) == (0.1, 0.11)
    assert run.attempt.epoch == 20
    assert run.last is not None
    assert run.last.text == text.splitlines()[-1]


@pytest.mark.parametrize("encoding", ["gbk", "shift_jis", "koi8_r"])
def test_a_watch_that_was_killed_decodes_the_rest_alike(encoding: str):
    lines = list(read_lines(io.BytesIO(LOGS[encoding].encode(encoding))))
    whole, codec = read(LOGS[encoding].encode(encoding)), StateCodec(Run)
    for cut in (1, 3, 11):
        first = Pipeline("run.log", Engine(RULES))
        for line in lines[:cut]:
            first.take(line)
        second = Pipeline("run.log", Engine(RULES), run=codec.loads(codec.dumps(first.run)), states=first.states)
        for line in lines[cut:]:
            second.take(line)
        assert repr(second.run) == repr(whole.run)


def test_broken_bytes_in_a_log_of_utf_8_do_not_change_its_encoding():
    state = TextEncoding()
    assert decoded("训练损失 ████".encode(), state).decode() == "训练损失 ████"
    assert decoded(b"loss \xb5\xa0 0.5", state) == b"loss \xb5\xa0 0.5"
    assert state.name == "utf-8"


def test_a_character_that_was_cut_says_nothing_of_the_encoding():
    state = TextEncoding()
    assert decoded("损失".encode()[:-1], state) == "损失".encode()[:-1]
    assert state == TextEncoding()


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "koi8_r"])
def test_the_command_explains_a_log_of_another_world(encoding: str, tmp_path: Path):
    (tmp_path / "train.log").write_bytes(LOGS[encoding].encode(encoding))
    done = monitor("dialects", "explain", tmp_path / "train.log", "--json")
    assert done.code == 0
    said = json.loads(done.out)
    assert said["understood"] >= 20


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_high_bytes_alone_make_no_log_binary(share: float, tmp_path: Path):
    line = b"\xcb\xf0\xca\xa7" * int(25 * share) + b" loss 0.5 epoch 3\n"
    (tmp_path / "train.log").write_bytes(line * 50)
    assert "is a binary file" not in monitor("dialects", "explain", tmp_path / "train.log").err
