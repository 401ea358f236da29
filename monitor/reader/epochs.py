"""Whether a report says that its epoch is over: shapes that come once per epoch, at its end, close it."""

from __future__ import annotations

from monitor.reader.filling import Filled
from monitor.reader.places import PlaceState
from monitor.reader.report import Value
from monitor.reader.state import EpochShapes, ReadState
from monitor.reader.template import template_key

MOST_SHAPES = 64
"""Shapes whose reports are counted per epoch: a log has a handful."""
MOST_STREAK = 3
"""Epochs in a row with one report each, after which a shape that once came more often is trusted again."""
_INNER = frozenset(("step", "batch", "samples", "position", "index"))


def note_report(
    template: str, places: list[Filled], values: tuple[Value, ...], subject: str, state: ReadState, *, is_bar: bool,
    has_lead: bool = False,
) -> None:  # fmt: skip
    """Note a report of the present epoch, and say whether the epoch is over by it, not over, or not sure.

    ``has_lead`` says that a number without a name begins the line: ``[660][Epoch 3]`` may be one of several trainings.
    """
    place, shapes = state.place, state.epoch_shapes
    if place.index is None or place.is_fraction:
        return
    if not any(value.quantity in ("loss", "metric") for value in values):
        _note_rate(template, places, values, state)
        return
    if shapes.epoch != (place.fit, place.index):
        _begin(shapes, (place.fit, place.index))
    kinds = {each.slot.quantity for each in places}
    if place.heads_trail and place.is_over and "epoch" not in kinds:
        return  # of the next epoch, which its last line will name
    if place.position_is == "epoch" and "position" in kinds:
        kinds = kinds - {"position"} | {"epoch"}
    # "[49] loss: 0.2" under the head of epoch 49: its number once more, no place within it.
    is_number = kinds == {"position"} and places[0].number.value == place.index + (0 if place.from_zero else 1)
    has_inner = is_bar or (bool(kinds & _INNER) and not is_number)
    for value in values:
        if value.quantity == "loss" and value.split not in ("val", "test"):
            place.is_summed = kinds == {"epoch"} and not is_bar
    if shapes.is_timed and any(value.quantity == "loss" and value.split == "train" for value in values):
        place.is_over, shapes.is_timed = False if has_inner else place.is_over, False
    key = f"{template_key(template)}{subject}"
    if len(shapes.seen) >= MOST_SHAPES and key not in shapes.seen:
        return
    count = shapes.seen[key] = min(2, shapes.seen.get(key, 0) + 1)
    if count > 1 or shapes.num_once.get(key, 0) < 0:
        is_training = any(value.quantity == "loss" and value.split == "train" for value in values)
        if count > 1:
            _go_on(shapes, key, is_training=is_training)
        if count > 1 and not is_training and kinds == {"epoch"} and not subject and place.is_over:
            place.is_over = None  # what comes again within its epoch did not close it
        if not has_inner and is_training and (kinds or not _is_complete(place)):
            place.is_over = None if has_lead else False
        elif count == 1 and kinds == {"epoch"} and not is_bar and place.is_over is False:
            place.is_over = None  # what came before this evaluation may have been all of the epoch
        elif is_training and place.is_over is None:
            place.is_over = False
        return
    is_at_end = kinds == {"epoch", "step"} and not is_bar and _is_at_end(shapes, place.step, place.index + 1)
    if ("epoch" in kinds and not has_inner) or (is_at_end and shapes.num_once.get(key)):
        place.is_over = True
    elif not is_bar and (not has_inner or any(value.split in ("val", "test") for value in values)):
        if shapes.num_once.get(key):
            place.is_over = True
        elif not place.is_over:
            place.is_over = None


def _is_complete(place: PlaceState) -> bool:
    """Whether the last epoch of all is over: what comes again behind it without a place sums up."""
    return place.is_over is True and place.epochs is not None and (place.epochs_done or 0) >= place.epochs


def note_time(template: str, state: ReadState) -> None:
    """Note a line that tells how long the epoch took: it is over, unless such lines come more often than that."""
    place, shapes = state.place, state.epoch_shapes
    if place.index is None or place.is_fraction or place.heads_trail:
        return
    if shapes.epoch != (place.fit, place.index) or not shapes.seen:
        return  # nothing was reported of this epoch: the line is of the one before
    key = template_key(template)
    if key in shapes.seen or shapes.num_once.get(key, 0) < 0 or len(shapes.seen) >= MOST_SHAPES:
        _go_on(shapes, key, is_training=False)
        place.is_over = None if shapes.is_timed else place.is_over
        return
    shapes.seen[key] = 1
    shapes.is_timed = place.is_over is not True
    place.is_over = True


def _note_rate(template: str, places: list[Filled], values: tuple[Value, ...], state: ReadState) -> None:
    """Note the line of a rate that opens an epoch; once more in the same epoch, it opens it anew."""
    place, shapes, key = state.place, state.epoch_shapes, template_key(template)
    if {each.slot.quantity for each in places} != {"epoch"} or not any(value.quantity == "lr" for value in values):
        return
    if shapes.epoch != (place.fit, place.index):
        _begin(shapes, (place.fit, place.index or 0))
    if key in shapes.seen:
        place.is_over = False
    elif len(shapes.seen) < MOST_SHAPES:
        shapes.seen[key] = 1


def _is_at_end(shapes: EpochShapes, step: int | None, num_epochs: int) -> bool:
    """Whether a report's step is as many epochs' as it names, all of the length that the one before it told."""
    before, shapes.steps = shapes.steps, step // num_epochs if step and step % num_epochs == 0 else 0
    return shapes.steps > 0 and shapes.steps == before


def _begin(shapes: EpochShapes, epoch: tuple[int, int]) -> None:
    """Learn from the epoch before which shapes came once in it."""
    for key in shapes.seen:
        if key in shapes.num_once or len(shapes.num_once) < MOST_SHAPES:
            shapes.num_once[key] = min(MOST_STREAK, shapes.num_once.get(key, 0) + 1)
    shapes.epoch, shapes.seen, shapes.is_timed = epoch, {}, False


def _go_on(shapes: EpochShapes, key: str, *, is_training: bool) -> None:
    """Note a shape that repeats within its epoch: where it is of the training, none before it closed the epoch."""
    for other in (*shapes.seen, key) if is_training else (key,):
        if len(shapes.num_once) < MOST_SHAPES or other in shapes.num_once:
            shapes.num_once[other] = -MOST_STREAK
