"""The input of every rival: the lines of a log, each with its record and its training step.

In: the path of a log. Out: its lines in order. The newest log is cached, because several rivals judge it in turn.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from monitor.grammar import (
    ActivationReport,
    Epoch,
    GradReport,
    InputReport,
    Record,
    RunEnd,
    Train,
    WeightReport,
    parse_line,
)

TENSORS = (Train, Epoch, GradReport, WeightReport, ActivationReport, InputReport)
"""Records of what a debugger would read from the tensors themselves."""


class Line(NamedTuple):
    """One line as it was read."""

    text: bytes
    at: float | None
    """Seconds since 1970; None if the line is not in the native format."""
    record: Record | None
    step: int | None
    """The record's own step, or else the step of the newest TRAIN line."""


def observe(log: Path) -> tuple[Line, ...]:
    """Return the lines of a log."""
    status = log.stat()
    return _observe(log, status.st_mtime_ns, status.st_size)


def has_ended(lines: tuple[Line, ...]) -> bool:
    """Return whether the log ends with the end line of the run."""
    return any(isinstance(line.record, RunEnd) for line in lines[-3:])


@lru_cache(maxsize=1)
def _observe(log: Path, modified_ns: int, size: int) -> tuple[Line, ...]:
    lines, step = [], None
    for text in log.read_bytes().splitlines():
        found = parse_line(text)
        if found is None:
            lines.append(Line(text, None, None, step))
            continue
        if isinstance(found.record, Train):
            step = found.record.step
        own = getattr(found.record, "step", None)
        lines.append(Line(text, found.at, found.record, step if own is None else own))
    return tuple(lines)
