"""``monitor silence``: silence a rule or one alert for a while."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError, StateError
from monitor.cli import completers
from monitor.cli.options import state_option
from monitor.cli.other_run import default_directory
from monitor.conditions.values import seconds
from monitor.notify.silences import Silence, line_of, read_silences, unexpired
from monitor.service.control import Request, ask, perform


@click.command("silence")
@click.argument("target", required=False, shell_complete=completers.alerts_and_rules)
@click.option("--for", "duration", metavar="DURATION", help="Silence for this long: 30m, 2h, 1d.")
@click.option("--reason", default="", help="Why you silence it; the report shows this.")
@click.option("--author", default="", help="Your name; the user running this command is recorded as well.")
@state_option
def command(target: str | None, duration: str | None, reason: str, author: str, state: Path | None) -> int:
    """Silence a rule or one alert for a while; or list the silences.

    TARGET is the name of a rule or the id of an alert; without it the silences are listed. People are not told; files
    of alerts, Alertmanager, commands and the report still get everything. What still fires when the silence ends is
    sent then. Writes to the state folder, through the control socket of the watch if one runs; anyone who may read
    the state may do this. Exit code: 0 done, 2 usage or no state.

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
        raise MonitorError("--for", "is missing", expected="a duration: 30m, 2h, 1d")
    try:
        lasts_s = seconds(duration)
    except ValueError as error:
        raise MonitorError("--for", str(error)) from None
    for each in request_of(directory, Request("silence", target, lasts_s, reason, author)):
        click.echo(line_of(each))
    return 0


def state_of(state: Path | None) -> Path:
    """Return the state folder. Raises StateError where there is none."""
    directory = state or default_directory(os.environ)
    if not directory.is_dir():
        raise StateError(str(directory), "not a state folder", expected="--state DIR, the folder of the watch")
    return directory


def request_of(directory: Path, request: Request) -> list[Silence]:
    """Pass a request to the running watch; without one, change the state directly. Raises MonitorError."""
    clock = SystemClock()
    done = ask(directory, request, clock)
    return perform(request, directory, _user_here(), clock.wall()) if done is None else done


def _user_here() -> str:
    """Return the user who runs this command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
