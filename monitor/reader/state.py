"""What reading a foreign log must remember from one line to the next: plain, small and bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.reader.places import PlaceState

MOST_SHAPES = 2_000
"""Shapes whose lines are counted, since only their repetition tells a report from a setting."""
CODE_STEP = 8
"""Lines behind a line of source code in which another one keeps an assignment from being a report."""
MOST_CODE = 40
"""Lines behind much source code in which an assignment does not count as a report."""
MOST_REFUSED = 16
"""Shapes that are kept behind `MOST_BARREN`, so that one that comes again is planned."""
MOST_BARREN = 1_000
"""New shapes in a row that report nothing, after which further ones are only counted: planning a shape
costs twenty times what reading a known one does, and a log whose every line has a new shape tells no measurement."""
MOST_OPEN_LINES = 300
"""Lines of a dict that is printed over several lines."""
MOST_OPEN_CHARS = 20_000


@dataclass
class Clock:
    """What the times of earlier lines say of the next one."""

    at: float | None = None
    """The last time, in seconds since 1970-01-01."""
    kind: str = ""
    """``date``, ``day`` (no year) or ``time`` (no date): the first kind seen. A lesser kind is completed from the
    lines before; a better one that comes later is not used, since the log would seem to jump by years."""


@dataclass
class TableState:
    """The tables that are open."""

    headers: list[list[str]] = field(default_factory=list)
    """Header cells, the last first; the first item of each is the separator."""
    box: list[str] = field(default_factory=list)
    """Pairs of the open box."""
    section: str = ""
    is_open: bool = False
    is_history: bool = False
    """Whether the last header came before any report, or names what only a training has: its rows are the training's,
    also without a place."""
    sets: list[str] = field(default_factory=list)
    """The sets that a header of sets alone named, in its order: the rows below it are a metric each."""
    above: list[str] = field(default_factory=list)
    """The cells of the row before, where it was words alone: the upper line of a header of two."""


@dataclass
class EpochShapes:
    """Which shapes report how often in an epoch: what comes once, at its end, closes it."""

    epoch: tuple[int, int] = (0, -1)
    """The fit and the epoch that are counted now."""
    seen: dict[str, int] = field(default_factory=dict)
    """Digest of a shape → its reports in this epoch, up to 2."""
    num_once: dict[str, int] = field(default_factory=dict)
    """Digest of a shape → the epochs, one after the other, in which it came once and at the end; below 0 where it
    came more often of late."""
    is_timed: bool = False
    """Whether the epoch is taken for over because a line told how long it took."""
    steps: int = 0
    """Steps of an epoch, by the last report that named both: right where each comes at an epoch's end."""


@dataclass
class EpochLength:
    """How many steps an epoch has, by bars and the epochs of reports beside them."""

    low: float = 0.0
    high: float = 0.0
    """It is between these."""
    num_agree: int = 0
    """Reports that agree on it."""
    compared: float | None = None
    """The epoch of the last of them."""
    length: float = 0.0
    """The number; 0 where it is not sure."""


@dataclass
class BarLag:
    """How far the training's bar may be behind the training."""

    total: int | None = None
    done: int = 0
    """What its last drawing says."""
    num_drawn: int = 0
    """Drawings since the last report."""
    num_next: int = 0
    """The last drawings, each one step on from the one before."""
    num_slow: int = 0
    """Those of them that show a slow training."""
    has_leapt: bool = False
    """Whether a step was not drawn."""
    is_fresh: bool = False
    """Whether the last drawing is surely where the training is."""
    fraction: float | None = None
    """The last report's epoch, where it is a fraction."""
    digits: int = 0
    """Decimal places of these fractions, at most."""
    before: EpochLength = field(default_factory=EpochLength)
    """By the bars before reports: right where these keep up."""
    behind: EpochLength = field(default_factory=EpochLength)
    """By the bars behind reports: right where a report has its bar drawn anew."""
    stated: float = 0.0
    """The steps of an epoch, as the trainer's plan says; 0 where it does not."""


@dataclass
class ReadState:
    """What the lines so far say of those to come."""

    clock: Clock = field(default_factory=Clock)
    place: PlaceState = field(default_factory=PlaceState)
    tables: TableState = field(default_factory=TableState)
    has_decimal_comma: bool | None = None
    seen: dict[str, int] = field(default_factory=dict)
    """Digest of a shape → how many lines had it, up to 3."""
    planned: dict[str, int] = field(default_factory=dict)
    """Digests of the shapes that were planned last; the value says nothing."""
    code: int = 0
    """How much of the last lines was source code: see `CODE_STEP`."""
    refused: dict[str, int] = field(default_factory=dict)
    """Digests of the last shapes that were not planned; the value says nothing."""
    num_barren: int = 0
    """New shapes since the last report."""
    surplus: int = 0
    """Lines of shapes beyond the bounds: what they say is not read."""
    empties: dict[str, str] = field(default_factory=dict)
    """Digest of a shape → for each slot ``n`` after a number, ``w`` where a word for nothing came first."""
    is_begun: bool = False
    """Whether the training has begun: a report with a place, or an epoch's head, was read."""
    block: str = ""
    """The split that a heading named for the lines below it."""
    is_citing: bool = False
    """Whether the next line repeats an earlier report, as LightGBM repeats its best one."""
    is_summary: bool = False
    """Whether the heading was that of a summary of the run."""
    last_split: str = ""
    plain_losses: int = 0
    """Reports of a loss, not of a mean, since the last line that gave nothing but a mean of it."""
    num_plain_losses: int = 0
    """All of them, up to 2."""
    nameless: dict[str, float] = field(default_factory=dict)
    """Split → the last figure that had no more than it for a name: ``val: 0.61``."""
    shares: dict[str, list[float]] = field(default_factory=dict)
    """Split → the first figure without a name that had a share beside it, that share, and how many there were."""
    are_nameless_losses: bool = False
    """Whether another line has named such a figure a loss."""
    topic: str = ""
    """What a heading, ``Loss:``, said that figures below it are whose name is only that of a set."""
    metered: str = ""
    """The split of the validation whose batches the lines before reported: its mean may follow without a word."""
    open_text: str = ""
    """The lines so far of a dict that is not closed yet."""
    open_lines: int = 0
    last_bar: str = ""
    wrapped: str = ""
    """A bar whose words may go on in the next line, without these."""
    wrapped_name: str = ""
    """The name at the end of its last line: the number follows."""
    is_plan_open: bool = False
    """Whether the lines of a trainer's plan may follow, below its banner."""
    lag: BarLag = field(default_factory=BarLag)
    plain_done: int | None = None
    plain_total: int | None = None
    rank: int | None = None
    """The lowest process that has reported."""
    behind: int = 0
    """Reports of higher processes since the lowest one reported."""
    epoch_shapes: EpochShapes = field(default_factory=EpochShapes)
    has_loss: bool = False
    """Whether a training loss by that name was read."""
    has_placed_rate: bool = False
    """Whether a line gave a place, a loss and a learning rate: one without any of these is a setting."""
    has_placed_loss: bool = False
    """Whether a line gave both a place and a loss of the training."""
