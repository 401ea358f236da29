"""Lines → events: every line of a log becomes one event, understood or not, with its evidence."""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

from monitor.base.evidence import TEXT_LIMIT, Evidence
from monitor.grammar import RECORD_TYPES, Error, Record, RunEnd, Unknown, find_line
from monitor.reader.signals import Labels, Sample, samples, text_signals, unreadable

_OUR_TAGS = frozenset(each.TAG for each in RECORD_TYPES)


class RawLine(Protocol):
    """What this station needs of a line, as the tail hands it over."""

    @property
    def number(self) -> int:
        """1-based line number."""
        ...

    @property
    def offset(self) -> int:
        """Byte offset of the line's first byte."""
        ...

    @property
    def data(self) -> bytes:
        """The line's bytes without its end."""
        ...

    def _replace(self, *, data: bytes) -> Self:
        """Return the line with other bytes."""
        ...


Digits = tuple[tuple[str, Labels, int], ...]
"""Signal, labels, and with how many decimal places its number was printed."""


class Opening(NamedTuple):
    """Why a line may be at an earlier place than those before it."""

    kind: str
    """``fit``: another training begins, the last one is complete. ``anew``: another one begins, with another number of
    epochs or from the first epoch again, and nothing says that the last one is complete. ``resume``: the log says that
    it goes on from a checkpoint. ``recount``: reports were numbered by us, and now the log numbers them itself."""
    step: int | None = None
    """The last step that was surely done before the checkpoint that a resume names."""


class Event(NamedTuple):
    """What one line says."""

    evidence: Evidence
    level: str
    """As written; empty for a line outside the grammar."""
    record: Record | None
    """None for a line outside the grammar."""
    samples: tuple[Sample, ...]
    """The numbers and text signals that the line gives."""
    kind: str = ""
    """``dialect:pattern`` of a line that another trainer's dialect explains; empty for any other."""

    opening: Opening | None = None
    digits: Digits = ()
    """Of numbers in a foreign line."""
    error: Exception | None = None
    """Why the line could not be read, if that was a mistake of ours."""

    @property
    def is_understood(self) -> bool:
        """Whether the line was of a known kind."""
        return bool(self.kind) or (self.record is not None and not isinstance(self.record, Unknown))


def read_event(line: RawLine, path: str) -> Event | None:
    """Read one line of the log ``path``; None for a blank one. A record behind a progress bar is found."""
    if not line.data or line.data.isspace():
        return None
    parsed = find_line(line.data)
    at = parsed.at if parsed else None
    evidence = evidence_of(line, path, at)
    if parsed is None:
        return Event(evidence, "", None, tuple(text_signals(line.data)))
    found = tuple(samples(parsed.record))
    if isinstance(parsed.record, _SPEAKS_FREELY):
        found = (*found, *text_signals(line.data))
    if isinstance(parsed.record, Unknown) and parsed.record.tag in _OUR_TAGS:
        found = (*found, unreadable(parsed.record.tag, parsed.record.content))
    return Event(evidence, parsed.level, parsed.record, found)


_SPEAKS_FREELY = (Unknown, Error, RunEnd, type(None))
"""Records whose words are not ours: what they say of death or nan is read as in any other line."""


def evidence_of(line: RawLine, path: str, at: float | None) -> Evidence:
    """Return a line of the log ``path`` as evidence, written at ``at``."""
    return Evidence(path, line.number, line.offset, at, _shown(line.data))


def _shown(data: bytes) -> str:
    return data[: 4 * TEXT_LIMIT].decode("utf-8", "replace")[:TEXT_LIMIT]
