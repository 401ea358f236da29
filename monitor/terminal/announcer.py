"""What a watch tells a person: about each log, by name where there are several, and about itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

import click

from monitor.alert import Alert, State
from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.live.follower import Follower
from monitor.live.listener import Listener, LogListener
from monitor.pipeline import BLIND_BELOW, Pipeline, is_blind
from monitor.reader.event import Event
from monitor.report.first_rank import first_to_fail
from monitor.snapshot import Publish, Snapshot
from monitor.tail import Notice
from monitor.tail.ranks import family, ranked
from monitor.terminal.lines import alert_lines, head_lines, notice_line, progress_line, summary_lines, understood_words
from monitor.terminal.output import Output, PlainOutput

FEWEST_TO_JUDGE = 20
"""Least number of lines to judge a dialect by; fewer may be a banner. Chosen by hand, 2026-11."""


class Announcer(Listener):
    """Passes what a person wants to know to an output, and writes the pages; a failure is reported once."""

    def __init__(self, output: Output, page_of: Callable[[str], Path | None], publish: Publish | None) -> None:
        """``page_of`` returns the page of a log; None for no page."""
        self._output, self._page_of, self._publish = output, page_of, publish
        self._complaints: set[str] = set()
        self._names: dict[str, str] = {}
        self._caught_up: dict[str, int] = {}
        self._announcers: list[_LogAnnouncer] = []

    def publish_by(self, publish: Publish) -> None:
        """Write pages with this function from now on."""
        self._publish = publish

    def announcer_of(self, pipeline: Pipeline) -> LogListener:
        """Return the listener for one log."""
        self._names = _short_names([*self._names, pipeline.log])
        announcer = _LogAnnouncer(self, pipeline)
        self._announcers.append(announcer)
        return announcer

    def say(self, log: str, lines: Sequence[str]) -> None:
        """Print lines about a run, behind the log's name where there are several."""
        if lines:
            name = terminal(f"{self._names[log]} | ") if len(self._names) > 1 else ""
            self._output.say([f"{name}{line}" for line in lines])

    def warn(self, text: str) -> None:
        """Print a line about the watch, or about a log as a file."""
        self._output.warn(text)

    def complain(self, text: str) -> None:
        """Print a warning once."""
        if text not in self._complaints:
            self._complaints.add(text)
            self._output.warn(text)

    def on_trouble(self, text: str) -> None:
        self._output.warn(text)

    def on_turn(self) -> None:
        self._announce_caught_up()
        for announcer in self._announcers:
            announcer.on_poll()
        self._output.turn()

    def caught_up(self, log: str, num_lines: int) -> None:
        """Note that the existing part of a log has been read; logs of one poll are announced together."""
        self._caught_up[log] = num_lines

    def _announce_caught_up(self) -> None:
        read, self._caught_up = self._caught_up, {}
        if read:
            of = next(iter(read)) if len(read) == 1 else f"{len(read):,} logs"
            self.warn(f"{of}: read {sum(read.values()):,} lines from before this watch; live from here on")

    def on_report_due(self, snapshot: Snapshot) -> None:
        try:
            self.write_report(snapshot)
        except MonitorError as error:
            self.complain(str(error))

    def write_report(self, snapshot: Snapshot) -> None:
        """Write the page. Raises ReportError."""
        page = self._page_of(snapshot.log)
        if page is not None and self._publish is not None:
            self._publish(snapshot, page)

    def end(self, followers: Sequence[Follower]) -> None:
        """Print the summaries."""
        self._output = PlainOutput()
        self._announce_caught_up()
        for announcer in self._announcers:
            announcer.on_poll()
        lines: list[str] = []
        seen: list[Snapshot] = []
        for each in followers:
            snapshot = each.snapshot()
            self.on_report_due(snapshot)
            seen.append(snapshot)
            lines += head_lines(snapshot) if is_side_log(each, followers) else summary_lines(snapshot)
        lines += [terminal(line) for line in first_to_fail(seen)]
        click.echo("\n".join(lines or ["no log was found"]))
        for each in judged(followers):
            if is_blind(each.pipeline):
                run = each.pipeline.run
                self.complain(
                    f"{each.log}: {run.understood:,} of {run.lines:,} lines understood, too little to judge the run: "
                    "no loss or metric with a place was read; no alert does not mean no fault"
                )


