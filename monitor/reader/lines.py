"""One line → what it reports: the stations of reading a foreign log, in their order."""

from __future__ import annotations

import math
import re
from datetime import tzinfo
from typing import NamedTuple
from zlib import crc32

from monitor.reader import phrases
from monitor.reader.bars import Bar, take_bar
from monitor.reader.heads import Head, take_head
from monitor.reader.numbers import Written, decides_comma, read
from monitor.reader.places import Named, Place, enter_batch, enter_epoch, enter_step, place_of
from monitor.reader.plan import Plan, Slot, plan_of
from monitor.reader.state import MOST_OPEN_CHARS, MOST_OPEN_LINES, MOST_SHAPES, ReadState
from monitor.reader.tables import is_rule, row_text, take_box, take_header
from monitor.reader.template import shape_of
from monitor.reader.vocabulary import listed, shipped, words_of


class Value(NamedTuple):
    """One number, as a line gave it."""

    quantity: str
    """A quantity of the vocabulary, or ``metric``."""
    name: str
    """Of a metric; empty for a quantity."""
    split: str
    """``train``, ``val``, ``test``; empty where nothing says it."""
    number: float
    digits: int | None
    """Decimal places that were printed."""


class Report(NamedTuple):
    """What a line says."""

    kind: str
    """``report``, ``validation``, ``epoch`` (it begins), ``checkpoint``, ``end``, ``known`` (nothing is measured)."""
    place: Place = Place()
    values: tuple[Value, ...] = ()
    detail: str = ""
    """Of an end: its status."""
    is_bar: bool = False
    """Whether a progress bar shows it: bars repeat what they know."""


class Read(NamedTuple):
    """A line, read."""

    head: Head
    reports: tuple[Report, ...]

    @property
    def is_understood(self) -> bool:
        """Whether its values are used, or it is known to say nothing."""
        return bool(self.reports)


_KNOWN = (Report("known"),)


def read_line(text: str, state: ReadState, zone: tzinfo | None = None) -> Read:
    """Read one line of a log in any trainer's words, and move the state."""
    return read_headed(take_head(text, state.clock, zone), state)


def read_headed(head: Head, state: ReadState) -> Read:
    """Read one line whose head was taken already."""
    if not head.body:
        return Read(head, ())
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
        return _KNOWN if any(slot.role == "value" for slot in plan.slots) else ()
    return (Report("report", place_of(state.place, state.place.step), tuple(found)),)


def _body(body: str, logger: str, state: ReadState, depth: int = 0) -> tuple[Report, ...]:
    if state.open_text or (body[0] in "{[" and _is_open(body)):
        whole = _gathered(body, state)
        if whole is None:
            return _KNOWN
        body = whole
    if state.is_citing:
        state.is_citing = False
        return _KNOWN
    if body.endswith(":") and phrases.cites(body):
        state.is_citing = True
        return _KNOWN
    said = _words(body, state)
    if said is not None:
        return said
    if bar := take_bar(body):
        return _bar(bar, logger, state, depth)
    boxed = take_box(body, state.tables) if body[0] in "|│┃+-=─━┌├└┏┡┗╒╞╘═" or state.tables.is_open else None
    if boxed is not None:
        return _pairs(boxed, "", state) if boxed else _KNOWN
    if take_header(body, state.tables):
        return _KNOWN
    if (row := row_text(body, state.tables)) is not None:
        text, has_place = row
        if not text:
            return _KNOWN
        return _pairs(text, "", state, split="" if has_place else "val")
    if is_rule(body):
        return _KNOWN
    return _pairs(body, logger, state)


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


# ---- words: heads of epochs, headings, ends, checkpoints


