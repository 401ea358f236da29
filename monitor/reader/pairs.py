"""A line of names and values → its report, or nothing where it echoes a setting."""

from __future__ import annotations

import re

from monitor.reader import phrases
from monitor.reader.bars import Bar
from monitor.reader.doubts import (
    are_amounts,
    held_out_before_loss,
    is_after_the_last_epoch,
    is_term,
    twin,
    without_doubtful_loss,
    without_rate_of_settings,
    without_running_mean,
)
from monitor.reader.epochs import note_report, note_time
from monitor.reader.filling import Filled, fill, total_of
from monitor.reader.moving import enter, go_on_behind_head, looks_back, steps_at_end, trails
from monitor.reader.nameless import learn_name, name_losses, note_shares, note_topic
from monitor.reader.places import PlaceState, place_of
from monitor.reader.plan import Plan, plan_of
from monitor.reader.report import KNOWN, Report, Value
from monitor.reader.shared_names import is_merit
from monitor.reader.slots import MEASURED
from monitor.reader.state import MOST_BARREN, MOST_REFUSED, MOST_SHAPES, ReadState
from monitor.reader.template import MARK, shape_of, template_key
from monitor.reader.values import values_of
from monitor.reader.vocabulary import listed, words_of
from monitor.reader.whole import is_sum_of_batches

MOST_LOSSES = 4
"""A line that gives the loss so often by its bare name is many reports without an end of line between them: which of
them is the last is not sure, and none is read."""


