"""Which rows of which section find room: a pure division of a terminal's height."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

NARROW = 50
"""Cells below which a section drops all but the essential."""
INDENT = "    "
"""Before the further lines of a row."""
FOLDS = 3
"""Most further lines of one row."""

ROOMY = 24
"""Lines from which on some are kept for further lines of rows."""


class Row(NamedTuple):
    """One line of a section."""

    text: Text
    rank: int = 0
    """How much it matters: where not all find room, rows of higher rank stay."""
    is_prose: bool = False
    """Whether it may go on in further lines where there is room."""


class Section(NamedTuple):
    """A list of rows under a title."""

    title: Text | None
    """None for rows without a line above them."""
    rows: Sequence[Row]
    share: int = 1
    """How many rows it gets for each one of a section with share 1, where not all find room."""


def fit(sections: Sequence[Section], width: int, height: int) -> list[Text]:
    """Return at most ``height`` lines: each section's title, then as many of its rows as it is granted.

    Where there is no room for a title and a row of each, the last sections are left out. A title says how many of
    its rows are.
    """
    sections = [section for section in sections if section.rows]
    while sections and _num_titles(sections) + len(sections) > height:
        sections.pop()
    room = height - _num_titles(sections)
    granted = _grant(sections, room - _reserve(sections, width, room))
    spare = room - sum(granted)
    lines: list[Text] = []
    for section, num_rows in zip(sections, granted, strict=True):
        if section.title is not None:
            lines.append(_ruled(section.title, width, num_left_out=len(section.rows) - num_rows))
        for row in _cut(section.rows, num_rows):
            pieces = folded(row.text, width, 1 + min(spare, FOLDS) * row.is_prose)
            spare -= len(pieces) - 1
            lines += pieces
    return lines


def folded(text: Text, width: int, num_lines: int) -> list[Text]:
    """Break a text at blanks into at most so many lines; those after the first are indented, the last may be longer."""
    lines: list[Text] = []
    rest, indent = text, ""
    while len(lines) + 1 < num_lines and rest.cell_len + len(indent) > width > 2 * len(INDENT):
        head = rest.copy()
        head.truncate(width - len(indent) + 1)
        end = head.plain.rstrip().rfind(" ")
        if end <= width // 2:
            break
        lines.append(Text.assemble(indent, rest[:end]))
        rest, indent = rest[end + 1 :], INDENT
    return [*lines, Text.assemble(indent, rest)]


def exactly(lines: Sequence[Text], width: int, height: int) -> list[Text]:
    """Return ``height`` lines of ``width`` cells each: cut with an ellipsis, or padded."""
    shown = [line.copy() for line in lines[:height]]
    shown += [Text() for _ in range(height - len(shown))]
    for line in shown:
        line.rstrip()
        line.truncate(width, overflow="ellipsis", pad=True)
    return shown


def _num_titles(sections: Sequence[Section]) -> int:
    return sum(section.title is not None for section in sections)


def _reserve(sections: Sequence[Section], width: int, room: int) -> int:
    """Return how many lines to keep free for words that do not fit in one; none where there is little room."""
    if room < ROOMY:
        return 0
    long = [row for section in sections for row in section.rows if row.is_prose and row.text.cell_len > width]
    return min(2 * len(long), room // 4)


def _grant(sections: Sequence[Section], room: int) -> list[int]:
    granted = [0] * len(sections)
    for _ in range(room):
        wanting = [number for number, section in enumerate(sections) if granted[number] < len(section.rows)]
        if not wanting:
            break
        granted[min(wanting, key=lambda number: granted[number] / sections[number].share)] += 1
    return granted


def _cut(rows: Sequence[Row], num_rows: int) -> list[Row]:
    """Return so many rows in their order, the least important left out."""
    by_rank = sorted(range(len(rows)), key=lambda number: -rows[number].rank)
    return [rows[number] for number in sorted(by_rank[:num_rows])]


def _ruled(title: Text, width: int, *, num_left_out: int) -> Text:
    line = Text.assemble(("── ", "bright_black"), title, " ")
    end = f" {num_left_out:,} more ──" if num_left_out else ""
    return line.append("─" * max(0, width - line.cell_len - len(end)) + end, "bright_black")