def _words(body: str, state: ReadState) -> tuple[Report, ...] | None:
    """Return what a line without measurements says; None where it may measure something."""
    if phrases.is_code(body):
        return ()
    if status := phrases.end_of(body):
        state.place.is_ended = True
        state.block = ""
        return (Report("end", place_of(state.place, state.place.step), detail=status),)
    if phrases.is_checkpoint(body):
        return (Report("checkpoint", place_of(state.place, state.place.step)),)
    if found := phrases.epoch_head(body):
        number, total, is_over = found
        if state.place.index is None and number > 1 and total is None and phrases.is_setting(body):
            return ()
        if state.place.index is None and state.place.reports:
            state.place.heads_trail = True
        before = state.place.index
        enter_epoch(state.place, Named(number, total))
        state.is_begun, state.block = True, ""
        is_new = state.place.index != before
        if is_over or state.place.heads_trail:
            state.place.is_over = True
        elif is_new:
            state.place.is_over = False
        return (Report("epoch", place_of(state.place, state.place.step)),)
    if (heading := phrases.heading(body)) is not None:
        state.block, state.is_summary = heading
        return _KNOWN
    return None


# ---- bars


def _bar(bar: Bar, logger: str, state: ReadState, depth: int) -> tuple[Report, ...]:
    behind: tuple[Report, ...] = ()
    if bar.behind and depth < 3:
        head = take_head(bar.behind, state.clock)
        drawn = _bar(bar._replace(behind=""), logger, state, depth)
        if head.body:
            behind = _body(head.body, head.logger, state, depth + 1)
        return (*(each for each in drawn if each.values), *behind) or drawn or _KNOWN
    drawn_as = f"{bar.style}|{bar.words}|{bar.done}|{bar.total}|{bar.pairs}"
    if drawn_as == state.last_bar:
        return _KNOWN
    state.last_bar = drawn_as
    if bar.words and (row := row_text(_without_colon(bar.words), state.tables)) is not None:
        return _pairs(row[0], logger, state, bar=bar, split="" if row[1] else "val") if row[0] else _KNOWN
    if bar.words and take_header(_without_colon(bar.words), state.tables):
        return _KNOWN
    words = words_of(bar.words)
    splits = {shipped().splits.get(word) for word in words} & {"val", "test"}
    if splits or listed("bars_of_other_things").intersection(words):
        if bar.is_over and bar.pairs and splits:
            return _pairs(bar.pairs, "", state, split=splits.pop() or "val")
        return _KNOWN
    text = f"{bar.words} | {bar.pairs}" if bar.words and bar.pairs else bar.words or bar.pairs
    is_step_bar = not words or set(words) <= listed("bars_of_steps")
    if bar.style == "tqdm" and not bar.pairs and is_step_bar and not words:
        state.plain_done, state.plain_total = bar.done, bar.total
        if bar.total is not None and bar.total == state.place.bar_total and bar.done:
            state.place.bar = bar.done
        return _KNOWN
    if set(words) <= {"epoch", "epochs"} and words and bar.style == "tqdm" and bar.total:
        if bar.done:
            enter_epoch(state.place, Named(bar.done, bar.total))
            state.place.from_zero = False
            state.place.index, state.place.is_over, state.is_begun = bar.done - 1, True, True
        return _pairs(bar.pairs, logger, state) if bar.pairs else _KNOWN
    if not text:
        if bar.done and bar.style == "keras":
            _enter_bar(bar, state)
        return _KNOWN
    return _pairs(text, logger, state, bar=bar)


def _without_colon(words: str) -> str:
    return words.rstrip(" :")


def _enter_bar(bar: Bar, state: ReadState) -> int | None:
    """Move to where a bar of the training stands; return the step."""
    place = state.place
    if bar.style == "keras":
        place.counts_samples = bar.counts_samples if bar.counts_samples is not None else place.counts_samples
    if bar.style == "keras" and place.counts_samples is not False:
        if bar.is_over:
            place.is_over = True
        return None
    if place.index is not None and not place.is_fraction:
        words = set(words_of(bar.words))
        if bar.style == "tqdm" and words and words <= listed("bars_of_steps"):
            return enter_step(place, Named(bar.done, bar.total, rank=2))
        return enter_batch(place, Named(bar.done, bar.total), is_count=True)
    if bar.total is None:
        return None
    if place.bar_total is None:
        place.bar_total = bar.total
    if bar.total != place.bar_total:
        return place.step
    if place.bar is not None and bar.done < place.bar and place.bar >= bar.total:
        place.bar_rounds += 1
    place.bar = bar.done
    place.step = place.bar_rounds * bar.total + bar.done
    place.steps = bar.total if not place.bar_rounds else None
    return place.step


