"""``monitor watch``: follow a log while it is written, and speak when a rule does."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from monitor.alerts import Alert, State
from monitor.attach import Start, position_at
from monitor.cli.options import (
    KnownLogs,
    RuleChoice,
    background_options,
    exit_code,
    is_blind,
    make_engine,
    rule_options,
)
from monitor.cli.speaker import Plain, Speaker, choose
from monitor.clock import SystemClock
from monitor.conditions.values import seconds
from monitor.console import alert_lines, notice_line, progress_line, summary_lines
from monitor.daemon import Daemon, Listener
from monitor.engine import Engine
from monitor.errors import MonitorError
from monitor.escape import terminal
from monitor.events import Event
from monitor.keeper import Keeper, Opened, open_keeper
from monitor.notify import Delivery
from monitor.sinks import open_sink
from monitor.sources import check_followable, check_outputs
from monitor.store import Saved
from monitor.tail import FileTail, Notice, Waker
from monitor.watcher import Snapshot, Watcher


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


@click.command("watch")
@click.argument("log", type=click.Path(path_type=Path))
@rule_options
@background_options
@click.option("--sink", "sinks", multiple=True, metavar="KIND:PLACE", help="Send alerts to jsonl:PATH as well.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Keep a status page in this file.")
@click.option("--every", type=_Duration(), default="60s", show_default=True, help="How often the page is renewed.")
@click.option("--until-end", is_flag=True, help="Stop when the log says that the run has ended.")
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
def command(
    log: Path,
    choice: RuleChoice,
    known: KnownLogs,
    sinks: tuple[str, ...],
    report: Path | None,
    every: float,
    until_end: bool,
    wait: bool,
    state: Path | None,
    start: str,
    plain: bool,
    notify_history: bool,
) -> int:
    """Follow a log while it is written; print its progress and every alert.

    On a terminal it is a live view, unless --plain is given.
    Ends with Ctrl-C, or with --until-end. Exit code: 0 nothing fired, 1 something fired at warning or above,
    2 usage or bad file, 3 nothing fired but the log said too little to judge; 0 after SIGTERM and SIGHUP.
    With --state, a watch that was killed goes on where it was: no line twice, no alert lost.

    \b
    monitor watch _logs/training/run.log
    monitor watch run.log --state ~/.local/state/trainwarden --sink jsonl:alerts.jsonl
    monitor watch run.log --report STATUS.md --every 60s --sink jsonl:alerts.jsonl
    monitor watch run.log --set TrainingStall.level=600s --disable ResetFailed
    """
    if str(log) == "-":
        raise MonitorError("-", "standard input cannot be watched yet", expected="a log file, or monitor replay -")
    places = [("--report", report)] if report else []
    check_outputs(str(log), [*places, *(("--sink", Path(spec.partition(":")[2])) for spec in sinks)])
    engine = make_engine(choice, known.background([str(log)]))
    receivers = {spec: open_sink(spec) for spec in sinks}
    opened = open_keeper(state, log, receivers) if state else Opened(Keeper(Delivery(receivers)), None, [], [])
    try:
        return follow(
            log,
            engine,
            opened,
            report=report,
            every=every,
            until_end=until_end,
            wait=wait,
            start=Start(start),
            plain=plain,
            notify_history=notify_history,
        )
    finally:
        opened.keeper.close()


def follow(
    log: Path,
    engine: Engine,
    opened: Opened,
    *,
    report: Path | None,
    every: float,
    until_end: bool,
    wait: bool,
    start: Start,
    plain: bool,
    notify_history: bool,
) -> int:
    """Watch a log from where its state ends, or from ``start``; return the exit code."""
    saved = opened.saved
    if not ((wait or saved) and not log.exists()):
        check_followable(log)
    if saved is None:
        watcher, position = Watcher(str(log), engine), position_at(log, start)
    else:
        watcher = Watcher(
            str(log), engine, run=saved.run, states=saved.states, fired=saved.fired, history=saved.history
        )
        position = saved.position
    speaker = choose(is_plain=plain)
    listener = _Terminal(watcher, report, speaker)
    listener.write_report(watcher.snapshot(None, is_following=True))
    click.echo(terminal(f"watching {log} with {len(engine.rules)} rules; Ctrl-C ends"), err=True)
    for problem in opened.problems:
        listener.on_trouble(problem)
    begun = saved or Saved(is_resending=bool(opened.lost))
    with FileTail(log, position) as tail:
        daemon = Daemon(
            watcher,
            tail,
            SystemClock(),
            listener,
            report_every_s=every,
            until_end=until_end,
            keeper=opened.keeper,
            saved=begun,
            tells_history=notify_history,
        )
        with Waker([log]) as waker, _stops(daemon) as stopped_by, speaker.shown(daemon, tail, waker):
            begun.polling = waker.mode if waker.polled else ""
            daemon.run(waker)
        daemon.end()
    listener.end(daemon.snapshot())
    return exit_code([watcher]) if _CALM.isdisjoint(stopped_by) else 0


_CALM = frozenset({signal.SIGTERM, signal.SIGHUP})
"""Sent by whoever runs the watch, not by a person who wants an answer: the exit code is 0."""


@contextmanager
def _stops(daemon: Daemon) -> Iterator[list[int]]:
    """Let SIGINT, SIGTERM and SIGHUP end the watch in good order; yields which of them came."""
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        came.append(number)
        daemon.stop()

    old = {number: signal.signal(number, stop) for number in (signal.SIGINT, *_CALM)}
    try:
        yield came
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


class _Terminal(Listener):
    """Lets a speaker tell what a person wants to know, and writes the page; what fails is said once."""

    def __init__(self, watcher: Watcher, report: Path | None, speaker: Speaker | None = None) -> None:
        self._watcher, self._report = watcher, report
        self._speaker = speaker or Plain()
        self._said: set[str] = set()

    def on_event(self, event: Event) -> None:
        if line := progress_line(event):
            self._speaker.say([line])

    def on_alerts(self, alerts: list[Alert]) -> None:
        self._speaker.say(alert_lines(alerts))

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        firing = [alert for alert in self._watcher.states.open.values() if alert.state is State.FIRING]
        self._speaker.say([*alert_lines(firing), *alert_lines([summary])])

    def on_notice(self, notice: Notice) -> None:
        self._speaker.warn(notice_line(notice))

    def on_trouble(self, text: str) -> None:
        self._speaker.warn(text)

    def on_turn(self) -> None:
        self._speaker.turn()

    def on_caught_up(self) -> None:
        if lines := self._watcher.run.lines:
            self._speaker.warn(f"{lines:,} lines were there before this watch; live from here on")

    def on_abandoned(self, age_s: float) -> None:
        self.complain(
            f"{self._watcher.log}: last written {age_s / 3600:.1f} h ago and without an end line; it looks abandoned, "
            "so its silence is not judged until something is written"
        )

    def complain(self, text: str) -> None:
        """Say something once."""
        if text not in self._said:
            self._said.add(text)
            self._speaker.warn(text)

    def on_report_due(self, snapshot: Snapshot) -> None:
        try:
            self.write_report(snapshot)
        except MonitorError as error:
            self.complain(str(error))

    def write_report(self, snapshot: Snapshot) -> None:
        """Write the page. Raises ReportError."""
        if self._report is not None:
            from monitor.report import build, render_markdown, write_atomically

            write_atomically(self._report, render_markdown(build(snapshot)))

    def end(self, snapshot: Snapshot) -> None:
        """Say how it stands."""
        self._speaker = Plain()
        self.on_report_due(snapshot)
        click.echo("\n".join(summary_lines(snapshot)))
        if is_blind(self._watcher):
            run = self._watcher.run
            self.complain(
                f"{self._watcher.log}: {run.understood:,} of {run.lines:,} lines understood, too few or too little to "
                "judge the run; that nothing fired proves nothing"
            )
