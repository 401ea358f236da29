"""Blocks → run: fold many lines at once, and leave the run exactly as folding them one by one would.

`Forecast` says what a block will bring, where it can be folded so at all; the engine then says whether any rule
could speak of it; `fold_block` folds it. Whatever is out of the ordinary is left to the ordinary way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor import logline
from monitor.ahead import Ahead
from monitor.attempt import LEARNABLE_SILENCE_S, Attempt, cited
from monitor.block import Block, step_of
from monitor.derived import Writer, derived_columns
from monitor.events import Event
from monitor.evidence import Evidence
from monitor.fields import Share
from monitor.progress import Move
from monitor.run import JUMP_S, Run
from monitor.series import Point
from monitor.signals import Labels, Sample

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Forecast:
    """What a block will bring."""

    ahead: Ahead
    columns: dict[str, np.ndarray]
    """The samples of the TRAIN lines, derived ones included, by signal."""
    samples: tuple[tuple[Sample, ...], ...]
    """The samples of each passenger."""
    marks: Marks


@dataclass(frozen=True)
class Marks:
    """Rows and passengers together: the lines that bear a time, in order."""

    places: np.ndarray
    ats: np.ndarray
    nows: np.ndarray
    """The run's time at each."""
    steps: np.ndarray
    """The run's step after each."""
    is_move: np.ndarray
    """Whether it takes the run a step further."""
    epochs: np.ndarray
    """The run's epoch after each."""
    batches: np.ndarray
    """The batch that it says; -1 for none."""


def forecast(run: Run, block: Block) -> Forecast | None:
    """Return what a block will bring; None where it must be folded line by line."""
    attempt, rows = run.attempt, block.columns
    if run.id is None:
        return None
    columns: dict[str, np.ndarray] = {}
    if rows is not None or block.passengers:
        is_under_way = attempt.first_train_step is not None and attempt.step is not None
        if not is_under_way or run.now is None or run.line_at is None or attempt.began_at is None or run.live_clocks:
            return None
    if rows is not None:
        assert attempt.first_train_step is not None
        if rows.steps.min() <= attempt.first_train_step or attempt.stated(logline.Train) is None:
            return None
        derived = derived_columns(rows.steps, rows.fields, attempt)
        if derived is None:
            return None
        columns = {f"train.{name}": values for name, values in rows.fields.items()} | derived
        if any(() not in attempt.of(signal) for signal in columns):
            return None
    if not all(_is_usual(event, attempt) for _, event in block.passengers):
        return None
    samples = tuple(attempt.samples_of(event) for _, event in block.passengers)
    if not attempt.has_room_for([event for _, event in block.passengers], samples):
        return None
    marks = _marks(run, block)
    if _has_clocks_apart(run, marks):
        return None
    return Forecast(_ahead(run, block, columns, samples, marks), columns, samples, marks)


def fold_block(run: Run, block: Block, coming: Forecast) -> int:
    """Fold a block, and return how many of its lines were folded: up to a passenger that brings something else."""
    attempt, end = run.attempt, len(block)
    lines_before = attempt.lines
    walk = _Walk(run, block, coming.marks)
    for (place, event), expected in zip(block.passengers, coming.samples, strict=True):
        walk.to(place)
        samples = attempt.samples_of(event)
        if samples != expected:
            end = place
            break
        run.fold(event, samples)
        walk.step_over()
    walk.to(end)
    _add_rows(attempt, block, coming, end, lines_before)
    is_passenger = walk.last_passenger == end - 1
    if end and not is_passenger:
        run.last = block.evidence(end - 1, walk.time_of(end - 1))
    return end


