"""How a run ended, in one word, with its cause and evidence: the one answer for every command and page."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from monitor.base.evidence import Evidence
from monitor.grammar import ProcessGone, ProcessStopping, RunEnd
from monitor.reader.causes import Cause, Effect
from monitor.reader.dialects.state import NATIVE
from monitor.reader.endings import ending_of
from monitor.run.attempt import Attempt, Status
from monitor.run.deaths import leading_cause
from monitor.run.run import Run


class Ended(StrEnum):
    """How a run ended, as `monitor check --json` prints it."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    """Before its last epoch, as it was told to."""
    FAILED = "failed"
    KILLED = "killed"
    """By a signal, the kernel, the scheduler or a machine that failed."""
    CANCELLED = "cancelled"
    TIME_LIMIT = "time_limit"
    RUNNING = "running"
    NO_END = "no_end"
    """The log stops, and nothing says why: the run may go on, or may have died without a word."""


class End(NamedTuple):
    """How a run ended."""

    ended: Ended
    cause: Cause | None
    """None where nothing named one."""
    why: str
    evidence: tuple[Evidence, ...]

    @property
    def is_over(self) -> bool:
        """Whether the run is known to be over."""
        return self.ended not in (Ended.RUNNING, Ended.NO_END)


def end_of(run: Run, *, is_following: bool, is_taken_for_dead: bool = False) -> End:
    """Return how a run ended; ``is_following`` as in `Snapshot`.

    ``is_taken_for_dead`` says that an alert about a crash fires. While a log is followed, a text that training often
    survives proves nothing before that.
    """
    attempt = run.attempt
    is_sure = is_taken_for_dead or not is_following
    found = (
        _by_stop(attempt)
        or _by_process(attempt)
        or _by_end_line(attempt)
        or _by_texts(attempt, is_sure=is_sure)
        or planned_end(run)
    )
    if found is not None:
        return found
    last = () if run.last is None else (run.last,)
    if is_following:
        return End(Ended.RUNNING, None, "its log is being followed", last)
    return End(Ended.NO_END, None, no_end_words(run), last)


def no_end_words(run: Run) -> str:
    """Return that the log stops without an end, and its last line's time of day as written, if it has one."""
    if run.last is None:
        return "no end seen; the log is empty"
    if run.now is None:
        return f"no end seen; last line L{run.last.line:,}"
    seconds = int(run.now) % 86_400
    return f"no end seen; last line {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def has_ended(attempt: Attempt) -> bool:
    """Whether the attempt wrote its end line, and made no progress after it."""
    move = attempt.progress.last
    ends = [series.last.serial for series in attempt.of("run.end").values()]
    return attempt.ended is not None and (move is None or not ends or move.serial < max(ends))


def _by_stop(attempt: Attempt) -> End | None:
    """Return that `monitor run` ended the run because of an alert; None before its process has ended."""
    stated, gone = attempt.stated(ProcessStopping), attempt.stated(ProcessGone)
    if stated is None or (gone is None and not has_ended(attempt)):
        return None
    record, evidence = stated
    how = "" if gone is None else f", {gone[0].signal or f'exit code {gone[0].status}'}"
    why = f"monitor run ended it because of {record.alert}{how}" + (f": {record.why}" if record.why else "")
    checkpoint = f"; {record.checkpoint}" if record.checkpoint else ""
    return End(Ended.STOPPED, None, f"{why}{checkpoint}", (evidence, *((gone[1],) if gone else ())))


def _by_end_line(attempt: Attempt) -> End | None:
    if attempt.ended is None or not has_ended(attempt):
        return None
    assert isinstance(attempt.ended.record, RunEnd)
    evidence = (attempt.ended.evidence,)
    if attempt.status is not Status.FAILED:
        ended = Ended.STOPPED if attempt.status is Status.STOPPED else Ended.COMPLETED
        return End(ended, None, f"its end line says {attempt.status.value}", evidence)
    record = attempt.ended.record
    why = record.error or f"its end line says {record.status}"
    said = ending_of((record.error or "").encode("utf-8", "backslashreplace"))
    known = {*attempt.unanswered_deaths, *(() if said is None or not said.is_death else (said.cause,))}
    cause = leading_cause(known) if known else None
    return End(Ended.FAILED if cause is None else Ended(cause.ended), cause, why, evidence)


def _by_texts(attempt: Attempt, *, is_sure: bool = True) -> End | None:
    deaths = attempt.unanswered_deaths
    if not deaths:
        return None
    cause = leading_cause(deaths)
    evidence = deaths[cause].evidence
    said = ending_of(evidence.text.encode("utf-8", "replace"))
    if not is_sure and (said is None or said.effect is Effect.MAY_SURVIVE):
        return None
    return End(Ended(cause.ended), cause, f"{cause.words}, by its log", (evidence,))


def _by_process(attempt: Attempt) -> End | None:
    """Judge by the end of the process; None if none was seen, or the log went on or ended afterwards."""
    stated = attempt.stated(ProcessGone)
    gone = [series.last.serial for series in attempt.of("process.gone").values()]
    move = attempt.progress.last
    if stated is None or not gone or (move is not None and move.serial > max(gone)):
        return None
    record, evidence = stated
    memory = f"; meanwhile the kernel killed {record.oom_kills} for lack of memory" if record.oom_kills else ""
    texts = _by_texts(attempt)
    if record.how == "killed":
        why = f"its process got {record.signal or 'a signal'}{memory}"
        cause = texts.cause if texts else Cause.OUT_OF_MEMORY_HOST if memory else Cause.KILLED
        return End(Ended.KILLED, cause, why, (evidence,))
    if record.how == "exited" and record.status:
        why = f"its process ended with exit code {record.status}{memory}"
        return End(Ended.FAILED, texts.cause if texts else None, why, (evidence,))
    if ended := _by_end_line(attempt):
        return ended
    if record.how == "exited":
        why = f"its process ended with exit code 0{memory}"
        return End(Ended.FAILED, texts.cause if texts else None, why, (evidence,))
    if texts is not None:
        why = f"its process is gone, and its log says why{memory}"
        return texts._replace(why=why, evidence=(*texts.evidence, evidence))
    if memory:
        return End(Ended.KILLED, Cause.OUT_OF_MEMORY_HOST, f"its process is gone{memory}", (evidence,))
    return End(Ended.FAILED, None, "its process is gone, for an unknown reason", (evidence,))


def planned_end(run: Run) -> End | None:
    """Return that the planned total was reached; None for our own trainer, which always writes an end line."""
    if run.dialect.name in ("", NATIVE) or run.last is None:
        return None
    if run.dialect.facts.lines:
        place = run.dialect.words.place
        done, epochs, step, steps = place.epochs_done, place.epochs, run.dialect.facts.step, place.steps
    else:
        done, epochs, step, steps = run.attempt.epochs_done, run.attempt.epochs_planned, None, None
    if epochs and done is not None and done >= epochs:
        return End(Ended.COMPLETED, None, f"all {epochs:,} epochs are done", (run.last,))
    if steps and step is not None and step >= steps:
        return End(Ended.COMPLETED, None, f"all {steps:,} steps are done", (run.last,))
    return None
