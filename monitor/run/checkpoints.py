"""The newest checkpoints of a run: where to go back to, and what that costs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.base.wording import counted, long_span
from monitor.grammar import Checkpoint

CHECKPOINTS_KEPT = 16
"""Newest checkpoints remembered; a fault is noticed within a few of them. Chosen by hand, 2026-11."""


class SavedCheckpoint(NamedTuple):
    """One checkpoint that was saved."""

    name: str
    """Its path, or ``step 300``."""
    step: int | None
    """The run's step when it was saved; a number in the path may count something else."""
    evidence: Evidence


def saved_by(record: Checkpoint, step: int | None, evidence: Evidence) -> SavedCheckpoint | None:
    """Return the checkpoint that a record tells of; None if it was loaded, or nothing names it."""
    name = _shown(record.path) if record.path else ""
    name = name or (f"step {record.step:,}" if record.step is not None else "")
    return SavedCheckpoint(name, step, evidence) if name and record.action == "save" else None


def last_before(checkpoints: Sequence[SavedCheckpoint], line: Evidence) -> SavedCheckpoint | None:
    """Return the newest checkpoint that was saved before a line was written."""
    return next((each for each in reversed(checkpoints) if _is_before(each.evidence, line)), None)


def way_back(saved: SavedCheckpoint, step: int | None, line: Evidence) -> str:
    """Return where to go back to from a line at a step, and how far that is."""
    is_counted = step is not None and saved.step is not None and step > saved.step
    steps = counted(step - saved.step, "step") if is_counted and step is not None and saved.step is not None else ""
    begun, now = saved.evidence.at, line.at
    lasted = long_span(now - begun) if begun is not None and now is not None else ""
    far = f"{steps} ({lasted})" if steps and lasted else steps or lasted
    place = "" if saved.name.startswith("step ") or saved.step is None else f" (step {saved.step:,})"
    return f"last checkpoint before it: {saved.name}{place}, L{saved.evidence.line}" + (
        f"; {far} earlier" if far else ""
    )


def _shown(path: str) -> str:
    """Return a path; only its last part, or nothing, where the rest may hold a secret."""
    if _is_plain(path):
        return path
    last = path.rstrip("/").rpartition("/")[2]
    return last if _is_plain(last) else ""


def _is_plain(path: str) -> bool:
    return not re.search(r"[\s?#@=]", path) and all(redact(part) == part for part in (path, *path.split("/")))


def _is_before(one: Evidence, other: Evidence) -> bool:
    """Compare two lines by their times; by their places where they have none, or the same."""
    if one.at is not None and other.at is not None and one.at != other.at:
        return one.at < other.at
    return one.offset < other.offset
