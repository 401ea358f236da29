"""What the name of another trainer's metric says: which direction is better, and to which family it belongs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from monitor.reader.vocabulary import forgets, listed, meaning, shipped, words_of

Direction = Literal["higher", "lower", ""]
"""Which values are better; empty where the name does not say."""
Family = Literal["rewards", "kls"]
"""The lists of the vocabulary that name one quantity each: mean rewards, and divergences from a reference."""

ACCURACY = frozenset(("acc", "accuracy"))
"""Words of the share of rows whose answer is right."""
_LETTERS = re.compile(r"[a-z]+|[^\x00-\x7f]+")
_NO_MEAN = frozenset(("std", "stddev", "min", "max", "var", "variance", "count", "zero", "frac", "median"))


def direction_of(name: str) -> Direction:
    """Return which values of a metric are better. A loss or an error of a score is better when lower."""
    words = parts_of(name)
    if words & shipped().lower_is_better:
        return "lower"
    return "higher" if words & shipped().higher_is_better else ""


def is_counted(name: str) -> bool:
    """Whether a metric is a ratio of counts, such as an accuracy: equal values may come from different models."""
    words = parts_of(name)
    is_loss = not words.isdisjoint(("loss", "losses"))
    return not is_loss and bool(words & shipped().counted)


def is_best_so_far(name: str) -> bool:
    """Whether a metric is the best that another has reached: ``best_acc``. It stays until there is a better one."""
    return any(shipped().splits.get(word) == "best" for word in words_of(name))


def is_of(name: str, family: Family) -> bool:
    """Whether a metric is the mean of a family: ``rollout/ep_rew_mean``, not its spread or one part of it."""
    words = words_of(name)
    if _NO_MEAN & set(words):
        return False
    kept = [word for word in words if word not in shipped().splits]
    return " ".join(kept) in listed(family)


def is_spread_of(name: str, family: Family) -> bool:
    """Whether a metric is the standard deviation of a family's figure: ``reward_std``."""
    words = words_of(name)
    kept = [word for word in words if word not in shipped().splits and word not in ("std", "stddev")]
    return len(words) > len(kept) and " ".join(kept) in listed(family) and bool({"std", "stddev"} & set(words))


def labels_of(key: str) -> dict[str, str]:
    """Return the labels of a metric as a user names it: ``val_accuracy`` is the accuracy of the validation."""
    found = meaning(key)
    labels = {"name": found.own_name or key}
    return {**labels, "split": found.split} if found.split else labels


def title_of(labels: Iterable[tuple[str, str]]) -> str:
    """Return a metric's name with its split in front, as most trainers write it."""
    known = dict(labels)
    return f"{known['split']} {known['name']}" if known.get("split") else known["name"]


@lru_cache(maxsize=4_096)
def parts_of(name: str) -> frozenset[str]:
    """Return the words of a metric's name, with and without the digits behind them: ``mAP50`` is ``map``, too."""
    return frozenset((*words_of(name), *_LETTERS.findall(name.lower())))


forgets(parts_of.cache_clear)
