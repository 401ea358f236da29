"""The layouts that are known of a log, and the lines that they find; each learns as it reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import compress
from typing import TYPE_CHECKING

from monitor.run.columns.line_template import HEAD_BYTES, Layout, has_layout, layout_of
from monitor.run.columns.rows import Group, Rows, read_rows

if TYPE_CHECKING:
    import numpy as np

KEPT = 4
"""Layouts remembered, and lines learnt from at a time, of each tag. Chosen by hand: a log has one or two."""
_TAG_AT = HEAD_BYTES + len("INFO [")
_TAG_BYTES = 8
"""So many bytes tell the tags apart; where they do not, a layout fits some of the lines and leaves the others."""


class Layouts:
    """Finds rows among lines."""

    def __init__(self) -> None:
        self._known: defaultdict[bytes, list[Layout]] = defaultdict(list)

    def rows(self, data: bytes, starts: np.ndarray, ends: np.ndarray, heads: np.ndarray) -> Iterator[Rows]:
        """Yield the rows among lines, at these places, that begin with what may be the head of a record."""
        import numpy as np

        heads = heads[starts[heads] + _TAG_AT + _TAG_BYTES <= len(data)]
        words = np.ndarray((max(len(data) - _TAG_BYTES + 1, 0),), "<u8", data, strides=(1,))
        tags, which = np.unique(words[starts[heads] + _TAG_AT], return_inverse=True)
        for index, tag in enumerate(tags):
            places = heads[which == index]
            if has_layout(data[starts[places[0]] : ends[places[0]]]):
                spans = zip(starts[places].tolist(), (ends[places] + 1).tolist(), strict=True)
                lines = [data[start:end] for start, end in spans]
                yield from self._rows(tag.tobytes(), places.tolist(), lines)

    def _rows(self, tag: bytes, places: list[int], lines: list[bytes]) -> Iterator[Rows]:
        known = self._known[tag]
        for layout in tuple(known):
            rows, places, lines = _fitting(layout, places, lines)
            if rows is not None:
                yield rows
        for _ in range(KEPT):
            if not lines:
                break
            learnt = layout_of(lines[0][:-1])
            if learnt is None or learnt in known:
                places, lines = places[1:], lines[1:]
                continue
            # The newest first: a log has a handful of layouts, one after another.
            known.insert(0, learnt)
            del known[KEPT:]
            rows, places, lines = _fitting(learnt, places, lines)
            if rows is not None:
                yield rows


def _fitting(layout: Layout, places: list[int], lines: list[bytes]) -> tuple[Rows | None, list[int], list[bytes]]:
    """Return the rows of the lines that fit a layout, and the lines that do not."""
    groups: list[Group] = layout.pattern.findall(b"".join(lines))
    fitting, others, left = places, [], []
    if len(groups) < len(lines):
        is_fit = [layout.pattern.fullmatch(line) is not None for line in lines]
        fitting = list(compress(places, is_fit))
        others = [place for place, fits in zip(places, is_fit, strict=True) if not fits]
        left = [line for line, fits in zip(lines, is_fit, strict=True) if not fits]
    rows = read_rows(layout, fitting, groups) if fitting else None
    return (rows, others, left) if rows is not None or not fitting else (None, places, lines)
