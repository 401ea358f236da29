"""``monitor watch``: follow logs while they are written, and speak when a rule does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError, StateError
from monitor.base.escape import terminal
from monitor.cli.config_option import background_of, config_option, read_again, rules_of
from monitor.cli.options import (
    KnownLogs,
    LineChoice,
    RuleChoice,
    background_options,
    dialects_of,
    exit_code,
    line_options,
    rule_options,
)
from monitor.conditions import Background
from monitor.conditions.values import seconds
from monitor.engine.step import Engine
from monitor.live.committer import Keeper, Opened, open_keeper
from monitor.live.daemon import Daemon
from monitor.live.discovery import Finder
from monitor.live.follower import FactSource
from monitor.live.opener import Opener
from monitor.live.os_signals import CALM, Stops, has_terminal, stops_of
from monitor.live.reload import InForce, Reloader
from monitor.notify import Delivery, Paces, settled_by_a_start
from monitor.service.control import Control
from monitor.service.sdnotify import Notifier, from_environment
from monitor.sinks import OpenedSinks, open_sinks
from monitor.snapshot import Publish, Snapshot
from monitor.tail import Waker
from monitor.tail.logset import STDIN, LogSet
from monitor.tail.opening import check_outputs
from monitor.tail.start import Start
from monitor.terminal.announcer import Terminal, judged
from monitor.terminal.output import choose

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
            self.fail(f"{value} is too often; expected 1s or more", param, ctx)
        return every_s


Sources = Callable[[str], Sequence[FactSource]]
"""What looks beside a log, for each log."""


class Manner(NamedTuple):
    """How logs are watched."""

    report: Path | None = None
    """Where the page goes, or the pages: a folder where there may be several logs."""
    every_s: float = 60.0
    """Between two renewals of a page."""
    publish: Publish | None = None
    """Writes a page; None where none is wanted."""
    suffix: str = ".md"
    """Of the pages in a folder."""
    until_end: bool = False
    wait: bool = False
    """Whether a named log may be missing at first."""
    start: Start = Start.START
    plain: bool = False
    notify_history: bool = False


@click.command("watch")
@click.argument("logs", nargs=-1, metavar="LOG...")
@config_option
@rule_options
@background_options
@line_options
@click.option("--sink", "sinks", multiple=True, metavar="KIND:PLACE", help="Send alerts to jsonl:PATH as well.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Keep a status page in this file.")
@click.option("--every", type=_Duration(), help="How often the page is renewed.  [default: 60s]")
@click.option("--until-end", is_flag=True, help="Stop when each log says that its run has ended.")
@click.option("--wait", is_flag=True, help="Wait for a log that does not exist yet.")
@click.option("--state", type=click.Path(path_type=Path), metavar="DIR", help="Keep what is known here, to go on from.")
@click.option(
    "--from",
    "start",
    type=click.Choice([each.value for each in Start]),
    default=Start.START.value,
    show_default=True,
    help="Where to begin in a log that is watched for the first time.",
)
@click.option("--plain", is_flag=True, help="Print lines on a terminal too, instead of the live view.")
@click.option("--notify-history", is_flag=True, help="Tell each alert from before the watch, not one for them all.")
@click.option(
    "--pid",
    type=click.IntRange(min=1),
    help="The training's process.  [default: that of the RUN line, else who writes the log]",
)
@click.option("--no-probes", is_flag=True, help="Look at the log alone, not at the process and its GPUs.")
def command(
    logs: tuple[str, ...],
    config: Config,
    choice: RuleChoice,
    known: KnownLogs,
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
    """Follow a log while it is written; print its progress and every alert.

    A LOG is a file, a folder (each *.log in it and below, those that come later too), a quoted pattern like
    'runs/*.log', or - for standard input. With several logs, --report names a folder, for a page per log.
    On a terminal it is a live view, unless --plain is given.
    Ends with Ctrl-C, at the end of standard input, or with --until-end. Exit code: 0 nothing fired, 1 something
    fired at warning or above, 2 usage or bad file, 3 nothing fired but a log said too little to judge; 0 after
    SIGTERM, and after SIGHUP on a terminal. Without one, as a service, SIGHUP lets it read rules and watch file again.
    With --state, a watch that was killed goes on where it was: no line twice, no alert lost.
    What a watch file says (--config) holds where the command line says nothing.

    \b
    monitor watch _logs/training/run.log
    monitor watch _logs/training/ --state ~/.local/state/trainwarden --sink jsonl:alerts.jsonl
    docker logs -f trainer 2>&1 | monitor watch -
    monitor watch run.log --report STATUS.md --every 60s --set TrainingStall.level=600s --disable ResetFailed
    """
    logs, state = logs or config.logs, state or config.state
    report, every_s = report or config.report.out, every or config.report.every_s
    if not logs:
        raise MonitorError("monitor watch", "no log is named", expected="LOG: a file, a folder, a pattern or -")
    wanted = LogSet(logs)
    if pid is not None and _are_many(wanted):
        raise MonitorError("--pid", f"{pid} is the process of one log", expected="one LOG, a file")
    _check_report(report, wanted)
    places = [("--report", report)] if report else []
    files = [("--sink", Path(spec.partition(":")[2])) for spec in sinks if spec.startswith("jsonl:")]
    _check_outputs(wanted, [*places, *files])
    receivers = open_sinks([*config.sinks, *sinks])
    _check_outputs(wanted, [*places, *(("--sink", file) for file in receivers.files)])

    def in_force(config: Config) -> InForce:
        background = background_of(config, known, wanted.named)
        engine = Engine(rules_of(config, choice), background, dialects_of(lines, config.dialect, config.time_zone))
        return InForce(config, engine, publisher_of(config, background))

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
        )
        return follow(
            wanted,
            first.engine,
            opened,
            manner,
            sources=no_sources if no_probes else probes_of(pid),
            reloading=Reloading(first, lambda: in_force(read_again(config))),
            notifier=from_environment(os.environ, os.getpid()),
        )
    finally:
        opened.keeper.close()


def open_state(config: Config, receivers: OpenedSinks, state: Path | None) -> Opened:
    """Return what a watch keeps, in a state folder or in memory alone, and who it tells. Raises StateError."""
    paces = Paces(config.notify.group_wait_s, config.notify.group_interval_s, config.notify.repeat_interval_s)
    if state is None:
        opened = Opened(Keeper(Delivery(receivers.sinks, paces=paces)), [], [])
    else:
        opened = open_keeper(state, receivers.sinks, paces)
    opened.problems.extend(receivers.warnings)
    return opened


def probes_of(pid: int | None, exit_of: Callable[[], int | None] | None = None) -> Sources:
    """Return what looks at a log's process and its GPUs; ``exit_of`` returns how a child of ours ended."""
    from monitor.probes import GpuProbe, ProcessProbe

    return lambda log: (ProcessProbe(SystemClock(), pid, exit_of=exit_of, log=Path(log)), GpuProbe(pid))