class _Walk:
    """Moves a run forward over the lines between passengers: all of it but the series of the rows."""

    def __init__(self, run: Run, block: Block, marks: Marks) -> None:
        self._run, self._block, self._marks = run, block, marks
        self._places, self._is_move = marks.places.tolist(), marks.is_move.tolist()
        self._place = self._mark = 0
        self.last_passenger = -1

    def to(self, place: int) -> None:
        """Take the lines up to a place; no passenger lies between."""
        run, attempt, begin = self._run, self._run.attempt, self._mark
        lines_before = attempt.lines - self._place
        attempt.lines += place - self._place
        run.lines += place - self._place
        self._place = place
        while self._mark < len(self._places) and self._places[self._mark] < place:
            self._mark += 1
        if self._mark == begin:
            return
        assert run.now is not None
        newest = self._mark - 1
        run.understood += self._mark - begin
        nows = [run.now, *self._marks.nows[begin : self._mark].tolist()]
        learnable = [gap for gap in map(float.__sub__, nows[1:], nows) if gap <= LEARNABLE_SILENCE_S]
        if learnable:
            attempt.note_silence(max(learnable))
        run.line_at, run.now = float(self._marks.ats[newest]), nows[-1]
        run.heard_at = run.now
        attempt.step, attempt.epoch = int(self._marks.steps[newest]), int(self._marks.epochs[newest])
        attempt.progress.see_batch(int(self._marks.batches[begin : self._mark].max()))
        moves = [mark for mark in range(begin, self._mark) if self._is_move[mark]]
        if moves:
            last, at = self._places[moves[-1]], float(self._marks.ats[moves[-1]])
            move = Move(nows[moves[-1] - begin + 1], lines_before + last + 1, self._block.evidence(last, at))
            ats = [nows[mark - begin + 1] for mark in moves]
            attempt.progress.pass_over(ats, move, phase=attempt.phase, step=attempt.step)

    def time_of(self, place: int) -> float | None:
        """Return what the last line passed says of its time; None where it bears none."""
        has_time = self._mark > 0 and self._places[self._mark - 1] == place
        return float(self._marks.ats[self._mark - 1]) if has_time else None

    def step_over(self) -> None:
        """Leave a passenger behind that was folded by itself."""
        self.last_passenger = self._place
        self._place += 1
        self._mark += 1


def _add_rows(attempt: Attempt, block: Block, coming: Forecast, end: int, lines_before: int) -> None:
    """Add the samples of the TRAIN lines before a place to their series, and keep what the last one states."""
    import numpy as np

    rows = block.columns
    num_rows = int(np.searchsorted(block.rows, end))
    if rows is None or num_rows == 0:
        return
    last = block.event(int(block.rows[num_rows - 1]))
    assert isinstance(last.record, logline.Train)
    attempt.keep(last.record, last.evidence)
    attempt.batch, attempt.epochs_planned = last.record.batch, last.record.epoch.whole
    marks = np.searchsorted(coming.marks.places, block.rows[:num_rows])
    evidence: dict[int, Evidence] = {}

    def point(row: int, value: float) -> Point:
        place = int(block.rows[row])
        if row not in evidence:
            whole = block.evidence(place, float(rows.ats[row]))
            evidence[row] = cited(whole, len(coming.columns), is_record=True)
        now = float(coming.marks.nows[marks[row]])
        step, epoch = int(rows.steps[row]), int(rows.epochs[row])
        return Point(value, lines_before + place + 1, step, True, epoch, now, evidence[row])

    for signal, values in coming.columns.items():
        attempt.of(signal)[()].extend(values[:num_rows], rows.steps[:num_rows], point)


def _marks(run: Run, block: Block) -> Marks:
    import numpy as np

    rows, passengers, no = block.columns, block.passengers, np.array([], np.int64)
    places, ats, steps, epochs, batches = no, no.astype(np.float64), no, no, no
    if rows is not None:
        places, ats, steps, epochs, batches = block.rows, rows.ats, rows.steps, rows.epochs, rows.batches
    if passengers:
        said = [(place, event.evidence.at, *_place_of(event), -1) for place, event in passengers]
        own = [np.array(column) for column in zip(*said, strict=True)]
        columns = [np.concatenate(pair) for pair in zip((places, ats, steps, epochs, batches), own, strict=True)]
        order = np.argsort(columns[0], kind="stable")
        places, ats, steps, epochs, batches = (column[order] for column in columns)
    if not len(places):
        return Marks(places, ats, ats, steps, steps > 0, epochs, batches)
    assert run.now is not None and run.line_at is not None and run.attempt.step is not None
    forward = np.maximum(0.0, np.diff(ats, prepend=run.line_at))
    # Added up one after another, as single lines would.
    nows = np.cumsum(np.concatenate(([run.now], forward)))[1:]
    reached = np.maximum.accumulate(np.concatenate(([run.attempt.step], steps)))
    epochs = np.maximum.accumulate(np.concatenate(([run.attempt.epoch], epochs)))[1:]
    return Marks(places, ats, nows, reached[1:], np.diff(reached) > 0, epochs, batches)


def _has_clocks_apart(run: Run, marks: Marks) -> bool:
    """Whether a clock is set back or forward in a block, or there may be two: then each line is asked for its own."""
    import numpy as np

    if not len(marks.ats):
        return False
    assert run.line_at is not None
    steps = np.diff(marks.ats, prepend=run.line_at)
    return bool(steps.min() < 0 or steps.max() > JUMP_S)


