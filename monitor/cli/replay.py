"""``monitor replay``: what a watch of these logs would have said."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import click

from monitor.alert import Alert, AlertKey, iso_time
from monitor.base.errors import MonitorError
from monitor.cli.options import (
    KnownLogs,
    LineChoice,
    RuleChoice,
    background_options,
    dialects_of,
    exit_code,
    line_options,
    make_engine,
    rule_options,
)
from monitor.cli.reading import read_searched
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.sinks.jsonl import json_line
from monitor.store.facts import FactKind, FactsError, read_facts
from monitor.tail import Ending, Line, Stretch, read_lines
from monitor.tail.opening import opened
from monitor.terminal.lines import alert_lines, summary_lines


@click.command("replay")
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@rule_options
@background_options
@line_options
@click.option(
    "--facts", type=click.Path(path_type=Path), metavar="FILE", help="What the live watch recorded beside its state."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per transition.")
@click.option("--summary", is_flag=True, help="Print one JSON object per alert, as it stood last.")
@click.option(
    "--now",
    metavar="TIME|mtime",
    help="Judge silence up to this time (ISO, UTC unless it says otherwise; mtime: the log's last change).",
)
def command(
    logs: tuple[str, ...],
    choice: RuleChoice,
    known: KnownLogs,
    lines: LineChoice,
    facts: Path | None,
    as_json: bool,
    summary: bool,
    now: str | None,
) -> int:
    """Read logs to their end and print every alert, as a live watch would have raised it.

    A LOG may be gzipped; - is standard input. Exit code: 0 nothing fired, 1 something fired at warning or
    above, 2 usage or bad file, 3 nothing fired but the log said too little to judge.

    \b
    monitor replay _logs/training/run.log
    monitor replay run.log.gz --json | jq .summary
    monitor replay run.log --set ExcessiveResets.level=20 --disable RunFailed
    monitor replay run.log --baseline yesterday.log --peer other.log
    """
    if as_json and summary:
        raise MonitorError("--summary", "stands beside --json", expected="one of the two")
    if facts and len(logs) > 1:
        raise MonitorError(
            "--facts", f"stands beside {len(logs)} logs", expected="the one log that it was recorded with"
        )
    background, dialects = known.background(logs), dialects_of(lines)
    pipelines = []
    for log in logs:
        pipeline, changes, until = _replay(log, make_engine(choice, background, dialects), now, facts)
        pipelines.append(pipeline)
        if as_json or summary:
            _print_json(changes if as_json else _last_of_each(changes))
        else:
            snapshot = pipeline.snapshot(until or pipeline.run.now, is_following=until is not None)
            for line in [*alert_lines(changes), *summary_lines(snapshot)]:
                click.echo(line)
    return exit_code(pipelines)


def _replay(
    log: str, engine: Engine, now: str | None, facts: Path | None
) -> tuple[Pipeline, list[Alert], float | None]:
    """Read a log to its end; return what it changed, and the time up to which its silence is judged, if any."""
    pipeline = Pipeline(log, engine)
    changes: list[Alert] = []
    # Lines make no reference cycles, and looking for some among so many objects takes a tenth of the time.
    gc.set_threshold(100_000, 50, 50)
    with opened(log) as stream:
        moment = None if now is None else _moment(now, log)
        recorded = _Recorded(facts)
        # Facts have their place between lines; without any, whole stretches are folded at once.
        for part, spans in read_searched(stream, pipeline) if facts is None else zip(read_lines(stream), repeat(None)):
            changes += recorded.told(pipeline)
            if facts and isinstance(part, Line) and part.ending is Ending.END:
                # The live watch was still waiting for the end of this line.
                continue
            changes += pipeline.take_all(part, spans=spans) if isinstance(part, Stretch) else pipeline.take(part)
        changes += recorded.told(pipeline)
        recorded.check_told(pipeline)
    last = pipeline.run.now
    if moment is None or last is None:
        return pipeline, changes, None
    if moment < last and now != "mtime":
        raise MonitorError("--now", f"{now} lies before the log's last line", expected=f"{iso_time(last)} or later")
    until = max(moment, last)
    return pipeline, changes + pipeline.pass_time(until), until


class _Recorded:
    """The facts of a live watch, told in their places."""

    def __init__(self, path: Path | None) -> None:
        """Read the file. Raises FactsError."""
        self._path = path
        self._facts = deque(read_facts(path) if path else ())

    def told(self, pipeline: Pipeline) -> list[Alert]:
        """Tell what was known before the next line; return what it changed."""
        changes: list[Alert] = []
        while self._facts and self._facts[0].lines <= pipeline.run.lines:
            fact = self._facts.popleft()
            if fact.kind is FactKind.LOST:
                changes += pipeline.lose(fact.lost_bytes, fact.how, fact.at)
            elif fact.kind is FactKind.PROBED:
                changes += pipeline.learn(fact.text, fact.at)
            elif fact.at is not None:
                changes += pipeline.hear(fact.at) if fact.kind is FactKind.HEARD else pipeline.pass_time(fact.at)
        return changes

    def check_told(self, pipeline: Pipeline) -> None:
        """Refuse a log that ends before its facts do. Raises FactsError."""
        if self._facts:
            what = f"speaks of line {self._facts[-1].lines:,} of a log of {pipeline.run.lines:,}"
            raise FactsError(str(self._path), what, expected="the facts of this log, and all of its rotated files")


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
