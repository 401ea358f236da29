"""Paths for commands that people paste into a shell."""

from __future__ import annotations

import shlex


def quoted_path(path: str) -> str:
    """Return a path quoted for a POSIX shell, so that no command takes it for an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)
