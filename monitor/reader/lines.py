"""One line → what it reports: the stations of reading a foreign log, in their order."""

from __future__ import annotations

import math
import re
from datetime import tzinfo

from monitor.reader import phrases
from monitor.reader.anew import HEAD, OVER
from monitor.reader.bars import Bar, take_bar
from monitor.reader.drawings import read_bar
from monitor.reader.heads import Head, take_head
from monitor.reader.numbers import read, unwrap
from monitor.reader.outline import ByOutline
from monitor.reader.pairs import read_pairs
from monitor.reader.places import Named, enter_epoch, enter_step, place_of
from monitor.reader.plan import plan_of
from monitor.reader.report import KNOWN, Read, Report, Value
from monitor.reader.schedule import announces_plan, take_limit, take_plan
from monitor.reader.set_columns import row_of_sets, take_sets
from monitor.reader.state import CODE_STEP, MOST_CODE, MOST_OPEN_CHARS, MOST_OPEN_LINES, ReadState
from monitor.reader.tables import is_of_training, is_rule, may_be_header, row_text, take_box, take_header
from monitor.reader.template import shape_of
from monitor.reader.vocabulary import forgets
from monitor.reader.wrapping import note_bar, take_wrapped


def read_line(text: str, state: ReadState, zone: tzinfo | None = None) -> Read:
    """Read one line of a log in any trainer's words, and move the state."""
    if "\b" in text:
        text = text[text.rstrip("\b").rfind("\b") + 1 :]  # drawn over what was there before
    return read_headed(take_head(text, state.clock, zone), state)


def read_headed(head: Head, state: ReadState) -> Read:
    """Read one line whose head was taken already."""
    if not head.body:
        return Read(head, ())
    if state.wrapped and (text := take_wrapped(head.body, head.num_blanks, state)) is not None:
        bar = take_bar(text)
        return Read(head, read_bar(bar, "", state) if bar is not None and bar.pairs else KNOWN)
    if head.is_warning or phrases.is_system(head.body):
        return Read(head, ())
    return Read(head, _ranked(head, state))


def _ranked(head: Head, state: ReadState) -> tuple[Report, ...]:
    if head.rank is not None and state.rank is not None and head.rank > state.rank:
        state.behind += 1
        if state.behind < 64 * (head.rank + 1):
            return _nonfinite_only(head.body, state)
    reports = _body(head.body, head.logger, state)
    if head.rank is not None and any(report.values for report in reports):
        state.rank, state.behind = head.rank, 0
    return reports


def _nonfinite_only(body: str, state: ReadState) -> tuple[Report, ...]:
    """Return what another process says that the lowest one does not: that a number is not finite."""
    shape = shape_of(body)
    plan = plan_of(shape.template)
    found = []
    for slot, text in zip(plan.slots, shape.slots, strict=False):
        if slot.role == "value" and slot.quantity in ("loss", "grad_norm") and not slot.marks and not plan.is_prose:
            number = read(text, has_decimal_comma=False)
            if number is not None and not math.isfinite(number.value) and not number.is_empty:
                split = slot.split or plan.subject or "train"
                found.append(Value(slot.quantity, "", split, number.value, None))
    if not found:
        return KNOWN if any(slot.role == "value" for slot in plan.slots) else ()
    return (Report("report", place_of(state.place, state.place.step), tuple(found)),)


def _monitored(pair: str) -> tuple[Value, ...]:
    """Return the metric by which a checkpoint was chosen; a loss is in the reports, too."""
    shape = shape_of(pair)
    found = []
    for slot, text in zip(plan_of(shape.template).slots, shape.slots, strict=False):
        number = read(text, has_decimal_comma=False)
        if slot.role == "metric" and number is not None:
            found.append(Value("metric", slot.name, slot.split or "val", number.value, number.digits))
    return tuple(found)


def _body(body: str, logger: str, state: ReadState, depth: int = 0) -> tuple[Report, ...]:
    if not _is_open_above(state) and _is_wordless(body):
        state.code = max(0, state.code - 1)
        if state.code >= CODE_STEP and phrases.is_assignment(body):
            return ()
        return read_pairs(body, logger, state)
    said = _apart_from_pairs(body, logger, state, depth)
    return read_pairs(said, logger, state) if isinstance(said, str) else said


def _is_open_above(state: ReadState) -> bool:
    """Whether lines above may say what a line is."""
    tables = state.tables
    is_text = state.open_text or state.is_citing or state.is_plan_open
    return bool(is_text or tables.is_open or tables.headers or tables.sets)


def _says_nothing_in_words(outline: str) -> bool:
    """Whether a line with this outline is one of names and values with any digits, where nothing is open above."""
    state = ReadState(is_begun=True)
    said = outline and not may_be_header(outline) and _apart_from_pairs(outline, "", state, 0)
    return said == outline and state == ReadState(is_begun=True)


_is_wordless = ByOutline(_says_nothing_in_words)
forgets(_is_wordless.forget)


