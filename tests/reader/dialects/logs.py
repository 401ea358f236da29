# ruff: noqa: E501 (each line of a log stands on one line)
"""Logs of other trainers, as their own code prints them, for the tests of the dialects."""

import io

from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.rules import load_rules
from monitor.rules.choice import shipped_rule_files
from monitor.tail import read_lines

RULES = tuple(load_rules(shipped_rule_files()))

HF = (
    "\r  0%|          | 0/40 [00:00<?, ?it/s]\r"
    + "\r".join(
        f" {step * 100 // 40:2d}%|█         | {step}/40 [00:0{step // 10}<00:03,  9.91it/s]"
        + (
            f"\r{' ' * 40}\r{{'loss': {3 / (1 + step):.4f}, 'grad_norm': 1.{step}, 'learning_rate': 1e-05, 'epoch': {step / 20}}}\n"
            if step % 4 == 0
            else ""
        )
        for step in range(1, 41)
    )
    + "\n{'train_runtime': 3.2, 'train_samples_per_second': 50.0, 'train_loss': 0.41, 'epoch': 2.0}\n"
)
MEGATRON = "".join(
    f"[node-1:0]:  [2025-04-13 23:4{step // 60}:{step % 60:02d}] iteration {step:8d}/    1000 | consumed samples: {16 * step} | "
    f"elapsed time per iteration (ms): 1001.0 | learning rate: 1.0E-04 | global batch size: 16 | lm loss: {9 - step / 50:.6E} | "
    f"loss scale: 1.0 | grad norm: 1.{step} | number of skipped iterations: 0 | number of nan iterations: 0 |\n"
    for step in range(1, 60)
)
NANOGPT = "step 0: train loss 4.2, val loss 4.3\n" + "".join(
    f"iter {step}: loss {4.2 - step / 300:.4f}, time 20.{step % 10}0ms, mfu 12.00%\n" for step in range(0, 300, 10)
)
LIGHTNING = "GPU available: False, used: False\n" + "".join(
    f"\rEpoch {epoch}: {5 * batch:3d}%|████▌     | {batch}/20 [00:12<00:14,  7.40it/s, v_num=0, train_loss={2 - epoch / 3 - batch / 90:.3f}]"
    for epoch in range(3)
    for batch in range(21)
)
TITAN = "".join(
    f"\x1b[32m[titan] 2025-01-01 00:00:{step:02d},000 - root - INFO - \x1b[31mstep: {step:2d}  \x1b[32mloss: {8 - step / 9:7.4f}  \x1b[39m"
    f"grad_norm: 1.2{step:03d}  memory: 40.00GiB(50.00%)  tps: 5,000  tflops: 300.00  mfu: 30.00%\x1b[39m\n"
    for step in range(1, 50)
)
KERAS = "".join(
    f"Epoch {epoch}/3\n"
    + "".join(
        f"\r{batch:2d}/32 ━━━━━━━━━━━━━━━━━━━━ 0s 2ms/step - loss: {2 / epoch - batch / 90:.4f}"
        for batch in range(1, 33)
    )
    + f" - val_loss: {1.5 / epoch:.4f}\n"
    for epoch in range(1, 4)
)
GENERIC = "".join(
    f'{{"epoch": {1 + step // 50}, "step": {step}, "train_loss": {3 - step / 40:.4f}, "lr": 1e-4}}\n'
    for step in range(100)
)
ATFT = (
    "Complete ATFT-GAT-FAN Training Pipeline\n[2025-10-28 23:45:14,729][__main__][INFO] - [main] Epoch 1/2\n"
    + "".join(
        f"\nEpoch 1: {batch}it [00:42,  3.69s/it, loss={0.9 - batch / 70:.4f}]"
        f"[2025-10-28 23:46:{batch:02d},320][__main__][INFO] - [EDGE-TS] asof=2024-06-05 staleness_days=1\n"
        for batch in range(40)
    )
    + "[2025-10-28 23:47:00,000][__main__][WARNING] - [GAT-GRAD] Low gradient detected: 0.00e+00\n"
    + "[2025-10-28 23:47:03,960][__main__][INFO] - train/total_loss: 0.350052\n"
)
LOGS = {
    "hf-trainer": HF,
    "megatron": MEGATRON,
    "nanogpt": NANOGPT,
    "lightning": LIGHTNING,
    "torchtitan": TITAN,
    "keras": KERAS,
    "generic": GENERIC,
    "atft": ATFT,
}
"""A healthy log of each dialect; that of atft has a group without gradient."""


def watched(text: str | bytes, log: str = "run.log", engine: Engine | None = None) -> tuple[Pipeline, list]:
    """Read a log line by line; return the pipeline and what changed."""
    pipeline = Pipeline(log, engine or Engine(RULES))
    data = text.encode() if isinstance(text, str) else text
    changes = [change for line in read_lines(io.BytesIO(data)) for change in pipeline.take(line)]
    return pipeline, changes


def fired(changes: list) -> dict[str, list[int]]:
    """Return the lines of each rule's alerts that fired and page somebody, by rule."""
    found: dict[str, list[int]] = {}
    for change in changes:
        if change.state == "firing" and change.severity.is_alarming and not change.inhibited_by:
            found.setdefault(change.rule, []).append(change.evidence[-1].line)
    return found
