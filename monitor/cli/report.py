"""``monitor report``: a status page for a run, from its log or from what a watch knows of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import LogError, StateError
from monitor.base.escape import terminal
from monitor.cli.config_option import background_of, config_option, rules_of
from monitor.cli.options import (
    KnownLogs,
    LineChoice,
    RuleChoice,
    background_options,
    dialects_of,
    line_options,
    rule_options,
)
from monitor.cli.reading import read_log
from monitor.cli.status import default_directory
from monitor.engine.step import Engine
from monitor.pipeline import Watcher
from monitor.snapshot import HISTORY_LIMIT, Snapshot
from monitor.store.store import Seen, look
from monitor.tail.opening import ABANDONED_AFTER_S, age_s, check_outputs

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.report.model import Statement

LOG_FOLDER = Path("_logs/training")
"""Where the trainer writes its logs, and where a report looks for the newest."""
FORMATS = ("md", "html", "json")


@click.command("report")
@click.argument("log", required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the page here; else print it.")
@click.option(
    "--format",
    "page_format",
    type=click.Choice(FORMATS),
    help="Markdown, one HTML file, or JSON.  [default: by the name of FILE, else the watch file's, else md]",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A Jinja2 template of your own for the Markdown or HTML page, rendered in a sandbox.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder of a watch, whose word is taken: it knows the log already.",
)
@config_option
@rule_options
@background_options
@line_options
def command(
    log: str | None,
    out: Path | None,
    page_format: str | None,
    template: Path | None,
    state: Path | None,
    config: Config,
    choice: RuleChoice,
    known: KnownLogs,
    lines: LineChoice,
) -> None:
    """Write a status page for a run, every statement with its line.

    Without LOG it takes the log that the watch file names, the one that a running watch follows, or the newest under
    _logs/training/. Reads the log, or the state of the watch; writes FILE, whole or not at all.

    \b
    monitor report --out STATUS.md
    monitor report _logs/training/run.log --baseline yesterday.log --format html --out status.html
    monitor report --config watch.yaml --state /var/lib/trainwarden/run-1
    """
    from monitor.report import build, format_by_name, publish, render
    from monitor.report.sections.commands import commands_to_try
    from monitor.report.trials import try_out

    found = find(log, state or config.state, config.logs)
    check_outputs(found.log, [("--out", out)] if out else [])
    background = background_of(config, known, [found.log])
    engine = Engine(rules_of(config, choice), background, dialects_of(lines, config.dialect, config.time_zone))
    snapshot = read_snapshot(Watcher(found.log, engine)) if found.seen is None else known_snapshot(found, engine)
    host = socket.gethostname()
    page = build(
        snapshot,
        config,
        background=background,
        trials=try_out(commands_to_try(snapshot, host)),
        host=host,
        silences=_silences(found.state),
    )
    wanted = page_format or (format_by_name(out) if out else None) or config.report.format
    if out is None:
        click.echo(render(page, wanted, template=template), nl=False)
        return
    publish(out, page, wanted, template)
    click.echo(terminal(f"wrote {out}"), err=True)


class Found(NamedTuple):
    """The run that a report is about."""

    log: str
    seen: Seen | None = None
    """What a watch knows of it; None where the log is to be read."""
    state: Path | None = None
    """The folder of a watch that follows it."""
    is_watched: bool = False
    """Whether that watch runs now."""


def find(log: str | None, state: Path | None, patterns: Sequence[str] = ()) -> Found:
    """Find the run: the named log, else that of the watch, else the newest. Raises LogError, saying where it looked."""
    if log is not None:
        if not log:
            raise LogError("LOG", "is an empty name", expected="a log, or no argument at all for the newest one")
        return _in_state(state, log) if state is not None else Found(log)
    if state is not None:
        return _in_state(state, None)
    if patterns:
        return Found(str(_newest(_matching(patterns), ", ".join(patterns))))
    directory = default_directory(os.environ)
    try:
        process, seen = look(directory, history_limit=HISTORY_LIMIT)
    except StateError:
        process, seen = None, []
    if process is not None and seen:
        return Found(*_latest(seen), state=directory, is_watched=True)
    return Found(str(_newest(LOG_FOLDER.glob("*.log"), f"{LOG_FOLDER}/*.log", f"; no watch runs on {directory}")))


def _in_state(state: Path, log: str | None) -> Found:
    """Return what a state folder knows, of one log or of the one that was written last. Raises StateError."""
    process, seen = look(state, history_limit=HISTORY_LIMIT)
    if log is not None:
        seen = [each for each in seen if each.log == str(Path(log).absolute())]
        if not seen:
            return Found(log, state=state)
    if not seen:
        raise StateError(str(state), "knows no log yet", expected="the folder of a watch that has read something")
    name, latest = _latest(seen)
    if process is None and Path(name).is_file():
        # Nobody watches: the log itself may have gone on since.
        return Found(log or name, state=state)
    return Found(name, latest, state, process is not None)


def _latest(seen: Sequence[Seen]) -> tuple[str, Seen]:
    """Return the log that was written last, by its file, or by its own clock where the file is gone."""
    latest = max(seen, key=lambda each: (_changed_at(each.log), each.saved.run.heard_at or 0.0))
    return latest.log, latest


def _changed_at(log: str) -> float:
    try:
        return Path(log).stat().st_mtime
    except OSError:
        return 0.0


def _matching(patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            yield from path.glob("*.log")
        elif path.is_file():
            yield path
        else:
            place = Path(path.anchor or ".")
            yield from place.glob(str(path.relative_to(place)))


def _newest(candidates: Iterator[Path], where: str, also: str = "") -> Path:
    logs = [path for path in candidates if path.is_file()]
    if not logs:
        raise LogError(where, f"no log there{also}", expected="LOG as an argument, or a training started here")
    return max(logs, key=lambda path: (path.stat().st_mtime, path.name))


def known_snapshot(found: Found, engine: Engine) -> Snapshot:
    """Return what a watch knew at its newest commit, judged as of now while it runs."""
    assert found.seen is not None
    saved = found.seen.saved
    watcher = Watcher(
        found.seen.log, engine, run=saved.run, states=saved.states, fired=saved.fired, history=saved.history
    )
    now = saved.run.now
    is_following = found.is_watched and saved.line_came_at is not None and saved.run.attempt.ended is None
    if is_following and now is not None and saved.line_came_at is not None:
        now += max(0.0, SystemClock().wall() - saved.line_came_at)
    return replace(watcher.snapshot(now, is_following=is_following), totals=saved.totals)


def read_snapshot(watcher: Watcher) -> Snapshot:
    """Read the log to its end and judge it as of now, unless it was left long ago."""
    read_log(watcher, shows_progress=True)
    now = watcher.run.now
    if now is None or watcher.run.attempt.ended is not None or watcher.log == "-":
        return watcher.snapshot(now, is_following=False)
    silent_s = age_s(watcher.log, SystemClock().wall())
    if silent_s > ABANDONED_AFTER_S:
        return watcher.snapshot(now, is_following=False)
    watcher.pass_time(now + silent_s)
    return watcher.snapshot(now + silent_s, is_following=True)


def _silences(state: Path | None) -> list[Statement]:
    """State what is silenced in a state folder, the next to end first; a file that cannot be read says so."""
    from monitor.notify.silences import read_silences, still_of_use
    from monitor.report.figures import moment
    from monitor.report.model import Mark, Statement

    if state is None:
        return []
    try:
        found = still_of_use(read_silences(state), SystemClock().wall())
    except StateError as error:
        return [Statement("", str(error), mark=Mark.UNKNOWN)]
    found.sort(key=lambda each: (each.ends_at is None, each.ends_at or 0.0, each.target))
    return [
        Statement(
            each.target,
            ("acknowledged" if each.ends_at is None else f"silenced until {moment(each.ends_at)}")
            + f" by {each.author or 'nobody named'}"
            + (f": {each.reason}" if each.reason else ""),
        )
        for each in found
    ]