def _apart_from_pairs(body: str, logger: str, state: ReadState, depth: int) -> tuple[Report, ...] | str:
    """Return what a line says apart from names and values; where these are all of it, their text."""
    if state.open_text or (body[0] in "{[" and _is_open(body)):
        whole = _gathered(body, state)
        if whole is None:
            return KNOWN
        body = whole
    if state.is_citing:
        state.is_citing = False
        return KNOWN
    if body.endswith(":") and phrases.cites(body):
        state.is_citing = True
        return KNOWN
    if body[0] == "#" and take_header(body.lstrip("# "), state.tables):
        return KNOWN
    body = phrases.plain(body)
    if state.is_plan_open and take_plan(body, state):
        return KNOWN
    bar = take_bar(body)
    # What is glued to a bar is a line of its own: the bar does not belong to it.
    said = None if bar is not None and bar.behind else _words(body, state)
    if said is not None:
        return said
    if bar is not None:
        return _bar(body, bar, logger, state, depth)
    if state.tables.sets and (of_sets := row_of_sets(body, state.tables)) is not None:
        return read_pairs(of_sets, "", state) if of_sets else KNOWN
    if take_sets(body, state.tables):
        return KNOWN
    boxed = take_box(body, state.tables) if body[0] in "|│┃+-=─━┌├└┏┡┗╒╞╘═" or state.tables.is_open else None
    if boxed is not None:
        return read_pairs(boxed, "", state) if boxed else KNOWN
    if take_header(body, state.tables):
        state.tables.is_history = not state.is_begun or is_of_training(state.tables.headers[0])
        return KNOWN
    if (row := row_text(unwrap(body), state.tables)) is not None:
        text, has_place = row
        if not text:
            return KNOWN
        return read_pairs(text, "", state, split="" if has_place or state.tables.is_history else "val")
    if is_rule(body):
        return KNOWN
    return body


def _is_open(body: str) -> bool:
    return body[0] == "{" and body.count("{") > body.count("}") and not re.search(r"[A-Za-z_]\(|=>|;$", body)


def _gathered(body: str, state: ReadState) -> str | None:
    """Join the lines of a dict that is printed over several lines; None while it is open."""
    text = f"{state.open_text} {body}" if state.open_text else body
    state.open_lines += 1
    if text.count("{") <= text.count("}"):
        state.open_text, state.open_lines = "", 0
        return text
    if state.open_lines >= MOST_OPEN_LINES or len(text) > MOST_OPEN_CHARS:
        state.open_text, state.open_lines = "", 0
        return body
    state.open_text = text
    return None


def _words(body: str, state: ReadState) -> tuple[Report, ...] | None:
    """Return what a line without measurements says; None where it may measure something."""
    if phrases.is_code(unwrap(body)):
        state.code = min(MOST_CODE, state.code + CODE_STEP)
        return ()
    state.code = max(0, state.code - 1)
    if state.code >= CODE_STEP and phrases.is_assignment(body):
        return ()
    if status := phrases.end_of(body):
        take_limit(body, state.place)
        state.place.is_ended = True
        state.block = ""
        return (Report("end", place_of(state.place, state.place.step), detail=status),)
    if (judged := phrases.judged_at(body)) is not None:
        _enter_judged(*judged, state)
    if phrases.is_checkpoint(body):
        if state.place.index is not None and phrases.epochs_saved(body) == state.place.index + 1:
            state.place.is_over = True
        return (Report("checkpoint", place_of(state.place, state.place.step), _monitored(phrases.monitored(body))),)
    if judged is not None:
        return (Report("epoch", place_of(state.place, state.place.step)),)
    if found := phrases.epoch_head(body):
        number, total, is_over = found
        if state.place.index is None and number > 1 and total is None and phrases.is_setting(body):
            return ()
        if state.place.index is None and state.place.reports and not state.last_bar.startswith("keras|"):
            state.place.heads_trail = True
        before = state.place.index
        if is_over and before is not None and number < before + (0 if state.place.from_zero else 1):
            return KNOWN  # an earlier model is tried out
        enter_epoch(state.place, Named(number, total, kind=OVER if is_over else HEAD))
        state.is_begun, state.block, state.last_bar = True, "", ""
        state.place.is_headed = False
        is_new = state.place.index != before
        if is_over or state.place.heads_trail:
            state.place.is_over = True
        elif is_new:
            state.place.is_over = False
        return (Report("epoch", place_of(state.place, state.place.step)),)
    if (evaluated := phrases.evaluation_head(body)) is not None:
        if state.is_begun:
            enter_epoch(state.place, Named(*evaluated))
            state.place.is_over = state.place.is_over or None
        state.block = "val"
        return KNOWN
    if state.is_begun and " epoch" in body and (now := phrases.does_now(body)) is not None:
        if now == 0 and state.place.index is not None:
            state.place.from_zero = True
        if state.place.index is not None and now > state.place.index:
            enter_epoch(state.place, Named(now))
            state.place.is_over = state.place.is_over or None  # at its beginning, or at its end
        return KNOWN
    if state.is_begun and phrases.announces_evaluation(body):
        state.block = "val"
        return KNOWN
    if (heading := phrases.heading(body)) is not None:
        state.block, state.is_summary = heading
        state.is_plan_open = announces_plan(body)
        return KNOWN
    return None


def _enter_judged(epoch: int, step: int, state: ReadState) -> None:
    """Move to where a checkpoint was judged: at the epoch's end, if all epochs so far have as many steps."""
    place = state.place
    if place.index is None:
        place.has_seen_zero = True
    enter_epoch(place, Named(epoch))
    word = place.step_word
    enter_step(place, Named(step, rank=3))
    place.step_word = word  # the batches of the bars go on from there
    if place.index == epoch and not place.is_fraction:
        place.is_over = True if step and step % (epoch + 1) == 0 else None


def _bar(body: str, bar: Bar, logger: str, state: ReadState, depth: int) -> tuple[Report, ...]:
    """Read a bar, and the record that a logger wrote behind it on the same line."""
    note_bar(body, bar, state)
    drawn = read_bar(bar, logger, state)
    if not bar.behind or depth >= 3:
        return drawn
    head = take_head(bar.behind, state.clock)
    behind = _body(head.body, head.logger, state, depth + 1) if head.body else ()
    return (*(each for each in drawn if each.kind == "report" or each.values), *behind) or drawn or KNOWN
