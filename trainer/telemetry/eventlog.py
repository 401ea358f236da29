"""The only writer of log lines: turns measurements into records and writes each line with one call.

In: records of the other packages. Out: lines in a file opened for appending, so that even two writers never mix their
text within a line. Wall time is an argument, `clock`.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from monitor import grammar
from monitor.grammar import (
    RESERVED,
    BatchReport,
    CallIgnored,
    Checkpoint,
    CheckpointConflict,
    Data,
    DataCheck,
    Epoch,
    Error,
    Floor,
    GradReport,
    HorizonMetrics,
    Intent,
    Metrics,
    MonitorOff,
    Nonfinite,
    Observed,
    Phase,
    RunEnd,
    RunStart,
    Share,
    Target,
    Train,
)
from trainer.checkpoint import CheckpointFile
from trainer.config import TrainerError
from trainer.measure.activations import InputStatistics, LayerActivation
from trainer.measure.gradients import EncoderGradient, GroupGradient
from trainer.measure.guard import Check, Failed, Finding, Recovered, Reset
from trainer.measure.metrics import Overall, Score
from trainer.measure.model_parts import Groups
from trainer.measure.own_process import ProcessFacts
from trainer.measure.pace import Lap, StepResult
from trainer.measure.weights import GroupWeight
from trainer.model.explanation import Explanation
from trainer.panel.problem import PanelProblem
from trainer.settings import Ignored, Resolved

__all__ = [
    "BatchReport",
    "CallIgnored",
    "Checkpoint",
    "CheckpointConflict",
    "Data",
    "DataCheck",
    "Epoch",
    "Error",
    "EventLog",
    "Floor",
    "GradReport",
    "HorizonMetrics",
    "Intent",
    "LogWriteError",
    "Metrics",
    "MonitorOff",
    "Nonfinite",
    "Observed",
    "Phase",
    "RunEnd",
    "RunStart",
    "Share",
    "Target",
    "Train",
    "default_log_path",
    "extra_fields",
    "rank_log_path",
]
"""Records that need no conversion are re-exported here, because no other file of the trainer imports the grammar."""

LOG_FOLDER = Path("_logs/training")
MOST_SHARES = 32
"""Features whose weight each epoch's lines have: those with the highest ones so far. Chosen by hand, 2026-11: a log of
hundreds of features stays readable, and a feature that was used and no longer is keeps its place."""
MOST_LAGS = 64
"""Lags that a line has one by one."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_NOT_YET = (*_NO_ROOM, errno.ENXIO)
"""Why a log cannot be opened although nothing is wrong with its path: no space, or a FIFO without a reader."""


class LogWriteError(TrainerError):
    """A log that cannot be written."""


def default_log_path(name: str, at: float) -> Path:
    """Return the path of the log of a run with this name, started at this time (UTC)."""
    return LOG_FOLDER / f"{name}_{datetime.fromtimestamp(at, UTC):%Y%m%d_%H%M%S}.log"


def rank_log_path(main_log: Path, rank: int) -> Path:
    """Return the path of the log of one of several processes: all but the main one log to a folder of their own.

    So commands that read `_logs/training/*.log` find each epoch and each gradient only once.
    """
    return main_log if rank == 0 else main_log.with_suffix(".ranks") / f"{rank}.log"


def extra_fields(record: type[grammar.Record], values: Mapping[str, object], *, prefix: str = "") -> Extra:
    """Return further numbers of a line by names that a line can have; what is not one number is left out."""
    found: dict[str, str] = {}
    for name, value in values.items():
        key = prefix + _NOT_IN_KEY.sub("_", str(name))
        if not key[:1].isalpha() or key in record.field_names():
            key = f"metric_{key}"
        if RESERVED.search(key):
            key = key.lower()
        with suppress(TypeError, ValueError, RuntimeError):
            found[key] = repr(float(value.detach() if isinstance(value, Tensor) else value))  # type: ignore[arg-type]
    return tuple(found.items())


_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9_.@/-]")
Extra = tuple[tuple[str, str], ...]
"""Keys and texts of a line's further fields."""


class AlsoTold(Protocol):
    """Who is told of each record beside the log."""

    def __call__(self, record: grammar.Record) -> None: ...

    def close(self) -> None: ...


