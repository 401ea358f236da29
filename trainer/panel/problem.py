"""One thing that is wrong with a panel, in the words a user reads."""

from dataclasses import dataclass
from enum import Enum

_NUM_NAMED = 8


class Consequence(Enum):
    """What a problem means for a run."""

    REFUSE = "refuse"
    """The run must not start."""
    WARN = "warn"
    """The run may start; the log says so."""


@dataclass(frozen=True)
class PanelProblem:
    """One thing that is wrong with a panel."""

    consequence: Consequence
    kind: str
    """A fixed name, such as `duplicate_rows`."""
    message: str
    """`where: what; expected ..., got ...`, with columns, dates and counts named."""
    count: int
    """How many rows, columns or dates are concerned."""
    columns: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


def some_of(names: tuple[str, ...]) -> str:
    """Write the first few names and how many more there are."""
    more = len(names) - _NUM_NAMED
    return ", ".join(names[:_NUM_NAMED]) + (f" and {more} more" if more > 0 else "")
