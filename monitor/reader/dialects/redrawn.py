"""A line behind or of a progress bar that comes by itself → where it is, and what the reader remembers after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from monitor.reader.bars import Bar, take_bar
from monitor.reader.dialects.drawn import plain_groups
from monitor.reader.dialects.state import DialectState
from monitor.reader.drawings import draw_again, draw_plain, drawn_as
from monitor.reader.epochs import note_report
from monitor.reader.event import Event, RawLine, evidence_of
from monitor.reader.moving import enter_bar, enter_behind_bar, has_bar, take_plain_bar
from monitor.reader.phrases import plain
from monitor.reader.places import Named, PlaceState, enter_epoch, place_of
from monitor.reader.report import Value

if TYPE_CHECKING:
    from monitor.reader.columns import Fast
    from monitor.reader.state import ReadState


Whole = TypeVar("Whole")


class After(NamedTuple):
    """Where a report is by a bar."""

    step: int | None
    """None where the bar does not say it."""
    words: ReadState
    """What the reader remembers after the line."""
    is_again: bool = False
    """Whether the drawing shows what the last one did, and so is no report."""


def copied(words: ReadState) -> ReadState:
    """Return what the reader remembers, so that bars can move it: all else is shared."""
    found = _copy(words)
    found.place, found.lag = _copy(words.place), _copy(words.lag)
    found.lag.before, found.lag.behind = _copy(words.lag.before), _copy(words.lag.behind)
    if _counts_shapes(words.place):
        shapes = _copy(words.epoch_shapes)
        shapes.seen, shapes.num_once = dict(shapes.seen), dict(shapes.num_once)
        found.epoch_shapes = shapes
    return found


def _copy(whole: Whole) -> Whole:
    """Return a copy, in a fifth of the time that `copy.copy` takes."""
    found = object.__new__(type(whole))
    found.__dict__.update(whole.__dict__)
    return found


def note_drawn_report(fast: Fast, subject: str, words: ReadState) -> None:
    """Note a report of a bar in the present epoch."""
    if _counts_shapes(words.place):
        values = tuple(Value(*key, 0.0, None) for key in fast.keys)
        note_report(fast.template, [], values, subject, words, is_bar=True)


def _counts_shapes(place: PlaceState) -> bool:
    return place.index is not None and not place.is_fraction


def read_plain(line: RawLine, path: str, state: DialectState) -> Event | None:
    """Return the event of a drawing of a bar without words, and move the state; None for any other line."""
    groups = plain_groups(line.data)
    if groups is None:
        return None
    done, total, pace_s = groups
    if not 0 < done < total:
        return None
    bar, words = Bar("tqdm", done, total, "", "", s_per_unit=pace_s), state.words
    drawn = drawn_as(bar)
    if drawn == words.last_bar:
        draw_again(bar, words)
    else:
        words.last_bar = drawn
        draw_plain(bar, words)
    return note_known(line, path, state)


def note_known(line: RawLine, path: str, state: DialectState) -> Event:
    """Return the event of a line that is understood and measures nothing."""
    state.matched[state.name] = state.matched.get(state.name, 0) + 1
    state.facts.lines += 1
    state.facts.understood += 1
    return Event(evidence_of(line, path, None), "", None, (), f"{state.name}:known")


def behind_bar(progress: float | None, digits: int | None, state: DialectState) -> After | None:
    """Return where a report is that names its epoch at most; None where no bar says it."""
    words = copied(state.words)
    words.lag.num_drawn = 0
    if progress is not None:
        enter_epoch(words.place, Named(progress, None, is_fraction=True))
    take_plain_bar(words)
    if not has_bar(words.place):
        return None
    return After(enter_behind_bar(digits, progress is not None, words), words)


def of_bar(line: RawLine, fast: Fast, subject: str, style: str, state: DialectState) -> After | None:
    """Return where a drawing with a report is; None for the first and the last one of a bar."""
    bar = take_bar(plain(line.data.decode().strip()))
    if bar is None or bar.style != style or bar.total is None or not 0 < bar.done < bar.total:
        return None
    words = copied(state.words)
    drawn = drawn_as(bar)
    if drawn == words.last_bar:
        draw_again(bar, words)
        return After(None, words, is_again=True)
    words.last_bar = drawn
    if _counts_shapes(words.place) and words.place.is_over is not False:
        return None
    is_measured = any(quantity == "loss" for quantity, _, _ in fast.keys)
    step = enter_bar(bar, words, is_measured=is_measured)
    note_drawn_report(fast, subject, words)
    return After(step, words)


def batch_of(words: ReadState, step: int) -> tuple[int, int]:
    """Return the batch of a report and the number of them; zeros where nothing says it."""
    at = place_of(words.place, step)
    return at.batch or 0, at.batches or 0