# ---- pairs: the plan of a line's shape, filled


class Filled(NamedTuple):
    """One slot of a plan, and what stands there."""

    slot: Slot
    number: Written
    text: str


def fill_of(plan: Plan, numbers: list[Written]) -> list[Filled]:
    """Return a plan's slots with these numbers."""
    return [Filled(slot, number, repr(number.value)) for slot, number in zip(plan.slots, numbers, strict=True)]


def _pairs(text: str, logger: str, state: ReadState, *, bar: Bar | None = None, split: str = "") -> tuple[Report, ...]:
    shape = shape_of(text)
    if not shape.slots:
        return ()
    plan = plan_of(shape.template, logger)
    if plan.is_prose and bar is None:
        return ()
    filled = _fill(shape.template, plan, shape.slots, state)
    subject = split or plan.subject
    places = [each for each in filled if each.slot.role == "place" and not each.slot.marks & {"best"}]
    has_own_place = bool(places) or bar is not None
    if not subject and not has_own_place:
        subject = state.block or (state.last_split if text.lstrip().startswith("*") else "")
    if has_own_place and not split and not (plan.is_place_only and bar is None and state.block):
        state.block, state.is_summary = "", False
    values = values_of(plan, filled, subject, state)
    if any(each.slot.role == "end" for each in filled):
        _enter(places, filled, state, subject=subject, bar=None, values=())
        state.place.is_ended = True
        return (Report("end", place_of(state.place, state.place.step), detail="completed"),)
    if not values:
        if plan.is_place_only and places and bar is None and _is_sure_place(places):
            _enter(places, filled, state, subject=subject, bar=None, values=())
            state.is_begun = True
            return (Report("epoch", place_of(state.place, state.place.step)),)
        if bar is not None and bar.done and (places or set(words_of(bar.words)) & listed("bars_of_steps")):
            step = _enter(places, filled, state, subject=subject, bar=bar, values=())
            state.is_begun = True
            return (Report("report", place_of(state.place, step)),) if step is not None else _KNOWN
        return _KNOWN if bar is not None else ()
    if not _is_report(shape.template, values, places, subject, state, bar=bar, filled=filled):
        if any(each.slot.quantity == "epoch" and each.number.value == 0 for each in places):
            state.place.has_seen_zero = True
        return ()
    if bar is not None and bar.done == 0:
        return _KNOWN
    if bar is not None and bar.style == "keras" and state.place.is_over and not _goes_on(bar, values, state):
        return _KNOWN
    step = _enter(places, filled, state, subject=subject, bar=bar, values=values)
    state.last_split = subject
    if _is_partial(places, filled, subject, plan):
        return _KNOWN
    if state.is_summary:
        values = tuple(value for value in values if value.quantity == "metric" or value.split in ("val", "test"))
    state.is_begun = True
    state.place.reports += 1
    is_val = subject in ("val", "test") or all(value.split in ("val", "test") for value in values)
    _note_epoch_line(shape.template, places, values, subject, state)
    is_drawn = bar is not None and bar.style != "keras"
    return (Report("validation" if is_val else "report", place_of(state.place, step), values, is_bar=is_drawn),)


def _goes_on(bar: Bar, values: tuple[Value, ...], state: ReadState) -> bool:
    """Whether a Keras bar behind an epoch's last batch is its last drawing, with what the validation gave."""
    is_same = bar.total == state.place.inner_total or state.place.inner_total is None
    return is_same and any(value.split == "val" for value in values)


def _fill(template: str, plan: Plan, texts: tuple[str, ...], state: ReadState) -> list[Filled]:
    if state.has_decimal_comma is None:
        for text in texts:
            if (said := decides_comma(text)) is not None:
                state.has_decimal_comma = said
                break
    found = []
    empties: list[tuple[int, bool]] = []
    for index, (slot, text) in enumerate(zip(plan.slots, texts, strict=False)):
        number = read(text, has_decimal_comma=state.has_decimal_comma)
        if number is None:
            continue
        if number.is_empty:
            empties.append((index, True))
        found.append(Filled(slot, number, text))
    if empties or template_key(template) in state.empties:
        found = _without_empties(template, found, state)
    elif (
        any(each.slot.role in ("value", "metric") for each in found)
        and len(state.empties) < 64
        and _may_be_empty(template)
    ):
        state.empties[template_key(template)] = "n"
    return found


