"""What the derived signals need of an attempt, and what one attempt hands on to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

from monitor.base.evidence import Evidence
from monitor.grammar import Intent
from monitor.reader.signals import Labels
from monitor.run.facts import KnownRecord
from monitor.run.series import Series


class Writer(NamedTuple):
    """Who wrote a line, as far as it says."""

    run: str | None
    pid: int | None


class Earlier(NamedTuple):
    """What an attempt has to know of the attempts before it in the same log."""

    highest_step: int | None = None
    """The highest step that any of them reached."""
    starts: int = 0
    """Starts since that step was the highest, the one that reached it included."""
    is_over: bool = True
    """Whether the last of them came to an end that was wanted: completed, stopped on request, or none before."""
    has_ended: bool = True
    """Whether the last of them wrote an end line of any kind, or there was none."""
    has_crashed: bool = False
    """Whether the last of them wrote an error text, then neither a step nor an end line."""
    run: str | None = None
    """The run id of the last of them, by its RUN line."""
    fingerprint: str | None = None
    """The data of the last of them."""


class Known(Protocol):
    """What this station needs of an attempt."""

    earlier: Earlier
    intent: Intent
    epochs_done: int
    epochs_planned: int | None
    first_train_step: int | None
    announced_phase: str | None
    replaced: tuple[Writer, ...]
    """Who wrote before the one that writes now, oldest first."""

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
