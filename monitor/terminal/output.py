"""Where the announcements of a watch go: plain lines here, or the live view on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import click

from monitor.base.escape import terminal
from monitor.live.daemon import Daemon
from monitor.tail import Waker


class Output(Protocol):
    """Shows what a watch announces."""

    def say(self, lines: Sequence[str]) -> None:
        """Show lines about the run; they are already escaped."""
        ...

    def warn(self, text: str) -> None:
        """Show one line about the watch itself, or about the log as a file."""
        ...

    def turn(self) -> None:
        """Called after each poll, once all new output has been passed."""
        ...

    def shown(self, daemon: Daemon, waker: Waker) -> AbstractContextManager[None]:
        """Hold the terminal within the block, in which the daemon runs."""
        ...


class PlainOutput:
    """Prints everything at once, line by line."""

    def say(self, lines: Sequence[str]) -> None:
        """Print to standard output."""
        click.echo("\n".join(lines))

    def warn(self, text: str) -> None:
        """Print to standard error."""
        click.echo(terminal(f"monitor: {text}"), err=True)

    def turn(self) -> None:
        """Do nothing: everything is printed already."""

    def shown(self, daemon: Daemon, waker: Waker) -> AbstractContextManager[None]:
        """Do nothing: lines need no terminal."""
        return nullcontext()
