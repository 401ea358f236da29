"""Which figure of a line is the whole loss: ``total`` beside its parts, and not what all batches come to."""

from __future__ import annotations

import re

from monitor.reader.slots import Slot
from monitor.reader.vocabulary import words_of

FEWEST_PARTS = 2
"""Named parts beside a figure called ``total`` from which on it is what they come to."""
_PARTS = frozenset((
    "recon", "recons", "reconstruction", "rec", "kl", "kld", "ce", "bce", "mse", "l1", "l2", "nll", "cls", "reg", "box",
    "bbox", "obj", "dfl", "giou", "conf", "seg", "mask", "dice", "adv", "perceptual", "vgg", "contrastive", "distill",
    "cycle", "identity", "smooth", "tv", "commit", "commitment", "entropy", "rpn", "ctc", "att",
))  # fmt: skip
"""What the terms of a loss are called, in public code of autoencoders, detectors, segmentation, GANs and speech."""


def is_part(slot: Slot) -> bool:
    """Whether a figure is by its name one term of a loss: ``kl``, ``box loss``."""
    words = words_of(slot.name)
    is_term = slot.role in ("criterion", "part") or (slot.role == "metric" and slot.quantity == "metric")
    return is_term and bool(words) and (words[-1] in ("loss", "losses") or not _PARTS.isdisjoint(words))


def name_total(slots: list[Slot]) -> list[Slot]:
    """Take a figure called ``total`` beside at least two parts of a loss for the loss, where none is named so."""
    if not any(slot.name.lower() == "total" for slot in slots):
        return slots
    found = list(slots)
    for index, slot in enumerate(slots):
        if slot.role != "metric" or slot.name.lower() != "total" or slot.unit:
            continue
        alike = [each for each in slots if each.split in ("", slot.split)]
        has_loss = any(each.role == "value" and each.quantity == "loss" for each in alike)
        if not has_loss and sum(map(is_part, alike)) >= FEWEST_PARTS:
            found[index] = slot._replace(role="value", quantity="loss", name="")
    return found


_SUM = re.compile(r"\btotal[ _](?:train|training)[ _]loss\b", re.I)


def is_sum_of_batches(template: str) -> bool:
    """Whether a line gives a total of the training's losses by name: ``Epoch 3: total training loss 6496.68``. Where
    the log's batches give theirs, too, it may be the sum of them all.
    """
    return _SUM.search(template) is not None
