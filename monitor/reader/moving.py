"""The places that a line or a bar names → where the run is now, and at which step."""

from __future__ import annotations

import re

from monitor.reader.anew import HEAD
from monitor.reader.bars import Bar
from monitor.reader.filling import Filled, total_of
from monitor.reader.lagging import note_drawing, step_of
from monitor.reader.numbers import may_count
from monitor.reader.places import Named, PlaceState, counts_all_episodes, enter_batch, enter_epoch, enter_step
from monitor.reader.positions import enter_position
from monitor.reader.report import Value
from monitor.reader.state import ReadState
from monitor.reader.template import template_key
from monitor.reader.vocabulary import listed, words_of

LAST = -1
"""A step that means the last of its epoch, as an index does: sentence-transformers write it at the epoch's end."""


def enter(
    places: list[Filled], filled: list[Filled], state: ReadState, *, subject: str, bar: Bar | None,
    values: tuple[Value, ...], template: str = "",
) -> int | None:  # fmt: skip
    """Move to the place that a line names, and return its step. ``template`` is that of a line, empty for a bar."""
    place = state.place
    if bar is None and values:
        state.lag.num_drawn = 0
    named: dict[str, list[tuple[Filled, Named]]] = {}
    for each in places:
        total = total_of(each, filled)
        is_fraction = ("." in each.text.rstrip(".") or "e" in each.text.lower()) and not _is_round(each)
        if is_fraction and each.slot.quantity == "epoch" and not place.is_fraction:
            is_fraction = not _is_index(each.number.value, place)
        item = Named(each.number.value, total, is_fraction, each.slot.rank)
        named.setdefault(each.slot.quantity, []).append((each, item))
    if "epoch" in named:
        item = max(named["epoch"], key=lambda pair: pair[1].rank)[1]
        if "num_epochs" in named and item.total is None and not item.is_fraction:
            planned = named["num_epochs"][0][1].value
            item = item._replace(total=planned if planned >= item.value else None)
        is_alone = bar is not None and bar.style == "rich" and bar.is_over
        item = item._replace(is_alone=is_alone, kind=_kind_of(template, values, subject) if template else "")
        is_bar_behind = bar is None and bool(values) and _is_after_its_bar(place)
        if bar is not None and place.index is None and _LIGHTNING in bar.pairs:
            place.has_seen_zero = True  # Lightning counts epochs from 0, though this log begins in a later one
        if not (item.is_fraction and item.value != item.value):
            enter_epoch(place, item)
        if is_bar_behind and place.index is not None and not place.is_fraction:
            place.bars_lead, place.is_over = True, True
            place.inner, place.inner_index, place.inner_total = place.bar, place.index, place.bar_total
            place.batches = place.bar_total
    if subject in ("val", "test") and bar is None and "batch" in named and "step" not in named:
        return place.step
    if "step" in named:
        item = max(named["step"], key=lambda pair: pair[1].rank)[1]
        if "episode" in named and item.rank == 2 and item.total is None and not counts_all_episodes(place, item.value):
            return None  # how long the episode was, or where the run is: not sure
        if item.value == LAST:
            place.is_over = True
            return place.step
        rivals = [each for _, each in named["step"] if each.rank == item.rank]
        if "epoch" in named and len(rivals) == 2 and not any(each.total for each in rivals):
            item = max(rivals, key=lambda each: each.value)._replace(rank=3)  # the other is counted within the epoch
        elif len({(each.value, each.total) for each in rivals}) > 1:
            return None  # "iteration:7 step:8/652": one of them counts epochs
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
        return enter_bar(bar, state, is_measured=any(value.quantity == "loss" for value in values))
    if "batch" in named:
        item = named["batch"][0][1]
        if item.rank == 1 and _may_count_samples(item):
            _enter_unknown(place, item)
            return None
        return enter_batch(place, item)
    if "samples" in named:
        _enter_unknown(place, named["samples"][0][1])
        return None
    if "position" in named:
        (each, item), *_ = named["position"]
        has_val = subject in ("val", "test") or any(value.split == "val" for value in values)
        if each.slot.name:
            has_loss = any(value.quantity == "loss" for value in values)
            item = item._replace(kind=_kind_of(template, values, subject) if template else "")
            return enter_position(place, item, has_val=has_val, has_loss=has_loss)
        _enter_unknown(place, item)
        return None
    is_training = any(value.quantity in _OF_TRAINING and value.split not in ("val", "test") for value in values)
    if subject not in ("val", "test") and is_training:
        take_plain_bar(state)
    if has_bar(place):
        digits = named["epoch"][0][0].number.digits if "epoch" in named else None
        return enter_behind_bar(digits, "epoch" in named, state)
    is_summary = subject in ("val", "test") or "epoch" in named or place.is_over
    return place.step if is_summary or place.step_word or place.is_headed else None


