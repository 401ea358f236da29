"""``missing``: tests for an expected signal that never came, or no longer comes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from monitor.base.evidence import Evidence
from monitor.conditions.condition import Condition, Needed, SignalName, check_where, where_words
from monitor.conditions.freshness import absence, cadence_steps, line_kind, switched_off
from monitor.conditions.reading import Context, Outcome, Reading, unknown
from monitor.conditions.series_selection import series_of
from monitor.conditions.values import Hold
from monitor.reader.signals import CATALOGUE, Labels
from monitor.run.attempt import Attempt
from monitor.run.columns.preview import Ahead
from monitor.run.run import Run
from monitor.run.series import Series

LEAST_GAP_S = 60.0
"""A signal with a cadence in time is never overdue sooner: twice the heartbeat's 30 s (log grammar)."""
GAPS_NEEDED = 3
"""How many intervals make a cadence in time. Chosen by hand, 2026-11."""


class Missing(Condition):
    """A signal was not seen within a time after the start, or is overdue by its own cadence.

    All its series have one reading: the freshest series counts. The cadence is the declared one, else the longest
    interval observed; for signals without steps, it is a time.
    """

    judges_silence = True

    kind: Literal["missing"]
    signal: SignalName
    """The expected signal."""
    where: dict[str, str] = Field(default_factory=dict)
    """Only series with these labels."""
    first_by: Hold | None = None
    """How soon after the start of the attempt it must have come once: ``200 steps``, ``2 epochs`` (ended), ``10m``.
    Not seen by then is a breach; without this field, a signal that was never seen is unknown."""
    cadences: Annotated[float, Field(ge=1)] | None = 2.0
    """For how many of its own cadences it may be silent; null for any number."""

    @model_validator(mode="after")
    def _one_limit(self) -> Missing:
        check_where(self.where, self.signal)
        if self.first_by is None and self.cadences is None:
            raise ValueError("expected first_by, cadences or both")
        return self

    @property
    def watches(self) -> frozenset[str]:
        """The signal, and what shows that the run goes on without it."""
        return frozenset({self.signal, "train.loss", "run.epoch", "run.moved"})

    @property
    def is_timed(self) -> bool:
        """Whether a limit is a time: the given limit, or the cadence of a signal without steps."""
        is_by_clock = self.first_by is not None and self.first_by.unit == "s"
        return is_by_clock or (self.cadences is not None and CATALOGUE[self.signal].cadence is None)

    def in_words(self) -> str:
        """Return what is tested."""
        limits = [f"was not seen within {self.first_by} of the start"] if self.first_by is not None else []
        if self.cadences is not None:
            limits.append(f"is overdue by more than {self.cadences:g} × its own cadence")
        return f"{self.signal}{where_words(self.where)} {' or '.join(limits)}"

    def needed_signals(self) -> Needed:
        """Return the expected signal."""
        return (frozenset({self.signal}),)

    def signals_to_keep_coming(self) -> Iterator[tuple[str, bool]]:
        """Yield nothing: a signal that does not come is a breach."""
        yield from ()

    def readings(self, run: Run, context: Context, now: float | None, firing: frozenset[Labels]) -> list[Reading]:
        """Return a single reading."""
        found = list(series_of(run.attempt, self.signal, self.where, None).values())
        if found:
            return [self._read(run.attempt, max(found, key=lambda series: series.last.serial), now)]
        return [self._never_seen(run, now)]

    def stays_quiet(self, run: Run, ahead: Ahead, context: Context, firing: frozenset[Labels]) -> bool:
        """Quiet while a seen signal comes in every epoch, or while an unseen signal is still within its limit."""
        attempt = run.attempt
        found = series_of(attempt, self.signal, self.where, None)
        if firing or self.is_timed:
            return False
        if not found:
            return self._stays_early(attempt, ahead)
        if self.cadences is None or CATALOGUE[self.signal].cadence == "once":
            return True
        if CATALOGUE[self.signal].cadence != "epoch" or self.where:
            return False
        last = max(found.values(), key=lambda series: series.last.serial).last
        return ahead.comes_each_epoch(self.signal, last.epoch, self.cadences)

    def _stays_early(self, attempt: Attempt, ahead: Ahead) -> bool:
        """Whether a signal that was never seen is still within its limit at the end of a block."""
        if self.first_by is None:
            return self.signal not in ahead.coming
        if self.first_by.unit == "epochs":
            return ahead.epoch - attempt.first_epoch < self.first_by.amount
        first = attempt.first_train_step
        return first is not None and ahead.step is not None and ahead.step <= first + self.first_by.amount

    def deadline(self, run: Run, after: float) -> float | None:
        """Return when a limit that is a time ends."""
        attempt = run.attempt
        found = list(series_of(attempt, self.signal, self.where, None).values())
        if found:
            ends = self._overdue_at(max(found, key=lambda series: series.last.serial))
        else:
            is_timed = self.first_by is not None and self.first_by.unit == "s" and attempt.began_at is not None
            ends = (attempt.began_at or 0.0) + self.first_by.amount if is_timed and self.first_by else None
        return ends if ends is not None and ends > after and attempt.ended is None else None

    def _never_seen(self, run: Run, now: float | None) -> Reading:
        attempt = run.attempt
        what = " ".join([self.signal, *(f"{label}={value}" for label, value in self.where.items())])
        if (off := switched_off(attempt, self.signal)) is not None:
            return off
        absent = absence(attempt, self.signal) or unknown(f"no {what} was seen")
        if self.first_by is None or run.last is None:
            return absent
        if not self._is_too_late(attempt, now):
            return unknown(f"{absent.reason}; expected within {self.first_by} of the start")
        return self._breach(f"{absent.reason}; expected within {self.first_by} of the start", attempt, run.last)

    def _is_too_late(self, attempt: Attempt, now: float | None) -> bool:
        assert self.first_by is not None
        amount, unit = self.first_by
        if unit == "s":
            return now is not None and attempt.began_at is not None and now > attempt.began_at + amount
        if unit == "epochs":
            return attempt.epoch - attempt.first_epoch >= amount
        first = attempt.first_train_step
        return first is not None and attempt.step is not None and attempt.step > first + amount

    def _read(self, attempt: Attempt, series: Series, now: float | None) -> Reading:
        last, signal = series.last, CATALOGUE[self.signal]
        late = self._late(attempt, series, now)
        if late:
            return self._breach(f"no {line_kind(signal)} with {self.signal} since {late}", attempt, last.evidence)
        return Reading(Outcome.OK, f"{self.signal} comes", evidence=(last.evidence,), epoch=last.epoch, step=last.step)

    def _late(self, attempt: Attempt, series: Series, now: float | None) -> str:
        """Return, in words, since when the signal is late; empty while it is on time."""
        last, signal = series.last, CATALOGUE[self.signal]
        if self.cadences is None or signal.cadence == "once":
            return ""
        if signal.cadence == "epoch":
            is_late = attempt.epoch - 1 - last.epoch > self.cadences
            return f"epoch {last.epoch}; expected in every epoch; now epoch {attempt.epoch}" if is_late else ""
        if not _has_steps(series):
            ends = self._overdue_at(series)
            if ends is None or now is None or last.at is None or now <= ends:
                return ""
            return f"{now - last.at:.0f} s; expected every {_gap_s(series) or 0:.0f} s"
        cadence, step = cadence_steps(attempt, signal, series), attempt.step or 0
        if step - (last.step or 0) <= self.cadences * cadence:
            return ""
        return f"step {last.step or 0:,}; expected every {cadence} steps; now step {step:,}"

    def _overdue_at(self, series: Series) -> float | None:
        """Return when a signal without steps becomes overdue; None if its cadence is not a time, or not known."""
        gap_s, last = _gap_s(series), series.last
        is_timed = CATALOGUE[self.signal].cadence is None and not _has_steps(series)
        if self.cadences is None or gap_s is None or last.at is None or not is_timed:
            return None
        return last.at + max(self.cadences * gap_s, LEAST_GAP_S)

    def _breach(self, reason: str, attempt: Attempt, line: Evidence) -> Reading:
        return Reading(Outcome.BREACH, reason, evidence=(line,), epoch=attempt.epoch, step=attempt.step)


def _has_steps(series: Series) -> bool:
    """Whether a signal comes every so many steps: its lines carry a step, or belong to lines that do."""
    return series.last.has_own_step


def _gap_s(series: Series) -> float | None:
    """Return the longest time between two successive reports of the newest; None while there are too few."""
    times = [point.at for point in series.recent if point.at is not None]
    gaps = [right - left for left, right in itertools.pairwise(times)]
    return max(gaps) if len(gaps) >= GAPS_NEEDED else None
