"""What a block will bring, before it is folded: the samples of its rows, and those derived from them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from monitor import grammar
from monitor.base.evidence import TEXT_LIMIT
from monitor.reader.event import Event
from monitor.reader.signals import Labels, Sample
from monitor.run.attempt import TALLIES_LIMIT, Attempt
from monitor.run.columns.block import Block
from monitor.run.columns.preview import Ahead, Coming
from monitor.run.columns.rows import Rows
from monitor.run.columns.timeline import Marks, marks_of
from monitor.run.derived import Columns, Lines, Rates, Writer, derived_columns
from monitor.run.run import Run

if TYPE_CHECKING:
    import numpy as np

FACT_TIMES, LONG_FACT_TIMES = 2, 8
"""A line's fact takes at most so many times the line's length (`monitor.run.facts`). The fact of a long line also
counts the names of its values."""


@dataclass(frozen=True)
class Forecast:
    """What a block will bring."""

    block: Block
    """The block to fold; it may have fewer rows and more passengers than the original."""
    ahead: Ahead
    coming: Mapping[tuple[str, Labels], Coming]
    """The samples of the rows, by series."""
    samples: tuple[tuple[Sample, ...], ...]
    """The samples of each passenger."""
    marks: Marks


def forecast(run: Run, block: Block) -> Forecast | None:
    """Return what a block will bring; None if it must be folded line by line."""
    attempt = run.attempt
    if run.id is None:
        return None
    if block.has_records:
        is_under_way = attempt.first_train_step is not None and attempt.step is not None
        if not is_under_way or run.now is None or run.line_at is None or attempt.began_at is None or run.live_clocks:
            return None
    if not all(_is_usual(event, attempt) for _, event in block.passengers):
        return None
    if not all(_is_known(rows, attempt) for rows in block.rows):
        return None
    samples = tuple(attempt.samples_of(event) for _, event in block.passengers)
    if clashing := _clashing(block, samples):
        return forecast(run, block.read_singly(clashing))
    marks = marks_of(run, block)
    if marks.has_clocks_apart(run):
        return None
    coming = _coming(attempt, block, marks)
    if coming is None or not _has_room(attempt, block, coming, samples):
        return None
    return Forecast(block, _ahead(run, block, coming, samples, marks), coming, samples, marks)


def _is_usual(event: Event, attempt: Attempt) -> bool:
    """Return whether a passenger is from the known writer and, if there were other writers, in the known phase."""
    if not isinstance(event.record, grammar.Phase):
        return True
    is_writer = Writer(event.record.run, event.record.pid) == attempt.writer
    return is_writer and (not attempt.replaced or event.record.name == attempt.announced_phase)


def _is_known(rows: Rows, attempt: Attempt) -> bool:
    """Return whether rows are not the first of their kind, and do not go back to the attempt's start."""
    is_behind = rows.template.record_type is grammar.Train and rows.count("step").min() <= (
        attempt.first_train_step or 0
    )
    return not is_behind and all(attempt.stated(*fact) is not None for fact in rows.facts)


def _clashing(block: Block, samples: tuple[tuple[Sample, ...], ...]) -> list[Rows]:
    """Return the rows that share series or facts with passengers, and so must be folded in order."""
    types = {type(event.record) for _, event in block.passengers}
    signals = {sample.signal for each in samples for sample in each}
    return [
        rows
        for rows in block.rows
        if rows.template.record_type in types or not signals.isdisjoint(rows.template.signals)
    ]


def _coming(attempt: Attempt, block: Block, marks: Marks) -> dict[tuple[str, Labels], Coming] | None:
    """Return the samples of all rows; None if some are the first of their series, or cannot be derived in columns."""
    found: defaultdict[tuple[str, Labels], list[Coming]] = defaultdict(list)

    marked: dict[int, np.ndarray] = {}

    def take(columns: Columns, of_rows: np.ndarray) -> None:
        for key, column in columns.items():
            if len(column.rows):
                # Most samples share their lines with others, so the result for those lines is made once.
                if id(column.rows) not in marked:
                    marked[id(column.rows)] = of_rows[column.rows]
                found[key].append(Coming(column.values, marked[id(column.rows)]))

    for rows, of_rows in zip(block.rows, marks.of_rows, strict=True):
        take(rows.samples, of_rows)
    derived = [
        derived_columns(rows.template.record_type, _lines(attempt, rows, found, of_rows), attempt)
        for rows, of_rows in zip(block.rows, marks.of_rows, strict=True)
    ]
    for columns, of_rows in zip(derived, marks.of_rows, strict=True):
        if columns is None:
            return None
        take(columns, of_rows)
    coming = {key: _in_order(parts) for key, parts in found.items()}
    return coming if all(labels in attempt.of(signal) for signal, labels in coming) else None


