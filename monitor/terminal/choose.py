"""Choose between plain lines and the live view."""

from __future__ import annotations

import os
import sys

from monitor.terminal.output import Output, PlainOutput


def choose(*, is_plain: bool, has_keys: bool = True) -> Output:
    """Return the live view where standard output is a terminal that can show it, unless plain lines are wanted.

    Without ``has_keys`` it leaves standard input alone.
    """
    if is_plain or not _is_drawable():
        return PlainOutput()
    # rich is imported only here, so that a watch without a terminal stays light.
    from monitor.base.clock import SystemClock
    from monitor.terminal.live_view import LiveOutput
    from monitor.terminal.screen import Display

    keys = sys.stdin.fileno() if has_keys and sys.stdin is not None and sys.stdin.isatty() else None
    return LiveOutput(SystemClock(), Display(sys.stdout, keys=keys))


def _is_drawable() -> bool:
    """Whether standard output is a terminal with cursor control and UTF-8."""
    try:
        is_terminal = os.isatty(sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return is_terminal and encoding == "utf8" and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
