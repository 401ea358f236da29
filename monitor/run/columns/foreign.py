"""Many reports of another trainer → run: what they will bring, and folding them as single lines would be folded."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor import grammar
from monitor.base.evidence import Evidence
from monitor.grammar import Share
from monitor.reader.signals import Labels
from monitor.run.attempt import TALLIES_LIMIT, Attempt
from monitor.run.columns.preview import Ahead, Coming
from monitor.run.columns.silences import note_silences
from monitor.run.derived import Column, Lines, derived_columns
from monitor.run.facts import FACTS_BYTES, cited
from monitor.run.progress import Move
from monitor.run.run import JUMP_S, Run
from monitor.run.series import FEW, Point, Steps

if TYPE_CHECKING:
    import numpy as np

    from monitor.reader.dialects.rows import ForeignRows

Key = tuple[str, Labels]
_new_point: Callable[[tuple[object, ...]], Point] = partial(tuple.__new__, Point)


class ForeignForecast(NamedTuple):
    """What reports will bring."""

    rows: ForeignRows
    ahead: Ahead
    coming: dict[Key, Coming]
    nows: np.ndarray | None
    """The run's time at each report; None where the lines have no times."""
    epochs: np.ndarray
    """The run's epoch after each report."""


def foreign_forecast(run: Run, rows: ForeignRows) -> ForeignForecast | None:
    """Return what reports will bring; None if they must be folded line by line."""
    import numpy as np

    attempt = run.attempt
    if run.id is None or attempt.step is None or attempt.first_train_step is None or run.last is None:
        return None
    if run.clocks or attempt.stated(grammar.Train) is None:
        return None
    if len(rows.lines) and (rows.steps[0] < attempt.step or (rows.steps[0] == attempt.step and rows.batch is None)):
        return None
    nows = None
    if rows.ats is not None and rows.drawings is None:
        if run.now is None or run.line_at is None or attempt.began_at is None or run.timed_lines != run.lines:
            return None
        gaps = np.diff(rows.ats, prepend=run.line_at)
        if gaps.min() < 0 or gaps.max() > JUMP_S:
            return None
        # Added one after another, as single lines would.
        nows = np.cumsum(np.concatenate(([run.now], gaps)))[1:]
    elif run.now is not None:
        return None
    coming = _coming(attempt, rows)
    if coming is None:
        return None
    longest = int((rows.ends - rows.starts).max())
    if attempt.facts_bytes + 8 * longest > FACTS_BYTES:
        return None
    tallied = sum(
        len(each.values) for (signal, labels), each in coming.items() if attempt.of(signal)[labels].has_epochs
    )
    if tallied and attempt.tallies + tallied > TALLIES_LIMIT:
        return None
    epochs = np.maximum.accumulate(np.concatenate(([attempt.epoch], rows.epochs)))[1:]
    return ForeignForecast(rows, _ahead(run, rows, coming, nows, epochs), coming, nows, epochs)


def _train_at(rows: ForeignRows, attempt: Attempt) -> grammar.Train:
    """Return the record of the last report, as reading it singly would."""
    mark = len(rows.lines) - 1
    fields: dict[str, Any] = {
        signal.removeprefix("train."): float(values[-1])
        for (signal, _), (values, marks) in rows.series.items()
        if signal in _FIELDS and marks[-1] == mark
    }
    if "skipped" in fields:
        fields["skipped"] = int(fields["skipped"])
    return grammar.Train(
        epoch=Share(int(rows.epochs[-1]), attempt.epochs_planned or 0), batch=Share(*(rows.batch or (0, 0))),
        step=int(rows.steps[-1]), **{"loss": None, **fields},
    )  # fmt: skip


_FIELDS = frozenset(f"train.{name}" for name in ("loss", "lr", "grad_norm", "samples_per_s", "s_per_batch", "skipped"))
"""The series that come from fields of a record."""


def _coming(attempt: Attempt, rows: ForeignRows) -> dict[Key, Coming] | None:
    """Return all samples; None if some are the first of their series, or cannot be derived in columns."""
    import numpy as np

    if not len(rows.lines):
        return {}
    coming = {key: Coming(*pair) for key, pair in rows.series.items()}
    if (share := coming.get(("train.skipped_share", ()))) is not None and share.values.any():
        return None
    columns = {key: Column(each.values, each.marks) for key, each in coming.items()}
    derived = derived_columns(grammar.Train, Lines(rows.steps, columns, None, True), attempt)
    if derived is None:
        return None
    for key, column in derived.items():
        coming[key] = Coming(column.values, np.asarray(column.rows))
    return coming if all(labels in attempt.of(signal) for signal, labels in coming) else None


