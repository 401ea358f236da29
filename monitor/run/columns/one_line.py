"""What a single line will bring, so that the rules can be asked about it before it is folded: a block of one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from monitor import grammar
from monitor.grammar import Share
from monitor.reader.event import Event
from monitor.reader.signals import Labels, Sample
from monitor.run.columns.preview import Ahead, Range
from monitor.run.run import JUMP_S, Run

if TYPE_CHECKING:
    import numpy as np

    from monitor.run.attempt import Attempt
    from monitor.run.series import Series

_DECLARES_NOTHING = frozenset(
    (
        *(type(None), grammar.Train, grammar.GradReport, grammar.GradBelow, grammar.EncoderGrad, grammar.WeightReport),
        *(grammar.ActivationReport, grammar.InputReport, grammar.GuardCheck, grammar.GuardReport, grammar.Metrics),
        *(grammar.HorizonMetrics, grammar.Process, grammar.Gpu, grammar.Epoch),
    )
)
"""Records that change no phase, setting or declaration, and end nothing."""


class LineAhead(Ahead):
    """A line that is about to be folded. It answers as a block does, without arrays."""

    def __init__(
        self, samples: tuple[Sample, ...], step: int, epoch: int, after: int, *, is_moving: bool, is_end_of_epoch: bool,
        silence_s: float, stillness_s: float, step_s: float, until: float | None, reached: int | None,
        texts: tuple[str, ...], is_move: bool,
    ) -> None:  # fmt: skip
        """``step`` is the line's own, -1 for none; ``reached`` is the run's step after the line.

        ``epoch`` is the one that its samples belong to, ``after`` is the run's after the line. ``is_move`` says that
        the line is one, be it by a further step or not.
        """
        found: dict[str, dict[Labels, list[float]]] = {}
        for signal, labels, value in samples:
            found.setdefault(signal, {}).setdefault(labels, []).append(value)
        # The class is frozen: for the reader, not for its maker.
        self.__dict__.update(
            coming=found, own_step=step, own_epoch=epoch, epoch=after, is_moving=is_moving,
            is_end_of_epoch=is_end_of_epoch, silence_s=silence_s, stillness_s=stillness_s, step_s=step_s, until=until,
            step=reached, texts=texts, is_move=is_move, _ranges={},
        )  # fmt: skip

    is_single = True

    own_step: int
    own_epoch: int
    is_move: bool

    @property
    def touched(self) -> frozenset[str]:
        """The names that the line touches."""
        names = {*self.coming, "log.line"}
        if self.is_move:
            names.add("run.moved")
        if self.is_end_of_epoch:
            names.add("run.epoch")
        return frozenset(names)

    def values(self, signal: str, labels: Labels) -> list[float]:
        """Return the samples of a series, in order."""
        found: list[float] = self.coming.get(signal, {}).get(labels, [])  # type: ignore[assignment]
        return found

    def steps(self, signal: str, labels: Labels) -> np.ndarray:
        """Return the line's step once for each sample of a series; -1 if it has none."""
        import numpy as np

        return np.full(len(self.values(signal, labels)), self.own_step)

    def places(self, signal: str, labels: Labels) -> list[tuple[int, int]]:
        """Return the line's step, -1 for none, and the epoch of its samples, once for each sample of a series."""
        return [(self.own_step, self.own_epoch)] * len(self.values(signal, labels))

    def reached(self, signal: str) -> list[tuple[int, int]]:
        """Return the run's epoch after the line and its samples' epoch, if it has the signal."""
        return [(self.epoch, self.own_epoch)] if signal in self.coming else []

    def _range_of(self, signal: str, labels: Labels, series: Series | None) -> Range:
        known = [*(point[0] for point in series.recent)] if series else []
        known += self.values(signal, labels)
        least, most = min(known), max(known)
        # A nan anywhere makes the sum one, and so do infinities of both signs.
        is_finite = math.isfinite(sum(known)) or all(map(math.isfinite, known))
        return Range(least, most, is_finite)


def line_ahead(run: Run, event: Event, samples: tuple[Sample, ...]) -> LineAhead | None:
    """Return what a line will bring; None if it may begin, end or declare something, or if clocks disagree.

    ``samples`` are those of `Attempt.samples_of`, and the deadlines before the line were judged.
    """
    attempt, record = run.attempt, event.record
    if run.id is None or event.opening is not None or run.last is None:
        return None
    heading = record if isinstance(record, grammar.Phase) and _goes_on(record, attempt) else None
    if heading is None and type(record) not in _DECLARES_NOTHING:
        return None
    if (attempt.step is None) != (attempt.first_train_step is None):
        return None
    own_step, own_epoch = _int_or_none(getattr(record, "step", None)), getattr(record, "epoch", None)
    own_epoch = _int_or_none(own_epoch.part if isinstance(own_epoch, Share) else own_epoch)
    reached = attempt.step
    if own_step is not None:
        if reached is None or attempt.first_train_step is None:
            return None  # the first step
        if isinstance(record, grammar.Train) and own_step <= attempt.first_train_step:
            return None
        reached = max(reached, own_step)
    is_end = isinstance(record, grammar.Epoch)
    after = attempt.epoch if own_epoch is None else max(attempt.epoch, own_epoch + is_end)
    at, until = event.evidence.at, run.now
    if at is not None:
        if run.clocks and run.live_clocks:
            return None
        if until is None or run.line_at is None or not 0 <= at - run.line_at <= JUMP_S:
            return None
        until = until + (at - run.line_at)
    heard = until if run.heard_at is None or (until is not None and at is not None) else run.heard_at
    judged = heard if until is None else until if heard is None else max(until, heard)
    move = attempt.progress.last
    stillness_s = silence_s = 0.0
    if judged is not None:
        stillness_s = judged - move.at if move is not None and move.at is not None else 0.0
        silence_s = judged - run.now if at is not None and run.now is not None else 0.0
    is_moving = is_end or reached != attempt.step
    return LineAhead(
        samples,
        -1 if own_step is None else own_step,
        after if own_epoch is None else own_epoch,
        after,
        is_moving=is_moving,
        is_move=is_moving or (heading is not None and attempt.progress.is_new_place(heading)),
        is_end_of_epoch=is_end,
        silence_s=silence_s,
        stillness_s=stillness_s,
        step_s=_step_s(attempt, samples, own_step, own_epoch, until),
        until=until,
        reached=reached,
        texts=(event.evidence.text,),
    )


def _goes_on(record: grammar.Phase, attempt: Attempt) -> bool:
    """Whether a line names the phase that the run is in, as the heads of epochs do, and no writer."""
    is_same = record.name == attempt.announced_phase
    return is_same and record.run is None and record.pid is None and record.done is None


def _int_or_none(number: object) -> int | None:
    return number if isinstance(number, int) else None


def _step_s(
    attempt: Attempt, samples: tuple[Sample, ...], step: int | None, epoch: int | None, at: float | None
) -> float:
    """Return the time of a step between this TRAIN line and the one before; infinite if unknown, 0 for other lines."""
    if not any(sample.signal == "train.loss" for sample in samples):
        return 0.0
    series = attempt.of("train.loss").get(())
    if series is None or at is None or step is None:
        return math.inf
    before = series.last
    if before.at is None or before.step is None:
        return math.inf
    is_pace = step > before.step and epoch == before.epoch
    return (at - before.at) / (step - before.step) if is_pace else 0.0
