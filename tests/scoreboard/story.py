"""A run written line by line on a fake clock, without a training, for faults such as stalls and crashes.

Times, losses and gradients vary with the seed; nothing here depends on a rule.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from monitor import grammar
from monitor.grammar import Record, Share, format_line
from tests.scoreboard.fakeclock import START

NOT_LOGGED = ("DATA-CHECK", "DEGENERACY-GUARD", "ENCODER-GRAD", "FLOOR", "INPUT-MONITOR", "METRICS")
BATCHES, TRAIN_EVERY, GRAD_EVERY = 60, 5, 10


class StoryItem(NamedTuple):
    """One piece of information for the monitor."""

    at: float
    text: str
    how: str = "line"
    """line: a line of the log; fact: observed outside the log; lost: number of bytes destroyed before being read."""


class Story:
    """A run whose course its methods decide."""

    def __init__(self, draw: random.Random, *, epochs: int = 8, device: str = "cpu") -> None:
        self.items: list[StoryItem] = []
        self.now = START
        self.step_s = draw.uniform(0.4, 3.0)
        self.pid, self.run = draw.randrange(1000, 60000), f"story-{draw.getrandbits(32):08x}"
        self.epoch, self.step = 1, 0
        self._draw, self._epochs, self._device = draw, epochs, device
        self._beat, self._beat_at = 0, START
        self.rss_mb, self.util_pct = 2000.0, 92.0
        """The values in PROC and GPU lines, which vary slightly around them."""
        self.has_reports = True
        """Whether there are reports of gradients and weights."""

    def write(self, record: Record, *, level: str | None = None) -> None:
        """Write a line now."""
        self.now = round(self.now, 3)
        self.items.append(StoryItem(self.now, format_line(self.now, record, level=level)))

    def write_text(self, *lines: str) -> None:
        """Write other lines, such as a traceback."""
        self.items += [StoryItem(self.now, line) for line in lines]

    def start(self, *, attempt: int = 1, resume_from: int | None = None) -> None:
        """Start or restart the run."""
        self.write(grammar.RunStart(run=self.run, pid=self.pid, host="h", cmd="train.py", attempt=attempt))
        self.declare(resume_from=resume_from)
        self.phase("load", seconds=self._draw.uniform(5, 40))

    def declare(self, *, resume_from: int | None = None) -> None:
        """Write the intent."""
        self.write(
            grammar.Intent(
                epochs=self._epochs,
                cadence_train=TRAIN_EVERY,
                cadence_grad=GRAD_EVERY,
                device=self._device,
                not_logged=NOT_LOGGED,
                resume_from=resume_from,
            )
        )

    def phase(self, name: str, *, seconds: float = 0.0, total: int | None = None) -> None:
        """Enter a phase that has only heartbeats for `seconds`, in which `total` pieces are done one by one."""
        self._enter(name, total)
        done_at = self.now
        for piece in range(total or 1):
            done_at += seconds / (total or 1)
            self.idle_until(done_at, name=name, done=piece, total=total)

    def train(self, steps: int) -> None:
        """Take steps, with a validation at the end of each epoch."""
        if self.step % BATCHES == 0:
            self._enter("train", BATCHES)
        for _ in range(steps):
            self._take_step()
            if self.step % BATCHES == 0:
                self.validate()
                self._enter("train", BATCHES)

    def validate(self, *, seconds: float | None = None, beats: bool = True) -> None:
        """Validate and end the epoch."""
        length = self._draw.uniform(2, 20) if seconds is None else seconds
        self._enter("validate", 10)
        for piece in range(10):
            if beats:
                self.idle_until(self.now + length / 10, name="validate", done=piece, total=10)
            else:
                self.now += length / 10
        loss = self._loss()
        share = Share(self.epoch, self._epochs)
        self.write(grammar.Epoch(epoch=share, train_loss=loss, val_loss=self._loss() + 0.03, lr=1e-3))
        self.epoch += 1

    def idle_until(
        self, moment: float, *, name: str = "train", done: int | None = None, total: int | None = None
    ) -> None:
        """Let time pass with only heartbeats from the side thread."""
        idle_since = self.now
        while self._beat_at <= moment:
            self.now = max(self.now, self._beat_at)
            self._beat += 1
            self._phase(name, done, total, beat=self._beat, idle_s=self.now - idle_since)
            self._beat_at += 20.0
        self.now = round(moment, 3)

    def fact(self, record: Record) -> None:
        """Let the monitor observe a fact outside the log."""
        text = format_line(self.now, record, level=record.LEVEL).split(" ", 1)[1]
        self.items.append(StoryItem(self.now, text, "fact"))

    def end(self, status: str = "completed", *, error: str | None = None) -> None:
        """Write the end line."""
        self.write(grammar.RunEnd(status=status, epochs=self.epoch - 1, best_epoch=1, best_val_loss=0.4, error=error))

    def _take_step(self) -> None:
        batch = self.step % BATCHES + 1
        if self.has_reports and self.step % GRAD_EVERY == 0:
            groups = tuple(
                grammar.GroupGrad(
                    group=name,
                    norm=(norm := self._around(0.1)),
                    max=norm / 3,
                    grad=Share(4, 4),
                    small=0,
                    none=0,
                    mean_abs=norm / 50,
                    nonfinite=0,
                )
                for name in ("encoder", "head")
            )
            self.write(grammar.GradReport(step=self.step, epoch=self.epoch, batch=batch, groups=groups))
            for group in groups:
                norm, ratio = self._around(5.0), self._around(1e-3)
                self.write(
                    grammar.WeightReport(
                        group=group.group,
                        step=self.step,
                        l2=norm,
                        update=norm * ratio,
                        ratio=ratio,
                        unchanged=0.0,
                        nonfinite=0,
                    )
                )
            self.write(
                grammar.ActivationReport(
                    layer="encoder",
                    step=self.step,
                    mean=self._around(0.3),
                    std=self._around(1.0),
                    dead_units=Share(1, 64),
                    saturated=0,
                )
            )
        self.idle_until(self.now + self._around(self.step_s), done=batch - 1, total=BATCHES)
        self.step += 1
        if self.step % TRAIN_EVERY == 0:
            self.write(
                grammar.Train(
                    epoch=Share(self.epoch, self._epochs),
                    batch=Share(batch, BATCHES),
                    step=self.step,
                    loss=self._loss(),
                    lr=1e-3,
                    s_per_batch=round(self.step_s, 3),
                    load_s=0.001,
                    grad_norm=self._around(0.15),
                    skipped=0,
                    skips_in_row=0,
                )
            )

    def _enter(self, name: str, total: int | None) -> None:
        self._phase(name, self.step % BATCHES if name == "train" else 0, total)

    def _phase(
        self, name: str, done: int | None, total: int | None, *, beat: int | None = None, idle_s: float | None = None
    ) -> None:
        self.write(
            grammar.Phase(
                name=name,
                epoch=None if name == "load" else self.epoch,
                step=self.step,
                beat=beat,
                done=None if total is None else done,
                total=total,
                main_idle_s=None if idle_s is None else round(idle_s, 3),
                run=self.run,
                pid=self.pid,
            )
        )
        rss_mb = self.rss_mb * self._draw.uniform(0.995, 1.005)
        self.write(
            grammar.Process(
                pid=self.pid, stat="R", cpu_pct=95.0, rss_mb=rss_mb, ram_total_mb=16000.0, etime_s=self.now - START
            )
        )
        if self._device != "cpu":
            util_pct = min(100.0, self.util_pct * self._draw.uniform(0.95, 1.05))
            self.write(grammar.Gpu(name="g", index=0, util_pct=util_pct, used_mb=9000.0, total_mb=80000.0, temp_c=60.0))

    def _loss(self) -> float:
        return (0.4 + 0.8 * 0.99**self.step) * self._draw.uniform(0.97, 1.03)

    def _around(self, value: float) -> float:
        return value * self._draw.uniform(0.85, 1.15)
