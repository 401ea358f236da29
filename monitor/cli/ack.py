"""``monitor ack``: say that somebody looks after an alert, so that nobody is told of it again."""

from __future__ import annotations

import re
from pathlib import Path

import click

from monitor.cli.silence import author_here, line_of, put_first, state_of
from monitor.clock import SystemClock
from monitor.errors import MonitorError
from monitor.escape import terminal
from monitor.notify.silences import SHORTEST_ID, new_silence


@click.command("ack")
@click.argument("alert")
@click.option("--reason", default="", help="What is being done; the report shows it.")
@click.option("--author", default=None, help="Who; by default the user who runs this.")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="The folder that the watch was given.")
def command(alert: str, reason: str, author: str | None, state: Path | None) -> int:
    """Take ALERT on: its id, or the first digits of it. It is not repeated; its end is told.

    Exit code: 0 done, 2 usage or no state.

    \b
    monitor ack 3f9c1a --reason "restarting with a lower rate" --state /var/lib/trainwarden/run-1
    """
    if not re.fullmatch(rf"[0-9a-f]{{{SHORTEST_ID},16}}", alert):
        what = f"{terminal(alert, 40)!r} is no alert's id"
        raise MonitorError("ALERT", what, expected=f"{SHORTEST_ID} to 16 digits of it, as monitor status shows them")
    clock = SystemClock()
    made = new_silence(alert, author or author_here(), reason, clock.wall(), None)
    put_first(state_of(state), made, clock)
    click.echo(line_of(made))
    return 0
