"""``monitor replay``: what a watch of these logs would have said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.alerts import Alert, AlertKey, iso_time
from monitor.cli.options import exit_code, make_engine, rules_option
from monitor.console import alert_lines, summary_lines
from monitor.engine import Engine
from monitor.errors import MonitorError
from monitor.sinks.jsonl import json_line
from monitor.sources import opened
from monitor.tail import read_lines
from monitor.watcher import Watcher


@click.command("replay")
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per transition.")
@click.option("--summary", is_flag=True, help="Print one JSON object per alert, as it stood last.")
@click.option(
    "--now",
    metavar="TIME|mtime",
    help="Judge silence up to this time (ISO, UTC unless it says otherwise; mtime: the log's last change).",
)
def command(logs: tuple[str, ...], rule_paths: tuple[Path, ...], as_json: bool, summary: bool, now: str | None) -> int:
    """Read logs to their end and print every alert, as a live watch would have raised it.

    A LOG may be gzipped; - is standard input. Exit code: 0 nothing fired, 1 something fired at warning or
    above, 2 usage or bad file, 3 nothing fired but the log said too little to judge.

    \b
    monitor replay _logs/training/run.log
    monitor replay run.log.gz --json | jq .summary
    """
    if as_json and summary:
        raise MonitorError("--summary", "stands beside --json", expected="one of the two")
    watchers = []
    for log in logs:
        watcher, changes, until = _replay(log, make_engine(rule_paths), now)
        watchers.append(watcher)
        if as_json or summary:
            _print_json(changes if as_json else _last_of_each(changes))
        else:
            snapshot = watcher.snapshot(until or watcher.run.now, is_following=until is not None)
            for line in [*alert_lines(changes), *summary_lines(snapshot)]:
                click.echo(line)
    return exit_code(watchers)


def _replay(log: str, engine: Engine, now: str | None) -> tuple[Watcher, list[Alert], float | None]:
    """Read a log to its end; return what it changed, and the time up to which its silence is judged, if any."""
    watcher = Watcher(log, engine)
    changes: list[Alert] = []
    with opened(log) as stream:
        moment = None if now is None else _moment(now, log)
        for line in read_lines(stream):
            changes += watcher.take(line)
    last = watcher.run.now
    if moment is None or last is None:
        return watcher, changes, None
    if moment < last and now != "mtime":
        raise MonitorError("--now", f"{now} lies before the log's last line", expected=f"{iso_time(last)} or later")
    until = max(moment, last)
    return watcher, changes + watcher.pass_time(until), until


def _moment(text: str, log: str) -> float:
    """Return the time that ``--now`` names. Raises MonitorError."""
    if text == "mtime":
        if log == "-":
            raise MonitorError("--now", "standard input has no time of last change", expected="an ISO time")
        return Path(log).stat().st_mtime
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MonitorError("--now", f"{text!r} is no time", expected="2025-10-30T23:40:51Z or mtime") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _last_of_each(changes: Iterable[Alert]) -> list[Alert]:
    last: dict[tuple[AlertKey, str], Alert] = {(alert.key, alert.id): alert for alert in changes}
    return list(last.values())


def _print_json(alerts: Iterable[Alert]) -> None:
    for alert in alerts:
        click.echo(json_line(alert))
