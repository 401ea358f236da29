"""The kinds of generated logs: each a structure, written by a function that takes a page."""

from collections.abc import Callable
from typing import NamedTuple

from tests.reader.generated.draw import Draw
from tests.reader.generated.page import Page


class Kind(NamedTuple):
    """A structure of logs."""

    name: str
    write: Callable[[Page], None]
    make: Callable[[Draw], Page]
    has_noise: bool  # lines of other sorts around the reports; a CSV file has none


KINDS: list[Kind] = []


def kind(
    *, make: Callable[[Draw], Page] = Page, has_noise: bool = True
) -> Callable[[Callable[[Page], None]], Callable[[Page], None]]:
    """Register a function as a kind under its name; `make` makes the page that it writes on."""

    def register(write: Callable[[Page], None]) -> Callable[[Page], None]:
        KINDS.append(Kind(write.__name__.replace("_", "-"), write, make, has_noise))
        return write

    return register


def no_heads(draw: Draw) -> Page:
    """Make a page of plain numbers without heads, as files written for machines have."""
    return Page(draw, headed=False, words=False)


def bare_lines(draw: Draw) -> Page:
    """Make a page without heads, as programs that print to the terminal write."""
    return Page(draw, headed=False)
