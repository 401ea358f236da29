"""Batches made ahead in a thread, while the step before them runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def made_ahead(items: Iterator[Item], most: int) -> Iterator[Item]:
    """Yield the items in their order, of which up to `most` are made ahead; 0 makes each when it is asked for.

    An error of an item is raised in its place. No item is made after the last one was asked for.
    """
    if not most:
        yield from items
        return
    # A single thread makes one item after another, so that their order is that of the iterator.
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        ahead = deque(thread.submit(next, items, None) for _ in range(most))
        try:
            while (item := ahead.popleft().result()) is not None:
                ahead.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.shutdown(wait=True, cancel_futures=True)
