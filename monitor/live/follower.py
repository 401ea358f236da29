"""One log of a live watch: takes its bytes through all stations and keeps what must be stored."""

from __future__ import annotations

import copy
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from monitor.alert import Alert, State
from monitor.base.clock import Clock
from monitor.engine.lifecycle import closed
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.lag_alert import Lag
from monitor.live.listener import LogListener
from monitor.live.one_run import OneRun
from monitor.live.silence import SilenceClock
from monitor.notify import summarise_history
from monitor.pipeline import Pipeline
from monitor.probes import Probe
from monitor.reader.causes import STARTED_AGAIN
from monitor.reader.event import evidence_of
from monitor.run.ended import end_of, has_ended
from monitor.run.run import Run
from monitor.run.sources import is_copy
from monitor.snapshot import Snapshot, Totals, with_sources
from monitor.store import Saved
from monitor.store.recording import Recording
from monitor.tail import Ending, FileTail, Gathered, Line, Notice, Tail

SHORT_BACKLOG_BYTES = 256 * 1024
"""Largest backlog that is folded line by line, which takes two seconds at worst: blocks would load numpy, 15 MB for as
long as the watch lives. Chosen by hand, 2026-11."""

ABANDONED_S = 1_800.0
"""Silence after which `--until-end` gives up: as long as that of a log that cannot be read (`stall`)."""


