"""What a line cannot tell: whose loss it is, a place or a setting, a step of the training or of what comes after it.

A wrong number is worse than none, so these are not read.
"""

from __future__ import annotations

import re

from monitor.reader.filling import Filled
from monitor.reader.places import PlaceState
from monitor.reader.plan import Plan
from monitor.reader.report import Value
from monitor.reader.slots import MEASURED
from monitor.reader.state import ReadState
from monitor.reader.template import MARK, template_key


def held_out_before_loss(plan: Plan) -> str:
    """Return the split of the figures before a loss that names none, where it is a validation's or a test's."""
    measured = [slot for slot in plan.slots if slot.role in MEASURED]
    losses = [index for index, slot in enumerate(measured) if slot.quantity == "loss"]
    if len(losses) != 1 or measured[losses[0]].split or measured[losses[0]].marks:
        return ""
    splits = {slot.split for slot in measured[: losses[0]]}
    return splits.pop() if splits in ({"val"}, {"test"}) else ""


_HELD_OUT = re.compile(r"(?<![A-Za-z])(?:valid(?:ation)?|val|eval(?:uation)?|dev|test)(?![A-Za-z])", re.I)


def twin(template: str) -> str:
    """Return the key of the shape that says of the training what this one says of held-out data."""

    def trained(found: re.Match[str]) -> str:
        return "Train" if found[0][0].isupper() else "train"

    return template_key(_HELD_OUT.sub(trained, template))


def is_after_the_last_epoch(places: list[Filled], values: tuple[Value, ...], subject: str, place: PlaceState) -> bool:
    """Whether a line counts something else behind the last epoch, as the rounds of a game."""
    is_done = place.is_over is True and None not in (place.index, place.epochs)
    is_done = is_done and (place.epochs_done or 0) >= (place.epochs or 0)
    is_unknown = all(value.quantity == "metric" and value.split in ("", "train") for value in values)
    return (
        is_done
        and is_unknown
        and not subject
        and bool(places)
        and not any(each.slot.quantity == "epoch" for each in places)
    )


def are_amounts(plan: Plan) -> bool:
    """Whether a line names places in the plural or of held-out sets only, without totals: ``iterations: 5000``,
    ``train_steps = 400000``, ``test_iter: 1000``. Before the first report, these say how many there will be.
    """
    return all(slot.role == "place" and (slot.name == "plural" or slot.split in ("val", "test")) for slot in plan.slots)


_TERM = re.compile(rf"\(\* {MARK} = {MARK} loss\)")


def is_term(subject: str, template: str) -> bool:
    """Whether a line gives one weighted term of the training's loss, as each output of Caffe's net is one."""
    return subject == "train" and _TERM.search(template) is not None


def without_doubtful_loss(plan: Plan, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Leave out the loss of a line without a place or a split, in a log whose training's losses have their places: it
    may as well be a validation's, as what is beside it may be.
    """
    if not any(value.quantity == "loss" and value.split == "train" for value in values):
        return values
    if any(slot.quantity == "loss" and slot.split == "train" for slot in plan.slots):
        return values
    kept = [value for value in values if value.quantity != "loss" or value.split != "train"]
    return tuple(value._replace(split="") if value.quantity == "metric" else value for value in kept)


def without_rate_of_settings(values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Leave out the learning rate of a line without a place and a loss, in a log whose reports give their rate: the
    settings of another run may be echoed, ``BASE_LR: 0.002``.
    """
    if any(value.quantity == "loss" for value in values):
        return values
    return tuple(value for value in values if value.quantity != "lr")


def without_running_mean(
    plan: Plan, values: tuple[Value, ...], places: list[Filled], state: ReadState
) -> tuple[Value, ...]:
    """Return values without the mean of a loss that is alone on a line behind each report of the loss itself."""
    losses = [slot for slot in plan.slots if slot.role == "value" and slot.quantity == "loss"]
    losses = [slot for slot in losses if slot.split not in ("val", "test") and plan.subject not in ("val", "test")]
    if not losses:
        return values
    if not all("average" in slot.marks for slot in losses):
        state.plain_losses = min(2, state.plain_losses + 1)
        state.num_plain_losses = min(2, state.num_plain_losses + 1)
        return values
    is_behind_each = state.plain_losses <= 1 and state.num_plain_losses >= 2
    state.plain_losses = 0
    if places or not is_behind_each:
        return values
    return tuple(value for value in values if value.quantity != "loss" or value.split in ("val", "test"))
