"""``monitor unsilence``: end a silence or an acknowledgement before its time."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from monitor.cli.silence import line_of, state_of
from monitor.errors import MonitorError
from monitor.escape import terminal
from monitor.notify.silences import Silence, change_silences


@click.command("unsilence")
@click.argument("target")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="The folder that the watch was given.")
def command(target: str, state: Path | None) -> int:
    """End every silence of TARGET: a rule's name, an alert's id, or a silence's own id.

    Exit code: 0 ended, 2 usage, or there is none.

    \b
    monitor unsilence StepTimeGrown --state /var/lib/trainwarden/run-1
    """
    ended: list[Silence] = []

    def without(known: list[Silence]) -> Iterable[Silence]:
        ended.extend(each for each in known if target in (each.id, each.target))
        return [each for each in known if each not in ended]

    change_silences(state_of(state), without)
    if not ended:
        raise MonitorError("TARGET", f"nothing silences {terminal(target, 40)!r}", expected="see monitor silence")
    for each in ended:
        click.echo(f"ended: {line_of(each)}")
    return 0
