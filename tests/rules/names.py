"""Names of generated cases that are the same in every process."""

from __future__ import annotations


def named(value: object) -> str:
    """Name a case by its parts; a function by its own name, not by its address."""
    parts = value if isinstance(value, tuple) else (value,)
    return "-".join(getattr(each, "__name__", str(each)).lstrip("_") for each in parts)