class EventLog:
    """An open log. Safe to use from several threads.

    A full disk costs lines, never the training: lost lines are counted, and a line gives their number as soon as there
    is space again. `put` writes bytes to a file descriptor and returns how many it wrote, like `os.write`. With
    `is_lenient` any other error of the file costs lines too, and a file that is not read or emptied is never waited
    for.
    """

    def __init__(
        self,
        path: Path,
        clock: Callable[[], float],
        *,
        put: Callable[[int, bytes], int] = os.write,
        is_lenient: bool = False,
    ) -> None:
        self.path, self._clock, self._put, self._is_lenient = path, clock, put, is_lenient
        self.num_lost = 0
        """Lines that were not written."""
        self.also: AlsoTold | None = None
        """Who else is told of each record; it is closed with the log."""
        self._num_unreported, self._rest, self._cause = 0, b"", ""
        self._lock = threading.RLock()
        self._file: int | None = None
        try:
            self._file = self._open()
        except OSError as error:
            if not (is_lenient and error.errno in _NOT_YET):
                raise LogWriteError(f"{path}: cannot be written; expected a log file, got {error.strerror}") from error

    def write(self, *records: grammar.Record, level: str | None = None) -> None:
        """Write one line per record, at its type's level unless `level` is given."""
        for record in records:
            with self._lock:
                self._append(grammar.format_line(self._clock(), record, level=level))
                if self.also is not None:
                    self.also(record)

    def write_text(self, text: str) -> None:
        """Write other text as it is, such as a traceback."""
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
            if self.also is not None:
                self.also.close()
            self._settle()
            if self._file is not None:
                os.close(self._file)

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Without O_NONBLOCK a FIFO whose reader is stopped would stop the training; a plain file ignores it.
        more = os.O_NONBLOCK if self._is_lenient else 0
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | more, 0o644)

    def _append(self, line: str) -> None:
        """Write one line if there is space for it, or else count it as lost."""
        if not (self._settle() and self._put_line((line + "\n").encode(errors="backslashreplace"))):
            self.num_lost += 1
            self._num_unreported += 1

    def _settle(self) -> bool:
        """Write what is pending from earlier lines; return whether nothing is pending any longer."""
        if self._rest and not self._put_line(b""):
            return False
        if self._num_unreported:
            message = f"{self._num_unreported} lines could not be written: {self._cause}"
            record = Error(type="LogLinesLost", message=message)
            if not self._put_line((grammar.format_line(self._clock(), record, level="WARNING") + "\n").encode()):
                return False
            self._num_unreported = 0
        return not self._rest

    def _put_line(self, line: bytes) -> bool:
        """Write the rest of the line before, then this one; return whether at least one byte was written.

        A line that was written only in part is not lost: its rest is written before anything else.
        """
        line = self._rest + line
        try:
            if self._file is None:
                self._file = self._open()
            num_written = self._put(self._file, line)
        except OSError as error:
            has_room = error.errno not in _NO_ROOM
            if has_room and not self._is_lenient:
                raise
            self._cause = error.strerror or type(error).__name__ if has_room else "no space left on the disk"
            return False
        self._rest = line[num_written:]
        return num_written > 0

    def settings(self, resolved: Resolved) -> None:
        """Write the effective settings, then the requests that have no effect."""
        for key, value, source, before in resolved.effective:
            extra = () if before is None else (("changed_from", _setting_text(before)),)
            self.write(grammar.Config(key=key, value=_setting_text(value), source=source, extra=extra))
        self.write(*(grammar.ConfigUnused(unused=name) for name in resolved.unused))
        self.ignored(resolved.ignored)

    def ignored(self, requests: Iterable[Ignored]) -> None:
        """Write the requested values that were overridden."""
        for each in requests:
            self.write(grammar.ConfigIgnored(ignored=each.key, asked=each.asked, used=each.used))

    def problem(self, problem: PanelProblem) -> None:
        """Write a warning about the panel."""
        extra = (("problem", problem.kind), ("count", str(problem.count)), ("message", problem.message))
        self.write(DataCheck(names=problem.columns or None, extra=extra), level="WARNING")

    def model(self, groups: Groups, depths: Mapping[str, int]) -> None:
        """Write the number of parameters, in total and by group, and each group's depth from the input if known."""
        weights = [weight for group in groups.values() for weight in group.values()]
        self.write(grammar.Model(parameters=_num(weights), tensors=len(weights), trainable=_num_trainable(weights)))
        for name, group in groups.items():
            self.write(
                grammar.ModelGroup(
                    group=name,
                    tensors=len(group),
                    parameters=_num(group.values()),
                    trainable=_num_trainable(group.values()),
                    depth=depths.get(name),
                )
            )

    def gradients(
        self,
        report: Sequence[GroupGradient],
        *,
        step: int,
        epoch: int,
        batch: int,
        warn_norm: float,
        zero: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        """Write the report of all groups, then a warning for each group with too small or non-finite gradients.

        `zero` has, by group, in how many of the steps that were looked at its gradient was zero.
        """
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
                zero=Share(*zero[each.group]) if zero else None,
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
        """Write the gradient of each hooked tensor."""
        for each in found:
            self.write(grammar.EncoderGrad(tensor=each.tensor, norm=each.norm, max=each.max, step=step))

    def weights(self, found: Iterable[GroupWeight], *, step: int) -> None:
        """Write the weights and the last update of each group."""
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
                    pushed=each.pushed,
                    kept=each.kept,
                )
            )

    def activations(self, found: Iterable[LayerActivation], *, step: int) -> None:
        """Write the outputs of each watched layer."""
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
        """Write a batch's inputs, and what the normalisation declares: mean 0, standard deviation 1."""
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

    def guard(self, findings: Sequence[Finding], *, step: int, epoch: int, strikes: int) -> None:
        """Write what the degeneracy guard found, all horizons on one line, then what it did; `strikes` is how many
        cause a reset.
        """
        horizons = tuple(
            grammar.GuardHorizon(
                h=each.horizon,
                std=each.std,
                target_std=each.target_std,
                ratio=each.ratio,
                strikes=grammar.Share(each.num_strikes, strikes),
            )
            for each in findings
            if isinstance(each, Check)
        )
        if horizons:
            self.write(grammar.GuardReport(step=step, horizons=horizons))
        for finding in findings:
            if not isinstance(finding, Check):
                self.write(_guard_record(finding, step=step, epoch=epoch))

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
                run_delay_s=None if lap.run_delay_s is None else round(lap.run_delay_s, 6),
                samples_per_s=round(lap.samples_per_s, 3),
                grad_norm=result.grad_norm,
                skipped=skipped,
                skips_in_row=skips_in_row,
                extra=tuple((f"loss_{name}", repr(value)) for name, value in result.terms.items()),
            )
        )

    def process(self, found: ProcessFacts) -> None:
        """Write what the operating system reports about this process."""
        self.write(grammar.Process(**found._asdict()))

    def checkpoint(self, action: str, file: CheckpointFile, *, seconds: float) -> None:
        """Write that a checkpoint was saved or loaded."""
        self.write(
            Checkpoint(
                action=action,
                path=str(file.path),
                epoch=file.epoch,
                step=file.step,
                bytes=file.num_bytes,
                seconds=round(seconds, 3),
                sha256=file.sha256,
            )
        )

    def checkpoint_unsaved(self, problem: str, *, newest: Path | None) -> None:
        """Write that a checkpoint could not be written, and the newest one that there is."""
        path = None if newest is None else str(newest)
        self.write(Checkpoint(action="unsaved", path=path, extra=(("message", problem),)), level="WARNING")

    def checkpoint_broken(self, problem: str) -> None:
        """Write that a newer checkpoint than the loaded one cannot be read."""
        self.write(Checkpoint(action="broken", extra=(("message", problem),)), level="WARNING")

    def explanation(
        self, found: Explanation, *, features: Sequence[str], highest: Mapping[str, float], epoch: int
    ) -> None:
        """Write the weights of the features with the highest ones so far, and the attention by lag."""
        shares = dict(zip(features, found.share_F.tolist(), strict=True))
        for name in sorted(highest, key=lambda name: (-highest[name], name))[:MOST_SHARES]:
            relative = shares[name] * len(shares)
            self.write(
                grammar.SelectionShare(
                    epoch=epoch, feature=name, share=shares[name], relative=relative, highest=highest[name]
                )
            )
        lags = found.attention_T.tolist()
        self.write(
            grammar.AttentionLags(
                epoch=epoch,
                mean_lag=sum(lag * share for lag, share in enumerate(lags)),
                lags=tuple(enumerate(lags[:MOST_LAGS])),
                older=sum(lags[MOST_LAGS:]),
            )
        )

    def metrics(self, overall: Overall, scores: Mapping[int, Score], *, epoch: int) -> None:
        """Write the validation of one epoch: first over all horizons, then each horizon.

        The headline figures are written even where they are nan; others that are unknown are left out.
        """
        self.write(grammar.Metrics(epoch=epoch, **_known(overall._asdict(), overall._fields[:4])))
        for horizon, score in scores.items():
            self.write(grammar.HorizonMetrics(epoch=epoch, h=horizon, **_known(score._asdict(), score._fields[:8])))


def _known(figures: Mapping[str, Any], always: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name in always or value == value}


def _guard_record(finding: Reset | Recovered | Failed, *, step: int, epoch: int) -> grammar.Record:
    match finding:
        case Reset(horizon, scale, recover_within_steps):
            return grammar.GuardReset(
                h=horizon, scale=scale, step=step, epoch=epoch, recover_within_steps=recover_within_steps
            )
        case Recovered(horizon, std):
            return grammar.GuardRecovered(h=horizon, std=std, step=step)
        case Failed(horizon, std):
            return grammar.GuardFailed(h=horizon, std=std, step=step)


def _num(weights: Iterable[nn.Parameter]) -> int:
    return sum(weight.numel() for weight in weights)


def _num_trainable(weights: Iterable[nn.Parameter]) -> int:
    return _num(weight for weight in weights if weight.requires_grad)


def _setting_text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