def _ahead(
    run: Run, rows: ForeignRows, coming: dict[Key, Coming], nows: np.ndarray | None, epochs: np.ndarray
) -> Ahead:
    import numpy as np

    attempt = run.attempt
    assert attempt.step is not None
    step = max(attempt.step, int(rows.steps[-1])) if len(rows.lines) else attempt.step
    found: dict[str, dict[Labels, Coming]] = {}
    for (signal, labels), each in coming.items():
        found.setdefault(signal, {})[labels] = each
    move = run.attempt.progress.last
    silence_s = stillness_s = step_s = 0.0
    until, moved_at = run.now, None if move is None else move.at
    if nows is not None:
        assert run.now is not None
        until, gaps = float(nows[-1]), np.diff(nows, prepend=run.now)
        silence_s = float(gaps.max())
        stillness_s = silence_s if moved_at is None else max(silence_s, float(nows[0]) - moved_at)
    elif run.heard_at is not None and moved_at is not None:
        stillness_s = run.heard_at - moved_at
    if ("train.loss", ()) in coming:
        # Another trainer's cadence is not judged by its time.
        step_s = math.inf
    return Ahead(
        found,
        rows.steps,
        rows.epochs,
        epochs,
        is_moving=step > attempt.step,
        is_end_of_epoch=False,
        silence_s=silence_s,
        stillness_s=stillness_s,
        step_s=step_s,
        until=until,
        step=step,
        epoch=int(epochs[-1]) if len(epochs) else attempt.epoch,
        texts=rows.shown,
    )


def fold_foreign(run: Run, forecast: ForeignForecast, evidence: Callable[[int, float | None], Evidence]) -> None:
    """Fold the lines; ``evidence`` returns that of one of them, given its time."""
    import numpy as np

    rows, attempt, num = forecast.rows, run.attempt, len(forecast.rows)
    ats, nows, lines_before = rows.ats, forecast.nows, attempt.lines
    if nows is not None and ats is not None:
        assert run.now is not None
        gaps = np.diff(nows, prepend=run.now)
        note_silences(attempt, gaps, nows)
        run.line_at, run.now = float(ats[-1]), float(nows[-1])
        run.heard_at = run.now
        run.timed_lines = run.lines + num
    attempt.lines += num
    run.lines += num
    run.understood += num
    run.last = evidence(num - 1, None if ats is None else float(ats[-1]))
    if len(rows.lines):
        _move(run, forecast, evidence, lines_before)
        _add(attempt, forecast, evidence, lines_before)


def _move(
    run: Run, forecast: ForeignForecast, evidence: Callable[[int, float | None], Evidence], lines_before: int
) -> None:
    """Move to where the last report is."""
    import numpy as np

    rows, attempt, progress = forecast.rows, run.attempt, run.attempt.progress
    assert attempt.step is not None
    is_further = np.diff(rows.steps, prepend=attempt.step) > 0
    attempt.step, attempt.epoch = int(rows.steps[-1]), int(forecast.epochs[-1])
    last = evidence(int(rows.lines[-1]), None if rows.ats is None else float(rows.ats[-1]))
    record = _train_at(rows, attempt)
    attempt.keep(record, last)
    attempt.batch = record.batch
    attempt.count_epochs(record)
    progress.see_batch(record.batch.part)
    if is_further.any():
        place = int(np.flatnonzero(is_further)[-1])
        nows = forecast.nows
        moved = [run.heard_at] * int(is_further.sum()) if nows is None else nows[is_further].tolist()
        line = int(rows.lines[place])
        at = evidence(line, None if rows.ats is None else float(rows.ats[place]))
        progress.pass_over(moved, Move(moved[-1], lines_before + line + 1, at), phase=attempt.phase, step=attempt.step)


def _add(
    attempt: Attempt, forecast: ForeignForecast, evidence: Callable[[int, float | None], Evidence], lines_before: int
) -> None:
    import numpy as np

    rows, nows = forecast.rows, forecast.nows
    num_samples = np.zeros(len(rows.lines), np.int64)
    for each in forecast.coming.values():
        num_samples[each.marks] += 1
    known: dict[int, tuple[object, ...]] = {}

    def place(mark: int) -> tuple[object, ...]:
        found = known.get(mark)
        if found is None:
            line = int(rows.lines[mark])
            whole = evidence(line, None if rows.ats is None else float(rows.ats[mark]))
            found = known[mark] = (
                lines_before + line + 1,
                int(rows.steps[mark]),
                True,
                int(rows.epochs[mark]),
                None if nows is None else float(nows[mark]),
                cited(whole, int(num_samples[mark]), is_record=True),
            )
        return found

    def points(values: np.ndarray, marks: np.ndarray, first: int) -> list[Point]:
        return [
            _new_point((value, *place(mark)))
            for value, mark in zip(values[first:].tolist(), marks[first:].tolist(), strict=True)
        ]

    for (signal, labels), (values, marks) in forecast.coming.items():
        series = attempt.of(signal)[labels]
        if series.has_epochs or len(marks) < FEW:
            for point in points(values, marks, 0):
                attempt.add(signal, series, point)
        else:
            series.extend(values, Steps.of(rows.steps[marks], are_own=True), partial(points, values, marks))
        if (signal, labels) in rows.texts:
            for digits in rows.digits((signal, labels), series.digits.maxlen or 0):
                series.note_digits(digits)
