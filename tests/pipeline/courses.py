"""Logs of trainings that go well for a while and then do not, in the words of many trainers; and eager rules for them.

A seed alone makes a log. Its values take every turn that a kind of condition looks for: they jump, freeze, rise, end in
nan, become zero, come late or not at all.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from monitor.rules import Rule, load_rules

RULES = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))


class Values(NamedTuple):
    """What one report says."""

    step: int
    at: datetime
    loss: float
    lr: float
    norm: float
    ms: float
    epoch: int
    batch: int
    batches: int
    steps: int
    val: float | None
    """The validation at the end of an epoch."""
    is_whole: bool
    """Whether lines of all kinds come: they may stop but for the reports."""


def _number(value: float, digits: int = 4) -> str:
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf"
    return f"{value:.{digits}f}"


def _nanogpt(v: Values) -> Iterator[str]:
    if v.val is not None:
        yield f"step {v.step}: train loss {_number(v.loss)}, val loss {_number(v.val)}"
    yield f"iter {v.step}: loss {_number(v.loss)}, time {v.ms:.2f}ms, mfu 12.{v.step % 90:02d}%"


def _hugging_face(v: Values) -> Iterator[str]:
    done = v.epoch - 1 + v.batch / v.batches
    yield (
        f"{{'loss': {_number(v.loss)}, 'grad_norm': {_number(v.norm, 6)}, 'learning_rate': {v.lr:.6e}, "
        f"'epoch': {done:.2f}}}"
    )
    if v.val is not None:
        yield f"{{'eval_loss': {_number(v.val)}, 'eval_runtime': 2.1, 'epoch': {done:.2f}}}"


def _with_bars(v: Values) -> Iterator[str]:
    share = 100 * v.step // v.steps
    bar = f"{share:3d}%|{'#' * (share // 10):10}| {v.step}/{v.steps}"
    yield f"{bar} [00:{v.step % 60:02d}<01:00,  4.{v.step % 10}0it/s]"
    if v.step % 3 == 0:
        yield from _hugging_face(v)


def _megatron(v: Values) -> Iterator[str]:
    yield (
        f" [{v.at:%Y-%m-%d %H:%M:%S}] iteration {v.step:8d}/{v.steps:8d} | consumed samples: {v.step * 16:12d} | "
        f"elapsed time per iteration (ms): {v.ms:.1f} | learning rate: {v.lr:.6E} | global batch size:    16 | "
        f"lm loss: {v.loss:.6E} | loss scale: 1.0 | grad norm: {_number(v.norm, 3)} | "
        f"number of skipped iterations:   0 | number of nan iterations:   0 |"
    )
    if v.val is not None:
        yield f" validation loss at iteration {v.step} | lm loss value: {v.val:.6E} |"


def _keras(v: Values) -> Iterator[str]:
    if v.batch == 1:
        yield f"Epoch {v.epoch}/50"
    yield f"{v.batch}/{v.batches} [=====>.....] - ETA: 1s - loss: {_number(v.loss)} - accuracy: 0.{v.step % 90:02d}10"
    if v.val is not None:
        done = f"{v.batches}/{v.batches} [==========] - 2s 9ms/step"
        yield f"{done} - loss: {_number(v.loss)} - val_loss: {_number(v.val)}"


def _tqdm(v: Values, *, done: int, total: int, words: str = "", shown: str = "", block: str = "#") -> str:
    share = 100 * done // total
    left = f"{v.step % 60:02d}"
    speed = f"{1000 / v.ms:5.2f}it/s" if v.ms < 1000 else f"{v.ms / 1000:5.2f}s/it"
    drawn = f"{block * (share // 10)}{' ' * (10 - share // 10)}"
    return f"{words}{share:3d}%|{drawn}| {done}/{total} [00:{left}<01:{left}, {speed}{', ' * bool(shown)}{shown}]"


def _redrawn(v: Values) -> Iterator[str]:
    """As the Trainer of Hugging Face and tqdm write to one file: bars end with a CR, and are wiped before a report."""
    bar = _tqdm(v, done=v.step, total=v.steps, block="█")
    yield f"\r{bar}\x1b[A" if v.step % 7 == 0 else f"\r{bar}"
    if v.step % 5 == 0 and v.val is None:
        done = v.epoch - 1 + v.batch / v.batches
        yield f"\r{' ' * 60}\r{{'loss': {_number(v.loss)}, 'learning_rate': {v.lr:.4e}, 'epoch': {done:.2f}}}\n"
        yield f"\r{bar}"
    if v.val is not None:
        yield f"\r{' ' * 60}\r{{'eval_loss': {_number(v.val)}, 'epoch': {v.epoch}.0}}\n\n"
        for batch in range(1, 4):
            yield f"\r{_tqdm(v, done=batch, total=3, block='█')}"
        yield "\n"


def _postfix(v: Values) -> Iterator[str]:
    """As Lightning: the bar of an epoch shows the last loss, and is drawn again without news."""
    shown = f"v_num=0, train_loss={_number(v.loss, 3)}, lr={v.lr:.2e}"
    bar = _tqdm(v, done=v.batch, total=v.batches, words=f"Epoch {v.epoch - 1}: ", shown=shown)
    yield f"\r{bar}"
    if v.step % 4 == 0:
        yield f"\r{bar}"
    if v.val is not None:
        yield f"\r{bar[:-1]}, val_loss={_number(v.val, 3)}]\n"


def _described(v: Values) -> Iterator[str]:
    """As many scripts: one bar for all steps, the loss in its words, some steps drawn twice."""
    if v.step % 3 == 0:
        yield _tqdm(v, done=max(1, v.step - 1), total=v.steps, words=f"loss {_number(v.loss)}: ")
    yield _tqdm(v, done=v.step, total=v.steps, words=f"loss {_number(v.loss)}: ")


def _keras_timed(v: Values) -> Iterator[str]:
    """As Keras 3: what a step takes is shown in every drawing."""
    if v.batch == 1:
        yield f"Epoch {v.epoch}/50"
    drawn = "━" * (v.batch * 20 // v.batches) or "━"
    took = f"\x1b[1m{v.step % 60}s\x1b[0m {v.ms:.0f}ms/step"
    shown = f"accuracy: 0.{v.step % 90:02d}10 - loss: {_number(v.loss)}"
    yield f"\x1b[1m{v.batch}/{v.batches}\x1b[0m {drawn} {took} - {shown}"
    if v.val is not None:
        yield f"{v.batches}/{v.batches} {'━' * 20} {took} - loss: {_number(v.loss)} - val_loss: {_number(v.val)}"


def _json(v: Values) -> Iterator[str]:
    loss = _number(v.loss, 6) if math.isfinite(v.loss) else "NaN"
    yield f'{{"step": {v.step}, "loss": {loss}, "lr": {v.lr:.6e}, "grad_norm": {_number(v.norm, 5)}}}'
    if v.val is not None:
        yield f'{{"step": {v.step}, "val_loss": {_number(v.val)}}}'


def _logging(v: Values) -> Iterator[str]:
    head = f"{v.at:%Y-%m-%d %H:%M:%S},{v.at.microsecond // 1000:03d} - train - INFO - "
    memory = f"mem {8 + v.step % 7 / 10:.1f} | max mem {9 + v.step % 5 / 4:.2f}"
    yield f"{head}step {v.step} | loss {_number(v.loss)} | lr {v.lr:.3e} | grad_norm {_number(v.norm, 3)} | {memory}"
    if v.val is not None:
        yield f"{head}epoch {v.epoch} val_loss {_number(v.val)}"


def _native(v: Values) -> Iterator[str]:
    head = f"{v.at:%Y-%m-%dT%H:%M:%S}.{v.at.microsecond // 1000:03d}Z INFO"
    if v.step == 1:
        yield f"{head} [RUN] start run=r1 pid=7"
    yield (
        f"{head} [TRAIN] epoch={v.epoch}/50 batch={v.batch}/{v.batches} step={v.step} loss={v.loss!r} lr={v.lr!r} "
        f"s_per_batch={v.ms / 1000!r} grad_norm={v.norm!r}"
    )
    if v.val is not None:
        yield f"{head} [EPOCH] epoch={v.epoch}/50 train_loss={v.loss!r} val_loss={v.val!r} lr={v.lr!r}"


def _dense(v: Values) -> Iterator[str]:
    """As our own trainer with Telemetry: several kinds of line, each with a cadence of its own, and other programs'."""
    head = f"{v.at:%Y-%m-%dT%H:%M:%S}.{v.at.microsecond // 1000:03d}Z INFO"
    if v.step <= 10 and v.batch == 1:
        yield f"{head} [RUN] start run=r1 pid=7"
        if v.batches != 40:
            yield f"{head} [INTENT] base_lr=0.001 total_steps={v.steps} epochs=50 cadence_train=10 cadence_grad=60"
    if v.step % 3:
        yield "  worker 12380: 240 rows in 12.4 ms"
    yield (
        f"{head} [TRAIN] epoch={v.epoch}/50 batch={v.batch}/{v.batches} step={v.step} loss={v.loss!r} lr={v.lr!r} "
        f"grad_norm={v.norm!r}"
    )
    if v.step % 2 == 0 and v.is_whole:
        yield f"{head} [DEGENERACY-GUARD] check step={v.step} h=5 std=0.3 target_std=0.9 ratio=0.33 strikes=0/3"
    if v.step % 60 == 0 and v.is_whole:
        yield f"{head} [ENCODER-GRAD] normalized_features grad_norm={v.norm:.3e} max=1e-3 step={v.step} norm={v.norm!r}"