def read_pairs(
    text: str, logger: str, state: ReadState, *, bar: Bar | None = None, split: str = ""
) -> tuple[Report, ...]:
    shape = shape_of(text)
    if not shape.slots:
        note_topic(text, state)
        return ()
    if not _may_plan(shape.template, state):
        return ()
    plan = plan_of(shape.template, logger)
    is_of_the_best = bar is None and (plan.is_prose or phrases.is_of_the_best(text))
    if is_of_the_best and state.nameless and (learned := learn_name(plan, shape.slots, state)):
        return (Report("validation", place_of(state.place, state.place.step), learned),)
    if (plan.is_prose and bar is None) or plan.num_bare_losses >= MOST_LOSSES:
        return ()
    if bar is None and phrases.is_of_the_best(text):
        return KNOWN
    filled = fill(shape.template, plan, shape.slots, state)
    subject = split or plan.subject
    places = []
    if "place" in plan.roles and not plan.is_of_the_best:
        places = [each for each in filled if each.slot.role == "place" and _is_place(each, subject)]
    if (plan.is_of_tests or subject == "test") and _is_of_an_earlier_model(places, state):
        places = []
    has_own_place = bool(places) or bar is not None
    if not subject and not has_own_place:
        last = state.last_split if text.lstrip().startswith("*") else ""
        subject = state.block or (state.metered if phrases.is_mean(text) else "") or last
    elif logger and state.block and not has_own_place and not split:
        subject = plan_of(shape.template).subject or state.block  # a heading says more than who wrote the line
    if has_own_place and not split and not (plan.is_place_only and bar is None and state.block):
        if (
            state.block in ("val", "test")
            and not subject
            and (_is_other_loop(filled, state.place) or (bar is None and _stays(shape.template, places, state)))
        ):
            subject = state.block
        else:
            state.block, state.is_summary = "", False
    if plan.held_out and not subject and bar is None and _is_other_loop(filled, state.place):
        subject = plan.held_out
    values = values_of(plan, filled, subject, state)
    if plan.is_epoch_time and bar is None:
        note_time(shape.template, state)
    if (state.place.step_word or state.place.inner is not None) and _sums_up(shape.template, places):
        values = tuple(
            value._replace(quantity="metric", name="total_loss")
            if value.quantity == "loss" and value.split == "train"
            else value
            for value in values
        )
    if state.has_placed_loss and not has_own_place and (not subject or is_term(subject, shape.template)):
        values = without_doubtful_loss(plan, values)
    elif not subject and bar is None and (held_out := held_out_before_loss(plan)):
        # "Test acc: 0.9 | Loss: 0.5": of that split where another line says the same of the training.
        if twin(shape.template) in state.planned:
            subject = held_out
            values = values_of(plan, filled, subject, state)
        else:
            values = without_doubtful_loss(plan, values)
    note_shares(plan, filled, state)
    values = without_running_mean(plan, name_losses(values, state), places, state)
    if not has_own_place and (state.has_placed_rate or _is_listed(text)):
        values = without_rate_of_settings(values)
    if "end" in plan.roles and any(each.slot.role == "end" for each in filled):
        enter(places, filled, state, subject=subject, bar=None, values=())
        state.place.is_ended = True
        end = Report("end", place_of(state.place, state.place.step), detail="completed")
        if (step := steps_at_end(filled, state)) is not None:
            state.place.step = step
            return (Report("epoch", place_of(state.place, step)), end)
        return (end,)
    if not values:
        if bar is None and state.is_begun and _is_other_loop(filled, state.place):
            return KNOWN  # "Batch 19/59: evaluated"
        is_progress = _is_progress(plan, filled, state.place) and not _is_of_other_things(shape.template)
        is_place = plan.is_place_only or is_progress
        if is_place and places and bar is None and _is_sure_place(places) and not _is_title(shape.template, places):
            if not state.is_begun and are_amounts(plan):
                return ()
            enter(places, filled, state, subject=subject, bar=None, values=(), template=shape.template)
            state.is_begun = True
            state.place.is_headed = subject in ("", "train")
            state.place.is_step_alone = not state.place.reports and any(each.slot.quantity == "step" for each in places)
            return (Report("epoch", place_of(state.place, state.place.step)),)
        if bar is not None and bar.done and (places or set(words_of(bar.words)) & listed("bars_of_steps")):
            step = enter(places, filled, state, subject=subject, bar=bar, values=())
            state.is_begun = True
            return (Report("report", place_of(state.place, step)),) if step is not None else KNOWN
        return KNOWN if bar is not None else ()
    if bar is None and is_after_the_last_epoch(places, values, subject, state.place):
        return KNOWN
    if not _is_report(shape.template, values, places, subject, state, bar=bar, filled=filled):
        if any(each.slot.quantity in ("epoch", "position") and each.number.value == 0 for each in places):
            state.place.has_seen_zero = True
        if state.place.index is None and any(
            each.slot.quantity in ("epoch", "position") and each.number.value == 1 and each.number.digits in (0, None)
            for each in places
        ):
            state.place.has_seen_one = True
        return ()
    if bar is not None and bar.done == 0:
        return KNOWN
    if bar is not None and not subject and state.place.is_over and _is_other_bar(bar, state.place):
        return KNOWN
    if bar is not None and bar.style == "keras" and state.place.is_over and not _goes_on(bar, values, state):
        return KNOWN
    is_evaluation_bar = bar is not None and not places and _is_of_an_evaluation(bar, values, state.place)
    if is_evaluation_bar and bar is not None and not bar.is_over:
        return KNOWN
    is_elsewhere = subject in ("val", "test") and bar is None and _is_other_loop(filled, state.place)
    is_elsewhere = is_elsewhere or is_evaluation_bar
    is_elsewhere = is_elsewhere or looks_back(places, values, state)
    step = state.place.step
    is_trailing = bar is None and not is_elsewhere and trails(places, values, state.place)
    if not is_elsewhere:
        if not is_trailing:
            go_on_behind_head(places, values, state.place, is_bar=bar is not None)
        template = shape.template if bar is None else ""
        step = enter(places, filled, state, subject=subject, bar=bar, values=values, template=template)
    state.last_split = subject
    if has_own_place:
        state.place.is_headed = False
    if places and (subject or values[0].quantity == "loss"):
        kinds = {each.slot.quantity for each in places}
        state.metered = subject if subject in ("val", "test") and kinds & {"batch", "step", "position"} else ""
    if _is_partial(filled, subject, plan, state.place):
        return KNOWN
    if state.is_summary:
        values = tuple(value for value in values if value.quantity == "metric" or value.split in ("val", "test"))
    state.is_begun = state.is_begun or has_own_place or bool(subject) or not _are_unplaced_merits(values)
    state.num_barren = 0
    if places and subject in ("", "train"):
        has_loss = any(value.quantity == "loss" and value.split not in ("val", "test") for value in values)
        state.has_placed_loss = state.has_placed_loss or has_loss
        state.has_placed_rate |= has_loss and any(value.quantity == "lr" for value in values)
    state.place.reports += 1
    is_val = subject in ("val", "test") or all(value.split in ("val", "test") for value in values)
    if is_trailing:
        state.place.is_over = True
    elif not is_elsewhere:
        has_lead = any(slot.role == "lead" for slot in plan.slots)
        note_report(shape.template, places, values, subject, state, is_bar=bar is not None, has_lead=has_lead)
    is_drawn = bar is not None and bar.style != "keras"
    return (Report("validation" if is_val else "report", place_of(state.place, step), values, is_bar=is_drawn),)


def _is_place(each: Filled, subject: str) -> bool:
    """Whether a number that may be a place is one of the training, or of the set that the line is about."""
    slot = each.slot
    if "best" in slot.marks or slot.split not in ("", "train", subject):
        return False  # "loss: 0.5, valid batches: 60"
    # "train 0.5 / 80%" counts nothing, and "epoch 0:02:34" is how long it took.
    return (slot.quantity != "position" or not each.number.digits) and ":" not in each.text


