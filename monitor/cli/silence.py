"""``monitor silence``: for a while, tell nobody of a rule or of one alert."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError, StateError
from monitor.cli.other_run import default_directory
from monitor.conditions.values import seconds
from monitor.notify.silences import Silence, line_of, read_silences, unexpired
from monitor.service.control import Request, ask, perform


@click.command("silence")
@click.argument("target", required=False)
@click.option("--for", "duration", metavar="DURATION", help="How long: 30m, 2h, 1d.")
@click.option("--reason", default="", help="Why; the report shows it.")
@click.option("--author", default="", help="Who; the user who runs this is named in any case.")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="The folder that the watch was given.")
def command(target: str | None, duration: str | None, reason: str, author: str, state: Path | None) -> int:
    """For a while, tell nobody of a rule or of one alert; or list the silences.

    TARGET is a rule's name, or an alert's id; without it the silences are listed. Files of alerts, Alertmanager and
    commands get everything all the same, and so does the report. What still fires when the silence ends is told then.
    A running watch is asked through its control socket, by all who may read its state. Exit code: 0 done, 2 usage or
    no state.

    \b
    monitor silence StepTimeGrown --for 2h --reason "backup runs" --state /var/lib/trainwarden/run-1
    monitor silence --state /var/lib/trainwarden/run-1
    """
    directory = state_of(state)
    if target is None:
        for each in unexpired(read_silences(directory), SystemClock().wall()):
            click.echo(line_of(each))
        return 0
    if duration is None:
        raise MonitorError("--for", "is missing", expected="how long: 30m, 2h, 1d")
    try:
        lasts_s = seconds(duration)
    except ValueError as error:
        raise MonitorError("--for", str(error), expected="a duration such as 2h") from None
    for each in request_of(directory, Request("silence", target, lasts_s, reason, author)):
        click.echo(line_of(each))
    return 0


def state_of(state: Path | None) -> Path:
    """Return the state folder. Raises StateError where there is none."""
    directory = state or default_directory(os.environ)
    if not directory.is_dir():
        raise StateError(str(directory), "is no state folder", expected="--state DIR, as the watch was given")
    return directory


def request_of(directory: Path, request: Request) -> list[Silence]:
    """Have a running watch do something, else do it to the state at rest. Raises MonitorError."""
    clock = SystemClock()
    done = ask(directory, request, clock)
    return perform(request, directory, _user_here(), clock.wall()) if done is None else done


def _user_here() -> str:
    """Return who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
