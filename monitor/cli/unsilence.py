"""``monitor unsilence``: end a silence or an acknowledgement before its time."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.silence import request_of, state_of
from monitor.notify.silences import line_of
from monitor.service.control import Request


@click.command("unsilence")
@click.argument("target")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="The folder that the watch was given.")
def command(target: str, state: Path | None) -> int:
    """End a silence or an acknowledgement.

    TARGET is a rule's name, an alert's id, or a silence's own id; every silence of it ends.
    Exit code: 0 ended, 2 usage, or there is none.

    \b
    monitor unsilence StepTimeGrown --state /var/lib/trainwarden/run-1
    """
    for each in request_of(state_of(state), Request("unsilence", target)):
        click.echo(f"ended: {line_of(each)}")
    return 0
