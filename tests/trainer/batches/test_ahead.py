"""Items made ahead are the same items in the same order, and nobody waits for one that is ready."""

import threading
from collections.abc import Iterator

import pytest

from trainer.batches.ahead import made_ahead


@pytest.mark.parametrize("most", [0, 1, 3, 50])
def test_the_items_and_their_order_stay_the_same(most: int):
    assert list(made_ahead(iter(range(1, 21)), most)) == list(range(1, 21))


@pytest.mark.parametrize("most", [0, 2])
def test_an_error_comes_in_its_place_and_ends_the_items(most: int):
    def failing() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("gone")

    found: list[int] = []
    with pytest.raises(OSError, match="gone"):
        found.extend(made_ahead(failing(), most))
    assert found == [1, 2]


def test_the_next_items_are_made_while_one_is_used_and_no_more_than_asked_for():
    made, all_made = [], threading.Event()

    def counted() -> Iterator[int]:
        for number in range(1, 10):
            made.append(number)
            if len(made) == 3:
                all_made.set()
            yield number

    items = made_ahead(counted(), 2)
    assert next(items) == 1
    assert all_made.wait(timeout=30)
    items.close()
    assert made == [1, 2, 3]
    assert "batches" not in "".join(thread.name for thread in threading.enumerate())
