"""Who says what a watch has to say: plain lines, or the live view where there is a terminal for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import click

from monitor.base.escape import terminal
from monitor.live.daemon import Daemon
from monitor.tail import Waker


class Output(Protocol):
    """What a watch needs of its announcer."""

    def say(self, lines: Sequence[str]) -> None:
        """Tell of the run: lines for standard output, already harmless."""
        ...

    def warn(self, text: str) -> None:
        """Tell of the watch itself or of the log as a file: one line for standard error."""
        ...

    def turn(self) -> None:
        """Hear that the log was looked at, and that everything new has been told."""
        ...

    def shown(self, daemon: Daemon, waker: Waker) -> AbstractContextManager[None]:
        """Have the terminal for oneself within the block, in which the daemon runs."""
        ...


class PlainOutput:
    """Says everything at once, line by line."""

    def say(self, lines: Sequence[str]) -> None:
        """Print to standard output."""
        click.echo("\n".join(lines))

    def warn(self, text: str) -> None:
        """Print to standard error."""
        click.echo(terminal(f"monitor: {text}"), err=True)

    def turn(self) -> None:
        """Do nothing: all is said."""

    def shown(self, daemon: Daemon, waker: Waker) -> AbstractContextManager[None]:
        """Do nothing: lines need no terminal."""
        return nullcontext()
