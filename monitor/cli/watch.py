"""``monitor watch``: follow logs while they are written, and tell when a rule fires."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.errors import MonitorError
from monitor.cli import completers
from monitor.cli.config_option import background_of, config_option, read_again, rules_of
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import OtherRuns, background_options, line_options, rule_options
from monitor.cli.watching import Manner, Reloading, are_many, follow, open_state, publisher_of, without_probes
from monitor.conditions.values import seconds
from monitor.engine.step import Engine
from monitor.live.reload import InForce
from monitor.probes import probes_of
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.rules.choice import RuleChoice
from monitor.service.sdnotify import from_environment
from monitor.sinks import open_sinks
from monitor.tail.logset import STDIN, LogSet
from monitor.tail.opening import check_outputs
from monitor.tail.start import Start

if TYPE_CHECKING:
    from monitor.config import Config


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            every_s = seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if every_s < 1:
            self.fail(f"{value} is too short; expected at least 1s", param, ctx)
        return every_s


@click.command("watch", cls=Sectioned)
@click.argument("logs", nargs=-1, metavar="LOG...", shell_complete=completers.files)
@config_option
@rule_options
@background_options
@line_options
@click.option(
    "--sink",
    "sinks",
    multiple=True,
    metavar="KIND:PLACE",
    shell_complete=completers.receivers,
    help="Send alerts there too, such as jsonl:PATH.",
)
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Keep a status page in this file.")
@click.option("--every", type=_Duration(), help="Renew the page this often.  [default: 60s]")
@click.option(
    "--until-end",
    is_flag=True,
    help="Stop when every run is over: an end, a death, the writer's exit, or 1,800 s of silence.",
)
@click.option("--wait", is_flag=True, help="Wait for a log that does not exist yet.")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    shell_complete=completers.state_folders,
    metavar="DIR",
    help="Keep the state here, to continue later.",
)
@click.option(
    "--from",
    "start",
    type=click.Choice([each.value for each in Start]),
    default=Start.START.value,
    show_default=True,
    help="Where to begin in a log that is watched for the first time.",
)
@click.option("--plain", is_flag=True, help="Print lines on a terminal too, instead of the live view.")
@click.option("--notify-history", is_flag=True, help="Send each alert from before the watch, not one summary.")
@click.option(
    "--pid",
    type=click.IntRange(min=1),
    help="Process of the training.  [default: from the RUN line, else the process that writes the log]",
)
@click.option("--no-probes", is_flag=True, help="Look only at the log, not at the process and its GPUs.")
def command(
    logs: tuple[str, ...],
    config: Config,
    choice: RuleChoice,
    known: OtherRuns,
    lines: LineChoice,
    sinks: tuple[str, ...],
    report: Path | None,
    every: float | None,
    until_end: bool,
    wait: bool,
    state: Path | None,
    start: str,
    plain: bool,
    notify_history: bool,
    pid: int | None,
    no_probes: bool,
) -> int:
    """Follow logs while they are written; print progress and every alert.

    A LOG is a file, a folder (each *.log in it and below, later ones too, and the figures that trainers write as
    metrics.csv, trainer_state.json, TensorBoard's events and the like), a quoted pattern like 'runs/*.log', or - for
    standard input. A text log and the figures of its run are judged as one run: each fault is told once. With several
    logs, --report names a folder, for one page per log. On a terminal it shows a live view, unless --plain is given.
    Options take precedence over the watch file (--config).
    With --state, a watch that was killed continues where it stopped: no line twice, no alert lost.
    Ends with Ctrl-C, at the end of standard input, or with --until-end. Exit code: 0 nothing fired, 1 something
    fired at warning or above, 2 usage or bad file, 3 nothing fired but a log has too little to judge; 0 after
    SIGTERM, and after SIGHUP on a terminal. Without a terminal, SIGHUP makes it read rules and watch file again.

    \b
    monitor watch _logs/training/run.log
    monitor watch _logs/training/ --state ~/.local/state/trainwarden --sink jsonl:alerts.jsonl
    docker logs -f trainer 2>&1 | monitor watch -
    monitor watch run.log --report STATUS.md --every 60s --set TrainingStall.level=600s --disable ResetFailed
    """
    logs, state = logs or config.logs, state or config.state
    report, every_s = report or config.report.out, every or config.report.every
    if not logs:
        expected = "LOG: a file, a folder, a pattern or -; or a watch file that names one (monitor init LOG writes it)"
        raise MonitorError("monitor watch", "no log given", expected=expected)
    wanted = LogSet(logs)
    if pid is not None and are_many(wanted):
        raise MonitorError("--pid", f"{pid} belongs to one log only", expected="one LOG, a file")
    _check_report(report, wanted)
    places = [("--report", report)] if report else []
    files = [("--sink", Path(spec.partition(":")[2])) for spec in sinks if spec.startswith("jsonl:")]
    _check_outputs(wanted, [*places, *files])
    receivers = open_sinks([*config.sinks, *sinks])
    _check_outputs(wanted, [*places, *(("--sink", file) for file in receivers.files)])

    def in_force(config: Config) -> InForce:
        background = background_of(config, known, wanted.named)
        dialects = dialects_of(lines, config.dialect, config.time_zone, config.vocabulary)
        engine = Engine(rules_of(config, choice), background, dialects)
        return InForce(config, engine, publisher_of(config, background, state))

    first = in_force(config)
    opened = open_state(config, receivers, state)
    try:
        manner = Manner(
            report=report,
            every_s=every_s,
            publish=first.publish,
            suffix=f".{config.report.format}",
            until_end=until_end,
            wait=wait,
            start=Start(start),
            plain=plain,
            notify_history=notify_history,
            hint=_first_step(wanted, config),
        )
        return follow(
            wanted,
            first.engine,
            opened,
            manner,
            probes=without_probes if no_probes else probes_of(pid),
            reloading=Reloading(first, lambda: in_force(read_again(config))),
            notifier=from_environment(os.environ, os.getpid()),
        )
    finally:
        opened.committer.close()


def _first_step(logs: LogSet, config: Config) -> str:
    """Return how to get a watch file, where none is given and there is one log to write it from."""
    if config.path is not None or are_many(logs) or STDIN in logs.named:
        return ""
    log = shlex.quote(logs.named[0])
    return f"without a watch file; monitor init {log} writes one: what the run should achieve, its pace, its receivers"


def _check_report(report: Path | None, logs: LogSet) -> None:
    """Refuse a single page for several logs. Raises MonitorError."""
    if report is None or not are_many(logs):
        return
    if report.suffix in (".md", ".html", ".json") or report.is_file():
        expected = "a folder such as pages/, for one page per log"
        raise MonitorError("--report", f"{report} is one page, but there may be several logs", expected=expected)


def _check_outputs(logs: LogSet, outputs: Sequence[tuple[str, Path]]) -> None:
    """Refuse to write over a log, or twice into one file. Raises MonitorError."""
    for log in logs.named or [STDIN]:
        check_outputs(log, outputs)