class Follower:
    """Follows one log, poll by poll."""

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
        probes: Sequence[Probe] = (),
        one_run: OneRun | None = None,
    ) -> None:
        """``saved`` is the state from which pipeline and tail were made; without it this is the first attach.

        ``one_run`` knows the other files of a watch that may be of the same run. Without ``tells_history``, all
        transitions before a first attach are told as one alert. Raises StateError.
        """
        self.pipeline, self.tail = pipeline, tail
        self._clock, self._listener, self._committer, self._probes = clock, listener, committer, tuple(probes)
        self._saved = saved or Saved()
        self.recording = Recording(committer.directory, self._saved)
        self.polling = ""
        """Why the log is only polled; empty if file events announce its transitions."""
        is_first_attach = not self._saved.has_caught_up
        self._tells_history = tells_history or not is_first_attach or self._saved.is_resending
        self._silence = SilenceClock(
            pipeline.run, tail, clock, is_first_attach=is_first_attach, line_came_at=self._saved.line_came_at
        )
        self.has_caught_up = False
        """Whether everything that was there when the watch began has been read."""
        self._replaced_lines = 0
        self._is_urgent = False
        self._unfinished: Line | None = None
        """The last line, if it has waited for its end so long that it may be complete."""
        self._is_unfinished_end = False
        self._results: deque[Line | Notice | Gathered] = deque()
        self._left: tuple[str | None, int] | None = None
        # Monotonic time at which this watch last saw new bytes.
        self._bytes_at = clock.monotonic()
        self._is_finished = False
        # Monotonic time up to which all output is known to have been read.
        self._read_at = clock.monotonic()
        self._lag = Lag(self._saved.behind)
        self._one_run = one_run or OneRun()
        self._one_run.add(self)
        self._tell(self._close_unloaded())

    @property
    def log(self) -> str:
        """The log's name, as the user gave it."""
        return self.pipeline.log

    @property
    def run(self) -> Run:
        """What is known of its run."""
        return self.pipeline.run

    @property
    def num_bytes(self) -> int:
        """Bytes read by this watch."""
        return self.tail.counters.bytes_read

    @property
    def firing(self) -> list[Alert]:
        """Its alerts that fire."""
        return [alert for alert in self.pipeline.states.open.values() if alert.state is State.FIRING]

    @property
    def history(self) -> Sequence[Alert]:
        """Its newest transitions."""
        return self.pipeline.history

    @property
    def others(self) -> list[Follower]:
        """The followers of the other files of this one's run, if this one shows it first."""
        return [each for each in self._one_run.others_of(self.log) if isinstance(each, Follower)]

    @property
    def main(self) -> Follower | None:
        """The follower of the file that shows this one's run first; None if this one does so itself."""
        main = self._one_run.main(self.log)
        return main if isinstance(main, Follower) else None

    @property
    def is_over(self) -> bool:
        """Whether the run is over, or nothing more can be expected of its log, and the log is read to its end."""
        return bool(self.why_over) and not self.tail.is_behind

    @property
    def why_over(self) -> str:
        """Why nothing more is expected of the log; empty while something is."""
        run = self.pipeline.run
        if self.main is not None:
            return self.main.why_over
        if has_ended(run.attempt):
            return "the log says that its run has ended"
        if self._unfinished is not None and self._is_unfinished_end:
            return "the log says that its run has ended, in a last line without a line feed"
        if self.tail.is_at_end:
            return "its writer has closed it"
        if not self.has_caught_up:
            return ""
        deaths = self.pipeline.engine.deaths
        dead = [
            alert
            for alert in self.firing
            if (alert.rule in deaths or (alert.fault == "crash" and alert.severity.is_alarming))
            and not alert.inhibited_by
        ]
        end = end_of(run, is_following=True, is_taken_for_dead=bool(dead))
        if dead and end.is_over and end.cause not in STARTED_AGAIN:
            return dead[0].summary
        if self._clock.monotonic() - self._bytes_at >= ABANDONED_S:
            return f"nothing was written for {ABANDONED_S:,.0f} s"
        return ""

    def poll(self) -> None:
        """Fold new output and judge the silence, unless there is more to read first."""
        polled_at = self._clock.monotonic()
        bytes_before, has_time = self.tail.counters.bytes_read, False
        found = self.tail.poll(polled_at)
        if self.tail.counters.bytes_read > bytes_before:
            self._unfinished = None
        self._results += _gathered(found) if not self.has_caught_up and self._has_long_backlog() else found
        while self._results:
            # Taken one by one: if one raises an error, the others are still there for the next poll.
            result = self._results.popleft()
            if isinstance(result, Gathered):
                self._take_backlog(result)
            elif isinstance(result, Notice):
                self._listener.on_notice(result)
                if result.lost_bytes:
                    self._lose(result)
            elif result.ending is Ending.PARTIAL:
                if result != self._unfinished:
                    self._unfinished, self._is_unfinished_end = result, self._would_end(result)
            else:
                self._unfinished = None
                has_time |= self._take(result)
        has_found = self.tail.counters.bytes_read > bytes_before
        if has_found:
            self._bytes_at = polled_at
        if self.has_caught_up:
            self._note_lag(polled_at - self._read_at if has_found else 0.0, polled_at)
        if self.tail.is_behind:
            return
        self._read_at = polled_at
        if not self.has_caught_up and not self._is_awaited() and not self._one_run.must_wait(self.log):
            self._catch_up()
        elif has_found and not has_time:
            self._note_bytes()
        self._poll_probes(polled_at)
        now = self.now()
        if self.tail.is_at_end and not self._is_finished:
            self._finish()
        if now is not None and self._is_silence_judged and not self.tail.is_at_end:
            transitions = self.pipeline.pass_time(now)
            if transitions:
                self.recording.recorder.passed(self.pipeline.run.lines, now)
            self._tell(transitions)

    @property
    def _is_silence_judged(self) -> bool:
        """Whether silence may be that of the run: another file of it, or a checkpoint's copy, says nothing of that."""
        return self._silence.is_judged and not is_copy(self.log) and self.main is None

    def hear_of(self, *, has_moved: bool) -> None:
        """Take note that another file of the run grew, and whether it showed a further step."""
        at = self._silence.note_bytes() if self.has_caught_up else None
        if at is None:
            return
        lines = self.pipeline.run.lines
        if has_moved:
            self.recording.recorder.moved(lines, at)
        else:
            self.recording.recorder.heard(lines, at)
        self._tell(self.pipeline.hear(at, has_moved=has_moved))

    def _finish(self) -> None:
        """Judge a stream that was closed: a death text at its end is not waited for, since nothing can follow."""
        self._is_finished = True
        deadline = self.pipeline.engine.death_deadline(self.pipeline.run)
        transitions = self.pipeline.finish()
        if transitions and deadline is not None:
            self.recording.recorder.passed(self.pipeline.run.lines, math.nextafter(deadline, math.inf))
        self._tell(transitions)

    def finish(self) -> None:
        """Take an unterminated last line as final; call it when nothing more is waited for."""
        lines = [] if self._unfinished is None or not isinstance(self.tail, FileTail) else self.tail.finish()
        self._unfinished = None
        for line in lines:
            self._take(line)
            # Tells a replay that this line was not waited for.
            if (now := self.now()) is not None:
                self.recording.recorder.passed(self.pipeline.run.lines, now)

    def _would_end(self, line: Line) -> bool:
        """Whether the run would have ended if the unterminated last line were complete."""
        return has_ended(self._provisional(line).run.attempt)

    def _provisional(self, line: Line) -> Pipeline:
        """Return what would be known if the unterminated last line were complete; it is read anew when it is."""
        known = replace(self.pipeline, run=copy.deepcopy(self.pipeline.run), history=self.pipeline.history.copy())
        known.take(line)
        return known

    def now(self) -> float | None:
        """Return the run's present time; None if it is unknown."""
        return self._silence.now()

    def snapshot(self) -> Snapshot:
        """Return the present snapshot of the log."""
        is_following = self._silence.is_judged and not self.tail.is_at_end
        pipeline = self.pipeline if self._unfinished is None else self._provisional(self._unfinished)
        known = pipeline.snapshot(self.now(), is_following=is_following)
        return with_sources(replace(known, totals=self.totals), [each.snapshot() for each in self.others])

    @property
    def totals(self) -> Totals:
        """What the tail has read of this log, earlier processes included."""
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
        """Switch to other rules and close the alerts of rules that are gone."""
        self.pipeline = replace(self.pipeline, engine=engine)
        self._tell(self._close_unloaded())

    @property
    def version(self) -> object:
        """A value that changes whenever there is something new to store."""
        run, counters = self.pipeline.run, self.tail.counters
        read = (counters.bytes_read, counters.generations, self.has_caught_up)
        return (
            *read,
            run.lines,
            run.attempt.lines,
            run.heard_at,
            self.pipeline.states.judged_until,
            self._silence.is_judged,
        )

    def take_ended(self) -> Run | None:
        """Return the run if its present attempt has ended and is read to its end; once per attempt."""
        run = self.pipeline.run
        attempt = (run.id, run.attempt.number)
        if not self.has_caught_up or not self.is_over or run.attempt.ended is None or self._left == attempt:
            return None
        self._left = attempt
        return run

    def take_urgency(self) -> bool:
        """Return whether alerts came since the last call, which must be committed before they are sent."""
        is_urgent, self._is_urgent = self._is_urgent, False
        return is_urgent

    def saved(self) -> Saved:
        """Return all that another process needs to continue from here."""
        return replace(
            self._saved,
            position=self.tail.position,
            run=self.pipeline.run,
            states=self.pipeline.states,
            history=self.pipeline.history,
            fired=self.pipeline.fired,
            committed_at=self._clock.wall(),
            line_came_at=self._silence.line_came_at,
            behind=self._lag.alert,
            unjudged=self.pipeline.unjudged,
            totals=self.totals,
        )

    def close(self) -> None:
        """Close the files."""
        self.tail.close()
        self.recording.close()
        for probe in self._probes:
            probe.close()

    def _take(self, line: Line) -> bool:
        """Fold a line; return whether it has a time."""
        event = self.pipeline.read(line)
        if event is None:
            return False
        has_time = event.evidence.at is not None
        if not has_time:
            self._note_bytes()
        transitions = self.pipeline.fold(event)
        if has_time:
            self._silence.note_line()
            if self.pipeline.run.now is not None:
                self.recording.recorder.line(self.pipeline.run.now)
        self._replaced_lines += "\ufffd" in event.evidence.text
        self._listener.on_event(event)
        self._tell(transitions)
        return has_time

    def _has_long_backlog(self) -> bool:
        counters = self.tail.counters
        return self.tail.is_behind and counters.bytes_read + counters.bytes_behind > SHORT_BACKLOG_BYTES

    def _take_backlog(self, backlog: Gathered) -> None:
        """Fold lines written before this watch, many at once."""
        run = self.pipeline.run
        times = (run.now, run.line_at)
        transitions = self.pipeline.take_all(backlog, self._listener.on_event)
        if run.now is not None and (run.now, run.line_at) != times:
            self._silence.note_line()
            self.recording.recorder.line(run.now)
        if not backlog.data.isascii():
            shown = (evidence_of(line, self.pipeline.log, None).text for line in backlog.lines)
            self._replaced_lines += sum("\ufffd" in text for text in shown)
        self._tell(transitions)

    def _note_bytes(self) -> None:
        """End a silence when bytes without a time come, even if they are only part of a line."""
        if self.has_caught_up:
            self._hear(self._silence.note_bytes())

    def _hear(self, at: float | None) -> None:
        if at is not None:
            self.recording.recorder.heard(self.pipeline.run.lines, at)
            self._tell(self.pipeline.hear(at))

    def _lose(self, notice: Notice) -> None:
        """Record bytes that were destroyed before they were read."""
        now = self.now()
        self.recording.recorder.lost(self.pipeline.run.lines, now, notice.lost_bytes, notice.change.value)
        self._tell(self.pipeline.lose(notice.lost_bytes, notice.change.value, now))

    def _note_lag(self, waited_s: float, polled_at: float) -> None:
        """Note how long new output may have been waiting to be read, and raise or end the alert about it."""
        transitions = self._lag.note(self.pipeline.run, waited_s, self.now(), polled_at)
        self.pipeline.history.extend(transitions)
        self.pipeline.fired += sum(alert.state is State.FIRING for alert in transitions)
        self._tell(transitions)

    def _poll_probes(self, polled_at: float) -> None:
        for probe in self._probes:
            for text in probe.poll(polled_at, self.pipeline.run):
                now = self.now()
                if now is None:
                    # The log is empty or has no times, so our own clock dates what the probe saw.
                    now = self._silence.time_of_day()
                self.recording.recorder.probed(self.pipeline.run.lines, now, text)
                self._tell(self.pipeline.learn(text, now))

    def _catch_up(self) -> None:
        """Tell the history and start to judge the silence, now that all older output has been read."""
        self.has_caught_up = True
        history = self._one_run.untold(self.log, self.pipeline.history) if not self._tells_history else []
        if history:
            summary = summarise_history(self.pipeline.log, history, self.firing)
            self._committer.add([summary])
            self._listener.on_history(history, summary)
            self._is_urgent = True
        self._tells_history = True
        self._saved.has_caught_up, self._saved.is_resending = True, False
        self._listener.on_caught_up()
        found = self._silence.catch_up(self.pipeline.log)
        if found.abandoned_s is not None:
            self._listener.on_abandoned(found.abandoned_s)
        self._hear(found.heard_at)

    def _is_awaited(self) -> bool:
        """Whether a stream has not sent anything yet: its first bytes may have been written long ago."""
        return self.tail.descriptor is not None and not self.tail.is_at_end and not self.tail.counters.bytes_read

    def _tell(self, transitions: list[Alert]) -> None:
        if not transitions or not self._tells_history:
            return
        transitions = self._one_run.admit(self.log, transitions)
        if not transitions:
            return
        self._is_urgent = True
        if self._saved.is_resending:
            transitions = [replace(alert, resent=True) for alert in transitions]
        self._committer.add(transitions)
        self._listener.on_alerts(transitions)

    def _close_unloaded(self) -> list[Alert]:
        """Close the alerts of rules that are no longer loaded."""
        pipeline = self.pipeline
        loaded = {rule.alert for rule in pipeline.engine.rules}
        unloaded = [key for key in pipeline.states.open if key.rule not in loaded]
        pipeline.states, gone = closed(pipeline.states, unloaded, pipeline.run.now, "its rule is no longer loaded")
        pipeline.history.extend(gone)
        return gone


def _gathered(results: Iterable[Line | Notice | Gathered]) -> Iterator[Line | Notice | Gathered]:
    """Gather runs of whole lines; truncated and unterminated lines and notices stay by themselves."""
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
