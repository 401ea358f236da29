"""The native grammar: every kind of line that the trainer writes and the monitor reads.

A line is ``2025-10-30T23:40:51.123Z INFO [TAG] text``. Two laws hold: reading a line that we wrote gives the same
record, to full precision; and writing a record that was read from our own line gives the same bytes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from monitor.grammar.data import Data, DataCheck, Model, ModelGroup, Target
from monitor.grammar.machine import (
    Checkpoint,
    CheckpointConflict,
    Error,
    Gpu,
    LogLost,
    Nonfinite,
    Process,
    ProcessGone,
    ProcessStopping,
)
from monitor.grammar.measurements import (
    ActivationReport,
    BatchReport,
    EncoderGrad,
    GradBelow,
    GradNonfinite,
    GradReport,
    GuardCheck,
    GuardFailed,
    GuardRecovered,
    GuardReport,
    GuardReset,
    InputReport,
    WeightReport,
)
from monitor.grammar.progress import AttentionLags, Epoch, Floor, HorizonMetrics, Metrics, Phase, SelectionShare, Train
from monitor.grammar.record import Record, line
from monitor.grammar.run import Config, ConfigIgnored, ConfigUnused, Intent, RunEnd, RunStart
from monitor.grammar.telemetry import CallIgnored, MonitorOff, Observed


@line("")
class Unknown(Record):
    """A line in our format with an unknown tag, or with a text that breaks the grammar of its tag."""

    tag: str
    content: str
    problem: str | None = None

    def text(self) -> str:
        """Return the content unchanged."""
        return self.content


RECORD_TYPES: tuple[type[Record], ...] = (
    *(RunStart, RunEnd, ConfigUnused, ConfigIgnored, Config, Intent),
    *(Data, DataCheck, Target, ModelGroup, Model),
    *(Phase, Train, Floor, Epoch, Metrics, HorizonMetrics, SelectionShare, AttentionLags),
    *(EncoderGrad, GradReport, GradBelow, GradNonfinite, WeightReport, ActivationReport, InputReport, BatchReport),
    *(GuardCheck, GuardReport, GuardReset, GuardRecovered, GuardFailed),
    *(ProcessGone, ProcessStopping, Process, Gpu, LogLost, CheckpointConflict, Checkpoint, Nonfinite, Error),
    *(MonitorOff, CallIgnored, Observed),
)
"""Every record type; types with the same tag are tried in this order."""

TAGS = frozenset(each.TAG for each in RECORD_TYPES)
"""The tags of our own lines."""
_BY_TAG: dict[str, tuple[type[Record], ...]] = {
    tag: tuple(each for each in RECORD_TYPES if tag == each.TAG) for tag in {each.TAG for each in RECORD_TYPES}
}

_HEAD = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d\.\d{3})Z ([A-Z]+) \[([A-Za-z0-9_.:-]+)\](?: |$)")


_FIRST, _LAST = -30_610_224_000.0, 253_402_300_799.0
"""1000-01-01 and the last second of 9999, in seconds since 1970."""


class LogLine(NamedTuple):
    """One native line."""

    at: float
    """Seconds since 1970-01-01 UTC, to the millisecond."""
    level: str
    """INFO, WARNING or ERROR; no rule depends on it."""
    record: Record


def format_line(at: float, record: Record, *, level: str | None = None) -> str:
    """Return the line for a record, without a line feed; the level defaults to the record type's.

    A time before the year 1000 or after 9999, which hostile logs can state, becomes the nearest one with four digits.
    """
    at = min(max(at, _FIRST), _LAST)
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    tag = record.tag if isinstance(record, Unknown) else record.TAG
    text = record.text()
    return f"{_stamp(seconds)}.{milliseconds:03d}Z {level or record.LEVEL} [{tag}]{' ' + text if text else ''}"


@lru_cache(maxsize=8)
def _stamp(second: int) -> str:
    """Write a time; lines come in order, so a few are remembered."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def parse_line(data: bytes) -> LogLine | None:
    """Read one line without its line feed; None if it is not in our format."""
    return _read(_HEAD.match(data), data)


def find_line(data: bytes) -> LogLine | None:
    """Read the first native line in these bytes, which may follow a progress bar; None if there is none."""
    # Most lines of a foreign log are not ours, and a plain search shows that ten times as fast.
    return _read(_HEAD.search(data), data) if b"Z " in data else None


def _read(head: re.Match[bytes] | None, data: bytes) -> LogLine | None:
    if head is None:
        return None
    try:
        at = (minute_ms(head[1]) + round(1000 * float(head[2]))) / 1000
    except ValueError:
        return None
    tag, text = head[4].decode("ascii"), data[head.end() :].decode("utf-8", "replace")
    level = head[3].decode("ascii")
    return LogLine(at, level, _read_record(tag, level, text))


@lru_cache(maxsize=256)
def minute_ms(minute: bytes) -> int:
    """Return the time of ``2025-10-30T23:40`` in milliseconds since 1970. Raises ValueError if it is not a time."""
    return round(datetime.fromisoformat(f"{minute.decode('ascii')}:00+00:00").timestamp()) * 1000


def _read_record(tag: str, level: str, text: str) -> Record:
    """Read a text as the first type of its tag that fits; types of the line's level are tried first."""
    problem = None
    record_types = _BY_TAG.get(tag, ())
    if len(record_types) > 1:
        record_types = tuple(sorted(record_types, key=lambda each: level != each.LEVEL))
    for record_type in record_types:
        try:
            record = record_type.from_text(text)
        except ValueError as error:
            problem = problem or str(error)
            continue
        if record is not None:
            return record
    return Unknown(tag=tag, content=text, problem=problem)


def body_of(record: Record) -> str:
    """Return level, tag and text."""
    return format_line(0.0, record).partition(" ")[2]