def take_plain_bar(state: ReadState) -> None:
    """Take the bar without words that was drawn last for the training's, as a report behind it shows."""
    place = state.place
    if not state.plain_total or place.is_round:
        return
    # A bar that is full while the training goes on is an evaluation's.
    is_within = place.reports > 0 or (place.progress is not None and place.progress != int(place.progress))
    is_of_steps = not is_within or state.plain_done != state.plain_total
    if place.bar_total is None and is_of_steps and (place.is_fraction or place.index is None):
        place.bar_total, place.bar = state.plain_total, state.plain_done
    if place.bar_total == state.plain_total:
        place.bar = state.plain_done


def has_bar(place: PlaceState) -> bool:
    """Whether the training's bar says where a report is that does not say so itself."""
    is_drawn = place.bar_total is not None and place.bar is not None and place.step_word == 0
    return is_drawn and (place.is_fraction or place.index is None)


def steps_at_end(filled: list[Filled], state: ReadState) -> int | None:
    """Return the steps of a training that is over, by the full bar that was drawn last; None where it is not sure.

    The bar is the training's if the summary's own speed says so: an evaluation may have drawn one behind it. Reports
    that were held back come behind the bar, and do not say their steps.
    """
    total = state.plain_total
    if state.place.step is not None or not total or state.plain_done != total:
        return None
    seconds = next((each.number.value for each in filled if each.slot.role == "end"), 0.0)
    for each in filled:
        if each.slot.name.endswith("steps_per_second") and each.number.digits and seconds > 0:
            return total if abs(total / seconds - each.number.value) <= 0.51 * 10**-each.number.digits else None
    return None


def enter_behind_bar(digits: int | None, has_epoch: bool, state: ReadState) -> int | None:
    """Move to the step of a report behind the training's bar, and return it; None where the bar may lag."""
    place = state.place
    fraction = place.progress if has_epoch and place.is_fraction and not place.bar_rounds else None
    step = step_of(fraction, digits, state.lag)
    total = place.bar_total or 0
    place.step, place.steps = None if step is None else step + place.bar_rounds * total, total
    return place.step


def looks_back(places: list[Filled], values: tuple[Value, ...], state: ReadState) -> bool:
    """Whether a line without a loss names an earlier epoch, in a log that has losses: a model is tried out."""
    place = state.place
    epochs = [each for each in places if each.slot.quantity == "epoch"]
    if not epochs or place.index is None or place.is_fraction or not state.has_loss:
        return False
    number = max(epochs, key=lambda each: each.slot.rank).number.value
    has_loss = any(value.quantity in _OF_TRAINING and value.split not in ("val", "test") for value in values)
    return not has_loss and number < place.index + (0 if place.from_zero else 1)


_LIGHTNING = "v_num="
"""The version of the run, which the bars of PyTorch Lightning show."""
_WITHIN = frozenset(("step", "batch", "samples", "position", "index"))
"""Places within an epoch."""


def trails(places: list[Filled], values: tuple[Value, ...], place: PlaceState) -> bool:
    """Whether a report that names its epoch and no place within it sums up what came before, which named none."""
    kinds = {each.slot.quantity for each in places}
    is_measured = any(value.quantity == "loss" or value.split for value in values)
    if "epoch" not in kinds or kinds & _WITHIN or not is_measured or place.is_fraction:
        return False
    epochs = [each for each in places if each.slot.quantity == "epoch"]
    number = max(epochs, key=lambda each: each.slot.rank).number.value
    if place.heads_trail and place.index is not None and number < place.index + (0 if place.from_zero else 1):
        place.is_inner, place.inner = None, None  # the run began again: its counts from then on tell
    if place.index is None and place.reports and (place.step is not None or place.inner is not None):
        place.heads_trail = True
        if place.inner is None:
            place.inner, place.inner_total = place.step, place.steps
        place.inner_index = 0
    return place.heads_trail


def go_on_behind_head(places: list[Filled], values: tuple[Value, ...], place: PlaceState, *, is_bar: bool) -> None:
    """Move to the next epoch where heads trail, and a report of the training follows one."""
    kinds = {each.slot.quantity for each in places}
    is_training = any(value.quantity in _OF_TRAINING and value.split not in ("val", "test") for value in values)
    if place.is_summed and is_training and kinds == {"batch"} and _begins_anew(places, place):
        place.heads_trail = place.is_over = True  # the epoch's loss came behind its batches
    if not (place.heads_trail and place.is_over and place.index is not None and is_training):
        return
    if "epoch" not in kinds and (is_bar or kinds & _WITHIN) and place.index + 1 != place.epochs:
        place.index, place.is_over = place.index + 1, False


