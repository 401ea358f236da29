"""``monitor unsilence``: end a silence or an acknowledgement early."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli import completers
from monitor.cli.options import state_option
from monitor.cli.silence import request_of, state_of
from monitor.notify.silences import line_of
from monitor.service.control import Request


@click.command("unsilence")
@click.argument("target", shell_complete=completers.silenced)
@state_option
def command(target: str, state: Path | None) -> int:
    """End a silence or an acknowledgement.

    TARGET is the name of a rule, the id of an alert, or the id of a silence; all its silences end. Writes to the
    state folder, through the watch if one runs. Exit code: 0 ended, 2 usage or no such silence.

    \b
    monitor unsilence StepTimeGrown --state /var/lib/trainwarden/run-1
    """
    for each in request_of(state_of(state), Request("unsilence", target)):
        click.echo(f"ended: {line_of(each)}")
    return 0
