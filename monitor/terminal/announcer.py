"""What a watch says to a person: of each log by its name where there are several, and of itself."""

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
from monitor.snapshot import Publish, Snapshot
from monitor.tail import Notice
from monitor.tail.ranks import family, ranked
from monitor.terminal.lines import alert_lines, notice_line, progress_line, run_lines, summary_lines, understood_words
from monitor.terminal.output import Output, PlainOutput

FEWEST_TO_JUDGE = 20
"""Lines of which one at least should be understood; fewer may be a banner. Chosen by hand, 2026-11."""


class Announcer(Listener):
    """Lets an output tell what a person wants to know, and writes the pages; what fails is said once."""

    def __init__(self, output: Output, page_of: Callable[[str], Path | None], publish: Publish | None) -> None:
        """``page_of`` returns where a log's page goes; None for nowhere."""
        self._speaker, self._page_of, self._publish = output, page_of, publish
        self._said: set[str] = set()
        self._names: dict[str, str] = {}
        self._caught_up: dict[str, int] = {}
        self._voices: list[_LogAnnouncer] = []

    def publish_by(self, publish: Publish) -> None:
        """Write pages another way from now on."""
        self._publish = publish

    def announcer_of(self, pipeline: Pipeline) -> LogListener:
        """Return the announcer for one log."""
        self._names = _short_names([*self._names, pipeline.log])
        announcer_of = _LogAnnouncer(self, pipeline)
        self._voices.append(announcer_of)
        return announcer_of

    def say(self, log: str, lines: Sequence[str]) -> None:
        """Tell of a run, by the log's name where there are several."""
        if lines:
            name = terminal(f"{self._names[log]} | ") if len(self._names) > 1 else ""
            self._speaker.say([f"{name}{line}" for line in lines])

    def warn(self, text: str) -> None:
        """Tell of the watch, or of a log as a file."""
        self._speaker.warn(text)

    def complain(self, text: str) -> None:
        """Say something once."""
        if text not in self._said:
            self._said.add(text)
            self._speaker.warn(text)

    def on_trouble(self, text: str) -> None:
        self._speaker.warn(text)

    def on_turn(self) -> None:
        self._tell_caught_up()
        for announcer_of in self._voices:
            announcer_of.on_turn_of()
        self._speaker.turn()

    def caught_up(self, log: str, num_lines: int) -> None:
        """Note that what was there of a log has been read; those of one turn are told together."""
        self._caught_up[log] = num_lines

    def _tell_caught_up(self) -> None:
        told, self._caught_up = self._caught_up, {}
        if told:
            of = next(iter(told)) if len(told) == 1 else f"{len(told):,} logs"
            self.warn(f"{of}: {sum(told.values()):,} lines were there before this watch; live from here on")

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
        """Say how it stands."""
        self._speaker = PlainOutput()
        self._tell_caught_up()
        for announcer_of in self._voices:
            announcer_of.on_turn_of()
        said: list[str] = []
        for each in followers:
            snapshot = each.snapshot()
            self.on_report_due(snapshot)
            said += run_lines(snapshot) if is_side_log(each, followers) else summary_lines(snapshot)
        click.echo("\n".join(said or ["no log was found"]))
        for each in judged(followers):
            if is_blind(each.pipeline):
                run = each.pipeline.run
                self.complain(
                    f"{each.log}: {run.understood:,} of {run.lines:,} lines understood, too few or too little to "
                    "judge the run; that nothing fired proves nothing"
                )


class _LogAnnouncer(LogListener):
    """Tells of one log."""

    def __init__(self, terminal: Announcer, pipeline: Pipeline) -> None:
        self._terminal, self._watcher = terminal, pipeline
        self._dialect = pipeline.run.dialect.name

    def on_turn_of(self) -> None:
        """Say once which dialect the log speaks, and once if hardly a line of it is understood."""
        run = self._watcher.run
        if run.dialect.name != self._dialect:
            self._dialect = run.dialect.name
            self._terminal.warn(f"{self._watcher.log}: {understood_words(run)}")
        if run.lines >= FEWEST_TO_JUDGE and run.understood < BLIND_BELOW * run.lines:
            self._terminal.complain(
                f"{self._watcher.log}: WARNING: {understood_words(run)}; this watch is blind, and its silence proves "
                f"nothing; see monitor dialects explain {self._watcher.log}"
            )

    def on_event(self, event: Event) -> None:
        if line := progress_line(event):
            self._terminal.say(self._watcher.log, [line])

    def on_alerts(self, alerts: list[Alert]) -> None:
        self._terminal.say(self._watcher.log, alert_lines(alerts))

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        firing = [alert for alert in self._watcher.states.open.values() if alert.state is State.FIRING]
        self._terminal.say(self._watcher.log, [*alert_lines(firing), *alert_lines([summary])])

    def on_notice(self, notice: Notice) -> None:
        self._terminal.warn(notice_line(notice))

    def on_caught_up(self) -> None:
        if lines := self._watcher.run.lines:
            self._terminal.caught_up(self._watcher.log, lines)

    def on_abandoned(self, age_s: float) -> None:
        self._terminal.complain(
            f"{self._watcher.log}: last written {age_s / 3600:.1f} h ago and without an end line; it looks abandoned, "
            "so its silence is not judged until something is written"
        )


def is_side_log(follower: Follower, followers: Sequence[Follower]) -> bool:
    """Whether a log is that of another process of a training whose own log is followed, and has no step of its own."""
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
    """Return those that must say something of their own: all but the side logs."""
    return [each for each in followers if not is_side_log(each, followers)]


def _short_names(logs: Sequence[str]) -> dict[str, str]:
    """Return a name for each log that tells it from the others: its last parts, as few as will do."""
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
