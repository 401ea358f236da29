"""``monitor silence``: for a while, tell nobody of a rule or of one alert."""

from __future__ import annotations

import getpass
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.cli.status import default_directory
from monitor.clock import Clock, SystemClock
from monitor.conditions.values import seconds
from monitor.errors import MonitorError, StateError
from monitor.escape import terminal
from monitor.notify.silences import SHORTEST_ID, Silence, change_silences, new_silence, read_silences, still_of_use

_ID = re.compile(rf"[0-9a-f]{{{SHORTEST_ID},16}}")


@click.command("silence")
@click.argument("target", required=False)
@click.option("--for", "duration", metavar="DURATION", help="How long: 30m, 2h, 1d.")
@click.option("--reason", default="", help="Why; the report shows it.")
@click.option("--author", default=None, help="Who; by default the user who runs this.")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="The folder that the watch was given.")
def command(target: str | None, duration: str | None, reason: str, author: str | None, state: Path | None) -> int:
    """Tell nobody of TARGET for a while: a rule's name, or an alert's id. Without TARGET, list the silences.

    Files of alerts, Alertmanager and commands get everything all the same, and so does the report. What still
    fires when the silence ends is told then. Exit code: 0 done, 2 usage or no state.

    \b
    monitor silence StepTimeGrown --for 2h --reason "backup runs" --state /var/lib/trainwarden/run-1
    monitor silence --state /var/lib/trainwarden/run-1
    """
    directory, clock = state_of(state), SystemClock()
    if target is None:
        for each in still_of_use(read_silences(directory), clock.wall()):
            click.echo(line_of(each))
        return 0
    if duration is None:
        raise MonitorError("--for", "is missing", expected="how long: 30m, 2h, 1d")
    try:
        lasts_s = seconds(duration)
    except ValueError as error:
        raise MonitorError("--for", str(error), expected="a duration such as 2h") from None
    now = clock.wall()
    made = new_silence(checked_target(target), author or author_here(), reason, now, now + lasts_s)
    put_first(directory, made, clock)
    click.echo(line_of(made))
    return 0


def state_of(state: Path | None) -> Path:
    """Return the state folder. Raises StateError where there is none."""
    directory = state or default_directory(os.environ)
    if not directory.is_dir():
        raise StateError(str(directory), "is no state folder", expected="--state DIR, as the watch was given")
    return directory


def checked_target(target: str) -> str:
    """Return the target if it is a rule that could exist, or an id. Raises MonitorError."""
    is_name = re.fullmatch(r"[A-Za-z]\w{0,99}", target) is not None
    if not (is_name or _ID.fullmatch(target)):
        what = f"{terminal(target, 40)!r} is neither a rule nor an alert's id"
        raise MonitorError("TARGET", what, expected=f"a rule's name, or {SHORTEST_ID} to 16 digits of an id")
    return target


def put_first(directory: Path, made: Silence, clock: Clock) -> None:
    """Add a silence, and forget those that have ended. Raises StateError."""
    change_silences(directory, lambda known: [*still_of_use(known, clock.wall()), made])


def author_here() -> str:
    """Return who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"


def line_of(silence: Silence) -> str:
    """Return a silence as a line for a person."""
    until = "until it is over" if silence.ends_at is None else f"until {_time(silence.ends_at)}"
    verb = "acknowledged" if silence.is_acknowledgement else "silent"
    why = f": {silence.reason}" if silence.reason else ""
    return terminal(f"{silence.id} {silence.target} {verb} {until} by {silence.author}{why}")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
