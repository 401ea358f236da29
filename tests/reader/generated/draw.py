"""Random choices of one generated log: all of them come from its seed."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """Draws from one seeded source, so that a seed always gives the same log."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of the items, all equally likely; to make one likelier, list it twice."""
        return items[self._source.randrange(len(items))]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Draw up to this many different items, in random order."""
        return self._source.sample(list(items), min(count, len(items)))

    def often(self, probability: float) -> bool:
        """Say yes with this probability."""
        return self._source.random() < probability

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return self._source.randint(low, high)

    def real(self, low: float, high: float) -> float:
        """Draw a number between the two."""
        return self._source.uniform(low, high)

    def bell(self, spread: float) -> float:
        """Draw a number around 0."""
        return self._source.gauss(0.0, spread)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Give the items in random order."""
        return self.some(items, len(items))
