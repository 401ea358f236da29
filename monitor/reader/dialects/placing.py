"""Where the lines of a stretch are, by the state of the reader before them; and that state after them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.reader.bars import Bar, take_bar
from monitor.reader.dialects.by_words import LOOSE_REPORTS
from monitor.reader.dialects.redrawn import batch_of, copied, note_drawn_report
from monitor.reader.dialects.rows import Drawings, ForeignRows
from monitor.reader.dialects.shown import first_again, pass_over_told
from monitor.reader.dialects.single import LOSS
from monitor.reader.dialects.state import DialectState
from monitor.reader.drawings import draw_again, draw_all_plain, drawn_as
from monitor.reader.encoding import note_utf8
from monitor.reader.moving import enter_bar, enter_behind_bar, has_bar, take_plain_bar
from monitor.reader.numbers import decimals
from monitor.reader.phrases import plain
from monitor.reader.places import Named, enter_epoch

if TYPE_CHECKING:
    from monitor.reader.state import ReadState


def placed(rows: ForeignRows, state: DialectState) -> ForeignRows | None:
    """Return lines with their steps and epochs, as far as their places go on from the state; None for none."""
    if rows.drawings is not None or rows.is_behind_bar:
        return _drawn(rows, state)
    return _by_themselves(rows, state)


def _by_themselves(rows: ForeignRows, state: DialectState) -> ForeignRows | None:
    """Place reports that say their step themselves, or are numbered by us."""
    import numpy as np

    place = state.words.place
    if rows.is_counted:
        if not state.is_counted or state.unplaced <= LOOSE_REPORTS or state.step is None or place.steps is not None:
            return None
        return _in_epochs(replace(rows, steps=state.step + 1 + np.arange(len(rows.lines))), state)
    if rows.total is not None and rows.total != place.steps:
        return None
    return _going_on(rows, state, place.step, place.steps)


def _going_on(rows: ForeignRows, state: DialectState, step: int | None, planned: int | None) -> ForeignRows | None:
    """Return reports whose steps are known, as far as they go on from ``step`` and are not near the planned end."""
    import numpy as np

    if step is None or state.step != step or state.unplaced:
        return None
    may_repeat = rows.shape is not None and rows.shape.bar is not None
    gaps = np.diff(rows.steps, prepend=step)
    if gaps.min() < (0 if may_repeat else 1):
        return None
    if (again := _told_again(rows, state)) is not None:
        num = int(rows.lines[again])
        return placed(rows.part(0, num), state) if num else None
    if planned is not None:
        # Near its planned end, a training may be complete.
        is_before = rows.steps + int(gaps.max()) < planned
        if not is_before.all():
            num = int(rows.lines[is_before.argmin()])
            return placed(rows.part(0, num), state) if num else None
    return _in_epochs(rows, state)


def _told_again(rows: ForeignRows, state: DialectState) -> int | None:
    """Return the first report of a bar that may tell the loss of the one before again; None for none."""
    import numpy as np

    assert rows.shape is not None
    if rows.shape.bar is None or not rows.shape.bar.shows_again or ("loss", "", "train") not in rows.shape.fast.keys:
        return None
    return first_again(rows.steps, rows.series.get(LOSS, (None, np.zeros(0, np.int64)))[1], state)


def _in_epochs(rows: ForeignRows, state: DialectState) -> ForeignRows | None:
    import numpy as np

    place = state.words.place
    if rows.progress is None:
        is_drawn = rows.shape is not None and rows.shape.bar is not None and place.epoch is not None
        if (place.is_fraction or is_drawn) and state.epoch != place.epoch:
            return None
        return replace(rows, epochs=np.full(len(rows.lines), state.epoch or 1))
    if not place.is_fraction or place.progress is None or rows.progress[0] < place.progress:
        return None
    return rows


def _drawn(rows: ForeignRows, state: DialectState) -> ForeignRows | None:
    """Place lines among which bars are drawn."""
    import numpy as np

    words, drawings = copied(state.words), rows.drawings
    if drawings is not None and drawings.shape is not None:
        steps = _steps_of_bars(rows, words)
    else:
        steps = _steps_between_bars(rows, words)
    if steps is None:
        return None
    if drawings is not None and len(drawings.dones):
        words.last_bar = _last_drawing(rows)
    placed_rows: ForeignRows | None = replace(rows, after=words)
    if len(rows.lines) and (rows.is_behind_bar or (drawings is not None and drawings.shape is not None)):
        is_known = [step is not None for step in steps]
        must_be = not state.is_counted
        if not all(known is must_be for known in is_known):
            num = int(rows.lines[is_known.index(not must_be)])
            return _drawn(rows.part(0, num), state) if num else None
        if state.is_counted:
            if state.unplaced <= LOOSE_REPORTS or state.step is None:
                return None
            counted = state.step + 1 + np.arange(len(rows.lines))
            placed_rows = _in_epochs(replace(rows, after=words, steps=counted), state)
        else:
            known = replace(rows, after=words, steps=np.array(steps, np.int64))
            placed_rows = _going_on(known, state, state.words.place.step, words.place.steps)
            is_bar = rows.shape is not None and rows.shape.bar is not None
            if placed_rows is not None and is_bar and len(placed_rows.lines):
                placed_rows = replace(placed_rows, batch=batch_of(words, int(placed_rows.steps[-1])))
    elif len(rows.lines):
        placed_rows = _by_themselves(replace(rows, after=words), state)
    return placed_rows


def _steps_between_bars(rows: ForeignRows, words: ReadState) -> list[int | None] | None:
    """Move over bars without words and the reports between them; return the step of each report by the bars."""
    drawings, first = rows.drawings, 0
    steps: list[int | None] = []
    reports = rows.lines.tolist()
    ends = [0] * len(reports) if drawings is None else drawings.lines.searchsorted(reports).tolist()
    for number, end in enumerate([*ends, None if drawings is None else len(drawings.dones)]):
        if drawings is not None and end is not None and first < end:
            _draw(drawings, first, end, words)
            first = end
        if number == len(reports):
            break
        words.lag.num_drawn = 0
        if not rows.is_behind_bar:
            steps.append(None)
            continue
        digits = None
        if rows.progress is not None:
            enter_epoch(words.place, Named(float(rows.progress[number]), None, is_fraction=True))
            digits = decimals(rows.shown_progress[number].decode())
        take_plain_bar(words)
        if not has_bar(words.place):
            return None
        steps.append(enter_behind_bar(digits, rows.progress is not None, words))
    return steps


def _draw(drawings: Drawings, first: int, end: int, words: ReadState) -> None:
    """Note bars without words, one after the other."""
    totals, dones = drawings.totals, drawings.dones
    if not first and drawn_as(bar := Bar("tqdm", dones[0], totals[0], "", "")) == words.last_bar:
        draw_again(bar._replace(s_per_unit=drawings.paces_s[0]), words)
        first = 1
    while first < end:
        total, stop = totals[first], first + 1
        while stop < end and totals[stop] == total:
            stop += 1
        last = dones[first - 1] if first and totals[first - 1] == total else None
        draw_all_plain(dones[first:stop], drawings.paces_s[first:stop], total, words, last=last)
        first = stop


def _steps_of_bars(rows: ForeignRows, words: ReadState) -> list[int | None] | None:
    """Move over the drawings of a bar that reports; return the step of each report."""
    drawings, place = rows.drawings, words.place
    assert drawings is not None and drawings.shape is not None and rows.shape is not None
    if place.index is not None and not place.is_fraction and place.is_over is not False:
        return None
    is_measured = any(quantity == "loss" for quantity, _, _ in rows.shape.fast.keys)
    is_report = [False] * len(rows)
    for line in rows.lines.tolist():
        is_report[line] = True
    steps: list[int | None] = []
    style, total = drawings.shape.style, drawings.totals[0]
    for is_new, done, pace_s in zip(is_report, drawings.dones, drawings.paces_s, strict=True):
        bar = Bar(style, done, total, "", "", s_per_unit=pace_s)
        if is_new:
            steps.append(enter_bar(bar, words, is_measured=is_measured))
        else:
            draw_again(bar, words)
    for _ in steps[:2]:
        # A third report of an epoch says no more than the second.
        note_drawn_report(rows.shape.fast, rows.shape.subject, words)
    return steps


def _last_drawing(rows: ForeignRows) -> str:
    """Return what the last bar shows."""
    assert rows.drawings is not None
    bar = take_bar(plain(rows.text(int(rows.drawings.lines[-1])).strip()))
    assert bar is not None
    return drawn_as(bar)


def pass_over(rows: ForeignRows, state: DialectState) -> None:
    """Move the state over lines that were read as columns; the next line is read singly."""
    num, num_reports = len(rows), len(rows.lines)
    if rows.after is not None:
        state.words = rows.after
    words, place, facts = state.words, state.words.place, state.facts
    state.matched[state.name] = state.matched.get(state.name, 0) + num
    facts.lines += num
    facts.understood += num
    if rows.drawings is not None:
        note_utf8(rows.data[rows.starts[0] : rows.ends[-1]], state.encoding)
    if not num_reports:
        return
    assert rows.shape is not None
    place.reports += num_reports
    words.lag.num_drawn = 0 if rows.drawings is None else words.lag.num_drawn
    words.num_barren, words.last_split = 0, rows.shape.subject
    if rows.shape.is_placed_loss:
        words.metered, words.has_placed_loss = "", words.has_placed_loss or not rows.shape.subject
    is_further = state.step is not None and int(rows.steps[-1]) > state.step
    state.step = int(rows.steps[-1])
    if state.is_counted:
        state.unplaced += num_reports
        facts.is_step_lost = True
    else:
        if rows.drawings is None and not rows.is_behind_bar:
            before = place.step if num_reports == 1 else int(rows.steps[-2])
            place.leap = state.step - before if before is not None else place.leap
        place.step, facts.step, facts.is_step_lost = state.step, state.step, False
        state.course_of_fit = state.course if is_further else state.course_of_fit
    if rows.progress is not None:
        place.progress = float(rows.progress[-1])
        place.index = int(rows.epochs[-1]) - 1
        state.epoch = int(rows.epochs[-1])
    for (quantity, name, split), (values, _) in rows.figures.items():
        facts.note(quantity, name, split, float(values[-1]))
    shown = rows.series.get(LOSS)
    if rows.shape.bar is not None and rows.shape.bar.shows_again and shown is not None:
        state.shown = {**state.shown, "loss": (repr(float(shown[0][-1])), "")}
        pass_over_told(rows.steps[shown[1]], state)
    state.is_stopped = state.is_stopped and shown is None
