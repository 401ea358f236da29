"""Blocks → run: fold many lines at once, and leave the run exactly as folding them one by one would."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from monitor.base.evidence import Evidence
from monitor.grammar import Record, Share
from monitor.reader.signals import Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.block import Block
from monitor.run.columns.prepare import Forecast
from monitor.run.columns.preview import Coming
from monitor.run.columns.silences import note_silences
from monitor.run.columns.timeline import Marks
from monitor.run.facts import cited
from monitor.run.progress import Move
from monitor.run.run import Run
from monitor.run.series import FEW, Point, Steps

if TYPE_CHECKING:
    import numpy as np

Place = tuple[int, int, bool, int, float, Evidence]
"""A point without its value."""

_new_point: Callable[[tuple[object, ...]], Point] = partial(tuple.__new__, Point)


def fold_block(run: Run, coming: Forecast) -> int:
    """Fold a block up to the first passenger with other samples than forecast; return the number of lines folded."""
    block, attempt = coming.block, run.attempt
    end, lines_before = len(block), attempt.lines
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
    _keep_facts(attempt, block, end)
    _add_samples(attempt, coming, end, lines_before)
    if end and walk.last_passenger != end - 1:
        run.last = block.evidence(end - 1, walk.time_of(end - 1))
    return end


class _Walk:
    """Moves a run forward over the lines between passengers: everything except series and facts."""

    def __init__(self, run: Run, block: Block, marks: Marks) -> None:
        self._run, self._block, self._marks = run, block, marks
        self._moves = marks.is_move.nonzero()[0]
        self._place = self._mark = 0
        self.last_passenger = -1

    def to(self, place: int) -> None:
        """Move over the lines up to a place; there is no passenger between."""
        import numpy as np

        run, attempt, marks, begin = self._run, self._run.attempt, self._marks, self._mark
        lines_before = attempt.lines - self._place
        attempt.lines += place - self._place
        run.lines += place - self._place
        self._place = place
        self._mark = int(marks.places.searchsorted(place))
        if self._mark == begin:
            return
        assert run.now is not None
        newest = self._mark - 1
        run.understood += self._mark - begin
        nows = marks.nows[begin : self._mark]
        gaps = nows - np.concatenate(([run.now], nows[:-1]))
        note_silences(attempt, gaps, nows)
        run.line_at, run.now = float(marks.ats[newest]), float(nows[-1])
        run.heard_at = run.now
        run.timed_lines = run.lines - (place - int(marks.places[newest]) - 1)
        attempt.step, attempt.epoch = int(marks.steps[newest]), int(marks.epochs[newest])
        moves = self._moves[slice(*self._moves.searchsorted((begin, self._mark)))]
        if len(moves):
            # The batches up to the phase's first move decide whether the phase is counted.
            self._see_batches(begin, int(moves[0]) + 1)
            last, ats = int(marks.places[moves[-1]]), marks.nows[moves].tolist()
            line = self._block.evidence(last, float(marks.ats[moves[-1]]))
            move = Move(ats[-1], lines_before + last + 1, line)
            attempt.progress.pass_over(ats, move, phase=attempt.phase, step=attempt.step)
        self._see_batches(begin, self._mark)

    def _see_batches(self, begin: int, end: int) -> None:
        """Note the batches of the TRAIN lines among some marks."""
        attempt, progress = self._run.attempt, self._marks.progress[begin:end]
        trains = progress[progress[:, 0] >= 0]
        if len(trains):
            attempt.progress.see_batch(int(trains[:, 1].max()))
            planned, batch, batches = trains[-1].tolist()
            attempt.batch, attempt.epochs_planned = Share(batch, batches), planned

    def time_of(self, place: int) -> float | None:
        """Return the time written in the last line passed; None if it has none."""
        has_time = self._mark > 0 and int(self._marks.places[self._mark - 1]) == place
        return float(self._marks.ats[self._mark - 1]) if has_time else None

    def step_over(self) -> None:
        """Move over a passenger, which was folded by itself."""
        self.last_passenger = self._place
        self._place += 1
        self._mark += 1


def _keep_facts(attempt: Attempt, block: Block, end: int) -> None:
    """Keep the fact of the last row of each kind before a place."""
    places: dict[tuple[type[Record], str], int] = {}
    for whole in block.rows:
        if (rows := whole.part(0, end)) is not None:
            for fact, row in rows.facts.items():
                # Lines of one kind may have several templates.
                places[fact] = max(int(rows.places[row]), places.get(fact, 0))
    for place in places.values():
        last = block.event(place)
        assert last.record is not None
        attempt.keep(last.record, last.evidence)


def _add_samples(attempt: Attempt, coming: Forecast, end: int, lines_before: int) -> None:
    """Add the samples of the rows before a place to their series."""
    lines = _Lines(coming, lines_before)
    taken = coming.coming if end == len(coming.block) else _until(coming, int(coming.marks.places.searchsorted(end)))
    for (signal, labels), (values, marks) in taken.items():
        series = attempt.of(signal)[labels]
        steps = None if series.has_epochs or len(marks) < FEW else lines.steps(marks)
        if steps is None:
            for point in lines.points(marks, values, 0):
                attempt.add(signal, series, point)
        else:
            series.extend(values, steps, partial(lines.points, marks, values))


def _until(coming: Forecast, end: int) -> dict[tuple[str, Labels], Coming]:
    """Return the samples of the lines before a mark."""
    cut: dict[int, np.ndarray] = {}
    found: dict[tuple[str, Labels], Coming] = {}
    for key, (values, marks) in coming.coming.items():
        before = cut.setdefault(id(marks), marks[: marks.searchsorted(end)])
        if len(before):
            found[key] = Coming(values[: len(before)], before)
    return found


class _Lines:
    """Makes the points of samples; the points of one line differ only in their value."""

    def __init__(self, coming: Forecast, lines_before: int) -> None:
        import numpy as np

        self._block, self._marks, self._lines_before = coming.block, coming.marks, lines_before
        self._num_samples = np.zeros(len(coming.marks), np.int64)
        for each in coming.coming.values():
            self._num_samples[each.marks] += 1
        self._known: dict[int, Place] = {}
        # Keyed by the id of the arrays, which live as long as the forecast: most series share theirs with others.
        self._steps: dict[int, Steps | None] = {}
        self._places: dict[tuple[int, int], list[Place]] = {}

    def steps(self, marks: np.ndarray) -> Steps | None:
        """Return the steps of at least two samples; None if only some of their lines have a step."""
        if id(marks) not in self._steps:
            own = self._marks.own_steps[marks]
            is_own = own >= 0
            are_own = bool(is_own.all())
            steps = own if are_own else self._marks.steps[marks]
            is_alike = are_own or not is_own.any()
            self._steps[id(marks)] = Steps.of(steps, are_own=are_own) if is_alike else None
        return self._steps[id(marks)]

    def points(self, marks: np.ndarray, values: np.ndarray, first: int) -> list[Point]:
        """Return the points of samples from an index on."""
        key = id(marks), first
        if key not in self._places:
            self._places[key] = [self._known.get(mark) or self._place(mark) for mark in marks[first:].tolist()]
        return [
            _new_point((value, *place)) for value, place in zip(values[first:].tolist(), self._places[key], strict=True)
        ]

    def _place(self, mark: int) -> Place:
        marks = self._marks
        place, own_step = int(marks.places[mark]), int(marks.own_steps[mark])
        whole = self._block.evidence(place, float(marks.ats[mark]))
        known = self._known[mark] = (
            self._lines_before + place + 1,
            own_step if own_step >= 0 else int(marks.steps[mark]),
            own_step >= 0,
            int(marks.own_epochs[mark]),
            float(marks.nows[mark]),
            cited(whole, int(self._num_samples[mark]), is_record=True),
        )
        return known
