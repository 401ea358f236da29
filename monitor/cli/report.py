"""``monitor report``: a status page for a run, from its log or from the state of a watch."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import StateError
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.config_option import background_of, config_option, rules_of
from monitor.cli.help_sections import Sectioned
from monitor.cli.offered_baseline import offered_baseline
from monitor.cli.options import OtherRuns, background_options, line_options, rule_options
from monitor.cli.which_run import find, read_snapshot
from monitor.engine.step import Engine
from monitor.live.watched import known_snapshot
from monitor.pipeline import Pipeline
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.rules.choice import RuleChoice
from monitor.tail.opening import check_outputs

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.report.statement import Statement

FORMATS = ("md", "html", "json")


@click.command("report", cls=Sectioned)
@click.argument("log", required=False, shell_complete=completers.files)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the page here instead of printing it."
)
@click.option(
    "--format",
    "page_format",
    type=click.Choice(FORMATS),
    help="Write Markdown, one HTML file, or JSON.  [default: from the name of FILE, else from the watch file, else md]",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use your own Jinja2 template for the Markdown or HTML page; it runs in a sandbox.",
)
@click.option("--full", is_flag=True, help="Add what each rule found, and the parts that this log has nothing for.")
@click.option(
    "--state",
    shell_complete=completers.state_folders,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take what the watch with this state folder knows, instead of reading the log.",
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
    full: bool,
    state: Path | None,
    config: Config,
    choice: RuleChoice,
    known: OtherRuns,
    lines: LineChoice,
) -> None:
    """Write a status page for a run, every statement with its log line.

    Without LOG it takes the log that the watch file names, else the one that a running watch follows, else the
    newest under _logs/training/. Reads the log, or the state of the watch; writes FILE completely or not at all.
    Exit code: 0 written, 2 usage or bad file.

    \b
    monitor report --out STATUS.md
    monitor report _logs/training/run.log --baseline yesterday.log --format html --out status.html
    monitor report --config watch.yaml --state /var/lib/trainwarden/run-1
    """
    from monitor.report.build import build
    from monitor.report.publish import format_by_name, publish, render
    from monitor.report.sections.commands import commands_to_try
    from monitor.report.trials import try_out

    found = find(log, state or config.state, config.logs)
    check_outputs(found.log, [("--out", out)] if out else [])
    background = background_of(config, known, [found.log])
    dialects = dialects_of(lines, config.dialect, config.time_zone, config.vocabulary)
    engine = Engine(rules_of(config, choice), background, dialects)
    if found.seen is None:
        snapshot = read_snapshot(Pipeline(found.log, engine))
    else:
        snapshot = known_snapshot(found.seen, engine, wall=SystemClock().wall() if found.is_watched else None)
    host = socket.gethostname()
    page = build(
        snapshot,
        config,
        background=background,
        offered=offered_baseline(found.log, snapshot.run.id, found.state or config.state),
        trials=try_out(commands_to_try(snapshot, host)),
        host=host,
        silences=_silences(found.state),
    )
    wanted = page_format or (format_by_name(out) if out else None) or config.report.format
    if out is None:
        click.echo(render(page, wanted, template=template, full=full or config.report.full), nl=False)
        return
    publish(out, page, wanted, template, full=full or config.report.full)
    click.echo(terminal(f"wrote {out}"), err=True)


def _silences(state: Path | None) -> list[Statement]:
    """Return the silences in a state folder, the next to end first; or that their file cannot be read."""
    from monitor.notify.silences import read_silences, unexpired
    from monitor.report.figures import moment
    from monitor.report.statement import Mark, Statement

    if state is None:
        return []
    try:
        found = unexpired(read_silences(state), SystemClock().wall())
    except StateError as error:
        return [Statement("", str(error), mark=Mark.UNKNOWN)]
    found.sort(key=lambda each: (each.ends_at is None, each.ends_at or 0.0, each.target))
    return [
        Statement(
            each.target,
            ("acknowledged" if each.ends_at is None else f"silenced until {moment(each.ends_at)}")
            + f" by {each.author or 'an unnamed user'}"
            + (f": {each.reason}" if each.reason else ""),
        )
        for each in found
    ]