def _scores(v: Values) -> Iterator[str]:
    """As many scripts without a loop of steps: figures by a name of their own, and no place."""
    yield f"[fold] val auc: {_number(v.loss / 10, 5)}, train logloss: {_number(v.norm)}"
    if v.val is not None:
        yield f"[fold] test auc: {_number(v.val / 10, 5)}"


def _headed(v: Values) -> Iterator[str]:
    """Each epoch under its head, and within it the step on a line before its loss."""
    if v.batch == 1:
        yield f"Epoch {v.epoch}/50"
    if v.step % 3 == 0:
        yield f"current step: {v.step}"
    yield f"batch loss: {_number(v.loss)}"
    if v.val is not None:
        yield f"val loss: {_number(v.val)}, val dice: {_number(1 / (1 + v.val))}"


def _epochs(v: Values) -> Iterator[str]:
    """Epochs alone, each with its scores, and no step."""
    yield f"epoch {v.step} accuracy={_number(1 / (1 + v.loss))} lr={v.lr:.3e}"


FORMATS: dict[str, Callable[[Values], Iterator[str]]] = {
    "nanoGPT": _nanogpt, "Hugging Face": _hugging_face, "with bars": _with_bars, "Megatron": _megatron,
    "Keras": _keras, "JSON": _json, "logging": _logging, "native": _native, "redrawn": _redrawn, "postfix": _postfix,
    "described": _described, "Keras 3": _keras_timed, "dense": _dense,
    "scores": _scores, "headed": _headed, "epochs": _epochs,
}  # fmt: skip
TROUBLES = (
    "", "", "spike", "nan", "frozen", "rising", "zero", "rates", "norms", "silence", "slow", "jump", "words", "back",
    "plateau", "stops",
)  # fmt: skip
WORDS = (
    "Traceback (most recent call last):", "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "Saving model checkpoint to out/ckpt-20", "loss is nan, skipping",
    "Gradient overflow. Skipping step, loss scaler 0",
    "hello from a worker", "lr = 0.1", "", "Training completed.", "loading 3 shards",
)  # fmt: skip


