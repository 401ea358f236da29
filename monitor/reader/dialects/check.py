"""What a dialect's own samples say of it: those that do not match, match wrongly, or match another pattern first."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.reader.dialects.parts import take_parts
from monitor.reader.dialects.pattern import Dialect, LinePattern
from monitor.reader.dialects.state import DialectState
from monitor.reader.dialects.to_native import KINDS, number
from monitor.reader.state import Clock

Problem = tuple[tuple[str | int, ...], str, str]
"""Where in the file, what, and what was expected."""


def problems_of(dialect: Dialect) -> Iterator[Problem]:
    """Yield what is wrong with the patterns of a dialect, by their own samples."""
    for mark in dialect.marks:
        for sample in mark.samples:
            if not any(dialect.shows(part) for part in parts_of(sample.line)):
                yield sample.place, f"no mark is in {sample.line!r:.80}", "a line that the marks show"
        for number_of, line in enumerate(mark.refuses):
            if any(dialect.shows(part) for part in parts_of(line)):
                yield (*mark.place, "refuses", number_of), f"a mark is in {line!r:.80}", "no match"
    for index, each in enumerate(dialect.lines):
        for sample in each.samples:
            what = _matched(dialect, each, sample.line)
            if isinstance(what, str):
                yield sample.place, what, f"a match by {each.name}"
                continue
            gives = {key: value for key, value in what.items() if each.set.get(key) != value or key in sample.gives}
            for key in sorted(gives.keys() | sample.gives.keys()):
                if not _agree(gives.get(key), sample.gives.get(key)):
                    got = f"{each.name} reads {key} as {gives.get(key)!r}"
                    yield sample.place, got, f"{sample.gives.get(key)!r}, as the sample says"
            try:
                KINDS[each.event].say(what, DialectState())
            except (ValueError, KeyError) as error:
                yield sample.place, f"{each.name}: {each.event} cannot be made of it ({error})", "the fields it needs"
        for number_of, line in enumerate(each.refuses):
            if any(each.read(part) is not None for part in parts_of(line)):
                yield ("lines", index, "refuses", number_of), f"{each.name} matches {line!r:.80}", "no match"


def parts_of(line: str) -> list[bytes]:
    """Return the parts of a line that patterns are tried on: a progress bar, and its own words."""
    return take_parts(line, Clock()).tried


def _matched(dialect: Dialect, pattern: LinePattern, line: str) -> dict[str, str] | str:
    others = []
    for part in parts_of(line):
        found = dialect.find(part)
        if found is not None and found[0] is pattern:
            return found[1]
        if found is not None:
            others.append(found[0].name)
    if others:
        return f"{', '.join(others)} matches {line!r:.80} before {pattern.name}"
    return f"{pattern.name} does not match {line!r:.80}"


def _agree(read: str | None, expected: str | None) -> bool:
    if read is None or expected is None:
        return read == expected
    try:
        left, right = number(read), number(expected)
    except ValueError:
        return read == expected
    return left == right or (left != left and right != right)
