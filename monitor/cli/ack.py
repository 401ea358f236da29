"""``monitor ack``: acknowledge an alert, so that it is not repeated."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.options import state_option
from monitor.cli.silence import request_of, state_of
from monitor.notify.silences import SHORTEST_ID, is_alert_id, line_of
from monitor.service.control import Request


@click.command("ack")
@click.argument("alert", shell_complete=completers.alerts)
@click.option("--reason", default="", help="What you are doing about it; the report shows this.")
@click.option("--author", default="", help="Your name; the user running this command is recorded as well.")
@state_option
def command(alert: str, reason: str, author: str, state: Path | None) -> int:
    """Acknowledge an alert, so that it is not repeated.

    ALERT is its id, or the first digits of it. You are still told when it ends. Writes to the state folder, through
    the watch if one runs. Exit code: 0 done, 2 usage or no state.

    \b
    monitor ack 3f9c1a --reason "restarting with a lower rate" --state /var/lib/trainwarden/run-1
    """
    if not is_alert_id(alert):
        what = f"not an alert id: {terminal(alert, 40)!r}"
        raise MonitorError("ALERT", what, expected=f"{SHORTEST_ID} to 16 digits, as monitor status shows them")
    for each in request_of(state_of(state), Request("ack", alert, reason=reason, author=author)):
        click.echo(line_of(each))
    return 0