def _stays(template: str, places: list[Filled], state: ReadState) -> bool:
    """Whether a line names the very step where the run is, or repeats its epoch's report in the same words: under a
    heading of an evaluation, it belongs to that.
    """
    place, shapes = state.place, state.epoch_shapes
    if place.step is not None and any(
        each.slot.quantity == "step" and each.number.value == place.step for each in places
    ):
        return True
    is_summary = all(each.slot.quantity == "epoch" for each in places)
    raw = None if place.index is None else place.index + (0 if place.from_zero else 1)
    was_reported = shapes.epoch == (place.fit, place.index) and template_key(template) in shapes.seen
    return is_summary and was_reported and all(each.number.value == raw for each in places)


def _goes_on(bar: Bar, values: tuple[Value, ...], state: ReadState) -> bool:
    """Whether a Keras bar behind an epoch's last batch is its last drawing, with what the validation gave."""
    is_same = bar.total == state.place.inner_total or state.place.inner_total is None
    return is_same and any(value.split == "val" for value in values)


def _is_other_bar(bar: Bar, place: PlaceState) -> bool:
    """Whether a bar without a word, behind an epoch's last batch, has another total: not said whose loop it is."""
    known = place.batches or place.inner_total
    is_wordless = bar.style == "keras" and not bar.words
    return is_wordless and None not in (place.index, known, bar.total) and bar.total != known


def _is_of_an_evaluation(bar: Bar, values: tuple[Value, ...], place: PlaceState) -> bool:
    """Whether a bar shows held-out figures alone, under words of its own or with another total than the training's."""
    if not all(value.split in ("val", "test") for value in values):
        return False
    if words := set(words_of(bar.words)):
        return not words <= listed("bars_of_steps")
    known = place.batches or place.inner_total or place.bar_total
    return known is not None and known != bar.total


def _may_plan(template: str, state: ReadState) -> bool:
    """Whether a shape is known, or may still be planned: see `MOST_BARREN`."""
    key = template_key(template)
    if key in state.planned:
        return True
    if state.num_barren >= MOST_BARREN and key not in state.refused:
        state.surplus += 1
        if len(state.refused) >= MOST_REFUSED:
            del state.refused[next(iter(state.refused))]
        state.refused[key] = 1
        return False
    state.refused.pop(key, None)  # what comes again is not prose
    state.num_barren += 1
    if len(state.planned) >= MOST_SHAPES:
        del state.planned[next(iter(state.planned))]
    state.planned[key] = 1
    return True


def _is_other_loop(filled: list[Filled], place: PlaceState) -> bool:
    """Whether a line counts batches of another total than the training's: those of a validation, under its head."""
    kinds = {index: each.slot.quantity for index, each in enumerate(filled) if each.slot.role == "place"}
    totals = {
        each.number.value for index, each in enumerate(filled)
        if each.slot.role == "total" and kinds.get(index - 1) in ("batch", "step", "position")
    }  # fmt: skip
    known = place.batches or place.inner_total
    return known is not None and bool(totals) and known not in totals


def _is_of_an_earlier_model(places: list[Filled], state: ReadState) -> bool:
    """Whether a test names an epoch before the present one, and not the first: it is of the model saved then."""
    place = state.place
    if place.index is None or place.starts_at is None or not state.is_begun:
        return False
    present = place.index + (0 if place.from_zero else 1)
    epochs = [each.number.value for each in places if each.slot.quantity == "epoch"]
    return any(place.starts_at < epoch < present for epoch in epochs)


def _sums_up(template: str, places: list[Filled]) -> bool:
    """Whether a line names an epoch, no place within it, and the total of the training's losses."""
    return bool(places) and all(each.slot.quantity == "epoch" for each in places) and is_sum_of_batches(template)


def _is_listed(text: str) -> bool:
    """Whether a line is an item of a list, as settings are printed: ``  - lr: 1e-05``."""
    return text.lstrip()[:2] in ("- ", "• ")


_PLANNED = ("num_epochs", "max_steps")
"""Words that say how long a training will be, and not where it is."""


