"""Suggest the known word that is nearest to a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_WORD_LIMIT = 40
"""Longer words get no suggestion: no name is as long, and comparing takes time."""


def suggestion(word: object, known: Iterable[str]) -> str:
    """Return `` (did you mean 'x'?)`` for a word close to a known one, else nothing."""
    if not isinstance(word, str) or len(word) > _WORD_LIMIT:
        return ""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), list(by_lower), n=1)
    return f" (did you mean {by_lower[near[0]]!r}?)" if near else ""
