"""A drawing of a progress bar → its report: a training's bar moves the run, another's moves nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monitor.reader.bars import Bar
from monitor.reader.lagging import note_drawing, note_drawings
from monitor.reader.moving import enter_bar
from monitor.reader.numbers import count
from monitor.reader.pairs import read_pairs
from monitor.reader.places import Named, PlaceState, enter_epoch, place_of
from monitor.reader.report import KNOWN, Report
from monitor.reader.state import ReadState
from monitor.reader.tables import row_text, take_header
from monitor.reader.vocabulary import listed, shipped, words_of

_EPOCH_OF = re.compile(r"\[?(\d+)/(\d+)\]?:?")
"""What a bar of an epoch is called by some: ``[3/20]:``."""

_EPOCHS = frozenset(("epoch", "epochs"))
"""By its words or by the unit of its speed, ``3.2s/epoch``, a bar counts epochs."""


def drawn_as(bar: Bar) -> str:
    """Return what a bar shows, but for its times: a drawing that shows the same is the same report."""
    return f"{bar.style}|{bar.words}|{bar.done}|{bar.total}|{bar.pairs}"


def draw_again(bar: Bar, state: ReadState) -> None:
    """Note a drawing that shows what the last one showed."""
    if bar.total == state.lag.total:
        note_drawing(bar, state.lag)


def draw_plain(bar: Bar, state: ReadState) -> bool:
    """Note a drawing of a bar without words; return whether it says the training's last step."""
    state.plain_done, state.plain_total = bar.done, bar.total
    if bar.total is not None and _begins_again(bar, state.place):
        place = state.place
        place.is_round, place.bar, place.bar_total, place.step, place.steps = True, None, None, None, None
    if bar.total is not None and bar.total == state.place.bar_total and bar.done:
        if bar.done == bar.total and _is_of_steps(state):
            return True
        state.place.bar = bar.done
    if state.place.bar_total in (None, bar.total):
        note_drawing(bar, state.lag)
    return False


def _begins_again(bar: Bar, place: PlaceState) -> bool:
    """Whether a bar of the training that was full is drawn from its beginning: it was that of an epoch, or of a set.

    One that shows the loss is the training's each time, and its rounds are counted.
    """
    was_full = place.bar is not None and place.bar == place.bar_total == bar.total and not place.has_bar_loss
    return was_full and bar.done < (bar.total or 0) and not place.is_ended


def draw_all_plain(
    dones: Sequence[int], paces_s: Sequence[float | None], total: int, state: ReadState, *, last: int | None
) -> None:
    """Note drawings of one bar without words, none of them its first or last, and no report between them.

    The same as `draw_plain` for each, or `draw_again` for one that shows what the one before did. ``last`` is what
    that showed before the first of these; None where it was another bar.
    """
    if state.place.bar_total in (None, total) and (last is None or total == state.lag.total):
        state.plain_done, state.plain_total = dones[-1], total
        if total == state.place.bar_total:
            state.place.bar = dones[-1]
        note_drawings(dones, paces_s, total, state.lag)
        return
    for done, pace_s in zip(dones, paces_s, strict=True):
        bar = Bar("tqdm", done, total, "", "", s_per_unit=pace_s)
        if done == last:
            draw_again(bar, state)
        else:
            draw_plain(bar, state)
        last = done


def read_bar(bar: Bar, logger: str, state: ReadState) -> tuple[Report, ...]:
    """Return what a drawing reports, and move the state."""
    drawn = drawn_as(bar)
    if drawn == state.last_bar:
        draw_again(bar, state)
        return KNOWN
    state.last_bar = drawn
    if bar.style == "evaluator":
        return KNOWN
    if bar.words and (row := row_text(_without_colon(bar.words), state.tables)) is not None:
        return read_pairs(row[0], logger, state, bar=bar, split="" if row[1] else "val") if row[0] else KNOWN
    if bar.words and take_header(_without_colon(bar.words), state.tables):
        return KNOWN
    words = words_of(bar.words)
    splits = {shipped().splits.get(word) for word in words} & {"val", "test"}
    if splits or listed("bars_of_other_things").intersection(words):
        if bar.is_over and bar.pairs and splits:
            return read_pairs(bar.pairs, "", state, split=splits.pop() or "val")
        return KNOWN
    if named := _EPOCH_OF.fullmatch(bar.words):
        is_epoch = count(named[2]) != bar.total or count(named[1]) != bar.done
        bar = bar._replace(words=f"epoch {named[1]}/{named[2]}" if is_epoch else "")
    counted = set(words_of(bar.unit))
    if bar.style == "tqdm" and counted & listed("bar_units_of_other_things"):
        return read_pairs(bar.pairs, logger, state) if bar.pairs and bar.done else KNOWN
    text = f"{bar.words} | {bar.pairs}" if bar.words and bar.pairs else bar.words or bar.pairs
    is_step_bar = not words or set(words) <= listed("bars_of_steps")
    if bar.style == "tqdm" and not bar.pairs and is_step_bar and not words and not counted & _EPOCHS:
        if draw_plain(bar, state):
            return (Report("report", place_of(state.place, enter_bar(bar, state)), is_bar=True),)
        return KNOWN
    is_of_epochs = (words and set(words) <= _EPOCHS) or (is_step_bar and counted & _EPOCHS)
    if is_of_epochs and bar.style == "tqdm" and bar.total:
        if bar.done:
            enter_epoch(state.place, Named(bar.done, bar.total))
            state.place.from_zero = False
            state.place.index, state.is_begun = bar.done - 1, True
        reports = read_pairs(bar.pairs, logger, state) if bar.pairs else KNOWN
        state.place.is_over = bool(bar.done) or state.place.is_over
        return reports
    if not text:
        return KNOWN  # what shows neither a loss nor a word is a prediction's
    return read_pairs(text, logger, state, bar=bar)


def _without_colon(words: str) -> str:
    return words.rstrip(" :")


def _is_of_steps(state: ReadState) -> bool:
    """Whether the steps so far were read from the bar: full, it says the last one."""
    place = state.place
    return (place.index is None or place.is_fraction) and place.step_word == 0 and bool(place.bar)
