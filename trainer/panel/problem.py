"""A problem of a panel, as the user reads it."""

from dataclasses import dataclass
from enum import Enum

_NUM_NAMED = 8


class Consequence(Enum):
    """What a problem means for a run."""

    REFUSE = "refuse"
    """The run must not start."""
    WARN = "warn"
    """The run may start; the log has a warning."""


@dataclass(frozen=True)
class PanelProblem:
    """One problem of a panel."""

    consequence: Consequence
    kind: str
    """A fixed name, such as `duplicate_rows`."""
    message: str
    """`where: what; expected ..., got ...`, with the columns, dates and counts."""
    count: int
    """How many rows, columns or dates are affected."""
    columns: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def some_of(names: tuple[str, ...]) -> str:
    """Return the first few names and the number of the rest."""
    more = len(names) - _NUM_NAMED
    return ", ".join(names[:_NUM_NAMED]) + (f" and {more} more" if more > 0 else "")
