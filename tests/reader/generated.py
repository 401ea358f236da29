"""Random logs with known facts: `python -m tests.reader.generated N` counts what is right, silent and wrong."""
# ruff: noqa: E501

import random
import sys
from collections import Counter

from tests.reader.facts import facts_of, flat, is_same

HEADS = [
    "", "", "", "2025-03-04 09:{m:02d}:{s:02d},123 - root - INFO - ", "[2025-03-04 09:{m:02d}:{s:02d}] ", "03/04 09:{m:02d}:{s:02d} - trainer - INFO - ",
    "I0304 09:{m:02d}:{s:02d}.123456 140001 train.py:12] ", "2025-03-04 09:{m:02d}:{s:02d} | INFO | ", "INFO:root:", "[09:{m:02d}:{s:02d}] ",
    "2025-03-04T09:{m:02d}:{s:02d}.123Z ", "Mar  4 09:{m:02d}:{s:02d} gpu01 python[123]: ", "[rank0]: ", "[2025-03-04 09:{m:02d}:{s:02d},123][train][INFO] - ",
    "(Trainer pid=123) ", "17410788{m:02d}.5 ", "[03/04 09:{m:02d}:{s:02d} train.loop]: ", "2025-03-04 09:{m:02d}:{s:02d}.123 | INFO     | app.train:run:12 - ",
]  # fmt: skip
STEPS = [
    "step",
    "Step",
    "iter",
    "Iteration",
    "global_step",
    "it",
    "iteration",
    "num_updates",
    "train/step",
    "STEP",
    "steps",
    "update",
]
LOSSES = [
    "loss",
    "Loss",
    "train_loss",
    "training loss",
    "train/loss",
    "Train Loss",
    "total_loss",
    "loss/train",
    "trainLoss",
    "tr_loss",
    "Training Loss",
    "lm loss",
    "train-loss",
    "LOSS",
]
VALS = [
    "val_loss",
    "Val Loss",
    "valid_loss",
    "validation loss",
    "eval_loss",
    "val/loss",
    "Validation Loss",
    "dev_loss",
    "loss/val",
    "valLoss",
    "Val. Loss",
    "eval/loss",
]
RATES = ["lr", "LR", "learning_rate", "learning rate", "train/lr", "Learning Rate"]
NORMS = ["grad_norm", "gnorm", "gradient norm", "grad norm", "train/grad_norm", "Grad Norm"]
METRICS = [
    ("acc", "acc"),
    ("accuracy", "accuracy"),
    ("f1", "f1"),
    ("mIoU", "mIoU"),
    ("top1", "top1"),
    ("ppl", "ppl"),
    ("dice", "dice"),
    ("PSNR", "PSNR"),
]
EXTRAS = [
    "eta: {h}:02:03",
    "mem: {h}12MB",
    "time: 0.{h}3s",
    "data_time: 0.00{h}",
    "tok/s: 12,3{h}4",
    "aux_loss: 0.0{h}1",
    "best_loss: 0.{h}",
    "loss_scale: 65536",
]


def number(dice: random.Random, value: float) -> tuple[str, float]:
    """Return a number as some trainer prints it, and its value."""
    text = dice.choice(["{:.4f}", "{:.3f}", "{:.6f}", "{:.4e}", "{:.2f}", "{}"]).format(value)
    return text, float(text)


