"""One log of a live watch: its bytes through all stations, its silence, and what must be kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from monitor.alert import Alert, State
from monitor.base.clock import Clock
from monitor.engine.lifecycle import closed
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.lag_alert import Lag
from monitor.notify import summarise_history
from monitor.pipeline import Pipeline
from monitor.reader.event import Event, evidence_of
from monitor.run.run import Run
from monitor.snapshot import Snapshot, Totals
from monitor.store import Saved
from monitor.store.recording import Recording
from monitor.tail import Ending, Gathered, Line, Notice, Tail
from monitor.tail.opening import ABANDONED_AFTER_S, age_s

SHORT_BACKLOG_BYTES = 256 * 1024
"""Bytes before the watch that are not worth folding in blocks: that loads numpy, and its 15 MB, for as long as the
watch lives. One by one they take about two seconds at worst. Chosen by hand, 2026-11."""


class LogListener:
    """What a watch tells of one log; the default says nothing."""

    def on_event(self, event: Event) -> None:
        """Hear of one line."""

    def on_alerts(self, alerts: list[Alert]) -> None:
        """Hear of alerts that changed, at least one."""

    def on_notice(self, notice: Notice) -> None:
        """Hear of something that befell the log, not the run: rotated, truncated, gone."""

    def on_history(self, alerts: Sequence[Alert], summary: Alert) -> None:
        """Hear of the transitions from before the watch, oldest first, and of the one alert that tells of them."""

    def on_caught_up(self) -> None:
        """Hear that everything written before the watch began has been told; the rest is live."""

    def on_abandoned(self, age_s: float) -> None:
        """Hear that the log has no end line and was left long before the watch began; its silence is not judged."""


class FactSource(Protocol):
    """Something beside the log that knows of the run: its process, its GPU."""

    def poll(self, monotonic: float, run: Run) -> list[str]:
        """Return what is new, as bodies of native lines (what follows the time); never waits for anything."""
        ...

    def close(self) -> None:
        """Let go of what it looks at."""
        ...


class Follower:
    """Follows one log, look by look."""

    def __init__(
        self,
        pipeline: Pipeline,
        tail: Tail,
        clock: Clock,
        listener: LogListener,
        committer: Committer,
        *,
        saved: Saved | None = None,
        tells_history: bool = True,
        sources: Sequence[FactSource] = (),
    ) -> None:
        """``saved`` is the state that pipeline and tail were made of. Else this is the first attach to the log.

        Without ``tells_history``, what changed before a first attach is told as one alert. Raises StateError.
        """
        self.pipeline, self.tail = pipeline, tail
        self._clock, self._listener, self._keeper, self._sources = clock, listener, committer, tuple(sources)
        self._saved = saved or Saved()
        self.recording = Recording(committer.directory, self._saved)
        self.polling = ""
        """Why the log is looked at by the clock alone; empty where file events wake."""
        self._is_first_attach = not self._saved.has_caught_up
        self._tells_history = tells_history or not self._is_first_attach or self._saved.is_resending
        self._has_caught_up = False
        self._replaced_lines = 0
        self._is_urgent = False
        self._left: tuple[str | None, int] | None = None
        # Monotonic time at which the run's time was `run.now`; None while the silence is not observed.
        self._line_came_at: float | None = None
        # Whether the times of arrival stand for those that no line bears.
        self._is_by_arrival = False
        self._day_began_at = clock.wall() - clock.monotonic()
        # Monotonic time up to which all that was written is known to be read.
        self._read_at = clock.monotonic()
        self._lag = Lag(self._saved.behind)
        self._tell(self._drop_foreign())

    @property
    def log(self) -> str:
        """The log's name, as the user gave it."""
        return self.pipeline.log

    @property
    def has_caught_up(self) -> bool:
        """Whether everything that was there when the watch began has been read."""
        return self._has_caught_up

    @property
    def is_over(self) -> bool:
        """Whether the log says that its run has ended, and is read to its end."""
        has_ended = self.pipeline.run.attempt.ended is not None or self.tail.is_at_end
        return has_ended and not self.tail.is_behind

    def look(self) -> bool:
        """Fold what is new and let silence speak; return False where there is more to read first."""
        looked_at = self._clock.monotonic()
        bytes_before, has_time = self.tail.counters.bytes_read, False
        results: Iterable[Line | Notice | Gathered] = self.tail.poll(looked_at)
        if not self._has_caught_up and self._has_long_backlog():
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
        has_found = self.tail.counters.bytes_read > bytes_before
        if self._has_caught_up:
            self._note_lag(looked_at - self._read_at if has_found else 0.0, looked_at)
        if self.tail.is_behind:
            return False
        self._read_at = looked_at
        if not self._has_caught_up and not self._is_awaited():
            self._catch_up()
        elif has_found and not has_time:
            self._hear()
        self._learn(looked_at)
        now = self.now()
        if now is not None and self._is_observed and not self.tail.is_at_end:
            changes = self.pipeline.pass_time(now)
            if changes:
                self.recording.recorder.passed(self.pipeline.run.lines, now)
            self._tell(changes)
        return True

    def now(self) -> float | None:
        """Return the run's present time: that of its last line, plus what has passed since that line came."""
        last = self.pipeline.run.now
        if last is None:
            return self._time_of_day() if self._is_by_arrival else None
        if self._line_came_at is None or self.tail.is_at_end:
            return last
        return last + self._clock.monotonic() - self._line_came_at

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        is_following = self._is_observed and not self.tail.is_at_end
        known = self.pipeline.snapshot(self.now(), is_following=is_following)
        return replace(known, totals=self.totals)

    @property
    def totals(self) -> Totals:
        """What the tail has done for this log, earlier runs of the program included."""
        before, counters = self._saved.totals, self.tail.counters
        is_behind = counters.bytes_behind > 0 or self.tail.is_behind
        return Totals(
            bytes_read=before.bytes_read + counters.bytes_read,
            truncated_lines=before.truncated_lines + counters.truncated_lines,
            replaced_lines=before.replaced_lines + self._replaced_lines,
            lost_bytes=before.lost_bytes + counters.lost_bytes,
            bytes_behind=counters.bytes_behind,
            seconds_behind=self._clock.monotonic() - self._read_at if is_behind else 0.0,
            generations=counters.generations,
            polling=self.polling,
        )

    def replace_rules(self, engine: Engine) -> None:
        """Go on with other rules; alerts of rules that are gone are closed."""
        self.pipeline = replace(self.pipeline, engine=engine)
        self._tell(self._drop_foreign())

    @property
    def mark(self) -> object:
        """Another one when there is something new to keep."""
        run, counters = self.pipeline.run, self.tail.counters
        read = (counters.bytes_read, counters.generations, self._has_caught_up)
        return (
            *read,
            run.lines,
            run.attempt.lines,
            run.heard_at,
            self.pipeline.states.judged_until,
            self._is_observed,
        )

    def take_ended(self) -> Run | None:
        """Return the run if its present attempt has ended and is read to its end; once for each attempt."""
        run = self.pipeline.run
        attempt = (run.id, run.attempt.number)
        if not self._has_caught_up or not self.is_over or run.attempt.ended is None or self._left == attempt:
            return None
        self._left = attempt
        return run

    def take_urgency(self) -> bool:
        """Whether something was told since this was asked last, which must be kept before it goes out."""
        is_urgent, self._is_urgent = self._is_urgent, False
        return is_urgent

    def saved(self) -> Saved:
        """Return all that another process needs to go on from here."""
        came_at = None
        if self._line_came_at is not None:
            came_at = self._clock.wall() - (self._clock.monotonic() - self._line_came_at)
        return replace(
            self._saved,
            position=self.tail.position,
            run=self.pipeline.run,
            states=self.pipeline.states,
            history=self.pipeline.history,
            fired=self.pipeline.fired,
            committed_at=self._clock.wall(),
            line_came_at=came_at,
            behind=self._lag.alert,
            totals=self.totals,
        )

    def close(self) -> None:
        """Let go of the files."""
        self.tail.close()
        self.recording.close()
        for source in self._sources:
            source.close()

    def _take(self, line: Line) -> bool:
        """Fold a line; return whether it bore a time."""
        event = self.pipeline.read(line)
        if event is None:
            return False
        has_time = event.evidence.at is not None
        if not has_time:
            self._hear()
        changes = self.pipeline.fold(event)
        if has_time:
            self._line_came_at = self._clock.monotonic()
            if self.pipeline.run.now is not None:
                self.recording.recorder.line(self.pipeline.run.now)
        self._replaced_lines += "\ufffd" in event.evidence.text
        self._listener.on_event(event)
        self._tell(changes)
        return has_time

    def _has_long_backlog(self) -> bool:
        counters = self.tail.counters
        return self.tail.is_behind and counters.bytes_read + counters.bytes_behind > SHORT_BACKLOG_BYTES

    def _take_backlog(self, backlog: Gathered) -> None:
        """Fold lines that were there before this watch, many at once."""
        run = self.pipeline.run
        times = (run.now, run.line_at)
        changes = self.pipeline.take_all(backlog, self._listener.on_event)
        if run.now is not None and (run.now, run.line_at) != times:
            self._line_came_at = self._clock.monotonic()
            self.recording.recorder.line(run.now)
        if not backlog.data.isascii():
            shown = (evidence_of(line, self.pipeline.log, None).text for line in backlog.lines)
            self._replaced_lines += sum("\ufffd" in text for text in shown)
        self._tell(changes)

    def _hear(self) -> None:
        """Bytes without a time of their own, a part of a line even, end a silence at the moment they come."""
        if not self._has_caught_up:
            return
        run = self.pipeline.run
        # Where no line bears a time, that of arrival stands for it, once it is clear that this is a run's log.
        self._is_by_arrival = run.now is None and run.understood > 0
        now = self.now()
        if now is not None:
            self.recording.recorder.heard(self.pipeline.run.lines, now)
            self._tell(self.pipeline.hear(now))

    def _lose(self, notice: Notice) -> None:
        """Bytes were destroyed before they were read."""
        now = self.now()
        self.recording.recorder.lost(self.pipeline.run.lines, now, notice.lost_bytes, notice.change.value)
        self._tell(self.pipeline.lose(notice.lost_bytes, notice.change.value, now))

    def _note_lag(self, waited_s: float, looked_at: float) -> None:
        """Note how long what was found may have been waiting; being late is worth an alert of its own."""
        changes = self._lag.note(self.pipeline.run, waited_s, self.now(), looked_at)
        self.pipeline.history.extend(changes)
        self.pipeline.fired += sum(alert.state is State.FIRING for alert in changes)
        self._tell(changes)

    def _learn(self, looked_at: float) -> None:
        """Ask the sources beside the log what they know."""
        for source in self._sources:
            for text in source.poll(looked_at, self.pipeline.run):
                now = self.now()
                if now is None:
                    # The log bears no time, or is empty: what we see ourselves is dated by our own clock.
                    now = self._time_of_day()
                self.recording.recorder.probed(self.pipeline.run.lines, now, text)
                self._tell(self.pipeline.learn(text, now))

    def _catch_up(self) -> None:
        """Having read what was there: count the silence from the file's last change, unless it was long ago."""
        self._has_caught_up = True
        history = list(self.pipeline.history)
        if not self._tells_history and history:
            firing = [alert for alert in self.pipeline.states.open.values() if alert.state is State.FIRING]
            summary = summarise_history(self.pipeline.log, history, firing)
            self._keeper.add([summary])
            self._listener.on_history(history, summary)
            self._is_urgent = True
        self._tells_history = True
        self._saved.has_caught_up, self._saved.is_resending = True, False
        self._listener.on_caught_up()
        if self.pipeline.run.now is None:
            self._catch_up_by_arrival()
            return
        if not self._is_first_attach and not self.tail.counters.bytes_read:
            self._line_came_at = self._came_before()
            return
        try:
            silent_s = age_s(self.pipeline.log, self._clock.wall())
        except OSError:
            return
        if self._is_first_attach and silent_s > ABANDONED_AFTER_S and self.pipeline.run.attempt.ended is None:
            self._line_came_at = None
            self._listener.on_abandoned(silent_s)
        else:
            # The file changed last when its newest bytes came, which may bear no time.
            run = self.pipeline.run
            ahead_s = max(0.0, run.heard_at - run.now) if run.heard_at is not None and run.now is not None else 0.0
            self._line_came_at = self._clock.monotonic() - silent_s - ahead_s

    def _catch_up_by_arrival(self) -> None:
        """Where no line bears a time, count the silence from the file's last change."""
        run = self.pipeline.run
        if not run.understood or run.attempt.ended is not None:
            return
        try:
            silent_s = age_s(self.pipeline.log, self._clock.wall())
        except OSError:
            return
        if self._is_first_attach and silent_s > ABANDONED_AFTER_S:
            self._listener.on_abandoned(silent_s)
            return
        self._is_by_arrival = True
        came_at = self._time_of_day() - silent_s
        if run.heard_at is None or came_at > run.heard_at:
            self.recording.recorder.heard(run.lines, came_at)
            self._tell(self.pipeline.hear(came_at))

    @property
    def _is_observed(self) -> bool:
        """Whether a silence of this log is judged."""
        return self._is_by_arrival if self.pipeline.run.now is None else self._line_came_at is not None

    def _time_of_day(self) -> float:
        """Return the time of day, as steady as the monotonic clock: a silence is as long as it is."""
        return self._day_began_at + self._clock.monotonic()

    def _is_awaited(self) -> bool:
        """Whether nothing has come yet of a stream: what comes first was perhaps written long ago."""
        return self.tail.descriptor is not None and not self.tail.is_at_end and not self.tail.counters.bytes_read

    def _came_before(self) -> float | None:
        """Return when the last line came, on this process's clock, where an earlier one saw it come."""
        came_at = self._saved.line_came_at
        return None if came_at is None else self._clock.monotonic() - max(0.0, self._clock.wall() - came_at)

    def _tell(self, changes: list[Alert]) -> None:
        if not changes or not self._tells_history:
            return
        self._is_urgent = True
        if self._saved.is_resending:
            changes = [replace(alert, resent=True) for alert in changes]
        self._keeper.add(changes)
        self._listener.on_alerts(changes)

    def _drop_foreign(self) -> list[Alert]:
        """Close the alerts of rules that are not loaded any more."""
        pipeline = self.pipeline
        loaded = {rule.alert for rule in pipeline.engine.rules}
        foreign = [key for key in pipeline.states.open if key.rule not in loaded]
        pipeline.states, gone = closed(pipeline.states, foreign, pipeline.run.now, "its rule is not loaded any more")
        pipeline.history.extend(gone)
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
