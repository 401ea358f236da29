"""A healthy log, read to its end: its lines around the place where a copy is to be broken, and what they say."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from monitor.alert import Alert
from monitor.base.errors import LogError
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind
from monitor.reader.dialects.state import DialectState
from monitor.reader.event import Event
from monitor.reader.signals import METRIC
from monitor.tail import Ending, Line, read_lines
from monitor.tail.opening import holds_records, opened

WINDOW_LINES = 6_000
"""Lines that are read one by one: a third of them before the break. A longer log is broken near its end."""
BEFORE = 1 / 3
"""Share of the reports before the break: rules learn from them what is usual, and need most of the rest to fire."""
LEAD_LINES = 300
"""Lines before the break that the watch sees come, so that it knows how often they do."""
LOSSES = ("train.loss", "epoch.train_loss")
VALIDATIONS = ("epoch.val_loss", METRIC)
_ENDS = {Ending.LF: b"\n", Ending.CRLF: b"\r\n", Ending.CR: b"\r"}


@dataclass
class Healthy:
    """What is known of a log that is to be broken."""

    log: str
    lines: list[Line]
    """The last lines of the log, as `WINDOW_LINES`."""
    events: list[Event | None]
    """What was read in each of them."""
    arrivals: list[float]
    """When each of them came, in seconds: by the log's own times, or so many seconds apart where it has none."""
    skipped_bytes: int
    """Bytes of the log before them."""
    has_times: bool
    state: DialectState
    """The reader's, before the first of them."""
    broken_at: int
    """The place among them of the first line after the break."""
    num_lines: int
    transitions: list[Alert]
    """The alerts that the log raises as it is."""
    pipeline: Pipeline
    """All that is known at its end."""

    def value(self, index: int, signals: tuple[str, ...]) -> float | None:
        """Return what a line gives of some signals."""
        event = self.events[index]
        return None if event is None else _value(event, signals)

    @property
    def last_step(self) -> int | None:
        """The last step that the log names before the break; None where the monitor counts its reports."""
        if self.pipeline.run.dialect.is_counted:
            return None
        for event in reversed(self.events[: self.broken_at]):
            step = getattr(event.record, "step", None) if event is not None else None
            if isinstance(step, int):
                return step
        return None


def read_healthy(log: str, engine: Engine, pace_s: float) -> Healthy:
    """Read a log; ``pace_s`` is the time between two lines of one without times. Raises LogError.

    Also raises LogError where too little is read to break it: `BlindLog`.
    """
    if log != "-" and holds_records(Path(log)):
        raise BlindLog(log, "is written anew with each record", expected="a log that grows line by line")
    num_lines = _num_lines(log)
    pipeline = Pipeline(log, engine)
    transitions: list[Alert] = []
    lines: list[Line] = []
    events: list[Event | None] = []
    nows: list[float | None] = []
    state = DialectState()
    with opened(log) as stream:
        for count, line in enumerate(read_lines(stream)):
            if count < num_lines - WINDOW_LINES:
                transitions += pipeline.take(line)
                continue
            if not lines:
                state = copy.deepcopy(pipeline.run.dialect)
            event = pipeline.read(line)
            if event is not None:
                transitions += pipeline.fold(event)
            lines.append(line)
            events.append(event)
            nows.append(pipeline.run.now)
    transitions += pipeline.finish()
    reports = [
        place
        for place, event in enumerate(events)
        if event is not None and _value(event, (*LOSSES, *VALIDATIONS)) is not None
    ]
    if is_blind(pipeline) or len(reports) < 2:
        raise BlindLog(
            log, "too little is read in it: no progress, or no loss and no metric", expected="a training's log"
        )
    has_times = pipeline.run.timed_lines > 0 and any(now is not None for now in nows)
    return Healthy(
        log=log,
        lines=lines,
        events=events,
        arrivals=_arrivals(events, nows, pace_s, has_times=has_times),
        skipped_bytes=lines[0].offset,
        has_times=has_times,
        state=state,
        broken_at=reports[max(0, math.ceil(len(reports) * BEFORE) - 1)] + 1,
        num_lines=num_lines,
        transitions=transitions,
        pipeline=pipeline,
    )


class BlindLog(LogError):
    """A log that can be opened, and in which too little is read."""


def written(line: Line, text: str | None = None) -> bytes:
    """Return a line with its end, perhaps with another text; a last line without an end gets one."""
    data = line.data if text is None else text.encode("utf-8", "surrogateescape")
    return data + _ENDS.get(line.ending, b"\n")


def copied_until(stream: BinaryIO, offset: int) -> Iterator[bytes]:
    """Yield a log's lines up to a byte."""
    for line in read_lines(stream):
        if line.offset >= offset:
            return
        yield written(line)


def _num_lines(log: str) -> int:
    with opened(log) as stream:
        return sum(1 for _ in read_lines(stream))


def _arrivals(
    events: Sequence[Event | None], nows: Sequence[float | None], pace_s: float, *, has_times: bool
) -> list[float]:
    """Return when each line came, in seconds; lines without a time, spread between those that have one."""
    num = len(nows)
    dated = [
        (place, now)
        for place, (event, now) in enumerate(zip(events, nows, strict=True))
        if event is not None and event.evidence.at is not None and now is not None
    ]
    if not has_times or not dated:
        return [place * pace_s for place in range(num)]
    (_, first), (last_place, last) = dated[0], dated[-1]
    after_s = (last - first) / max(1, last_place - dated[0][0])
    found = np.interp(range(num), [place for place, _ in dated], [now - first for _, now in dated])
    found[last_place:] += after_s * np.arange(num - last_place)
    return [float(each) for each in found]


def _value(event: Event, signals: tuple[str, ...]) -> float | None:
    return next((each.value for each in event.samples if each.signal in signals), None)
