"""The lines of a block that bear a time, rows and passengers together, and where the run is at each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from monitor import grammar
from monitor.grammar import Share
from monitor.reader.event import Event
from monitor.run.columns.block import Block, step_of
from monitor.run.run import JUMP_S, Run

if TYPE_CHECKING:
    import numpy as np


class Marks(NamedTuple):
    """Those lines, in order; -1 stands for what a line does not say."""

    places: np.ndarray
    ats: np.ndarray
    nows: np.ndarray
    """The run's time at each."""
    steps: np.ndarray
    """The run's step after each."""
    is_move: np.ndarray
    """Whether it takes the run a step further."""
    epochs: np.ndarray
    """The run's epoch after each."""
    own_steps: np.ndarray
    own_epochs: np.ndarray
    """The epoch that its samples belong to: its own, else the run's."""
    progress: np.ndarray
    """Of a TRAIN line: epochs planned, batch, batches of the epoch."""
    of_rows: tuple[np.ndarray, ...]
    """The marks of each of the block's rows."""

    def __len__(self) -> int:
        return len(self.places)

    def has_clocks_apart(self, run: Run) -> bool:
        """Whether a clock is set back or forward, or there may be two: then each line is asked for its own."""
        import numpy as np

        if not len(self):
            return False
        assert run.line_at is not None
        steps = np.diff(self.ats, prepend=run.line_at)
        return bool(steps.min() < 0 or steps.max() > JUMP_S)


def marks_of(run: Run, block: Block) -> Marks:
    """Return the lines of a block that bear a time, of a run that has such lines before it."""
    import numpy as np

    columns: list[Sequence[np.ndarray]] = []
    for rows in block.rows:
        own = [rows.count(name) for name in ("step", "epoch", "epoch_whole", "batch", "batch_whole")]
        if rows.layout.record_type is not grammar.Train:
            own[2:] = [np.full(len(rows), -1)] * 3
        columns.append((rows.places, rows.ats, own[0], own[1], own[1], *own[2:]))
    if block.passengers:
        said = [(place, event.evidence.at, *_place_of(event), -1, -1, -1) for place, event in block.passengers]
        columns.append([np.array(column) for column in zip(*said, strict=True)])
    if not columns:
        none = np.array([], np.int64)
        return Marks(none, none * 1.0, none * 1.0, none, none > 0, none, none, none, none.reshape(0, 3), ())
    joined = [np.concatenate(each) for each in zip(*columns, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    places, ats, steps, epochs, reached, planned, batches, whole = (column[order] for column in joined)
    assert run.now is not None and run.line_at is not None and run.attempt.step is not None
    forward = np.maximum(0.0, np.diff(ats, prepend=run.line_at))
    # Added up one after another, as single lines would.
    nows = np.cumsum(np.concatenate(([run.now], forward)))[1:]
    steps_after = np.maximum.accumulate(np.concatenate(([run.attempt.step], steps)))
    epochs_after = np.maximum.accumulate(np.concatenate(([run.attempt.epoch], reached)))[1:]
    return Marks(
        places,
        ats,
        nows,
        steps_after[1:],
        np.diff(steps_after) > 0,
        epochs_after,
        steps,
        np.where(epochs >= 0, epochs, epochs_after),
        np.stack((planned, batches, whole), axis=1),
        tuple(places.searchsorted(rows.places) for rows in block.rows),
    )


def _place_of(event: Event) -> tuple[int, int, int]:
    """Return the step and the epoch of a passenger, and the epoch that the run is in after it; -1 for none."""
    step, epoch = step_of(event), getattr(event.record, "epoch", None)
    epoch = epoch.part if isinstance(epoch, Share) else epoch
    number = epoch if isinstance(epoch, int) else -1
    after = number + 1 if isinstance(event.record, grammar.Epoch) else number
    return -1 if step is None else step, number, after
