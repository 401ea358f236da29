"""The rows of each section that are shown: divides the height of the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text

NARROW = 50
"""Width below which a section shows only the essentials."""
INDENT = "    "
"""Indent of the continuation lines of a row."""
FOLDS = 5
"""Most continuation lines of one row."""

ROOMY = 24
"""Height from which some lines are reserved for continuation lines."""


class Row(NamedTuple):
    """One line of a section."""

    text: Text
    rank: int = 0
    """Where not all rows fit, rows of higher rank stay."""
    is_prose: bool = False
    """Whether it may continue on further lines where there is room."""


class Section(NamedTuple):
    """A list of rows under a title."""

    title: Text | None
    """None for rows without a title line."""
    rows: Sequence[Row]
    share: int = 1
    """Rows that it gets for each row of a section with share 1, where not all fit."""


def fit(sections: Sequence[Section], width: int, height: int) -> list[Text]:
    """Return at most ``height`` lines: the title of each section, then as many of its rows as it is granted.

    Without room for a title and a row of each, the last sections are left out. A title shows how many of its rows
    are left out.
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


def needed(sections: Sequence[Section], width: int) -> int:
    """Return how many lines the sections would take, with the continuation lines of their prose."""
    shown = [section for section in sections if section.rows]
    lines = sum(len(folded(row.text, width, 1 + FOLDS * row.is_prose)) for section in shown for row in section.rows)
    return lines + _num_titles(shown)


def folded(text: Text, width: int, num_lines: int) -> list[Text]:
    """Break a text at spaces into at most ``num_lines``, all but the first indented; the last may be too long."""
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
    """Return how many lines to reserve for rows longer than one line; none where there is little room."""
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
    """Return ``num_rows`` rows in their order, without the least important ones."""
    by_rank = sorted(range(len(rows)), key=lambda number: -rows[number].rank)
    return [rows[number] for number in sorted(by_rank[:num_rows])]


def _ruled(title: Text, width: int, *, num_left_out: int) -> Text:
    line = Text.assemble(("── ", "bright_black"), title, " ")
    end = f" {num_left_out:,} more ──" if num_left_out else ""
    return line.append("─" * max(0, width - line.cell_len - len(end)) + end, "bright_black")
