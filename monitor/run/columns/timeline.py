"""The lines of a block with a time, rows and passengers together, and how far the run is at each of them."""

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
    """Those lines, in order; -1 for a number that a line does not have."""

    places: np.ndarray
    ats: np.ndarray
    nows: np.ndarray
    """The run's time at each line."""
    steps: np.ndarray
    """The run's step after each line."""
    is_move: np.ndarray
    """Whether the line takes the run to a further step."""
    epochs: np.ndarray
    """The run's epoch after each line."""
    own_steps: np.ndarray
    own_epochs: np.ndarray
    """The epoch that the line's samples belong to: its own, else the run's."""
    progress: np.ndarray
    """For a TRAIN line: epochs planned, batch, batches of the epoch."""
    of_rows: tuple[np.ndarray, ...]
    """The marks of each of the block's rows."""

    def __len__(self) -> int:
        return len(self.places)

    def has_clocks_apart(self, run: Run) -> bool:
        """Return whether a clock was set, or there may be two clocks; then the lines must be folded one by one."""
        import numpy as np

        if not len(self):
            return False
        assert run.line_at is not None
        steps = np.diff(self.ats, prepend=run.line_at)
        return bool(steps.min() < 0 or steps.max() > JUMP_S)


def marks_of(run: Run, block: Block) -> Marks:
    """Return the lines of a block with a time, for a run that has had such lines before."""
    import numpy as np

    columns: list[Sequence[np.ndarray]] = []
    for rows in block.rows:
        own = [rows.count(name) for name in ("step", "epoch", "epoch_whole", "batch", "batch_whole")]
        if rows.template.record_type is not grammar.Train:
            own[2:] = [np.full(len(rows), -1)] * 3
        columns.append((rows.places, rows.ats, own[0], own[1], own[1], *own[2:]))
    if block.passengers:
        single = [(place, event.evidence.at, *_place_of(event), -1, -1, -1) for place, event in block.passengers]
        columns.append([np.array(column) for column in zip(*single, strict=True)])
    if not columns:
        none = np.array([], np.int64)
        return Marks(none, none * 1.0, none * 1.0, none, none > 0, none, none, none, none.reshape(0, 3), ())
    joined = [np.concatenate(each) for each in zip(*columns, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    places, ats, steps, epochs, reached, planned, batches, whole = (column[order] for column in joined)
    assert run.now is not None and run.line_at is not None and run.attempt.step is not None
    forward = np.maximum(0.0, np.diff(ats, prepend=run.line_at))
    # Add one after another, as single lines would.
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
    """Return the step and the epoch of a passenger, and the run's epoch after it; -1 for none."""
    step, epoch = step_of(event), getattr(event.record, "epoch", None)
    epoch = epoch.part if isinstance(epoch, Share) else epoch
    number = epoch if isinstance(epoch, int) else -1
    after = number + 1 if isinstance(event.record, grammar.Epoch) else number
    return -1 if step is None else step, number, after
