"""Log lines about the run itself: its start and end, its settings and its intent."""

from __future__ import annotations

from monitor.grammar.fields import Words
from monitor.grammar.record import Record, line


@line("RUN", "start")
class RunStart(Record):
    """The trainer starts; ``attempt`` counts its starts from 1."""

    run: str
    pid: int | None = None
    host: str | None = None
    cmd: str | None = None
    attempt: int | None = None


@line("RUN", "end")
class RunEnd(Record):
    """The trainer ends; ``status`` is completed, stopped or failed, ``reason`` why, if it was declared."""

    status: str
    epochs: int | None = None
    best_epoch: int | None = None
    best_val_loss: float | None = None
    seconds: float | None = None
    error: str | None = None
    reason: str | None = None


@line("CONFIG", "unused={unused}", level="WARNING")
class ConfigUnused(Record):
    """An environment variable that looks like ours, and that nothing reads."""

    unused: str


@line("CONFIG", "ignored={ignored}", level="WARNING")
class ConfigIgnored(Record):
    """A setting that was asked for but overridden."""

    ignored: str
    asked: str | None = None
    used: str | None = None


@line("CONFIG", "{key}={value}")
class Config(Record):
    """One effective setting; ``source`` is default, file, call, env, cli or checkpoint."""

    key: str
    value: str
    source: str | None = None


@line("INTENT")
class Intent(Record):
    """What is deliberate, so that rules do not take it for a fault."""

    frozen: Words | None = None
    accumulate: int | None = None
    base_lr: float | None = None
    min_lr: float | None = None
    warmup_start: float | None = None
    warmup_steps: int | None = None
    schedule: str | None = None
    total_steps: int | None = None
    clip: float | None = None
    no_grad_expected: Words | None = None
    epochs: int | None = None
    cadence_train: int | None = None
    cadence_grad: int | None = None
    phase_change: str | None = None
    data_change: str | None = None
    pause: str | None = None
    expected_s: float | None = None
    resume_from: int | None = None
    device: str | None = None
    not_logged: Words | None = None
