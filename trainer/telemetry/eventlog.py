"""The only writer of log lines: takes measurements, makes records of them, writes each with one call.

In: records of the other stations. Out: lines on a file opened for appending, so that even two writers never
mix within a line. Wall time enters as `clock`.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from monitor import grammar
from monitor.grammar import (
    Checkpoint,
    CheckpointConflict,
    Data,
    DataCheck,
    Epoch,
    Error,
    Floor,
    Intent,
    Model,
    ModelGroup,
    Nonfinite,
    Phase,
    RunEnd,
    RunStart,
    Share,
    Target,
    Train,
)
from trainer.checkpoint import CheckpointFile
from trainer.config import TrainerError
from trainer.measure.gradients import EncoderGradient, GroupGradient, GroupWeight, InputStatistics, LayerActivation
from trainer.measure.guard import Check, Failed, Finding, Recovered, Reset
from trainer.measure.metrics import Overall, Score
from trainer.measure.own_process import ProcessFacts
from trainer.measure.pace import Lap, StepResult
from trainer.settings import Ignored, Resolved

__all__ = [
    "Checkpoint",
    "CheckpointConflict",
    "Data",
    "DataCheck",
    "Epoch",
    "Error",
    "EventLog",
    "Floor",
    "Intent",
    "LogWriteError",
    "Model",
    "ModelGroup",
    "Nonfinite",
    "Phase",
    "RunEnd",
    "RunStart",
    "Share",
    "Target",
    "Train",
    "default_log_path",
    "rank_log_path",
]
"""The records that need no translation pass through here: no other file of the trainer knows the grammar."""

LOG_FOLDER = Path("_logs/training")

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class LogWriteError(TrainerError):
    """A log that cannot be written."""


def default_log_path(name: str, at: float) -> Path:
    """Return the log's place for a run of this name begun at this time (UTC)."""
    return LOG_FOLDER / f"{name}_{datetime.fromtimestamp(at, UTC):%Y%m%d_%H%M%S}.log"


def rank_log_path(main_log: Path, rank: int) -> Path:
    """Return the log of one of several processes: those beside the main one lie in a folder of their own.

    Commands that look at `_logs/training/*.log` so find each epoch and each gradient once.
    """
    return main_log if rank == 0 else main_log.with_suffix(".ranks") / f"{rank}.log"