class Log(NamedTuple):
    """A log, and what was drawn."""

    data: bytes
    spec: str


def log(seed: int, lines: int = 220, *, name: str = "", is_calm: bool = False, lasting: str = "") -> Log:
    """Make the log of a seed; the formats take turns, unless one is named. A calm one has no troubles.

    ``lasting`` is a trouble that begins in the second half and does not end.
    """
    name = name or list(FORMATS)[seed % len(FORMATS)]
    dice = random.Random(seed)
    stride, batches = dice.choice([1, 1, 1, 10]), dice.choice([17, 40, 90])
    level, noise = dice.choice([0.4, 2.5, 9.0]), dice.choice([0.0, 0.01, 0.05, 0.4])
    pace = dice.choice([250.0, 250.0, 45.0, 20.0])
    troubles: dict[int, str] = {}
    for _ in range(0 if is_calm else dice.randint(0, 4)):
        troubles[dice.randrange(20, lines)] = dice.choice(TROUBLES)
    written: list[str] = []
    at, step, trouble, since = datetime(2026, 11, 3, 10, tzinfo=UTC), 0, "", 0
    for number in range(1, lines + 1):
        if number in troubles:
            trouble, since = troubles[number], number
        if lasting and number == 3 * lines // 5:
            troubles, trouble, since = {}, lasting, number
        age = number - since
        if trouble not in ("", "rising", "plateau", lasting) and age > dice.choice([1, 3, 12, 40]):
            trouble = ""
        step = max(1, step - 30 * stride) if trouble == "back" and age == 0 else step + stride
        at += timedelta(seconds=900.0 if trouble == "silence" and age == 0 else 40.0 if trouble == "slow" else 2.0)
        batch = (number - 1) % batches + 1
        loss = level * (0.3 + math.exp(-number / 80)) * (1 + noise * dice.uniform(-1, 1))
        loss = {
            "spike": loss * 30, "nan": math.nan, "frozen": 1.2345, "zero": 0.0, "jump": loss + 4,
            "rising": loss * (1 + age / 10), "plateau": level,
        }.get(trouble, loss)  # fmt: skip
        rate = 1e-3 * min(1.0, number / 10) * (0.0 if trouble == "rates" else 1.0)
        norm = dice.uniform(0.8, 1.2) * {"norms": 200.0, "zero": 0.0, "nan": math.nan}.get(trouble, 1.0)
        val = loss * 1.1 if batch == batches else None
        if trouble == "words" and age == 0:
            written.append(dice.choice(WORDS))
        took = pace + 9 * dice.random()
        values = Values(step, at, loss, rate, norm, took, (number - 1) // batches + 1, batch, batches,
                        lines * stride, val, trouble != "stops")  # fmt: skip
        written += FORMATS[name](values)
    text = "".join(each if each[:1] == "\r" or each == "\n" else f"{each}\n" for each in written)
    return Log(text.encode(), f"{name}, level {level}, noise {noise}, {troubles}")


