"""A header that names sets alone → the rows below it, one metric each: ``loss | 0.81 | 1.61`` below
``Training | Validation``.
"""

from __future__ import annotations

from monitor.reader.numbers import SLOT
from monitor.reader.state import TableState
from monitor.reader.vocabulary import shipped, words_of

_SETS = ("train", "val", "test")
_EMPTY = ("n/a", "-", "--", "none", "")
LONGEST_NAME = 40
"""Characters of a row's name: AllenNLP's metrics have up to some twenty."""


def take_sets(body: str, state: TableState) -> bool:
    """Remember a header of at least two sets and nothing else; False for any other line."""
    if "|" not in body or len(body) > 200:
        return False
    cells = [cell.strip() for cell in body.split("|")]
    cells = cells if cells[0] else cells[1:]
    sets = [_set_of(cell) for cell in cells]
    if len(sets) < 2 or not all(sets) or len({*sets}) < len(sets):
        return False
    state.sets = sets
    return True


def row_of_sets(body: str, state: TableState) -> str | None:
    """Return a row below such a header as pairs; None for any other line, which ends the table."""
    name, *cells = (cell.strip() for cell in body.split("|"))
    is_name = name[:1].isalpha() and len(name) <= LONGEST_NAME and not any(mark in name for mark in ":=,")
    are_cells = all(SLOT.fullmatch(cell) or cell.lower() in _EMPTY for cell in cells)
    if len(cells) != len(state.sets) or not is_name or not are_cells:
        state.sets = []
        return None
    told = zip(state.sets, cells, strict=True)
    return ", ".join(f"{each} {name}: {cell}" for each, cell in told if SLOT.fullmatch(cell))


def _set_of(cell: str) -> str:
    """Return the set that a cell names, where it names one and nothing else."""
    words = words_of(cell)
    named = {shipped().splits.get(word, "") for word in words}
    return next(iter(named)) if len(named) == 1 and named <= {*_SETS} else ""