def _lines(
    attempt: Attempt, rows: Rows, found: Mapping[tuple[str, Labels], list[Coming]], of_rows: np.ndarray
) -> Lines:
    """Return rows as the derived signals need them; weight reports with the rates known before each."""
    import numpy as np

    steps = rows.count("step")
    if rows.template.record_type is not grammar.WeightReport:
        return Lines(steps, rows.samples, None, True)
    gradients = [series.last.value for series in attempt.of("grad.l2").values()]
    coming = [each.values for (signal, _), parts in found.items() if signal == "grad.l2" for each in parts]
    are_finite = all(map(math.isfinite, gradients)) and all(bool(np.isfinite(each).all()) for each in coming)
    known = attempt.of("train.lr").get(())
    if known is None:
        return Lines(steps, rows.samples, None, are_finite)
    newest, highest = np.array([known.last.value]), np.array([known.maximum])
    place = np.zeros(len(of_rows), np.int64)
    if ("train.lr", ()) in found:
        rates = _in_order(found["train.lr", ()])
        newest = np.concatenate((newest, rates.values))
        highest = np.fmax.accumulate(np.concatenate((highest, rates.values)))
        place = rates.marks.searchsorted(of_rows)
    return Lines(steps, rows.samples, Rates(newest[place], highest[place]), are_finite)


def _in_order(parts: list[Coming]) -> Coming:
    """Merge samples of several templates in the order of their lines."""
    import numpy as np

    if len(parts) == 1:
        return parts[0]
    values, marks = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = marks.argsort(kind="stable")
    return Coming(values[order], marks[order])


def _has_room(
    attempt: Attempt,
    block: Block,
    coming: Mapping[tuple[str, Labels], Coming],
    samples: tuple[tuple[Sample, ...], ...],
) -> bool:
    """Return whether the block reaches no limit, so that the order of its lines does not matter."""
    passengers = [event for _, event in block.passengers]
    if not attempt.has_room_for(passengers, samples, sum(map(partial(_fact_bytes, block), block.rows))):
        return False
    if attempt.tallies >= TALLIES_LIMIT:
        return True
    num_tallies = sum(map(len, samples))
    for (signal, labels), each in coming.items():
        if attempt.of(signal)[labels].has_epochs:
            num_tallies += len(each.values)
    return attempt.tallies + num_tallies <= TALLIES_LIMIT


def _fact_bytes(block: Block, rows: Rows) -> int:
    """Return the most bytes that the facts of rows can take."""
    longest = int((block.ends - block.starts)[rows.places].max())
    return len(rows.facts) * longest * (FACT_TIMES if longest < TEXT_LIMIT else LONG_FACT_TIMES)


def _ahead(
    run: Run,
    block: Block,
    coming: Mapping[tuple[str, Labels], Coming],
    samples: tuple[tuple[Sample, ...], ...],
    marks: Marks,
) -> Ahead:
    import numpy as np

    found: defaultdict[str, dict[Labels, Coming]] = defaultdict(dict)
    for (signal, labels), each in coming.items():
        found[signal][labels] = each
    single: defaultdict[tuple[str, Labels], list[tuple[float, int]]] = defaultdict(list)
    for (place, _), own in zip(block.passengers, samples, strict=True):
        mark = int(marks.places.searchsorted(place))
        for signal, labels, value in own:
            single[signal, labels].append((value, mark))
    for (signal, labels), pairs in single.items():
        found[signal][labels] = Coming(*(np.array(each) for each in zip(*pairs, strict=True)))
    silence_s = stillness_s = 0.0
    until, move = run.now, run.attempt.progress.last
    if len(marks) and run.now is not None:
        until = float(marks.nows[-1])
        silence_s = float(np.diff(marks.nows, prepend=run.now).max())
    if move is not None and move.at is not None and until is not None:
        moved = np.concatenate(([move.at], marks.nows[marks.is_move], [until]))
        stillness_s = float(np.diff(moved).max())
    return Ahead(
        found,
        marks.own_steps,
        marks.own_epochs,
        marks.epochs,
        is_moving=bool(marks.is_move.any()),
        is_end_of_epoch=any(isinstance(event.record, grammar.Epoch) for _, event in block.passengers),
        silence_s=silence_s,
        stillness_s=stillness_s,
        step_s=_longest_step_s(run.attempt, coming.get(("train.loss", ())), marks),
        until=until,
        step=int(marks.steps[-1]) if len(marks) else run.attempt.step,
        epoch=int(marks.epochs[-1]) if len(marks) else run.attempt.epoch,
    )


def _longest_step_s(attempt: Attempt, losses: Coming | None, marks: Marks) -> float:
    """Return the longest time of a step between neighbouring TRAIN lines of one epoch; infinite if unknown."""
    import numpy as np

    if losses is None:
        return 0.0
    before, trains = attempt.of("train.loss")[()].last, losses.marks
    if before.at is None or before.step is None:
        return math.inf
    times = np.diff(marks.nows[trains], prepend=before.at)
    steps = np.diff(marks.own_steps[trains], prepend=before.step)
    is_pace = (steps > 0) & (np.diff(marks.own_epochs[trains], prepend=before.epoch) == 0)
    return float((times[is_pace] / steps[is_pace]).max(initial=0.0))