def _may_be_empty(template: str) -> bool:
    return ": \x00" in template or "=\x00" in template


def _without_empties(template: str, found: list[Filled], state: ReadState) -> list[Filled]:
    """A word for nothing is not finite where numbers stood before it; else nothing was measured there."""
    key = template_key(template)
    was = state.empties.get(key, "")
    has_words = any(each.number.is_empty for each in found)
    if was == "n" and has_words:
        return found
    if has_words and not was and len(state.empties) < 256:
        state.empties[key] = "w"
    return [each for each in found if not each.number.is_empty]


def template_key(template: str) -> str:
    """Return a short name of a template."""
    return f"{crc32(template.encode()):08x}{len(template):x}"


def values_of(plan: Plan, filled: list[Filled], subject: str, state: ReadState) -> tuple[Value, ...]:
    """Return what a filled plan measures, the loss first."""
    found: list[Value] = []
    best: dict[str, tuple[int, int]] = {}
    num_other_losses: dict[str, int] = {}
    averages = {each.slot.of: each for each in filled if each.slot.role == "average"}
    lists = _unequal_lists(plan, filled)
    is_metered = any(slot.role == "place" and slot.quantity in ("batch", "step", "position") for slot in plan.slots)
    by_index = {id(slot): index for index, slot in enumerate(plan.slots)}
    chosen: dict[str, Value] = {}
    broken: dict[str, Written] = {}
    totals = {each.slot.of: each for each in filled if each.slot.role == "total"}
    for each in filled:
        slot = each.slot
        index = by_index[id(slot)]
        if slot.role not in ("value", "criterion", "part", "metric", "time") or index in lists:
            continue
        split = slot.split or subject
        number = each.number
        if is_metered and subject in ("val", "test") and index in averages and not slot.split:
            number = averages[index].number
        if slot.quantity == "loss" and not slot.marks & {"best", "aux"}:
            group = split if split in ("val", "test") else "train"
            score = _loss_score(slot)
            value = Value("loss", "", group, number.value, number.digits)
            if slot.role in ("criterion", "part"):
                num_other_losses[group] = num_other_losses.get(group, 0) + 1
                if not math.isfinite(number.value) and "average" not in slot.marks:
                    broken[group] = number
                found.append(Value("metric", slot.name, split, number.value, number.digits))
            if score and (group not in best or score > best[group][0]):
                best[group] = (score, index)
                chosen[group] = value
            continue
        if slot.role == "metric" or slot.marks & {"best", "aux"}:
            if slot.role == "time":
                continue
            amount = number.value
            if index in totals and totals[index].number.value:
                amount /= totals[index].number.value
            name = slot.name or slot.quantity
            found.append(Value("metric", name if name != "metric" else "score", split, amount, number.digits))
        elif slot.role == "time":
            found.append(Value(slot.quantity, "", split, number.value * slot.scale, number.digits))
        elif slot.role == "value":
            found.append(Value(slot.quantity, "", split, number.value, number.digits))
    for group, number in broken.items():
        if group not in chosen or best[group][0] == 1:
            # The whole is not finite where one of its parts is not.
            chosen[group], best[group] = Value("loss", "", group, number.value, number.digits), (2, -1)
    if not subject and any(value.split in ("val", "test") for value in (*found, *chosen.values())):
        twins = {value.name for value in found if value.split in ("val", "test")}
        found = [value._replace(split="train") if not value.split and value.name in twins else value for value in found]
    elif not subject and (chosen or any(slot.role == "place" for slot in plan.slots)):
        found = [
            value._replace(split="train") if value.quantity == "metric" and not value.split else value
            for value in found
        ]
    for group, value in chosen.items():
        score = best[group][0]
        if score == 1 and (num_other_losses.get(group, 0) != 1 or (state.has_loss and group == "train")):
            continue
        if group == "train" and score > 1 and best[group][1] >= 0:
            state.has_loss = True
        found.insert(0, value)
    return tuple(_once(found))