class EventLog:
    """An open log. Safe to use from several threads.

    A disk without room costs lines, never the training: lost ones are counted, and a line tells how many as soon
    as there is room. `put` writes bytes to a file descriptor and returns how many it took, as `os.write` does.
    """

    def __init__(self, path: Path, clock: Callable[[], float], *, put: Callable[[int, bytes], int] = os.write) -> None:
        self.path, self._clock, self._put = path, clock, put
        self.num_lost = 0
        """Lines that nobody will ever read."""
        self._num_untold, self._rest = 0, b""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise LogWriteError(f"{path}: cannot be written; expected a log file, got {error.strerror}") from error

    def write(self, *records: grammar.Record, level: str | None = None) -> None:
        """Write one line per record; at its type's level unless one is given."""
        for record in records:
            with self._lock:
                self._append(grammar.format_line(self._clock(), record, level=level))

    def write_text(self, text: str) -> None:
        """Write foreign lines, such as a traceback, as they are."""
        for line in text.splitlines():
            with self._lock:
                self._append(line)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every other thread from writing."""
        with self._lock:
            yield

    def close(self) -> None:
        """Close the file; nothing can be written afterwards."""
        with self._lock:
            self._settle()
            os.close(self._file)

    def _append(self, line: str) -> None:
        """Write one line if there is room for it, else count it as lost."""
        if not (self._settle() and self._take((line + "\n").encode(errors="backslashreplace"))):
            self.num_lost += 1
            self._num_untold += 1

    def _settle(self) -> bool:
        """Write what earlier lines have left to write; return whether nothing is left."""
        if self._rest and not self._take(b""):
            return False
        if self._num_untold:
            message = f"{self._num_untold} lines could not be written: no room on the disk"
            told, self._num_untold = self._num_untold, 0
            record = Error(type="LogLinesLost", message=message)
            if not self._take((grammar.format_line(self._clock(), record, level="WARNING") + "\n").encode()):
                self._num_untold = told
                return False
        return not self._rest

    def _take(self, line: bytes) -> bool:
        """Write the rest of the line before, then this one; return whether at least its first byte was written.

        A line of which only the beginning found room is not lost: its rest is written before anything else.
        """
        line = self._rest + line
        try:
            num_written = self._put(self._file, line)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            return False
        self._rest = line[num_written:]
        return num_written > 0

    def settings(self, resolved: Resolved) -> None:
        """Write the effective settings, then the requests that nothing honours."""
        for key, value, source in resolved.effective:
            self.write(grammar.Config(key=key, value=_setting_text(value), source=source))
        self.write(*(grammar.ConfigUnused(unused=name) for name in resolved.unused))
        self.ignored(resolved.ignored)

    def ignored(self, requests: Iterable[Ignored]) -> None:
        """Write the values that were asked for and overridden."""
        for each in requests:
            self.write(grammar.ConfigIgnored(ignored=each.key, asked=each.asked, used=each.used))

    def problem(self, kind: str, message: str, *, columns: tuple[str, ...], count: int) -> None:
        """Write a warning about the data, in the words that its check found for it."""
        extra = (("problem", kind), ("count", str(count)), ("message", message))
        self.write(DataCheck(names=columns or None, extra=extra), level="WARNING")

    def gradients(
        self, report: Sequence[GroupGradient], *, step: int, epoch: int, batch: int, warn_norm: float
    ) -> None:
        """Write the report of all groups, then a warning for each that is below the level or not finite."""
        groups = tuple(
            grammar.GroupGrad(
                group=each.group,
                norm=each.norm,
                max=each.max,
                grad=grammar.Share(each.num_with_grad, each.num_tensors),
                small=each.num_small,
                none=each.num_none,
                mean_abs=each.mean_abs,
                nonfinite=each.num_nonfinite,
            )
            for each in report
        )
        self.write(grammar.GradReport(step=step, epoch=epoch, batch=batch, groups=groups))
        for each in report:
            if each.norm < warn_norm:
                self.write(grammar.GradBelow(group=each.group, norm=each.norm, threshold=warn_norm, step=step))
            elif each.num_nonfinite:
                self.write(grammar.GradNonfinite(group=each.group, norm=each.norm, step=step))

    def encoder_gradients(self, found: Iterable[EncoderGradient], *, step: int) -> None:
        """Write the gradient that reached each hooked tensor."""
        for each in found:
            self.write(grammar.EncoderGrad(tensor=each.tensor, norm=each.norm, max=each.max, step=step))

    def weights(self, found: Iterable[GroupWeight], *, step: int) -> None:
        """Write each group's weights and last update."""
        for each in found:
            self.write(
                grammar.WeightReport(
                    group=each.group,
                    step=step,
                    l2=each.norm,
                    update=each.update,
                    ratio=each.ratio,
                    unchanged=each.unchanged,
                    nonfinite=each.num_nonfinite,
                    stale_grad=each.stale_grad,
                )
            )

    def activations(self, found: Iterable[LayerActivation], *, step: int) -> None:
        """Write each watched layer's outputs."""
        for each in found:
            self.write(
                grammar.ActivationReport(
                    layer=each.layer,
                    step=step,
                    mean=each.mean,
                    std=each.std,
                    dead_units=grammar.Share(each.num_dead, each.num_units),
                    saturated=each.num_saturated,
                )
            )

    def inputs(self, found: InputStatistics, *, step: int, features: Sequence[str]) -> None:
        """Write a batch's inputs against what the normalisation promises: mean 0, standard deviation 1."""
        self.write(
            grammar.InputReport(
                step=step,
                mean=found.mean,
                std=found.std,
                declared_mean=0.0,
                declared_std=1.0,
                worst_feature=features[found.worst],
                worst_mean=found.worst_mean,
                worst_std=found.worst_std,
            )
        )

    def guard(self, findings: Iterable[Finding], *, step: int, epoch: int, strikes: int) -> None:
        """Write what the degeneracy guard found and did; `strikes` is how many make a reset."""
        for finding in findings:
            self.write(_guard_record(finding, step=step, epoch=epoch, strikes=strikes))

    def train(
        self,
        result: StepResult,
        lap: Lap,
        *,
        epoch: tuple[int, int],
        batch: tuple[int, int],
        step: int,
        skipped: int,
        skips_in_row: int,
    ) -> None:
        """Write a step's loss with its terms, and the pace of the batches since the last such line."""
        self.write(
            Train(
                epoch=Share(*epoch),
                batch=Share(*batch),
                step=step,
                loss=result.loss,
                lr=result.lr,
                s_per_batch=round(lap.s_per_batch, 6),
                load_s=round(lap.load_s, 6),
                samples_per_s=round(lap.samples_per_s, 3),
                grad_norm=result.grad_norm,
                skipped=skipped,
                skips_in_row=skips_in_row,
                extra=tuple((f"loss_{name}", repr(value)) for name, value in result.terms.items()),
            )
        )

    def process(self, found: ProcessFacts) -> None:
        """Write what the operating system says of this process."""
        self.write(grammar.Process(**found._asdict()))

    def checkpoint(self, action: str, saved: CheckpointFile, *, seconds: float) -> None:
        """Write that a checkpoint was saved or loaded."""
        self.write(
            Checkpoint(
                action=action,
                path=str(saved.path),
                epoch=saved.epoch,
                step=saved.step,
                bytes=saved.num_bytes,
                seconds=round(seconds, 3),
                sha256=saved.sha256,
            )
        )

    def checkpoint_broken(self, problem: str) -> None:
        """Write that a checkpoint newer than the one in use cannot be read."""
        self.write(Checkpoint(action="broken", extra=(("message", problem),)), level="WARNING")

    def metrics(self, overall: Overall, scores: Mapping[int, Score], *, epoch: int) -> None:
        """Write one epoch's validation, all horizons together first."""
        self.write(grammar.Metrics(epoch=epoch, **overall._asdict()))
        for horizon, score in scores.items():
            fields = score._asdict()
            extra = (("n_days", str(fields.pop("n_days"))),)
            self.write(grammar.HorizonMetrics(epoch=epoch, h=horizon, extra=extra, **fields))


def _guard_record(finding: Finding, *, step: int, epoch: int, strikes: int) -> grammar.Record:
    match finding:
        case Check(horizon, std, target_std, ratio, num_strikes):
            share = grammar.Share(num_strikes, strikes)
            return grammar.GuardCheck(step=step, h=horizon, std=std, target_std=target_std, ratio=ratio, strikes=share)
        case Reset(horizon, scale, recover_within_steps):
            return grammar.GuardReset(
                h=horizon, scale=scale, step=step, epoch=epoch, recover_within_steps=recover_within_steps
            )
        case Recovered(horizon, std):
            return grammar.GuardRecovered(h=horizon, std=std, step=step)
        case Failed(horizon, std):
            return grammar.GuardFailed(h=horizon, std=std, step=step)


def _setting_text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
