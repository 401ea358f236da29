"""How long the training will be, as the trainer says it: the plan before it begins, the limit that ended it."""

from __future__ import annotations

import re

from monitor.reader.places import PlaceState
from monitor.reader.state import ReadState
from monitor.reader.vocabulary import meaning, words_of

_ANNOUNCES = re.compile(r"\*{3,} *(?:running|starting) (?:train|eval|predict|test)\w*\b[^:=\d]*\*{3,}", re.I)
_LINE = re.compile(r"(?P<key>[A-Za-z][\w ./,()&-]{1,80}?) ?[:=] ?(?P<number>\d[\d,]{0,24})")
_MEASURES = ("value", "criterion", "part", "time")
_REACHED = re.compile(r"\bmax_epochs[=: ]+(\d{1,7})\b\W*reached", re.I)
_AFTER = re.compile(r"\bafter (\d{1,7}) epochs\b(?! (?:without|with no|of no|since|in a row))", re.I)
MOST_EPOCHS = 10**7
MOST_STEPS = 10**15
"""More is none: a data set without an end is one of 2⁶³ epochs."""


def announces_plan(body: str) -> bool:
    """Whether a line is a banner below which a trainer lists what it will do: ``***** Running training *****``."""
    return bool(_ANNOUNCES.match(body))


def take_plan(body: str, state: ReadState) -> bool:
    """Take a line of the list below such a banner, ``Num Epochs = 3``; False where the list is over."""
    line = _LINE.fullmatch(body)
    if line is None or (said := meaning(line["key"].strip())).role in _MEASURES:
        state.is_plan_open = False
        return False
    number, place = int(line["number"].replace(",", "")), state.place
    if state.block != "train" or place.is_ended:
        return True  # of an evaluation, or of a training whose first report has yet to come
    if said.name == "num_epochs" and 0 < number < MOST_EPOCHS:
        _plan(place, number)
    elif said.name == "max_steps" and 0 < number < MOST_STEPS and place.step_word == 0:
        place.steps = number
    elif words_of(line["key"])[-3:] == ["steps", "per", "epoch"] and 0 < number < MOST_STEPS:
        state.lag.stated = float(number)
    return True


def take_limit(body: str, place: PlaceState) -> None:
    """Take the limit that a line says was reached, ``max_epochs=3`` reached, or after how many epochs it is over."""
    if (done := _AFTER.search(body)) and place.index is not None and place.from_zero is None and not place.is_fraction:
        number = int(done[1])
        if place.index in (number - 1, number - 2):
            place.from_zero = place.index == number - 2
            place.index, place.is_over = number - 1, True
    if not (limit := _REACHED.search(body)) or not 0 < int(limit[1]) < MOST_EPOCHS:
        return
    number = int(limit[1])
    _plan(place, number)
    if place.index is None or place.is_fraction or place.index not in (number - 2, number - 1):
        return
    if place.index == number - 2 and place.from_zero is not None:
        return  # an epoch is missing: which training is meant is not sure
    place.from_zero = place.index == number - 2 if place.from_zero is None else place.from_zero
    place.index, place.is_over = number - 1, True


def _plan(place: PlaceState, number: int) -> None:
    """Note how many epochs there will be, by name: this is sure, unlike the meaning of ``Epoch 2/2``."""
    if place.is_alone and place.index is not None:
        # "Epoch 2/2" alone: the third of three, or the second of two.
        place.from_zero = {number - 1: True, number: False}.get(place.index + 1)
        place.index, place.is_alone = number - 1 if place.from_zero else place.index, False
    place.planned = place.epochs = number
    place.is_total_sure = True
