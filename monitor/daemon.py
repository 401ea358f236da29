"""The loop of a live watch: read what is new, let time pass, keep what is known, wait for more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from monitor.alerts import Alert, State
from monitor.alertstates import closed
from monitor.clock import Clock
from monitor.events import Event, evidence_of
from monitor.keeper import Keeper
from monitor.notify import Delivery, told_as_one
from monitor.sources import ABANDONED_AFTER_S, age_s
from monitor.store import Saved, Totals
from monitor.tail import Ending, FileTail, Gathered, Line, Notice, Waker
from monitor.watcher import Snapshot, Watcher

POLL_S = 1.0
"""Longest wait between two looks at the log: right without file events too, a second late at most."""


class Listener:
    """What a watch tells the outside; the default says nothing."""

    def on_event(self, event: Event) -> None:
        """Hear of one line."""

    def on_alerts(self, alerts: list[Alert]) -> None:
        """Hear of alerts that changed, at least one."""

    def on_notice(self, notice: Notice) -> None:
        """Hear of something that befell the log, not the run: rotated, truncated, gone."""

    def on_trouble(self, text: str) -> None:
        """Hear of something that befell the watch: a state that cannot be written, a receiver that does not answer."""

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        """Hear of the transitions from before the watch, oldest first, and of the one alert that tells of them."""

    def on_caught_up(self) -> None:
        """Hear that everything written before the watch began has been told; the rest is live."""

    def on_abandoned(self, age_s: float) -> None:
        """Hear that the log has no end line and was left long before the watch began; its silence is not judged."""

    def on_report_due(self, snapshot: Snapshot) -> None:
        """Hear that it is time for a new status page."""

    def on_turn(self) -> None:
        """Hear that the log was looked at, which happens at least every POLL_S."""


class Daemon:
    """Follows one log until it is stopped, or until its run has ended."""

    def __init__(
        self,
        watcher: Watcher,
        tail: FileTail,
        clock: Clock,
        listener: Listener,
        *,
        report_every_s: float,
        until_end: bool,
        keeper: Keeper | None = None,
        saved: Saved | None = None,
        tells_history: bool = True,
    ) -> None:
        """``saved`` is the state that watcher and tail were made of. Else this is the first attach to the log.

        Without ``tells_history``, what changed before a first attach is told as one alert.
        """
        self._watcher, self._tail, self._clock, self._listener = watcher, tail, clock, listener
        self._keeper = keeper or Keeper(Delivery({}))
        self._report_every_s, self._until_end = report_every_s, until_end
        self._saved = saved or Saved()
        self._is_first_attach = not self._saved.has_caught_up
        self._tells_history = tells_history or not self._is_first_attach or self._saved.is_resending
        self._is_stopped = False
        self._waker: Waker | None = None
        self._has_caught_up = False
        self._replaced_lines = 0
        self._is_urgent = False
        # Monotonic time at which the run's time was `run.now`; None while the silence is not observed.
        self._line_came_at: float | None = None
        self._report_due_at = clock.monotonic()
        self._tell(self._drop_foreign())

    def run(self, waker: Waker) -> None:
        """Follow the log; returns when stopped."""
        self._waker = waker
        while not self._is_stopped:
            looked_at = self._clock.monotonic()
            self.turn()
            if self._until_end and self._is_over():
                return
            if not self._tail.is_behind:
                # From look to look, not from the end of the work: by polling alone a line waits no longer than POLL_S.
                waker.wait(max(0.0, looked_at + POLL_S - self._clock.monotonic()))

    def stop(self) -> None:
        """End `run` after its present turn; for a signal handler too."""
        self._is_stopped = True
        if self._waker is not None:
            self._waker.wake()

    def turn(self) -> None:
        """Look once: fold what is new, let silence speak, keep what is known, then renew the page if it is due."""
        is_caught_up = self._look()
        self._settle()
        if is_caught_up and self._clock.monotonic() >= self._report_due_at:
            self._report_due_at = self._clock.monotonic() + self._report_every_s
            self._listener.on_report_due(self.snapshot())
        self._listener.on_turn()

    def end(self) -> None:
        """Keep what is known; after the last turn."""
        self._keeper.hurry()
        self._settle()

    def now(self) -> float | None:
        """Return the run's present time: that of its last line, plus what has passed since that line came."""
        last = self._watcher.run.now
        if last is None or self._line_came_at is None:
            return last
        return last + self._clock.monotonic() - self._line_came_at

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        return self._watcher.snapshot(self.now(), is_following=self._line_came_at is not None)

    @property
    def totals(self) -> Totals:
        """What the tail has done for this log, earlier runs of the program included."""
        before, counters = self._saved.totals, self._tail.counters
        return Totals(
            bytes_read=before.bytes_read + counters.bytes_read,
            truncated_lines=before.truncated_lines + counters.truncated_lines,
            replaced_lines=before.replaced_lines + self._replaced_lines,
            lost_bytes=before.lost_bytes + counters.lost_bytes,
            bytes_behind=counters.bytes_behind,
        )

    def _look(self) -> bool:
        """Fold what is new and let silence speak; return False where there is more to read first."""
        bytes_before, has_time = self._tail.counters.bytes_read, False
        results: Iterable[Line | Notice | Gathered] = self._tail.poll(self._clock.monotonic())
        # A short backlog is not worth what folding in blocks loads: numpy, for as long as the watch lives.
        if not self._has_caught_up and self._tail.is_behind:
            results = _gathered(results)
        for result in results:
            if isinstance(result, Gathered):
                self._take_backlog(result)
            elif isinstance(result, Notice):
                self._listener.on_notice(result)
                if result.lost_bytes:
                    self._lose(result)
            elif result.ending is not Ending.PARTIAL:
                has_time |= self._take(result)
        if self._tail.is_behind:
            return False
        if not self._has_caught_up:
            self._catch_up()
        elif self._tail.counters.bytes_read > bytes_before and not has_time:
            self._hear()
        now = self.now()
        if now is not None and self._line_came_at is not None:
            changes = self._watcher.pass_time(now)
            if changes:
                self._keeper.recorder.passed(self._watcher.run.lines, now)
            self._tell(changes)
        return True

    def _take(self, line: Line) -> bool:
        """Fold a line; return whether it bore a time."""
        event = self._watcher.read(line)
        if event is None:
            return False
        has_time = event.evidence.at is not None
        if not has_time:
            self._hear()
        changes = self._watcher.fold(event)
        if has_time:
            self._line_came_at = self._clock.monotonic()
            if self._watcher.run.now is not None:
                self._keeper.recorder.line(self._watcher.run.now)
        self._replaced_lines += "\ufffd" in event.evidence.text
        self._listener.on_event(event)
        self._tell(changes)
        return has_time

    def _take_backlog(self, backlog: Gathered) -> None:
        """Fold lines that were there before this watch, many at once."""
        run = self._watcher.run
        times = (run.now, run.line_at)
        changes = self._watcher.take_all(backlog, self._listener.on_event)
        if run.now is not None and (run.now, run.line_at) != times:
            self._line_came_at = self._clock.monotonic()
            self._keeper.recorder.line(run.now)
        if not backlog.data.isascii():
            shown = (evidence_of(line, self._watcher.log, None).text for line in backlog.lines)
            self._replaced_lines += sum("\ufffd" in text for text in shown)
        self._tell(changes)

    def _hear(self) -> None:
        """Bytes without a time of their own, a part of a line even, end a silence at the moment they come."""
        now = self.now()
        if now is not None and self._has_caught_up:
            self._keeper.recorder.heard(self._watcher.run.lines, now)
            self._tell(self._watcher.hear(now))

    def _lose(self, notice: Notice) -> None:
        """Bytes were destroyed before they were read."""
        now = self.now()
        self._keeper.recorder.lost(self._watcher.run.lines, now, notice.lost_bytes, notice.change.value)
        self._tell(self._watcher.lose(notice.lost_bytes, notice.change.value, now))

    def _catch_up(self) -> None:
        """Having read what was there: count the silence from the file's last change, unless it was long ago."""
        self._has_caught_up = True
        history = list(self._watcher.history)
        if not self._tells_history and history:
            firing = [alert for alert in self._watcher.states.open.values() if alert.state is State.FIRING]
            summary = told_as_one(self._watcher.log, history, firing)
            self._keeper.add([summary])
            self._listener.on_history(history, summary)
            self._is_urgent = True
        self._tells_history = True
        self._saved.has_caught_up, self._saved.is_resending = True, False
        self._listener.on_caught_up()
        if self._watcher.run.now is None:
            return
        if not self._is_first_attach and not self._tail.counters.bytes_read:
            self._line_came_at = self._came_before()
            return
        try:
            silent_s = age_s(self._watcher.log, self._clock.wall())
        except OSError:
            return
        if self._is_first_attach and silent_s > ABANDONED_AFTER_S and self._watcher.run.attempt.ended is None:
            self._line_came_at = None
            self._listener.on_abandoned(silent_s)
        else:
            # The file changed last when its newest bytes came, which may bear no time.
            run = self._watcher.run
            ahead_s = max(0.0, run.heard_at - run.now) if run.heard_at is not None and run.now is not None else 0.0
            self._line_came_at = self._clock.monotonic() - silent_s - ahead_s

    def _came_before(self) -> float | None:
        """Return when the last line came, on this process's clock, where an earlier one saw it come."""
        came_at = self._saved.line_came_at
        return None if came_at is None else self._clock.monotonic() - max(0.0, self._clock.wall() - came_at)

    def _is_over(self) -> bool:
        return self._watcher.run.attempt.ended is not None and not self._tail.is_behind

    def _tell(self, changes: list[Alert]) -> None:
        if not changes or not self._tells_history:
            return
        self._is_urgent = True
        if self._saved.is_resending:
            changes = [replace(alert, resent=True) for alert in changes]
        self._keeper.add(changes)
        self._listener.on_alerts(changes)

    def _settle(self) -> None:
        """Commit what changed and let the alerts out."""
        run, counters, states = self._watcher.run, self._tail.counters, self._watcher.states
        read = (counters.bytes_read, counters.generations, self._has_caught_up)
        mark = (*read, run.lines, run.heard_at, states.judged_until, self._line_came_at is None)
        is_urgent, self._is_urgent = self._is_urgent, False
        for text in self._keeper.settle(self._clock, self._state, mark=mark, is_urgent=is_urgent):
            self._listener.on_trouble(text)

    def _state(self) -> Saved:
        """Return all that another process needs to go on from here."""
        came_at = None
        if self._line_came_at is not None:
            came_at = self._clock.wall() - (self._clock.monotonic() - self._line_came_at)
        return replace(
            self._saved,
            position=self._tail.position,
            run=self._watcher.run,
            states=self._watcher.states,
            history=self._watcher.history,
            fired=self._watcher.fired,
            committed_at=self._clock.wall(),
            line_came_at=came_at,
            totals=self.totals,
        )

    def _drop_foreign(self) -> list[Alert]:
        """Close the alerts of rules that are not loaded any more."""
        watcher = self._watcher
        loaded = {rule.alert for rule in watcher.engine.rules}
        foreign = [key for key in watcher.states.open if key.rule not in loaded]
        watcher.states, gone = closed(watcher.states, foreign, watcher.run.now, "its rule is not loaded any more")
        watcher.history.extend(gone)
        return gone


def _gathered(results: Iterable[Line | Notice | Gathered]) -> Iterator[Line | Notice | Gathered]:
    """Yield results with whole lines that follow one another gathered; what needs care stays by itself."""
    whole: list[Line] = []
    for result in results:
        if isinstance(result, Line) and result.ending is not Ending.PARTIAL and not result.truncated_bytes:
            whole.append(result)
            continue
        if whole:
            yield Gathered.of(whole)
            whole = []
        yield result
    if whole:
        yield Gathered.of(whole)
