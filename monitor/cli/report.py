"""``monitor report``: a status page for a run, from its log."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.options import KnownLogs, RuleChoice, background_options, make_engine, rule_options
from monitor.clock import SystemClock
from monitor.errors import LogError
from monitor.escape import terminal
from monitor.sources import ABANDONED_AFTER_S, age_s, check_outputs, opened
from monitor.tail import read_lines
from monitor.watcher import Snapshot, Watcher

LOG_FOLDER = Path("_logs/training")
"""Where the trainer writes its logs, and where a report looks for the newest."""


@click.command("report")
@click.argument("log", required=False)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the page here; else print it.")
@rule_options
@background_options
def command(log: str | None, out: Path | None, choice: RuleChoice, known: KnownLogs) -> None:
    """Write a Markdown status page for a run, every statement with its line.

    Without LOG it takes the newest log under _logs/training/. Reads the log; writes FILE, whole or not at all.

    \b
    monitor report --out STATUS.md
    monitor report _logs/training/run.log --baseline yesterday.log
    """
    from monitor.report import build, render_markdown, write_atomically

    path = str(newest_log(LOG_FOLDER)) if log is None else log
    if not path:
        raise LogError("LOG", "is an empty name", expected="a log, or no argument at all for the newest one")
    check_outputs(path, [("--out", out)] if out else [])
    page = render_markdown(build(read_snapshot(Watcher(path, make_engine(choice, known.background([path]))))))
    if out is None:
        click.echo(page, nl=False)
        return
    write_atomically(out, page)
    click.echo(terminal(f"wrote {out}"), err=True)


def newest_log(folder: Path) -> Path:
    """Return the log that was written last. Raises LogError, saying where it looked."""
    logs = [path for path in folder.glob("*.log") if path.is_file()]
    if not logs:
        raise LogError(f"{folder}/*.log", "no log there", expected="LOG as an argument, or a training started here")
    return max(logs, key=lambda path: (path.stat().st_mtime, path.name))


def read_snapshot(watcher: Watcher) -> Snapshot:
    """Read the log to its end and judge it as of now, unless it was left long ago."""
    with opened(watcher.log) as stream:
        for line in read_lines(stream):
            watcher.take(line)
    now = watcher.run.now
    if now is None or watcher.run.attempt.ended is not None or watcher.log == "-":
        return watcher.snapshot(now, is_following=False)
    silent_s = age_s(watcher.log, SystemClock().wall())
    if silent_s > ABANDONED_AFTER_S:
        return watcher.snapshot(now, is_following=False)
    watcher.pass_time(now + silent_s)
    return watcher.snapshot(now + silent_s, is_following=True)