def make(dice: random.Random) -> tuple[str, dict[str, float]]:
    """Return a log and its facts."""
    head, style = dice.choice(HEADS), dice.choice(["colon", "equals", "space", "json", "dict"])
    if style in ("json", "dict"):
        head = ""
    between = (
        dice.choice([", ", " | ", "  ", " - ", "\t", "; "]) if style != "space" else dice.choice([", ", " | ", "; "])
    )
    place = dice.choice(
        ["step", "step", "of", "epoch", "epoch+step", "epoch+batch", "heads", "epoch bracket", "json epoch"]
    )
    loss, val, rate, norm = dice.choice(LOSSES), dice.choice(VALS), dice.choice(RATES), dice.choice(NORMS)
    metric, metric_name = dice.choice(METRICS)
    step_word, epoch_word, from_zero = dice.choice(STEPS), dice.choice(["epoch", "Epoch", "EPOCH"]), dice.random() < 0.4
    has_val, has_lr, has_norm = dice.random() < 0.5, dice.random() < 0.6, dice.random() < 0.4
    extra = dice.choice(EXTRAS) if dice.random() < 0.3 and style == "colon" else ""
    val_first, own_val_line = dice.random() < 0.5, dice.random() < 0.4
    epochs, per = dice.randint(2, 6), dice.randint(3, 9)
    every = dice.choice([1, 10, 100])

    def pair(name: str, text: str) -> str:
        if style == "json":
            return f'"{name}": {text}'
        if style == "dict":
            return f"'{name}': {text}"
        return {"colon": f"{name}: {text}", "equals": f"{name}={text}", "space": f"{name} {text}"}[style]

    def line(parts: list[str], index: int) -> str:
        if style in ("json", "dict"):
            return "{" + ", ".join(parts) + "}"
        return head.format(m=index // 60 % 60, s=index % 60) + between.join(parts)

    lines: list[str] = []
    facts: dict[str, float] = {}
    index = 0
    per_line = place in ("epoch", "epoch bracket", "json epoch")
    for epoch in range(epochs):
        shown = epoch if from_zero else epoch + 1
        if place == "heads" and style not in ("json", "dict"):
            lines.append(f"{epoch_word} {epoch + 1}/{epochs}")
        for batch in range(1, (1 if per_line else per) + 1):
            index += 1
            step = (epoch * per + batch) * every
            parts = []
            if place in ("step", "heads") or (place == "of" and style in ("json", "dict")):
                parts = [pair(step_word, str(step))]
                facts["last_step"] = step
            elif place == "of":
                parts = [f"{step_word} {step}/{epochs * per * every}"]
                facts["last_step"] = step
            elif place in ("epoch", "json epoch") or (style in ("json", "dict") and place == "epoch bracket"):
                parts = [pair(epoch_word, str(shown))]
                facts["epochs_done"] = epoch + 1
            elif place == "epoch bracket":
                parts = [f"{epoch_word} [{epoch + 1}/{epochs}]"]
                facts["epochs_done"] = epoch + 1
            elif place == "epoch+step" or style in ("json", "dict"):
                parts = [pair(epoch_word, str(shown)), pair(step_word, str(step))]
                facts["last_step"] = step
            else:
                parts = [f"{epoch_word} [{epoch + 1}/{epochs}]", f"Step [{batch * every}/{per * every}]"]
                facts["last_step"] = step
                facts["epochs_done"] = epoch + (batch == per)
            body = []
            text, facts["last_loss"] = number(dice, 3 / (1 + index) + 0.1)
            body.append(pair(loss, text))
            if has_lr:
                text, facts["lr"] = dice.choice([("1e-4", 1e-4), ("0.0001", 1e-4), ("1.00e-04", 1e-4), ("0.001", 1e-3)])
                body.append(pair(rate, text))
            if has_norm:
                text, facts["grad_norm"] = number(dice, 1 + index / 7)
                body.append(pair(norm, text))
            if extra:
                body.append(extra.format(h=index % 9 + 1))
            if has_val and not own_val_line and per_line:
                text, facts["val_loss"] = number(dice, 4 / (1 + index) + 0.2)
                body.insert(0 if val_first else len(body), pair(val, text))
                text, value = number(dice, 0.5 + index / 100)
                body.append(pair(f"val_{metric}", text))
                facts[f"metrics.{metric_name}.val"] = value
            lines.append(line(parts + body, index))
        if has_val and own_val_line:
            text, facts["val_loss"] = number(dice, 4 / (1 + index) + 0.2)
            lines.append(line([*parts[:1], pair(val, text)], index))
    return "\n".join(lines) + "\n", facts


def main() -> None:
    """Count."""
    total: Counter[str] = Counter()
    shown = 0
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 300):
        text, facts = make(random.Random(seed))
        said = flat(facts_of(text.encode())[0])
        for name, value in facts.items():
            kind = "silent" if name not in said else "right" if is_same(said[name], value) else "WRONG"
            total[kind] += 1
            total[f"{kind} {name.split('.')[0]}"] += 1
            if (kind == "WRONG" and shown < 12) or (kind == "silent" and len(sys.argv) > 2 and shown < 12):
                shown += 1
                print(seed, kind, name, said.get(name), value, "|", *text.splitlines()[:2], "|", text.splitlines()[-1])
    print(dict(total))


if __name__ == "__main__":
    main()
