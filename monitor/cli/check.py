"""``monitor check``: what happened in these logs, read to their end."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.api import Log, Settings, one_run_each, read
from monitor.base.errors import LogError, MonitorError, Problems
from monitor.base.escape import terminal
from monitor.cli import completers
from monitor.cli.build_server import Forms, publish
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import check_name, line_options, name_option, rule_options
from monitor.cli.reading import progress_bar
from monitor.gate.check_json import as_json_line
from monitor.reader.dialects.choice import LineChoice
from monitor.report.first_rank import first_to_fail
from monitor.rules.choice import RuleChoice
from monitor.run.ended import Ended
from monitor.tail.logset import LogSet, lacks_figures
from monitor.terminal.lines import full_lines, summary_lines

_NEW_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("check", cls=Sectioned)
@click.argument("logs", nargs=-1, required=True, metavar="LOG...", shell_complete=completers.files)
@rule_options
@line_options
@name_option
@click.option("--finished", is_flag=True, help="Exit with 1 unless every run completed.")
@click.option("--full", is_flag=True, help="Print what each rule found, too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per log.")
@click.option("--junit", type=_NEW_FILE, metavar="FILE", help="Write the outcome of each rule as JUnit XML.")
@click.option("--sarif", type=_NEW_FILE, metavar="FILE", help="Write what was found, with its lines, as SARIF 2.1.0.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions, and add to the step's summary.")
def command(
    logs: tuple[str, ...],
    choice: RuleChoice,
    lines: LineChoice,
    name: str | None,
    finished: bool,
    full: bool,
    as_json: bool,
    junit: Path | None,
    sarif: Path | None,
    github: bool,
) -> int:
    """Read logs to their end, and show what happened.

    A LOG is a file, a gzip file, a folder, a pattern, or - for standard input. Writes nothing. A text log and the files
    of figures that its trainer wrote (metrics.csv, trainer_state.json, TensorBoard's events ...) are shown as the one
    run that they are. Exit code: 0 nothing fired, 1 something fired at warning or above, 2 usage or bad file, 3 nothing
    fired, but too little could be read: no progress, or neither a loss nor a metric. A log that stops without an end
    keeps its exit code; with --finished it is 1.

    With --json, `facts` holds the last value of what was read: step, steps, epoch, epochs_done, epochs, loss, val_loss,
    lr, grad_norm, checkpoint, and metrics by name and split. Time per step, throughput, memory and loss scale are the
    metrics s_per_step, samples_per_s, tokens_per_s, memory, host_memory and loss_scale, in the log's own units.

    \b
    monitor check train.log
    monitor check runs/ --json | jq '{log, verdict, ended}'
    monitor check train.log --finished --junit check.xml --sarif check.sarif --github
    """
    settings = Settings(choice.paths, choice.settings, choice.disabled, lines.dialect, lines.time_zone)
    found = _found(logs)
    check_name(name, found)
    logs_read: list[Log] = []
    problems: list[MonitorError] = []
    for each in found:
        try:
            logs_read.append(read(each, settings, name=name, progress=progress_bar))
        except LogError as error:
            problems.append(error)
    if not logs_read:
        raise Problems(problems)
    read_to_end, codes = one_run_each(logs_read), []
    for log in read_to_end:
        codes.append(1 if finished and log.end.ended is not Ended.COMPLETED else log.exit_code)
        in_words = full_lines if full else summary_lines
        for line in [as_json_line(log)] if as_json else in_words(log.snapshot):
            click.echo(line)
    for line in [] if as_json else first_to_fail([each.snapshot for each in read_to_end]):
        click.echo(terminal(line))
    for problem in problems:
        click.echo(terminal(f"monitor: {problem}"), err=True)
    if junit or sarif or github:
        publish(
            read_to_end, Forms(junit, sarif, with_annotations=github, is_stdout_taken=as_json), must_complete=finished
        )
    return 1 if 1 in codes else 2 if problems else max(codes)


def _found(names: tuple[str, ...]) -> list[str]:
    """Return the logs that were named, those in folders and of patterns included. Raises LogError for none."""
    logs = LogSet(names)
    found = [*logs.named, *(each for each in logs.found() if not lacks_figures(each))]
    if not found:
        raise LogError(", ".join(names), "no log found", expected="files named *.log")
    return found