class Reloading(NamedTuple):
    """How a watch reads again what it goes by."""

    first: InForce
    read: Callable[[], InForce]
    """Raises MonitorError for files that cannot be used."""


def no_sources(log: str) -> Sequence[FactSource]:
    """Look at nothing beside a log."""
    del log
    return ()


def follow(
    logs: LogSet,
    engine: Engine,
    opened: Opened,
    manner: Manner,
    *,
    sources: Sources = no_sources,
    stops: Stops | None = None,
    reloading: Reloading | None = None,
    notifier: Notifier | None = None,
) -> int:
    """Watch logs, each from where its state ends or from the manner's start; return the exit code.

    ``sources`` look beside each log; ``stops`` decides what signals do while the watch runs. With ``reloading``, and
    without a terminal, SIGHUP reads again; ``notifier`` is told how it stands.
    """
    keeper, clock = opened.keeper, SystemClock()
    speaker = choose(is_plain=manner.plain, has_keys=STDIN not in logs.named)
    talk = Terminal(speaker, _pages(manner, logs), manner.publish)
    opener = Opener(
        engine,
        keeper,
        clock,
        talk.voice,
        start=manner.start,
        notify_history=manner.notify_history,
        is_state_lost=bool(opened.lost),
        sources=sources,
    )
    finder = Finder(logs, opener, clock, talk.complain, known=keeper.known_logs()) if logs.can_grow else None
    with ExitStack() as held:
        followings, problems = [], list(opened.problems)
        for log in logs.named:
            following, told = opener.open(log, may_be_missing=manner.wait)
            held.callback(following.close)
            followings.append(following)
            problems += told
            talk.write_report(following.snapshot())
        if keeper.directory is not None:
            try:
                held.enter_context(Control(keeper.directory, clock))
            except StateError as error:
                problems.append(f"{error}; nobody can silence while the watch runs")
        keeper.add(settled_by_a_start(keeper.delivery, clock.wall()))
        daemon = Daemon(
            followings,
            clock,
            talk,
            keeper,
            report_every_s=manner.every_s if manner.report else None,
            until_end=manner.until_end,
            find_more=finder.more if finder else None,
            notifier=notifier,
        )

        def use(found: InForce) -> None:
            opener.engine = found.engine
            daemon.replace_rules(found.engine)
            talk.publish_by(found.publish)

        reloader = (
            Reloader(*reloading, use, keeper, clock, talk.on_trouble) if reloading and not has_terminal() else None
        )
        stops = stops or stops_of(reloader.reload if reloader else None)
        names = [*logs.named, *map(str, logs.folders), *logs.patterns]
        with Waker(logs.places) as waker, stops(daemon) as stopped_by:
            # Said once Ctrl-C does.
            click.echo(terminal(f"watching {', '.join(names)} with {len(engine.rules)} rules; Ctrl-C ends"), err=True)
            for problem in problems:
                talk.on_trouble(problem)
            with speaker.shown(daemon, waker):
                daemon.run(waker)
        daemon.end()
        talk.end(daemon.followings)
        for late in daemon.followings[len(followings) :]:
            late.close()
    if not CALM.isdisjoint(stopped_by):
        return 0
    return exit_code(
        [each.watcher for each in daemon.followings],
        must_speak=[each.watcher for each in judged(daemon.followings)],
    )