def eager_rules() -> list[Rule]:
    """Return a rule of nearly every shape of every kind about the signals of these logs, each with a low level."""
    found = []
    for number, (signal, body) in enumerate(
        (signal, body) for signal in ("train.loss", "train.lr", "train.grad_norm", "epoch.val_loss") for body in _BODIES
    ):
        found.append(_RULE.format(name=f"Eager{number}", body=body.replace("SIGNAL", signal)))
    return found and _loaded("groups:\n  - name: eager\n    rules:\n" + "".join(found))


_RULE = """      - alert: {name}
        fault: loss_nonfinite
        {body}
        severity: warning
        summary: "at {{step}}: {{value}}, {{reason}}"
        why: it is eager
        action: wait
        source: chosen by hand
"""
_BODIES = [
    re.sub(r"; ", "\n        ", text)
    for text in (
        "kind: threshold; signal: SIGNAL; above: 3",
        "kind: threshold; signal: SIGNAL; below: 0.5; consecutive: 3; clear: 0.7",
        "kind: threshold; signal: SIGNAL; above: 1.5; of: median; over: 10 reports; for: 3 steps",
        "kind: threshold; signal: SIGNAL; levels: [{severity: warning, above: 1}, {severity: critical, above: 4}]",
        "kind: threshold; signal: SIGNAL; nonfinite: true; keep_firing_for: 20 steps",
        "kind: zero; signal: SIGNAL",
        "kind: constant; signal: SIGNAL; over: 4 reports; digits: 2",
        "kind: trend; signal: SIGNAL; shape: spikes; over: 20 reports; above: 1; past: 10; least: 5; sigmas: 4",
        "kind: trend; signal: SIGNAL; shape: ratio; above: 1.5; past: 10; least: 4; consecutive: 2",
        "kind: trend; signal: SIGNAL; shape: rising; above: 3; least: 4",
        "kind: trend; signal: SIGNAL; shape: falling; above: 4; least: 4",
        "kind: trend; signal: SIGNAL; shape: plateau; above: 20; least: 4",
        "kind: trend; signal: SIGNAL; shape: slope; above: 0.1; over: 12 reports",
        "kind: trend; signal: SIGNAL; shape: growth; above: 0.05; over: 20 reports; windows: 4; is_share: true",
        "kind: compare; signal: SIGNAL; against: {signal: train.loss}; figure: ratio; above: 1.05",
        "kind: compare; signal: SIGNAL; of: minimum; against: {signal: train.loss}; figure: ratio; above: 1.05",
        "kind: missing; signal: SIGNAL; cadences: 2",
        "kind: nats; signal: SIGNAL; above: 0.3",
    )
]


def _loaded(text: str) -> list[Rule]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "eager.yaml"
        path.write_text(text)
        return list(load_rules([path]))
