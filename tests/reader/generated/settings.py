"""Dumps of settings at the head of a log: numbers that are no measurements."""

import json

from tests.reader.generated.page import Page


def settings(page: Page) -> None:
    """Print the settings of a run in one of the usual ways, and allow what they tell."""
    draw, course = page.draw, page.course
    pairs: list[tuple[str, object]] = [
        (draw.pick(["batch_size", "train_batch_size", "bs"]), draw.pick([16, 32, 64, 256])),
        (draw.pick(["seed", "random_seed"]), draw.whole(0, 2000)),
        ("weight_decay", draw.pick([0.0, 0.01, 0.05, 0.0001])),
        ("dropout", 0.1),
        ("optimizer", draw.pick(["adamw", "sgd", "adam"])),
        ("data_dir", "/data/train"),
        (draw.pick(["max_grad_norm", "grad_clip", "clip_grad"]), 1.0),
        (draw.pick(["log_every", "log_interval", "print_freq"]), course.every),
        (draw.pick(["eval_every", "val_interval", "eval_steps"]), 500),
        (draw.pick(["loss", "criterion", "loss_fn"]), draw.pick(["cross_entropy", "mse", "CrossEntropyLoss"])),
        ("label_smoothing", 0.1),
        ("num_workers", 8),
        ("resume", None),
        ("fp16", True),
        ("warmup_steps", 100),
        ("val_split", 0.1),
    ]
    pairs = draw.some(pairs, draw.whole(3, len(pairs)))
    if draw.often(0.7):
        pairs.append((draw.pick(["lr", "learning_rate", "base_lr"]), course.base_rate))
        page.kept["settings rate"] = [course.base_rate]
    if draw.often(0.6):
        pairs.append((draw.pick(["epochs", "num_epochs", "max_epochs"]), course.num_epochs))
    if draw.often(0.15):
        pairs.append((draw.pick(["max_steps", "total_steps", "num_iterations"]), course.num_steps))
    if draw.often(0.15):
        pairs.append(("start_epoch", 0))
    for line in _written(page, draw.shuffled(pairs)):
        page.say(line)


def settle(page: Page) -> None:
    """Allow what only the settings told, and totals that a reader could work out, once the log is complete."""
    page.truth.also("steps", page.course.num_steps, None)
    page.truth.also("epochs", page.course.num_epochs, None)
    if "settings rate" in page.kept:
        page.truth.unsaid_unless_stated("lr")


def _written(page: Page, pairs: list[tuple[str, object]]) -> list[str]:
    way = page.draw.pick(["namespace", "yaml", "json", "lines", "dict", "equals", "table", "flags"])
    page.notes.append(f"settings as {way}")
    if way == "namespace":
        return ["Namespace(" + ", ".join(f"{key}={value!r}" for key, value in pairs) + ")"]
    if way == "dict":
        return [f"Config: {dict(pairs)}"]
    if way == "json":
        return json.dumps(dict(pairs), indent=2).splitlines()
    if way == "yaml":
        return ["config:"] + [f"  {key}: {value}" for key, value in pairs]
    if way == "equals":
        return [f"{key} = {value}" for key, value in pairs]
    if way == "table":
        rule = "-" * 50
        return [rule, *(f"| {key:<24} | {value!s:<18} |" for key, value in pairs), rule]
    if way == "flags":
        return ["python train.py " + " ".join(f"--{key} {value}" for key, value in pairs)]
    return ["Hyperparameters:", *(f"{key:>24}: {value}" for key, value in pairs)]
