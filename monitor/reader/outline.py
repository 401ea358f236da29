"""A line with each of its digits as 0: what any digit fits in a line is the same in all lines of one outline.

Most lines of a log differ from earlier ones in their digits alone. What an expression finds in them, and where, is
looked up by their outline, so that it is looked for once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, TypeVar

MOST_OUTLINES = 2_048
"""Outlines that are remembered at once: a log has some dozen. Chosen by hand, 2026-11."""
LONGEST_OUTLINE = 600
"""Characters of a line that is looked up: what is remembered stays below 2 MiB. Chosen by hand, 2026-11."""

_ZEROS = str.maketrans("123456789", "0" * 9)
_DIGITS_MATTER = re.compile(r"@|\.#|float0|int0|(?i:nan\.0|inf(?:inity)?\.0|epoch.*f0)")
"""Where not every digit does: ``mAP@0.5:0.95``, ``1.#IND``, ``np.float32(0.5)``, ``nan.0``, ``End of epoch 3: F1: 1``.
"""

T = TypeVar("T")
_NOT_SEEN = object()


class ByOutline(Generic[T]):
    """Asks a function of a line once for all lines of an outline; what it returns must not depend on the digits."""

    def __init__(self, ask: Callable[[str], T]) -> None:
        """``ask`` is a function of an outline."""
        self._ask = ask
        self._known: dict[str, T | None] = {}

    def __call__(self, text: str) -> T | None:
        """Return what the function says of a line's outline; None where the line itself must be asked about.

        That is so where digits matter, and for the first line of an outline: most that come once come once only.
        """
        if len(text) > LONGEST_OUTLINE:
            return None
        outline = text.translate(_ZEROS)
        known = self._known.get(outline, _NOT_SEEN)
        if known is _NOT_SEEN:
            if len(self._known) >= MOST_OUTLINES:
                self._known.clear()
            self._known[outline] = None
            return None
        if known is None and _DIGITS_MATTER.search(outline) is None:
            known = self._known[outline] = self._ask(outline)
        return known  # type: ignore[return-value]

    def forget(self) -> None:
        """Forget what was said: the words mean something else from now on."""
        self._known.clear()