def _begins_anew(places: list[Filled], place: PlaceState) -> bool:
    """Whether a line names the first batch, behind others of a count that went further."""
    number = places[0].number.value
    return number <= 1 and place.inner is not None and number < place.inner


def _enter_unknown(place: PlaceState, item: Named) -> None:
    """Move within the epoch, in a unit that is not told: samples, or batches."""
    if not item.total or not may_count(item.value):
        return
    value, total = int(item.value), int(item.total)
    leap = value - place.position[0] if place.position is not None and place.position[1] == total else 0
    place.inner, place.inner_index, place.inner_total, place.position = None, None, None, (value, total)
    # The last count of an epoch from 0 is less than the total by one leap.
    place.is_over = True if value >= total else None if value + max(leap, 0) >= total else False


FEWEST_SAMPLES = 10_000
"""A count without a word up to a round number of at least this, as data sets are cut, is one of samples: of the numbers
of batches, one in a hundred is round."""


def _may_count_samples(item: Named) -> bool:
    """Whether ``[3000/60000]`` behind an epoch may count samples rather than batches."""
    return item.total is not None and item.total >= FEWEST_SAMPLES and item.total % 100 == 0


def _is_after_its_bar(place: PlaceState) -> bool:
    """Whether the first line that names an epoch comes after the full bar of that epoch: all do, then."""
    is_full = place.bar is not None and place.bar == place.bar_total and place.bar_rounds == 0
    return place.index is None and is_full and place.has_bar_loss


def _is_index(value: float, place: PlaceState) -> bool:
    """Whether an epoch with a decimal point is its number all the same: all so far are whole, from ``0.0`` on."""
    is_first = place.index is None and value == 0
    return value.is_integer() and (is_first or (place.index is not None and place.starts_at == 0))


def _is_round(each: Filled) -> bool:
    """Whether a number is a whole one with a suffix: ``9.8K``."""
    return each.text[-1:].isalpha() and each.number.value.is_integer()


_OF_TRAINING = ("loss", "lr", "grad_norm")
_COUNT = re.compile(r"[\d,]+\.0?")


def enter_bar(bar: Bar, state: ReadState, *, is_measured: bool = False) -> int | None:
    """Move to where a bar of the training is; return the step. The first bar with a loss replaces one before it."""
    place = state.place
    if bar.style == "keras":
        place.counts_samples = bar.counts_samples if bar.counts_samples is not None else place.counts_samples
    if (bar.style == "keras" and place.counts_samples is not False) or bar.counts_samples:
        if bar.is_over:
            place.is_over = True
        return None
    if place.index is not None and not place.is_fraction:
        words = set(words_of(bar.words))
        if place.bars_lead and bar.total == place.batches:
            if place.inner_index == place.index and place.inner is not None and bar.done < place.inner:
                place.index += 1
        elif bar.style == "tqdm" and words and words <= listed("bars_of_steps"):
            return enter_step(place, Named(bar.done, bar.total, rank=2))
        return enter_batch(place, Named(bar.done, bar.total), is_count=True)
    if bar.total is None:
        return None
    if place.bar_total is None or (is_measured and not place.has_bar_loss and place.bar_total != bar.total):
        place.bar_total, place.bar, place.bar_rounds = bar.total, None, 0
    place.has_bar_loss = place.has_bar_loss or (is_measured and place.bar_total == bar.total)
    if bar.total != place.bar_total:
        return place.step
    if place.bar is not None and bar.done < place.bar and place.bar >= bar.total:
        place.bar_rounds += 1
    note_drawing(bar, state.lag)
    place.bar = bar.done
    place.step = place.bar_rounds * bar.total + bar.done
    place.steps = bar.total if not place.bar_rounds else None
    return place.step


_HELD_OUT = ("val", "test")


def _kind_of(template: str, values: tuple[Value, ...], subject: str) -> str:
    """Return what kind of line names an epoch: all that give a loss of the training are one, and all that give nothing.
    Empty where it may look back: models are evaluated after the training, too, and then from the first epoch on.
    """
    if not values:
        return HEAD
    if subject in _HELD_OUT or all(value.split in _HELD_OUT for value in values):
        return ""
    has_loss = any(value.quantity == "loss" and value.split not in _HELD_OUT for value in values)
    return "loss" if has_loss else template_key(template)
