"""What a watch says to a person: of each log by its name where there are several, and of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePath

import click

from monitor.alert import Alert, State
from monitor.base.errors import MonitorError
from monitor.base.escape import terminal
from monitor.live.daemon import Listener
from monitor.live.follower import Following, LogListener
from monitor.pipeline import BLIND_BELOW, Watcher, is_blind
from monitor.reader.event import Event
from monitor.snapshot import Publish, Snapshot
from monitor.tail import Notice
from monitor.tail.ranks import family, ranked
from monitor.terminal.lines import alert_lines, notice_line, progress_line, run_lines, summary_lines, understood_words
from monitor.terminal.output import Plain, Speaker

FEWEST_TO_JUDGE = 20
"""Lines of which one at least should be understood; fewer may be a banner. Chosen by hand, 2026-11."""


class Terminal(Listener):
    """Lets a speaker tell what a person wants to know, and writes the pages; what fails is said once."""

    def __init__(self, speaker: Speaker, page_of: Callable[[str], Path | None], publish: Publish | None) -> None:
        """``page_of`` returns where a log's page goes; None for nowhere."""
        self._speaker, self._page_of, self._publish = speaker, page_of, publish
        self._said: set[str] = set()
        self._names: dict[str, str] = {}
        self._caught_up: dict[str, int] = {}
        self._voices: list[_Voice] = []

    def publish_by(self, publish: Publish) -> None:
        """Write pages another way from now on."""
        self._publish = publish

    def voice(self, watcher: Watcher) -> LogListener:
        """Return the voice for one log."""
        self._names = _short_names([*self._names, watcher.log])
        voice = _Voice(self, watcher)
        self._voices.append(voice)
        return voice

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
        for voice in self._voices:
            voice.on_turn_of()
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

    def end(self, followings: Sequence[Following]) -> None:
        """Say how it stands."""
        self._speaker = Plain()
        self._tell_caught_up()
        for voice in self._voices:
            voice.on_turn_of()
        said: list[str] = []
        for each in followings:
            snapshot = each.snapshot()
            self.on_report_due(snapshot)
            said += run_lines(snapshot) if is_side_log(each, followings) else summary_lines(snapshot)
        click.echo("\n".join(said or ["no log was found"]))
        for each in judged(followings):
            if is_blind(each.watcher):
                run = each.watcher.run
                self.complain(
                    f"{each.log}: {run.understood:,} of {run.lines:,} lines understood, too few or too little to "
                    "judge the run; that nothing fired proves nothing"
                )


class _Voice(LogListener):
    """Tells of one log."""

    def __init__(self, terminal: Terminal, watcher: Watcher) -> None:
        self._terminal, self._watcher = terminal, watcher
        self._dialect = watcher.run.dialect.name

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


def is_side_log(following: Following, followings: Sequence[Following]) -> bool:
    """Whether a log is that of another process of a training whose own log is followed, and has no step of its own."""
    of = ranked(following.log)
    if of is None or following.watcher.run.attempt.step is not None:
        return False
    runs = {following.watcher.run.id} - {None}
    return any(
        other is not following
        and other.watcher.run.attempt.step is not None
        and (other.watcher.run.id in runs or family(other.log) == of.family)
        for other in followings
    )


def judged(followings: Sequence[Following]) -> list[Following]:
    """Return those that must say something of their own: all but the side logs."""
    return [each for each in followings if not is_side_log(each, followings)]


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
