"""``monitor ack``: say that somebody looks after an alert, so that nobody is told of it again."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.cli.silence import request_of, state_of
from monitor.notify.silences import SHORTEST_ID, is_alert_id, line_of
from monitor.service.control import Request


@click.command("ack")
@click.argument("alert")
@click.option("--reason", default="", help="What is being done; the report shows it.")
@click.option("--author", default="", help="Who; the user who runs this is named in any case.")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="The folder that the watch was given.")
def command(alert: str, reason: str, author: str, state: Path | None) -> int:
    """Say that somebody looks after an alert, so that it is not repeated.

    ALERT is its id, or the first digits of it. Its end is told all the same. Exit code: 0 done, 2 usage or no state.

    \b
    monitor ack 3f9c1a --reason "restarting with a lower rate" --state /var/lib/trainwarden/run-1
    """
    if not is_alert_id(alert):
        what = f"{terminal(alert, 40)!r} is no alert's id"
        raise MonitorError("ALERT", what, expected=f"{SHORTEST_ID} to 16 digits of it, as monitor status shows them")
    for each in request_of(state_of(state), Request("ack", alert, reason=reason, author=author)):
        click.echo(line_of(each))
    return 0
