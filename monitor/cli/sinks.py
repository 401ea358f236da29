"""``monitor sinks``: test the receivers before the night in which they are needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from monitor.alert import Alert, Severity, State
from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError, SinkError
from monitor.base.escape import terminal
from monitor.base.evidence import Evidence
from monitor.cli.config_option import config_option
from monitor.cli.group import Group
from monitor.notify import own_alert
from monitor.sinks import open_sinks
from monitor.sinks.sink import Beats

if TYPE_CHECKING:
    from monitor.config import Config

EXIT_FAILED = 1


@click.group("sinks", cls=Group)
def command() -> None:
    """Send a test alert through each receiver."""


@command.command("test")
@config_option
@click.option("--sink", "sinks", multiple=True, metavar="KIND:PLACE", help="Test this receiver; repeatable.")
def test(config: Config, sinks: tuple[str, ...]) -> int:
    """Send a test alert and its end through each receiver, and print the results.

    Reads the watch file; sends two messages per receiver. Exit code: 0 all delivered, 1 one failed, 2 usage or bad
    file.

    \b
    monitor sinks test --config watch.yaml
    monitor sinks test --sink webhook:env:SLACK_URL
    """
    specs = [*config.sinks, *sinks]
    if not specs:
        raise MonitorError("monitor sinks test", "no receiver given", expected="--config FILE or --sink KIND:PLACE")
    opened = open_sinks(specs)
    for warning in opened.warnings:
        click.echo(terminal(warning), err=True)
    now, has_failed = SystemClock().wall(), False
    firing = _test_alert(now)
    for name, sink in opened.sinks.items():
        try:
            if isinstance(sink, Beats):
                sink.beat([])
            sink.send([firing])
            sink.send([firing.ended(State.RESOLVED, now, firing.reason)])
        except SinkError as error:
            has_failed = True
            click.echo(terminal(f"❌ {name}: {error}"))
        else:
            click.echo(terminal(f"✅ {name}: delivered"))
    return EXIT_FAILED if has_failed else 0


def _test_alert(now: float) -> Alert:
    words = "this is a test of trainwarden; nothing is wrong"
    alert = own_alert(
        "TestAlert",
        ("TestAlert", now),
        now,
        severity=Severity.INFO,
        fault="test",
        summary=words,
        action="nothing",
        reason="monitor sinks test was run",
        evidence=(Evidence("monitor sinks test", 0, 0, now, words),),
    )
    return replace(alert, run="test")