def _check_report(report: Path | None, logs: LogSet) -> None:
    """Refuse one page for several logs: nobody could tell whose it is. Raises MonitorError."""
    if report is None or not _are_many(logs):
        return
    if report.suffix in (".md", ".html", ".json") or report.is_file():
        expected = "a folder (pages/, say), for a page per log"
        raise MonitorError("--report", f"{report} is one page for what may be several logs", expected=expected)


def _check_outputs(logs: LogSet, outputs: Sequence[tuple[str, Path]]) -> None:
    """Refuse to write where a log is, or twice into one file. Raises MonitorError."""
    for log in logs.named or [STDIN]:
        check_outputs(log, outputs)


def _are_many(logs: LogSet) -> bool:
    return logs.can_grow or len(logs.named) > 1


def _pages(manner: Manner, logs: LogSet) -> Callable[[str], Path | None]:
    """Return where each log's page goes: to the one file, or into the folder under a name of its own."""
    report = manner.report
    if report is None or not _are_many(logs):
        return lambda log: report
    taken: dict[str, Path] = {}

    def page_of(log: str) -> Path:
        if log not in taken:
            report.mkdir(parents=True, exist_ok=True)
            stem = "stdin" if log == STDIN else Path(log).stem
            number, page = 1, report / f"{stem}{manner.suffix}"
            while page in taken.values():
                number += 1
                page = report / f"{stem}-{number}{manner.suffix}"
            taken[log] = page
        return taken[log]

    return page_of


def publisher_of(config: Config, background: Background) -> Publish:
    """Return what writes a page."""

    def publish(snapshot: Snapshot, page: Path) -> None:
        from monitor import report

        wanted = report.format_by_name(page) or config.report.format or "md"
        report.publish(page, report.build(snapshot, config, background=background), wanted)

    return publish