class _LogAnnouncer(LogListener):
    """Announces one log."""

    def __init__(self, announcer: Announcer, pipeline: Pipeline) -> None:
        self._announcer, self._pipeline = announcer, pipeline
        self._dialect = pipeline.run.dialect.name

    def on_poll(self) -> None:
        """Announce the dialect once it is detected, and warn once if hardly a line is understood."""
        run = self._pipeline.run
        if run.dialect.name != self._dialect:
            self._dialect = run.dialect.name
            self._announcer.warn(f"{self._pipeline.log}: {understood_words(run)}")
        if run.lines >= FEWEST_TO_JUDGE and run.understood < BLIND_BELOW * run.lines:
            self._announcer.complain(
                f"{self._pipeline.log}: WARNING: {understood_words(run)}; this watch can judge texts of death, "
                "silence, the process and the disk, and nothing of the training itself; "
                f"see monitor dialects explain {self._pipeline.log}"
            )

    def on_event(self, event: Event) -> None:
        if line := progress_line(event):
            self._announcer.say(self._pipeline.log, [line])

    def on_alerts(self, alerts: list[Alert]) -> None:
        self._announcer.say(self._pipeline.log, alert_lines(alerts))

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        firing = [alert for alert in self._pipeline.states.open.values() if alert.state is State.FIRING]
        self._announcer.say(self._pipeline.log, [*alert_lines(firing), *alert_lines([summary])])

    def on_notice(self, notice: Notice) -> None:
        self._announcer.warn(notice_line(notice))

    def on_caught_up(self) -> None:
        if lines := self._pipeline.run.lines:
            self._announcer.caught_up(self._pipeline.log, lines)

    def on_abandoned(self, age_s: float) -> None:
        self._announcer.complain(
            f"{self._pipeline.log}: last written {age_s / 3600:.1f} h ago and without an end line; it looks abandoned, "
            "so its silence is not judged until it grows"
        )


def is_side_log(follower: Follower, followers: Sequence[Follower]) -> bool:
    """Whether another log shows the run: that of another rank, if this one has no steps, or another file of the run."""
    if follower.main is not None:
        return True
    of = ranked(follower.log)
    if of is None or follower.pipeline.run.attempt.step is not None:
        return False
    runs = {follower.pipeline.run.id} - {None}
    return any(
        other is not follower
        and other.pipeline.run.attempt.step is not None
        and (other.pipeline.run.id in runs or family(other.log) == of.family)
        for other in followers
    )


def judged(followers: Sequence[Follower]) -> list[Follower]:
    """Return the logs that are judged: all but the side logs. Of the files of one run, the first that says enough."""
    return [
        next((one for one in (each, *each.others) if not is_blind(one.pipeline)), each)
        for each in followers
        if not is_side_log(each, followers)
    ]


def _short_names(logs: Sequence[str]) -> dict[str, str]:
    """Return a distinct short name for each log: as few of its last path parts as needed."""
    logs = list(dict.fromkeys(logs))
    names: dict[str, str] = {}
    waiting, depth = logs, 1
    while waiting:
        shortened = {log: "/".join(PurePath(log).parts[-depth:]) for log in waiting}
        taken = list(shortened.values())
        done = [log for log, name in shortened.items() if taken.count(name) == 1 or depth >= len(PurePath(log).parts)]
        names |= {log: shortened[log] for log in done}
        waiting, depth = [log for log in waiting if log not in names], depth + 1
    return names