def _once(values: list[Value]) -> list[Value]:
    """The first of two values of one quantity counts: the one that is printed first is the present one."""
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for value in values:
        key = value[:3]
        if key not in seen:
            seen.add(key)
            kept.append(value)
    return kept


def _loss_score(slot: Slot) -> int:
    if slot.role == "criterion":
        return 1
    if slot.role == "part":
        return 0
    if "average" in slot.marks:
        return 2
    if "epoch" in words_of(slot.name or ""):
        return 3
    return 5 if slot.split == "train" else 4


def _unequal_lists(plan: Plan, filled: list[Filled]) -> set[int]:
    """Return the slots whose list holds different numbers: which of them is meant is not sure."""
    first = {index: each.number.value for index, each in enumerate(filled)}
    by_slot = {id(each.slot): each.number.value for each in filled}
    bad = set()
    for slot in plan.slots:
        if slot.role == "item" and slot.of >= 0:
            head = by_slot.get(id(plan.slots[slot.of]))
            mine = by_slot.get(id(slot))
            if head is not None and mine is not None and head != mine and not (math.isnan(head) or math.isnan(mine)):
                bad.add(slot.of)
    return bad if first else set()


def _is_report(
    template: str, values: tuple[Value, ...], places: list[Filled], subject: str, state: ReadState, *,
    bar: Bar | None, filled: list[Filled],
) -> bool:  # fmt: skip
    """Whether a line is a measurement, and no echo of a setting: its place, its subject or its repetition decide."""
    if phrases.is_config(template):
        return False
    losses = [value for value in values if value.quantity == "loss"]
    measured = [value for value in values if value.quantity not in ("lr", "loss_scale", "memory")]
    times = _count(template, state)
    if bar is not None:
        return bool(measured) or state.is_begun or bool(places)
    if places:
        is_sure = any(each.slot.quantity != "batch" or _total_of(each, filled) for each in places) or state.is_begun
        if is_sure and (losses or any(value.quantity == "grad_norm" for value in values)):
            return True
        return is_sure and ((bool(measured) and state.is_begun) or times >= 2)
    if state.block:
        return bool(losses) or state.is_begun or state.block in ("val", "test")
    if losses and (len(measured) >= 2 or len(values) >= 2 or subject in ("val", "test")):
        return True
    if losses and (state.is_begun or losses[0].split in ("val", "test")):
        return True
    if subject in ("val", "test") or any(value.split in ("val", "test") for value in values):
        return state.is_begun
    if template.lstrip().startswith("* ") and state.is_begun:
        return True
    is_known = bool(losses) or any(value.quantity == "grad_norm" for value in values)
    return times >= 2 and (state.is_begun or is_known)


def _count(template: str, state: ReadState) -> int:
    """Count the lines of a shape, up to three."""
    key = template_key(template)
    was = state.seen.get(key, 0)
    if not was and len(state.seen) >= MOST_SHAPES:
        state.surplus += 1
        return 0
    state.seen[key] = min(3, was + 1)
    return was + 1


def _is_partial(places: list[Filled], filled: list[Filled], subject: str, plan: Plan) -> bool:
    """Whether a line reports one batch of a validation: no measurement of the whole of it."""
    if subject not in ("val", "test"):
        return False
    for index, slot in enumerate(plan.slots[:-1]):
        if slot.role == "place" and slot.quantity in ("batch", "step", "position", "samples"):
            total = plan.slots[index + 1]
            if total.role == "total" and total.of == index:
                numbers = [each.number.value for each in filled if each.slot is slot or each.slot is total]
                return len(numbers) == 2 and numbers[0] < numbers[1]
    return False


def _is_sure_place(places: list[Filled]) -> bool:
    return any(each.slot.quantity in ("epoch", "step", "batch") for each in places)


# ---- places


