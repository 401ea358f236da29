"""Samples of many lines at once, column by column: what the derived signals of whole blocks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from monitor.reader.signals import Labels

if TYPE_CHECKING:
    import numpy as np


class Column(NamedTuple):
    """Samples of one series."""

    values: np.ndarray
    rows: np.ndarray
    """Which of the lines bears each, in their order."""


Columns = dict[tuple[str, Labels], Column]
"""Samples by series."""


class Rates(NamedTuple):
    """The learning rate as the progress lines before each of many lines report it."""

    newest: np.ndarray
    highest: np.ndarray


class Lines(NamedTuple):
    """Lines of one record type and form."""

    steps: np.ndarray
    """The step that each says; -1 where it says none."""
    columns: Columns
    """Their own samples."""
    rates: Rates | None
    """None where no progress line has reported one."""
    are_gradients_finite: bool
    """Whether every gradient known before the lines and among them is a finite number."""
