"""What `watch` and `run` share: the state, the probes, the pages, and the loop that follows the logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import StateError
from monitor.base.escape import terminal
from monitor.cli.options import (
    exit_code,
)
from monitor.conditions import Background
from monitor.engine.step import Engine
from monitor.live.committer import Committer, Opened, open_committer
from monitor.live.daemon import Daemon
from monitor.live.discovery import Discovery
from monitor.live.opener import Opener
from monitor.live.os_signals import CALM, Stops, has_terminal, stops_of
from monitor.live.reload import InForce, Reloader
from monitor.notify import Delivery, Paces, ended_by_start
from monitor.probes import Probe
from monitor.run.summary import RunSummary
from monitor.service.control import Control
from monitor.service.sdnotify import Notifier
from monitor.sinks import OpenedSinks
from monitor.snapshot import Publish, Snapshot
from monitor.tail import Waker
from monitor.tail.logset import STDIN, LogSet
from monitor.tail.start import Start
from monitor.terminal.announcer import Announcer, judged
from monitor.terminal.choose import choose

if TYPE_CHECKING:
    from monitor.config import Config

Probes = Callable[[str], Sequence[Probe]]
"""Makes the probes of a log."""


class Manner(NamedTuple):
    """How to watch the logs."""

    report: Path | None = None
    """The page; a folder of pages where there may be several logs."""
    every_s: float = 60.0
    """Time between two renewals of a page."""
    publish: Publish | None = None
    """Writes a page; None for no page."""
    suffix: str = ".md"
    """File suffix of the pages in a folder."""
    until_end: bool = False
    wait: bool = False
    """Whether a named log may be missing at first."""
    start: Start = Start.START
    plain: bool = False
    notify_history: bool = False
    hint: str = ""
    """A line for the person at the start; empty for none."""


def open_state(config: Config, receivers: OpenedSinks, state: Path | None) -> Opened:
    """Open the state, in a folder or in memory only, and the delivery to the receivers. Raises StateError."""
    paces = Paces(config.notify.group_wait, config.notify.group_interval, config.notify.repeat_interval)
    if state is None:
        opened = Opened(Committer(Delivery(receivers.sinks, paces=paces)), [], [])
    else:
        opened = open_committer(state, receivers.sinks, paces)
    opened.problems.extend(receivers.warnings)
    return opened


class Reloading(NamedTuple):
    """How a watch reloads its rules and its watch file."""

    first: InForce
    read: Callable[[], InForce]
    """Raises MonitorError for faulty files."""


def without_probes(log: str) -> Sequence[Probe]:
    """Return no probes: only the log is read."""
    del log
    return ()


def follow(
    logs: LogSet,
    engine: Engine,
    opened: Opened,
    manner: Manner,
    *,
    probes: Probes = without_probes,
    stops: Stops | None = None,
    reloading: Reloading | None = None,
    notifier: Notifier | None = None,
) -> int:
    """Watch logs, each from where its state ends, else from ``manner.start``; return the exit code.

    ``probes`` makes each log's probes; ``stops`` decides what signals do while the watch runs. With ``reloading``, and
    without a terminal, SIGHUP reloads; ``notifier`` reports to the supervisor.
    """
    committer, clock = opened.committer, SystemClock()
    output = choose(is_plain=manner.plain, has_keys=STDIN not in logs.named)
    talk = Announcer(output, _pages(manner, logs), manner.publish)
    opener = Opener(
        engine,
        committer,
        clock,
        talk.announcer_of,
        start=manner.start,
        notify_history=manner.notify_history,
        is_state_lost=bool(opened.lost),
        probes=probes,
    )
    finder = Discovery(logs, opener, clock, talk.complain, known=committer.known_logs()) if logs.can_grow else None
    with ExitStack() as held:
        followers, problems = [], list(opened.problems)
        for log in logs.named:
            follower, told = opener.open(log, may_be_missing=manner.wait)
            held.callback(follower.close)
            followers.append(follower)
            problems += told
            talk.write_report(follower.snapshot())
        if committer.directory is not None:
            try:
                held.enter_context(Control(committer.directory, clock))
            except StateError as error:
                problems.append(f"{error}; silencing is not possible while this watch runs")
        committer.add(ended_by_start(committer.delivery.still_firing, clock.wall()))
        daemon = Daemon(
            followers,
            clock,
            talk,
            committer,
            report_every_s=manner.every_s if manner.report else None,
            until_end=manner.until_end,
            find_more=finder.more if finder else None,
            notifier=notifier,
            one_run=opener.one_run,
        )

        def use(found: InForce) -> None:
            opener.engine = found.engine
            daemon.replace_rules(found.engine)
            talk.publish_by(found.publish)

        reloader = (
            Reloader(*reloading, use, committer, clock, talk.on_trouble) if reloading and not has_terminal() else None
        )
        stops = stops or stops_of(reloader.reload if reloader else None)
        names = [*logs.named, *map(str, logs.folders), *logs.patterns]
        with Waker(logs.places) as waker, stops(daemon) as stopped_by:
            # Printed only when Ctrl-C works.
            click.echo(terminal(f"watching {', '.join(names)} with {len(engine.rules)} rules; Ctrl-C ends"), err=True)
            if manner.hint:
                click.echo(terminal(manner.hint), err=True)
            for problem in problems:
                talk.on_trouble(problem)
            with output.shown(daemon, waker):
                daemon.run(waker)
        daemon.end()
        talk.end(daemon.followers)
        for late in daemon.followers[len(followers) :]:
            late.close()
    if not CALM.isdisjoint(stopped_by):
        return 0
    return exit_code(
        [each.pipeline for each in daemon.followers],
        judged=[each.pipeline for each in judged(daemon.followers)],
    )


def are_many(logs: LogSet) -> bool:
    """Whether there may be more than one log."""
    return logs.can_grow or len(logs.named) > 1


def _pages(manner: Manner, logs: LogSet) -> Callable[[str], Path | None]:
    """Return the page of each log: the one file, or a file of its own in the folder."""
    report = manner.report
    if report is None or not are_many(logs):
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


def publisher_of(config: Config, background: Background, state: Path | None) -> Publish:
    """Return a function that writes a page; ``state`` is where finished runs are kept."""
    # Read once for each run: the page is written again and again.
    offered: dict[tuple[str, str | None], RunSummary | None] = {}

    def publish(snapshot: Snapshot, page: Path) -> None:
        from monitor.cli.offered_baseline import offered_baseline
        from monitor.report import publish as pages
        from monitor.report.build import build

        wanted = pages.format_by_name(page) or config.report.format or "md"
        run = snapshot.log, snapshot.run.id
        if run not in offered and background.baseline is None:
            offered[run] = offered_baseline(*run, state)
        made = build(snapshot, config, background=background, offered=offered.get(run))
        pages.publish(page, made, wanted, full=config.report.full)

    return publish