def _ahead(
    run: Run, block: Block, columns: dict[str, np.ndarray], samples: tuple[tuple[Sample, ...], ...], marks: Marks
) -> Ahead:
    import numpy as np

    values: defaultdict[str, dict[Labels, np.ndarray]] = defaultdict(dict)
    found: defaultdict[tuple[str, Labels], list[float]] = defaultdict(list)
    steps: defaultdict[str, dict[Labels, Sequence[int]]] = defaultdict(dict)
    epochs: defaultdict[str, dict[Labels, Sequence[int]]] = defaultdict(dict)
    reached: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    where: defaultdict[tuple[str, Labels], list[tuple[int, int]]] = defaultdict(list)
    for (place, event), each in zip(block.passengers, samples, strict=True):
        epoch_after = int(marks.epochs[marks.places.searchsorted(place)])
        its_place = _step_and_epoch(event, epoch_after)
        for signal, labels, value in each:
            found[signal, labels].append(value)
            where[signal, labels].append(its_place)
            reached[signal].append((epoch_after, its_place[1]))
    for (signal, labels), numbers in found.items():
        values[signal][labels] = np.array(numbers)
        steps[signal][labels], epochs[signal][labels] = zip(*where[signal, labels], strict=True)
    if block.columns is not None:
        row_steps = block.columns.steps.tolist()
        epochs_after = marks.epochs[marks.places.searchsorted(block.rows)].tolist()
        row_epochs = list(dict.fromkeys(zip(epochs_after, block.columns.epochs.tolist(), strict=True)))
        for signal, column in columns.items():
            values[signal][()], steps[signal][()] = column, row_steps
            reached[signal] += row_epochs
    silence_s = stillness_s = 0.0
    until, move = run.now, run.attempt.progress.last
    if len(marks.places) and run.now is not None:
        until = float(marks.nows[-1])
        silence_s = float(np.diff(marks.nows, prepend=run.now).max())
    if move is not None and move.at is not None and until is not None:
        moved = np.concatenate(([move.at], marks.nows[marks.is_move], [until]))
        stillness_s = float(np.diff(moved).max())
    step = int(marks.steps[-1]) if len(marks.places) else run.attempt.step
    epoch = int(marks.epochs[-1]) if len(marks.places) else run.attempt.epoch
    step_s = _longest_step_s(run.attempt, block, marks)
    is_moving = bool(marks.is_move.any())
    is_end = any(isinstance(event.record, logline.Epoch) for _, event in block.passengers)
    return Ahead(values, steps, epochs, reached, is_moving, is_end, silence_s, stillness_s, step_s, until, step, epoch)


def _longest_step_s(attempt: Attempt, block: Block, marks: Marks) -> float:
    """Return the longest time of a step between neighbouring TRAIN lines of one epoch; infinite where unknown."""
    import numpy as np

    rows = block.columns
    if rows is None:
        return 0.0
    before = attempt.of("train.loss")[()].last
    if before.at is None or before.step is None:
        return math.inf
    nows = marks.nows[np.searchsorted(marks.places, block.rows)]
    times, steps = np.diff(nows, prepend=before.at), np.diff(rows.steps, prepend=before.step)
    is_pace = (steps > 0) & (np.diff(rows.epochs, prepend=before.epoch) == 0)
    return float((times[is_pace] / steps[is_pace]).max(initial=0.0))


def _place_of(event: Event) -> tuple[int, int]:
    """Return the step of a passenger and the epoch after it, -1 for what it does not say."""
    step, epoch = step_of(event), getattr(event.record, "epoch", None)
    epoch = epoch.part if isinstance(epoch, Share) else epoch
    if isinstance(event.record, logline.Epoch):
        epoch = event.record.epoch.part + 1
    return -1 if step is None else step, epoch if isinstance(epoch, int) else -1


def _step_and_epoch(event: Event, epoch_after: int) -> tuple[int, int]:
    """Return the step that a passenger says, -1 for none, and the epoch that its samples belong to."""
    step, epoch = _place_of(event)
    if isinstance(event.record, logline.Epoch):
        return step, epoch - 1
    return step, epoch if epoch >= 0 else epoch_after


def _is_usual(event: Event, attempt: Attempt) -> bool:
    """Whether a passenger is of the writer that is known, and of one phase with it where there were others."""
    if not isinstance(event.record, logline.Phase):
        return True
    is_writer = Writer(event.record.run, event.record.pid) == attempt.writer
    return is_writer and (not attempt.replaced or event.record.name == attempt.announced_phase)