def _is_report(
    template: str, values: tuple[Value, ...], places: list[Filled], subject: str, state: ReadState, *,
    bar: Bar | None, filled: list[Filled],
) -> bool:  # fmt: skip
    """Whether a line is a measurement, and no echo of a setting: its place, its subject or its repetition decide."""
    if phrases.is_config(template):
        return False
    losses = [value for value in values if value.quantity == "loss"]
    measured = [value for value in values if value.quantity not in ("lr", "loss_scale", "memory", "host_memory")]
    times = _count(template, state)
    if bar is not None:
        return bool(measured) or state.is_begun or bool(places)
    if any(each.slot.quantity not in _PLANNED for each in places):
        is_sure = any(each.slot.quantity != "batch" or total_of(each, filled) for each in places) or state.is_begun
        if measured and all(each.slot.quantity == "index" for each in places) and _names_sets(filled):
            return True  # "[0]<tab>train-error:0.18": no setting is written so
        if (is_sure or times >= 2) and (losses or any(value.quantity == "grad_norm" for value in values)):
            return True
        if any(each.slot.quantity == "epoch" and total_of(each, filled) for each in places):
            return True  # "Epoch 1/100 (LR: 0.001)": no setting is written so
        return is_sure and ((bool(measured) and state.is_begun) or times >= 2)
    if state.block:
        # "TEST:" heads settings as well as results.
        return bool(losses) or state.is_begun or any(is_merit(value.name) for value in measured)
    if losses and (len(measured) >= 2 or len(values) >= 2 or subject in ("val", "test")):
        return True
    if losses and (state.is_begun or losses[0].split in ("val", "test")):
        return True
    if subject in ("val", "test") or any(value.split in ("val", "test") for value in values):
        return state.is_begun or (times >= 3 and any(value.digits for value in values))
    if template.lstrip().startswith("* ") and state.is_begun:
        return True
    is_known = bool(losses) or any(value.quantity == "grad_norm" for value in values)
    if times >= 3 and any(
        (value.split in ("val", "test") or is_merit(value.name)) and value.digits for value in values
    ):
        return True  # "Validation Dice: 0.51", again and again: no setting
    return times >= 2 and (state.is_begun or is_known)


def _names_sets(filled: list[Filled]) -> bool:
    """Whether each figure's own key names its set."""
    measured = [each for each in filled if each.slot.role in MEASURED]
    return all(each.slot.split for each in measured)


def _are_unplaced_merits(values: tuple[Value, ...]) -> bool:
    """Whether all figures are metrics without a split: the line does not say of what, so the training need not run."""
    return all(value.quantity == "metric" and not value.split for value in values)


def _count(template: str, state: ReadState) -> int:
    """Count the lines of a shape, up to three."""
    key = template_key(template)
    was = state.seen.get(key, 0)
    if not was and len(state.seen) >= MOST_SHAPES:
        state.surplus += 1
        return 0
    state.seen[key] = min(3, was + 1)
    return was + 1


def _is_partial(filled: list[Filled], subject: str, plan: Plan, place: PlaceState) -> bool:
    """Whether a line reports one batch of a validation: no measurement of the whole of it."""
    if subject not in ("val", "test"):
        return False
    for index, slot in enumerate(plan.slots[:-1]):
        if slot.role == "place" and slot.quantity in ("batch", "step", "position", "samples"):
            total = plan.slots[index + 1]
            if total.role == "total" and total.of == index:
                numbers = [each.number.value for each in filled if each.slot is slot or each.slot is total]
                is_of_training = numbers[1:] == [place.steps] and slot.quantity == "step" and place.step_word > 0
                is_of_training = is_of_training or tuple(numbers) == place.position
                last = numbers[-1] - (1 if place.inner_from_zero and slot.quantity == "batch" else 0)
                return len(numbers) == 2 and numbers[0] < last and not is_of_training
    return False


def _is_whole(each: Filled) -> bool:
    return each.number.value.is_integer() and not each.number.digits


def _is_progress(plan: Plan, filled: list[Filled], place: PlaceState) -> bool:
    """Whether a line within an epoch says how far it is, how long it took, and no more: ``Batch 4 of 18. Took 9s``,
    ``Epoch 3 | batch 20/95 (21.1%) | 0.19s/batch``.
    """
    is_timed = all(slot.role not in MEASURED for slot in plan.slots) and not plan.is_prose
    places = [each for each in filled if each.slot.role == "place"]
    batches = [each for each in places if each.slot.quantity == "batch"]
    has_epoch = place.index is not None or any(each.slot.quantity == "epoch" for each in places)
    if is_timed and any(each.slot.quantity == "step" for each in places):
        return any(slot.role in ("clock", "time") for slot in plan.slots)  # "Step 100 per-step time 0.5s"
    return is_timed and has_epoch and any(total_of(each, filled) for each in batches)


def _is_of_other_things(template: str) -> bool:
    """Whether a line begins with what is no training: ``Sampling slow: 31.9s, steps=102``."""
    return bool({*words_of(template)[:2]} & listed("bars_of_other_things"))


_TITLE = re.compile(rf"[^{MARK}]*{MARK} ?[:.)] +[A-Za-z][^:=]*")


def _is_title(template: str, places: list[Filled]) -> bool:
    """Whether a line numbers what a program does, with its name behind: ``STEP 5: Test evaluation``."""
    kinds = {each.slot.quantity for each in places}
    return "step" in kinds and kinds <= {"step", "num_epochs", "position"} and _TITLE.fullmatch(template) is not None


def _is_sure_place(places: list[Filled]) -> bool:
    return any(each.slot.quantity in ("epoch", "step", "batch") for each in places)
