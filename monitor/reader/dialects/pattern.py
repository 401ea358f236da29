"""Dialects and their line patterns, as a dialect file declares them, ready to read lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import re2

from monitor.reader.dialects.to_native import signals_given

PATTERN_LIMIT = 1_000
"""Longest pattern, in characters. Chosen by hand, 2026-11."""
PLACING = frozenset(("train", "bar", "epoch_bar", "epoch", "epoch_begin", "validation"))
"""Events that say where the run is."""
PAIRS = (
    r"['\"]?(?P<key>[A-Za-z_][A-Za-z0-9_./@-]*)['\"]?\s*[:=]\s*['\"]?"
    r"(?P<value>[-+]?(?:\d[\d,]*(?:\.\d+)?\.?(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|"
    r"(?i:nan|inf(?:inity)?)\b))"
)
"""How ``key=value``, ``key: value``, ``'key': 'value'`` and ``"key": value`` are read, where a pattern has a group
``pairs`` and no expression of its own for them."""


def compiled(pattern: str) -> Any:
    """Return a pattern in RE2, which takes linear time on any line. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


@dataclass(frozen=True)
class SampleLine:
    """A line, and what must be read from it."""

    line: str
    gives: dict[str, str]
    """Fields, as `LinePattern.read` returns them; all of them."""
    place: tuple[str | int, ...] = ()
    """Its place in its file."""


@dataclass(frozen=True)
class LinePattern:
    """One kind of line."""

    name: str
    event: str
    like: tuple[bytes, ...]
    """One of these texts must be in the line, which makes all other lines cheap."""
    pattern: str
    pairs: str | None = None
    """How the pairs of the group ``pairs`` are read."""
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each field, the keys that mean it, in small letters; the first that is there counts."""
    set: dict[str, str] = field(default_factory=dict)
    """Fields with a value of their own."""
    scale: dict[str, float] = field(default_factory=dict)
    """What fields are multiplied with: 0.001 for milliseconds."""
    needs: tuple[tuple[str, ...], ...] = ()
    """One field of each of these groups must be there."""
    detects: bool = False
    """Whether such a line shows that the log speaks this dialect."""
    samples: tuple[SampleLine, ...] = ()
    refuses: tuple[str, ...] = ()
    """Lines that must not match."""

    @cached_property
    def _search(self) -> Any:
        return compiled(self.pattern)

    @cached_property
    def _pairs(self) -> Any:
        return compiled(self.pairs or PAIRS)

    @property
    def groups(self) -> frozenset[str]:
        """The names of its groups."""
        return frozenset(self._search.groupindex)

    @cached_property
    def gives(self) -> frozenset[str]:
        """The signals that it can give."""
        fields = set(self.groups) | set(self.keys) | set(self.set)
        return signals_given(self.event, fields, self.set.get("tag", ""))

    def read(self, body: bytes) -> dict[str, str] | None:
        """Return the fields of a line, which is UTF-8; None where it is of another kind."""
        if not any(text in body for text in self.like):
            return None
        match = self._search.search(body)
        if match is None:
            return None
        fields = dict(self.set)
        for name, _ in sorted(self._search.groupindex.items(), key=lambda item: item[1]):
            if name != "pairs" and (text := match[name]) is not None:
                fields[name] = text.decode("utf-8")
        if self.keys:
            found: dict[str, str] = {}
            for pair in self._pairs.finditer(match["pairs"]):
                found.setdefault(pair["key"].decode("utf-8").strip().lower(), pair["value"].decode("utf-8"))
            for name, keys in self.keys.items():
                known = next((found[key] for key in keys if key in found), None)
                if known is not None:
                    fields.setdefault(name, known)
        if any(not fields.keys() & group for group in map(set, self.needs)):
            return None
        for name, factor in self.scale.items():
            if name in fields:
                fields[name] = repr(round(float(fields[name].replace(",", "")) * factor, 12))
        return fields


@dataclass(frozen=True)
class Mark:
    """A kind of line that shows which trainer writes, and says nothing else."""

    like: tuple[bytes, ...]
    """One of these texts must be in the line."""
    pattern: str
    """Empty where the text alone is the mark."""
    samples: tuple[SampleLine, ...] = ()
    refuses: tuple[str, ...] = ()
    place: tuple[str | int, ...] = ()
    """Its place in its file."""

    @cached_property
    def _search(self) -> Any:
        return compiled(self.pattern)

    def is_in(self, body: bytes) -> bool:
        """Whether a line, in UTF-8, has the mark."""
        return any(text in body for text in self.like) and self._search.search(body) is not None


@dataclass(frozen=True)
class Dialect:
    """How one trainer writes."""

    name: str
    title: str
    lines: tuple[LinePattern, ...] = ()
    """What the vocabulary cannot know. Without any, the marks name a log, and the vocabulary reads it."""
    marks: tuple[Mark, ...] = ()
    path: str = ""
    """The file that declares it."""

    @cached_property
    def _any(self) -> Any:
        return _any_of(text for each in self.lines for text in each.like)

    @property
    def is_by_words(self) -> bool:
        """Whether it only names a log, which the vocabulary reads."""
        return not self.lines

    @cached_property
    def gives(self) -> frozenset[str]:
        """The signals that its own lines can give."""
        return frozenset().union(*(each.gives for each in self.lines))

    @cached_property
    def places_itself(self) -> bool:
        """Whether its own lines say where the run is, so that the vocabulary must not."""
        return any(each.event in PLACING for each in self.lines)

    @cached_property
    def events(self) -> frozenset[str]:
        """What its own lines can mean."""
        return frozenset(each.event for each in self.lines)

    def find(self, body: bytes, *, detecting: bool = False) -> tuple[LinePattern, dict[str, str]] | None:
        """Return the first pattern that a line fits, and its fields; only of those that detect, if asked for."""
        if not body or not self.lines or self._any.search(body) is None:
            return None
        for each in self.lines:
            if (each.detects or not detecting) and (fields := each.read(body)) is not None:
                return each, fields
        return None

    def shows(self, body: bytes) -> bool:
        """Whether a line has one of its marks."""
        return any(each.is_in(body) for each in self.marks)


def detecting(dialects: tuple[Dialect, ...]) -> Any:
    """Return a search that finds something in every line which may show one of these dialects."""
    detects = [text for dialect in dialects for each in dialect.lines if each.detects for text in each.like]
    return _any_of([*detects, *(text for dialect in dialects for mark in dialect.marks for text in mark.like)])


def _any_of(texts: Any) -> Any:
    return compiled("|".join(sorted({re2.escape(text.decode("utf-8")) for text in texts})) or r"\z\A.")
