"""What a log lacks, in the plain names of what the rules that cannot be judged wait for."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.conditions.condition import Needed
from monitor.report.judgement import RuleVerdict
from monitor.run.attempt import Attempt
from monitor.run.run import Run

_NAMES = {
    "train.loss": "training loss",
    "epoch.train_loss": "training loss",
    "epoch.val_loss": "validation loss",
    "train.grad_norm": "gradient norm",
    "train.lr": "learning rate",
    "grad.": "gradients by group",
    "encoder_grad.": "gradients by group",
    "metric": "metrics",
    "weight.": "weight norms",
    "activation.": "activations",
    "input.": "inputs of the batches",
    "data.": "checks of the data",
    "guard.": "spread of the predictions",
    "train.s_per_batch": "time per step",
    "train.samples_per_s": "samples per second",
    "train.tokens_per_s": "tokens per second",
    "gpu.": "GPU use",
    "process.": "process figures",
}
"""By the beginning of a signal's name, what matters most first. Signals of a trainer's start and end lines, and of
texts that a healthy run never writes, have no name: a log lacks nothing without them."""


def missing_from(run: Run, unseen: Iterable[RuleVerdict]) -> tuple[str, ...]:
    """Return what these rules need and the log has never shown, what matters most first."""
    verdicts, attempt = list(unseen), run.attempt
    needed = [name for each in verdicts for name in _unmet(attempt, each.rule.condition.needed_signals())]
    seen = {_name_of(signal) for signal, by_labels in attempt.series.items() if by_labels}
    wanted = {_name_of(name) for name in needed} - seen - {""}
    times = ["times"] if run.heard_at is None else []
    return (*times, *(name for name in dict.fromkeys(_NAMES.values()) if name in wanted))


def _unmet(attempt: Attempt, needed: Needed) -> list[str]:
    return [name for group in needed if not any(attempt.of(name) for name in group) for name in group]


def _name_of(signal: str) -> str:
    return next((name for start, name in _NAMES.items() if signal.startswith(start)), "")
