"""``monitor watch``: follow a log while it is written, and speak when a rule does."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from monitor.alerts import Alert
from monitor.cli.options import exit_code, is_blind, make_engine, rules_option
from monitor.clock import SystemClock
from monitor.conditions.values import seconds
from monitor.console import alert_lines, notice_line, progress_line, summary_lines
from monitor.daemon import Daemon, Listener
from monitor.errors import MonitorError
from monitor.escape import terminal
from monitor.events import Event
from monitor.sinks import Sink, open_sink
from monitor.sources import check_followable, check_outputs
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
@rules_option
@click.option("--sink", "sinks", multiple=True, metavar="KIND:PLACE", help="Send alerts to jsonl:PATH as well.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Keep a status page in this file.")
@click.option("--every", type=_Duration(), default="60s", show_default=True, help="How often the page is renewed.")
@click.option("--until-end", is_flag=True, help="Stop when the log says that the run has ended.")
@click.option("--wait", is_flag=True, help="Wait for a log that does not exist yet.")
def command(
    log: Path,
    rule_paths: tuple[Path, ...],
    sinks: tuple[str, ...],
    report: Path | None,
    every: float,
    until_end: bool,
    wait: bool,
) -> int:
    """Follow a log while it is written; print its progress and every alert.

    Ends with Ctrl-C, or with --until-end. Exit code: 0 nothing fired, 1 something fired at warning or above,
    2 usage or bad file, 3 nothing fired but the log said too little to judge; 0 after SIGTERM and SIGHUP.

    \b
    monitor watch _logs/training/run.log
    monitor watch run.log --report STATUS.md --every 60s --sink jsonl:alerts.jsonl
    """
    if str(log) == "-":
        raise MonitorError("-", "standard input cannot be watched yet", expected="a log file, or monitor replay -")
    if not (wait and not log.exists()):
        check_followable(log)
    places = [("--report", report)] if report else []
    check_outputs(str(log), [*places, *(("--sink", Path(spec.partition(":")[2])) for spec in sinks)])
    watcher = Watcher(str(log), make_engine(rule_paths))
    listener = _Terminal(watcher, [open_sink(spec) for spec in sinks], report)
    listener.write_report(watcher.snapshot(None, is_following=True))
    click.echo(terminal(f"watching {log} with {len(watcher.engine.rules)} rules; Ctrl-C ends"), err=True)
    tail = FileTail(log)
    daemon = Daemon(watcher, tail, SystemClock(), listener, report_every_s=every, until_end=until_end)
    with tail, Waker([log]) as waker, _stops(daemon) as stopped_by:
        daemon.run(waker)
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
    """Prints to the terminal, sends to the sinks, writes the page; what fails is said once and does not stop it."""

    def __init__(self, watcher: Watcher, sinks: list[Sink], report: Path | None) -> None:
        self._watcher, self._sinks, self._report = watcher, sinks, report
        self._said: set[str] = set()

    def on_event(self, event: Event) -> None:
        if line := progress_line(event):
            click.echo(line)

    def on_alerts(self, alerts: list[Alert]) -> None:
        click.echo("\n".join(alert_lines(alerts)))
        for sink in self._sinks:
            try:
                sink.send(alerts)
            except MonitorError as error:
                self.complain(str(error))

    def on_notice(self, notice: Notice) -> None:
        click.echo(f"monitor: {notice_line(notice)}", err=True)

    def on_caught_up(self) -> None:
        if lines := self._watcher.run.lines:
            click.echo(f"monitor: {lines:,} lines were there before this watch; live from here on", err=True)

    def on_abandoned(self, age_s: float) -> None:
        self.complain(
            f"{self._watcher.log}: last written {age_s / 3600:.1f} h ago and without an end line; it looks abandoned, "
            "so its silence is not judged until something is written"
        )

    def complain(self, text: str) -> None:
        """Say something once."""
        if text not in self._said:
            self._said.add(text)
            click.echo(terminal(f"monitor: {text}"), err=True)

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
        self.on_report_due(snapshot)
        click.echo("\n".join(summary_lines(snapshot)))
        if is_blind(self._watcher):
            run = self._watcher.run
            self.complain(
                f"{self._watcher.log}: {run.understood:,} of {run.lines:,} lines understood, too few or too little to "
                "judge the run; that nothing fired proves nothing"
            )
