"""A drawing of a progress bar → its report: a training's bar moves the run, another's moves nothing."""

from __future__ import annotations

import re

from monitor.reader.bars import Bar
from monitor.reader.lagging import note_drawing
from monitor.reader.moving import enter_bar
from monitor.reader.numbers import count
from monitor.reader.pairs import read_pairs
from monitor.reader.places import Named, enter_epoch, place_of
from monitor.reader.report import KNOWN, Report
from monitor.reader.state import ReadState
from monitor.reader.tables import row_text, take_header
from monitor.reader.vocabulary import listed, shipped, words_of

_EPOCH_OF = re.compile(r"\[?(\d+)/(\d+)\]?:?")
"""What a bar of an epoch is called by some: ``[3/20]:``."""


def read_bar(bar: Bar, logger: str, state: ReadState) -> tuple[Report, ...]:
    drawn_as = f"{bar.style}|{bar.words}|{bar.done}|{bar.total}|{bar.pairs}"
    if drawn_as == state.last_bar:
        if bar.total == state.lag.total:
            note_drawing(bar, state.lag)
        return KNOWN
    state.last_bar = drawn_as
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
    text = f"{bar.words} | {bar.pairs}" if bar.words and bar.pairs else bar.words or bar.pairs
    is_step_bar = not words or set(words) <= listed("bars_of_steps")
    if bar.style == "tqdm" and not bar.pairs and is_step_bar and not words:
        state.plain_done, state.plain_total = bar.done, bar.total
        if bar.total is not None and bar.total == state.place.bar_total and bar.done:
            if bar.done == bar.total and _is_of_steps(state):
                return (Report("report", place_of(state.place, enter_bar(bar, state)), is_bar=True),)
            state.place.bar = bar.done
        if state.place.bar_total in (None, bar.total):
            note_drawing(bar, state.lag)
        return KNOWN
    if set(words) <= {"epoch", "epochs"} and words and bar.style == "tqdm" and bar.total:
        if bar.done:
            enter_epoch(state.place, Named(bar.done, bar.total))
            state.place.from_zero = False
            state.place.index, state.place.is_over, state.is_begun = bar.done - 1, True, True
        return read_pairs(bar.pairs, logger, state) if bar.pairs else KNOWN
    if not text:
        if bar.done and bar.style == "keras":
            enter_bar(bar, state)
        return KNOWN
    return read_pairs(text, logger, state, bar=bar)


def _without_colon(words: str) -> str:
    return words.rstrip(" :")


def _is_of_steps(state: ReadState) -> bool:
    """Whether the steps so far were read from the bar: full, it says the last one."""
    place = state.place
    return (place.index is None or place.is_fraction) and place.step_word == 0 and bool(place.bar)
