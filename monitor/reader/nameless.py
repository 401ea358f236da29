"""Figures with no more than a split for a name (``train: 0.52  val: 0.61``) → what another line, or a heading, says."""

from __future__ import annotations

from functools import lru_cache

from monitor.reader.filling import Filled
from monitor.reader.numbers import read
from monitor.reader.plan import Plan
from monitor.reader.report import Value
from monitor.reader.shared_names import quantity_of
from monitor.reader.state import ReadState
from monitor.reader.vocabulary import forgets, listed, shipped, words_of

LONGEST_TOPIC = 40
"""Characters of a heading that names what the figures below it are. Chosen by hand, 2026-11."""
_MARKED = " \t:=-*#_.|"
"""The marks around a heading."""


def note_topic(text: str, state: ReadState) -> None:
    """Note the quantity that a line without figures names for the lines below it: ``Loss:``, ``=== Accuracy ===``."""
    if len(text) <= LONGEST_TOPIC and (topic := _topic(text)) is not None:
        state.topic = topic


@lru_cache(maxsize=4096)
def _topic(text: str) -> str | None:
    """Return the quantity that a heading names, perhaps beside its sets (``Loss per epoch (train | val)``); empty for a
    heading of other things, None for a line that is none.
    """
    words = text.strip(_MARKED)
    skipped = {*shipped().splits, *listed("places"), *listed("fillers"), *listed("no_names"), "values", "history"}
    plain = " ".join(word for word in words_of(words) if word not in skipped)
    said = (quantity_of(words) or quantity_of(plain)) if words else None
    if said is not None:
        return "loss" if said.quantity == "loss" else said.name
    return "" if words and text.rstrip()[-1] in ":=-*#" else None


forgets(_topic.cache_clear)


def learn_name(plan: Plan, texts: tuple[str, ...], state: ReadState) -> tuple[Value, ...]:
    """Learn from a line about the best model, which names the figure that chose it: ``New best (val_loss=0.61)``.

    Return that figure where it is new that it is a loss.
    """
    found: list[Value] = []
    if state.are_nameless_losses:
        return ()
    for slot, text in zip(plan.slots, texts, strict=False):
        if slot.role != "value" or slot.quantity != "loss" or not slot.split:
            continue
        number = read(text, has_decimal_comma=state.has_decimal_comma)
        if number is not None and state.nameless.get(slot.split) == number.value:
            state.are_nameless_losses = True
            found.append(Value("loss", "", slot.split, number.value, number.digits))
    return tuple(found)


def name_losses(values: tuple[Value, ...], state: ReadState) -> tuple[Value, ...]:
    """Note a line's figures without a name, and return them as losses where that is what they are."""
    nameless = {value.split: value.number for value in values if value.quantity == "metric" and not value.name}
    if not nameless:
        return values
    state.nameless = nameless
    if state.topic and state.topic != "loss":
        return tuple(
            value._replace(name=state.topic) if value.quantity == "metric" and not value.name else value
            for value in values
        )
    if not (state.are_nameless_losses or state.topic):
        return values
    named = {value.split for value in values if value.quantity == "loss"}
    return tuple(
        value._replace(quantity="loss")
        if value.quantity == "metric" and not value.name and value.split not in named
        else value
        for value in values
    )


FEWEST_SHARES = 3
"""Lines with a figure and a share beside it before the two tell what the figure is. Chosen by hand, 2026-11."""


def note_shares(plan: Plan, filled: list[Filled], state: ReadState) -> None:
    """Note figures without a name and the shares beside them, ``Train: 0.3179 (63.2%)``.

    What has fallen since the first of them while the share has risen is a loss beside an accuracy.
    """
    if state.are_nameless_losses or not any(each.slot.role == "beside" for each in filled):
        return
    figures = {id(each.slot): each.number.value for each in filled}
    for each in filled:
        if each.slot.role != "beside":
            continue
        of = plan.slots[each.slot.of]
        figure, share = figures.get(id(of)), each.number.value
        if of.role != "metric" or of.name or not of.split or figure is None:
            continue
        was = state.shares.setdefault(of.split, [figure, share, 0.0])
        was[2] += 1
        if was[2] >= FEWEST_SHARES and figure < was[0] and share > was[1]:
            state.are_nameless_losses = True
