"""``match``: finds lines that contain a text: a traceback, an out-of-memory error, or a pattern of the user's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

import re2
from pydantic import AfterValidator, Field, model_validator

from monitor.conditions.condition import Condition, SignalName
from monitor.conditions.counted import Occurrences, Period
from monitor.conditions.values import Level
from monitor.reader.endings import shipped_endings
from monitor.reader.signals import MATCH, Labels, Sample
from monitor.run.attempt import Attempt
from monitor.run.series import Series

PATTERN_LIMIT = 500
"""Longest pattern, in characters. Chosen by hand, 2026-11."""

_TEXT_ENDS = re.compile(r"\\[Az]|\(\?[a-zA-Z]*-")
"""Pattern parts that mean something else when many lines are searched at once."""
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def _searchable(pattern: str) -> str:
    """Check that a pattern is valid RE2 and does not match an empty line. Raises ValueError."""
    expected = "an RE2 expression, which has no back-references and no look-around"
    try:
        compiled = _compiled(pattern)
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"{pattern!r:.60}: {why}; expected {expected}") from None
    if compiled.search("") is not None:
        raise ValueError(f"{pattern!r:.60} matches every line; expected a pattern that needs at least one character")
    return pattern


class Match(Occurrences):
    """Lines that contain a text.

    Every line of the log is searched, up to 64 KiB of it, in linear time. A text that was not found is ok only with a
    ``heartbeat``: a line that no code writes is never found, however broken the run is.
    """

    kind: Literal["match"]
    pattern: Annotated[str, Field(min_length=1, max_length=PATTERN_LIMIT), AfterValidator(_searchable)] | None = None
    """What to look for anywhere in a line: an RE2 expression."""
    signal: SignalName | None = None
    """Instead of a pattern: a text that every dialect knows, ``text.traceback`` or ``text.out_of_memory``."""
    per: Period = "run"
    """The period in which lines count together: ``epoch``, ``run``, or a window such as ``5m`` or ``200 steps``."""
    above: Level | None = None
    """The largest number of lines that is still right; 0 unless given."""

    @model_validator(mode="before")
    @classmethod
    def _one_is_too_many(cls, declared: Any) -> Any:
        has_number = not isinstance(declared, dict) or "above" in declared or "levels" in declared
        return declared if has_number else {**declared, "above": 0}

    @model_validator(mode="after")
    def _one_text(self) -> Match:
        if (self.pattern is None) == (self.signal is None):
            raise ValueError("expected exactly one of pattern, signal")
        if self.signal is not None and not self.signal.startswith("text."):
            raise ValueError(f"signal: not a text: {self.signal}; expected a signal that begins with text.")
        if self.by is not None:
            raise ValueError("by: a text has no labels; expected no by")
        return self

    def in_words(self) -> str:
        """Return what is tested."""
        text = f"/{self.pattern}/" if self.pattern else f"a text of {self.signal}"
        if self.above == 0:
            return f"a line contains {text} {self.per_words()}"
        return f"more than {self.number_words()} lines contain {text} {self.per_words()}"

    def patterns(self) -> Iterator[str]:
        """Yield the pattern."""
        if self.pattern is not None:
            yield self.pattern

    @property
    def _signal(self) -> str:
        return self.signal or MATCH

    @property
    def _event(self) -> str:
        return self.signal or f"/{self.pattern}/"

    def _found(self, attempt: Attempt) -> dict[Labels, Series]:
        if self.pattern is None:
            return attempt.of(self._signal)
        labels = _labels(self.pattern)
        return {labels: series} if (series := attempt.of(MATCH).get(labels)) else {}


class Patterns:
    """Searches every line for the patterns of all rules."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._each = {pattern: _compiled(pattern) for each in conditions for pattern in each.patterns()}
        self._any = _any_of(self._each)
        # For many lines at once: the ends of lines replace the ends of the text.
        is_lined = not any(_TEXT_ENDS.search(pattern) for pattern in self._each)
        self._anywhere = _any_of(f"(?m:{pattern})" for pattern in self._each) if is_lined else None

    def places(self, data: bytes) -> list[tuple[int, int]]:
        """Return the byte ranges that may contain a pattern or a text signal; nothing outside them does."""
        found = self._patterned(data)
        if found == [(0, len(data))]:
            return found
        return [*found, *((start, start + 1) for start, _ in shipped_endings().find_all(data))]

    def _patterned(self, data: bytes) -> list[tuple[int, int]]:
        if not self._each:
            return []
        text = data if data.isascii() else data.decode("utf-8", "replace").encode()
        if self._anywhere is None:
            return [(0, len(data))]
        # If some bytes are not UTF-8, positions in the decoded text are not positions in the data.
        if len(text) != len(data) or (text is not data and text != data):
            return [(0, len(data))] if self._anywhere.search(text) is not None else []
        return [found.span() for found in self._anywhere.finditer(text)]

    def samples(self, data: bytes) -> Iterator[Sample]:
        """Yield a sample for each pattern that a line contains."""
        if not self._each:
            return
        # Not even a dot matches a byte that is not UTF-8.
        text = data if data.isascii() else data.decode("utf-8", "replace").encode()
        if self._any is not None and self._any.search(text) is None:
            return
        for pattern, compiled in self._each.items():
            if compiled.search(text) is not None:
                yield Sample(MATCH, _labels(pattern), 1.0)


def _any_of(patterns: Iterable[str]) -> Any:
    """Return one search for all patterns; None if there are none, or if they are too large together.

    RE2's own set would not be faster, and when its memory runs out it silently finds nothing.
    """
    together = "|".join(f"(?:{pattern})" for pattern in patterns)
    try:
        return _compiled(together) if together else None
    except re2.error:
        return None


def _labels(pattern: str) -> Labels:
    return (("pattern", pattern),)
