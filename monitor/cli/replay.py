"""``monitor replay``: the alerts that a live watch of these logs would have raised."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import click

from monitor.alert import Alert, AlertKey, iso_time
from monitor.base.errors import MonitorError
from monitor.cli import completers
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import (
    OtherRuns,
    background_options,
    check_name,
    exit_code,
    line_options,
    make_engine,
    name_option,
    rule_options,
)
from monitor.pipeline import Pipeline
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.replay import replay
from monitor.rules.choice import RuleChoice
from monitor.run.run import Run
from monitor.sinks.jsonl import json_line
from monitor.tail.logset import full_name
from monitor.terminal.lines import alert_lines, full_lines


class Replayed(NamedTuple):
    """A log, read to its end."""

    pipeline: Pipeline
    transitions: list[Alert]
    until: float | None
    """The end of the silence that is judged; None for none."""


@click.command("replay", cls=Sectioned)
@click.argument("logs", nargs=-1, required=True, metavar="LOG...", shell_complete=completers.files)
@rule_options
@background_options
@line_options
@click.option(
    "--facts",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use the facts that the live watch recorded with its state.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per transition.")
@name_option
@click.option("--summary", is_flag=True, help="Print one JSON object per alert, in its last state.")
@click.option(
    "--now",
    metavar="TIME|mtime",
    help="Judge silence up to this time (ISO, UTC by default; mtime is the last change of the log).",
)
def command(
    logs: tuple[str, ...],
    choice: RuleChoice,
    known: OtherRuns,
    lines: LineChoice,
    facts: Path | None,
    as_json: bool,
    summary: bool,
    name: str | None,
    now: str | None,
) -> int:
    """Read logs to their end and print every alert that a live watch would have raised.

    A LOG may be gzipped; - is standard input. Writes nothing. Exit code: 0 nothing fired, 1 something fired at
    warning or above, 2 usage or bad file, 3 nothing fired but a log has too little to judge.

    \b
    monitor replay _logs/training/run.log
    monitor replay run.log.gz --json | jq .summary
    monitor replay run.log --set ExcessiveResets.level=20 --disable RunFailed
    monitor replay run.log --baseline yesterday.log --peer other.log
    """
    if as_json and summary:
        raise MonitorError("--summary", "cannot be combined with --json", expected="one of the two")
    if facts and len(logs) > 1:
        what = f"cannot be used with {len(logs)} logs"
        raise MonitorError("--facts", what, expected="the one log for which the facts were recorded")
    check_name(name, logs)
    background, dialects = known.background(logs), dialects_of(lines)
    pipelines = []
    for log in logs:
        run = Run(log=full_name(name) if name else "")
        pipeline, changes, until = _read(Pipeline(log, make_engine(choice, background, dialects), run=run), now, facts)
        pipelines.append(pipeline)
        if as_json or summary:
            _print_json(changes if as_json else _last_of_each(changes))
        else:
            snapshot = pipeline.snapshot(until or pipeline.run.now, is_following=until is not None)
            for line in [*alert_lines(changes), *full_lines(snapshot)]:
                click.echo(line)
    return exit_code(pipelines)


def _read(pipeline: Pipeline, now: str | None, facts: Path | None) -> Replayed:
    moment = None if now is None or now == "mtime" else _moment(now)
    transitions = replay(pipeline, facts=facts)
    if now == "mtime":
        moment = _changed_at(pipeline.log)
    last = pipeline.run.now
    if moment is None or last is None:
        return Replayed(pipeline, transitions, None)
    if moment < last and now != "mtime":
        raise MonitorError("--now", f"{now} is before the last line of the log", expected=f"{iso_time(last)} or later")
    until = max(moment, last)
    return Replayed(pipeline, transitions + pipeline.pass_time(until), until)


def _changed_at(log: str) -> float:
    """Return when a log that was just read was last written. Raises MonitorError."""
    if log == "-":
        raise MonitorError("--now", "standard input has no modification time", expected="an ISO time")
    return Path(log).stat().st_mtime


def _moment(text: str) -> float:
    """Return the time that ``--now`` names. Raises MonitorError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MonitorError("--now", f"not a time: {text!r}", expected="2025-10-30T23:40:51Z or mtime") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _last_of_each(changes: Iterable[Alert]) -> list[Alert]:
    last: dict[tuple[AlertKey, str], Alert] = {(alert.key, alert.id): alert for alert in changes}
    return list(last.values())


def _print_json(alerts: Iterable[Alert]) -> None:
    for alert in alerts:
        click.echo(json_line(alert))