def _enter(
    places: list[Filled], filled: list[Filled], state: ReadState, *, subject: str, bar: Bar | None,
    values: tuple[Value, ...],
) -> int | None:  # fmt: skip
    """Move to the place that a line names, and return its step."""
    place = state.place
    named: dict[str, list[tuple[Filled, Named]]] = {}
    for each in places:
        total = _total_of(each, filled)
        is_fraction = "." in each.text or "e" in each.text.lower()
        item = Named(each.number.value, total, is_fraction, each.slot.rank)
        named.setdefault(each.slot.quantity, []).append((each, item))
    if "epoch" in named:
        item = max(named["epoch"], key=lambda pair: pair[1].rank)[1]
        if not (item.is_fraction and item.value != item.value):
            enter_epoch(place, item)
    if subject in ("val", "test") and bar is None and "batch" in named and "step" not in named:
        return place.step
    if "step" in named:
        item = max(named["step"], key=lambda pair: pair[1].rank)[1]
        if "episode" in named and item.rank == 2 and item.total is None:
            return None  # how long the episode was, or where the run stands: not sure
        is_plural = all(each.slot.name == "plural" for each, _ in named["step"])
        is_measured = any(value.quantity in ("loss", "grad_norm") for value in values)
        if is_plural and "epoch" in named and item.total is None and item.rank == 2 and not is_measured:
            return place.step  # "Epoch 3 | Batchsize: 32 | Steps: 16" says how many there are
        if "max_steps" in named and item.total is None:
            item = item._replace(total=named["max_steps"][0][1].value)
        is_drawn = bar is not None and bar.done > 0 and bar.total is not None and bar.total == item.total
        if is_drawn and bar is not None and place.index is not None and not place.is_fraction and item.rank < 3:
            return enter_batch(place, Named(bar.done, bar.total), is_count=True)
        is_count = not item.is_fraction or bool(_COUNT.fullmatch(max(named["step"], key=lambda p: p[1].rank)[0].text))
        if is_count:
            step = enter_step(place, item)
            if "batch" in named and item.rank >= 2:
                inner = named["batch"][0][1]
                if inner.total and place.index is not None and inner.value >= inner.total:
                    place.is_over = True
            return step
    if "index" in named:
        return enter_step(place, named["index"][0][1])
    if bar is not None and bar.done:
        return _enter_bar(bar, state)
    if "batch" in named:
        return enter_batch(place, named["batch"][0][1])
    if "samples" in named or "position" in named:
        item = (named.get("samples") or named["position"])[0][1]
        if item.total:
            place.inner, place.inner_index, place.inner_total = None, None, None
            place.is_over = False
        return None
    if subject not in ("val", "test") and state.plain_total and any(value.quantity == "loss" for value in values):
        if place.bar_total is None and (place.is_fraction or place.index is None):
            place.bar_total, place.bar = state.plain_total, state.plain_done
        if place.bar_total == state.plain_total:
            place.bar = state.plain_done
    if (
        place.bar_total is not None
        and place.bar
        and (place.is_fraction or place.index is None)
        and place.step_word == 0
    ):
        place.step, place.steps = place.bar + place.bar_rounds * place.bar_total, place.bar_total
        return place.step
    return place.step if subject in ("val", "test") or place.step_word else None


_COUNT = re.compile(r"[\d,]+\.0?")


def _total_of(each: Filled, filled: list[Filled]) -> float | None:
    position = next(index for index, other in enumerate(filled) if other is each)
    if position + 1 < len(filled) and filled[position + 1].slot.role == "total":
        return filled[position + 1].number.value
    return None


def _note_epoch_line(
    template: str, places: list[Filled], values: tuple[Value, ...], subject: str, state: ReadState
) -> None:
    """An epoch is over by a line that reports the whole of it: one that names it and no batch, once per epoch."""
    place = state.place
    is_val = subject in ("val", "test") or all(value.split in ("val", "test") for value in values)
    place.is_val_last = is_val
    place.num_vals += is_val
    if place.index is None or place.is_fraction:
        return
    if is_val and place.vals_close and place.num_vals == 1:
        place.is_over = True
    kinds = {each.slot.quantity for each in places}
    has_inner = bool(kinds & {"step", "batch", "samples", "position", "index"})
    is_measured = any(value.quantity in ("loss", "metric") for value in values)
    if "epoch" in kinds and not has_inner and is_measured:
        key = f"{template_key(template)}|{place.index}"
        if key == state.epoch_line:
            state.is_repeating, place.is_over = True, False
        state.epoch_line = key
        if not state.is_repeating:
            place.is_over = True
    elif not places and subject in ("val", "test") and is_measured and place.inner is None and not place.step_word:
        place.is_over = True
