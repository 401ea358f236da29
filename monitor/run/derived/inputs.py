"""What the derived signals need from an attempt, and what one attempt passes on to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.base.evidence import Evidence
from monitor.grammar import Intent
from monitor.reader.signals import Labels
from monitor.run.facts import KnownRecord
from monitor.run.series import Series


class Writer(NamedTuple):
    """Who wrote a line, as far as the line shows it."""

    run: str | None
    pid: int | None


class Earlier(NamedTuple):
    """What an attempt must know about the attempts before it in the same log."""

    highest_step: int | None = None
    """The highest step that they reached."""
    starts: int = 0
    """Starts since that step was reached, including the one that reached it."""
    is_over: bool = True
    """Whether the last of them completed or was stopped on request; True if there was none."""
    has_ended: bool = True
    """Whether the last of them wrote any end line; True if there was none."""
    has_crashed: bool = False
    """Whether the last of them wrote an error text, and then neither a step nor an end line."""
    run: str | None = None
    """Run id in the RUN line of the last of them."""
    fingerprint: str | None = None
    """Data fingerprint of the last of them."""


class Known(Protocol):
    """What the derived signals need from an attempt."""

    earlier: Earlier
    intent: Intent
    epochs_done: int
    epochs_planned: int | None
    first_train_step: int | None
    is_resume_stated: bool
    resumed_at: int | None
    announced_phase: str | None
    replaced: tuple[Writer, ...]
    """Who wrote before the current writer, oldest first."""

    def stated(self, kind: type[KnownRecord], key: object = "") -> tuple[KnownRecord, Evidence] | None:
        """Return the newest record of a kind (and key) with its line."""
        ...

    def all_stated(self, kind: type[KnownRecord]) -> list[tuple[KnownRecord, Evidence]]:
        """Return the newest record per key of a kind."""
        ...

    def of(self, signal: str) -> Mapping[Labels, Series]:
        """Return a signal's series by labels."""
        ...


if TYPE_CHECKING:
    import numpy as np


class Column(NamedTuple):
    """The samples of one series in many lines."""

    values: np.ndarray
    rows: np.ndarray
    """Index of the line of each, ascending."""


Columns = dict[tuple[str, Labels], Column]
"""Columns by series."""


class Rates(NamedTuple):
    """The learning rate that the progress lines before each line have reported."""

    newest: np.ndarray
    highest: np.ndarray


class Lines(NamedTuple):
    """Lines of one record type and template."""

    steps: np.ndarray
    """The step in each line; -1 if it has none."""
    columns: Columns
    """The lines' own samples."""
    rates: Rates | None
    """None if no progress line has reported a rate."""
    are_gradients_finite: bool
    """Whether all gradients before and among the lines are finite."""
