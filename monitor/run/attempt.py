"""One attempt (one start of the trainer): its phases, epochs, facts and signals."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TypeGuard

from monitor import grammar
from monitor.base.evidence import Evidence, shortened
from monitor.grammar import Intent, Record, Share
from monitor.reader.causes import Cause
from monitor.reader.endings import rank_of
from monitor.reader.event import Event, Opening
from monitor.reader.signals import CATALOGUE, CROWDED_OUT, DEATH, Labels, Sample
from monitor.run.checkpoints import CHECKPOINTS_KEPT, SavedCheckpoint, saved_by
from monitor.run.deaths import SURVIVED_AFTER_LINES, Death, RankDeath, note_death, note_rank, ranks_since, since
from monitor.run.derived import Earlier, Writer, derived
from monitor.run.facts import TEXT_BYTES, Stated, StatedFacts, cited
from monitor.run.progress import PHASES_LIMIT, Move, Progress
from monitor.run.series import Point, Series

CROWD = 512
"""Beyond so many series, each new one keeps few points; the trainer's model has about 200."""
LABEL_LIMIT = 500
"""Most characters of a label's value, as a pattern may have. A longer one is cut and ends with its digest."""
TALLIES_LIMIT = 12_288
"""Most tallies of all series together; beyond them a series drops its oldest epoch for each new one. Enough for 100
series of 120 epochs; a tally takes about 200 bytes."""
FEWEST_TALLIES = 4
"""Newest epochs that a series keeps even then."""
SERIES_LIMIT = 1_024
"""Most series, because a hostile log can invent labels without end; samples of further ones are counted as dropped. The
first series of each signal is always kept."""
RETURN_REPORTS = 2
"""A foreign log goes back if it returns by more than so many times the largest distance between two reports; less may
be another writer. Chosen by hand, 2026-11."""
LEARNABLE_SILENCE_S = 600.0
"""A phase that was silent for longer was hung, or looks the same. Chosen by hand."""
BREAK_S = 300.0
"""Lines that come after a longer silence begin to come anew. That silence is a stall by the seed page's rule."""
BREAKS_KEPT = 8
"""So many of them are remembered: they show how long a log that writes rarely is silent. Chosen by hand, 2026-11."""
WRITERS_KEPT = 32
"""Most earlier writers remembered: if one comes back, a second trainer writes to the same log."""
EARLY_STOP = "early_stop"
"""The phase change by which a trainer declares an early end; the numbers before it stay comparable."""

# The named tuple's own constructor takes twice as long, and this runs for every number of a log.
_new_point: Callable[[tuple[object, ...]], Point] = partial(tuple.__new__, Point)

Touch = tuple[str, Labels]
"""A signal and the labels of one of its series."""


class Status(StrEnum):
    """How far a run has got, according to its log."""

    WAITING = "waiting"
    """No line yet."""
    RUNNING = "running"
    """Lines, and no end line."""
    COMPLETED = "completed"
    STOPPED = "stopped"
    """Ended on request before its last epoch."""
    FAILED = "failed"
    """Ended by an error, or with an unknown status."""


@dataclass
class Attempt(StatedFacts):
    """One start of the trainer. Bounded in memory for any log."""

    number: int = 1
    started: Evidence | None = None
    """The RUN start line; None if the log has none."""
    ended: Stated | None = None
    """The RUN end record."""
    began_at: float | None = None
    """Time of its first line in the run's time."""
    lines: int = 0
    announced_phase: str | None = None
    phase_since: float | None = None
    longest_silence_s: dict[str, float] = field(default_factory=dict)
    """Longest gap between two lines so far in each phase, up to LEARNABLE_SILENCE_S."""
    writes_since: float | None = None
    """Time of the first line after the newest silence of more than BREAK_S; None if there was no such silence."""
    breaks_s: list[float] = field(default_factory=list)
    """The newest silences of more than BREAK_S that lines came after; at most BREAKS_KEPT."""
    epoch: int = 1
    """The epoch that new lines belong to; n + 1 after the end line of epoch n."""
    epochs_done: int = 0
    epochs_planned: int | None = None
    step: int | None = None
    first_train_step: int | None = None
    """Step of the first TRAIN line."""
    first_epoch: int = 1
    """Epoch of that line; a resumed attempt begins in a later epoch."""
    batch: Share | None = None
    intent: Intent = field(default_factory=Intent)
    """All INTENT lines so far; a newer value replaces an older one."""
    intent_evidence: dict[str, Evidence] = field(default_factory=dict)
    """The line that stated each field of the intent."""
    intent_serials: dict[str, int] = field(default_factory=dict)
    """The attempt's number of lines when each field was stated; comparable with `Point.serial`."""
    series: dict[str, dict[Labels, Series]] = field(default_factory=dict)
    earlier: Earlier = field(default_factory=Earlier)
    """The outcome of the attempts before this one."""
    writer: Writer | None = None
    """Who writes, according to the newest RUN start line or the first PHASE line."""
    replaced: tuple[Writer, ...] = ()
    """Who wrote before; the newest WRITERS_KEPT of them."""
    progress: Progress = field(default_factory=Progress)
    """When it last moved, and how long a move usually takes."""
    tallies: int = 0
    """Number of tallies in all series."""
    fit: int = 1
    """Number of the training within the log: folds, or several complete runs one after the other."""
    is_resume_stated: bool = False
    """Whether the log says in words that this attempt goes on from a checkpoint."""
    resumed_at: int | None = None
    """The step that it says."""
    deaths: dict[str, Death] = field(default_factory=dict)
    """By cause: the first text that says it since the last move."""

    checkpoints: list[SavedCheckpoint] = field(default_factory=list)
    """The newest checkpoints, oldest first; of earlier attempts, too, where this one goes on from them."""
    ranks_died: dict[str, RankDeath] = field(default_factory=dict)
    """By rank, where several write one log: its first text of death since the last move."""

    @property
    def status(self) -> Status:
        """How far the attempt has got, according to the log."""
        if self.ended is None:
            return Status.RUNNING if self.lines else Status.WAITING
        assert isinstance(self.ended.record, grammar.RunEnd)
        try:
            return Status(self.ended.record.status)
        except ValueError:
            return Status.FAILED

    @property
    def phase(self) -> str:
        """The current phase. Without PHASE lines: train once a step was reported, load before."""
        if self.announced_phase is not None:
            return self.announced_phase
        return "load" if self.step is None else "train"

    def of(self, signal: str) -> dict[Labels, Series]:
        """Return a signal's series by labels; empty if the signal was never seen."""
        return self.series.get(signal, {})

    @property
    def unanswered_deaths(self) -> dict[Cause, Death]:
        """The death texts that no progress has followed, the earliest first."""
        move = self.progress.last
        if not self.deaths:
            return {}
        if move is None:
            newest = max(series.last.serial for series in self.of(DEATH).values())
            if self.lines - newest > SURVIVED_AFTER_LINES:
                return {}
        return since(self.deaths, move.serial if move is not None else 0)

    @property
    def failed_ranks(self) -> dict[int, RankDeath]:
        """The ranks whose death texts no progress has followed, the first one first."""
        return ranks_since(self.ranks_died, self.progress.last.serial if self.progress.last else 0)

    def goes_back(self, event: Event) -> bool:
        """Return whether a trainer that announces no start counts from an earlier step again with this event."""
        record = event.record
        if self._is_behind(record):
            return record.epoch.part <= self.first_epoch
        if not event.kind or not isinstance(record, grammar.Train) or self.step is None:
            return False
        if event.opening is not None:
            # A stated resume needs no proof that it is one.
            return record.step <= self.step
        if record.step >= self.step:
            return False
        # Within a later epoch a lower step is a count that begins anew, and writers of one log are a few reports apart.
        is_far = self.step - record.step > RETURN_REPORTS * max(self._report_gap, 1)
        return is_far and record.epoch.part <= self.epoch and record.epoch.part <= self.first_epoch + self.epochs_done

    @property
    def _report_gap(self) -> int:
        return max((series.step_gap or 0 for series in self.of("train.loss").values()), default=0)

    def _is_behind(self, record: Record | None) -> TypeGuard[grammar.Train]:
        """Return whether progress has gone back: after a restart, or if steps are counted anew in each epoch."""
        if not isinstance(record, grammar.Train) or self.first_train_step is None or self.step is None:
            return False
        # A step below the newest one is not enough: two writers in one log can be a step apart.
        return record.step < self.step and record.step <= self.first_train_step

    def handed_on(self, opening: Opening | None = None) -> Attempt:
        """Return the attempt that follows this one, with what it must know about the earlier ones.

        ``opening`` says why it does, where the log does: a new fit owes the earlier ones nothing.
        """
        if opening is not None and opening.kind != "resume":
            fit = self.fit + (opening.kind in ("fit", "anew"))
            return Attempt(number=self.number + 1, fit=fit, writer=self.writer, replaced=self.replaced)
        before, step = self.earlier, self.step
        is_higher = step is not None and (before.highest_step is None or step > before.highest_step)
        started, data = self.stated(grammar.RunStart), self.stated(grammar.Data)
        is_done = self.status is Status.COMPLETED
        earlier = Earlier(
            highest_step=None if is_done else step if is_higher else before.highest_step,
            starts=0 if is_done else 1 if is_higher else before.starts + 1,
            is_over=self.status in (Status.COMPLETED, Status.STOPPED),
            has_ended=self.ended is not None,
            has_crashed=self.ended is None and bool(self.unanswered_deaths),
            run=started[0].run if started else before.run,
            fingerprint=data[0].fingerprint if data else before.fingerprint,
        )
        return Attempt(
            number=self.number + 1,
            fit=self.fit,
            resumed_at=None if opening is None else opening.step,
            is_resume_stated=opening is not None,
            earlier=earlier,
            writer=self.writer,
            replaced=self.replaced,
            checkpoints=list(self.checkpoints),
        )

    def note_silence(self, silence_s: float, until: float) -> None:
        """Note a silence that ended at ``until``: the phase may be silent for so long, unless it may be a hang."""
        if silence_s > BREAK_S:
            self.writes_since = until
            self.breaks_s = [*self.breaks_s, silence_s][-BREAKS_KEPT:]
        if silence_s > LEARNABLE_SILENCE_S:
            return
        known = self.longest_silence_s.get(self.phase)
        if known is not None or len(self.longest_silence_s) < PHASES_LIMIT:
            self.longest_silence_s[self.phase] = max(silence_s, known or 0.0)

    def samples_of(self, event: Event) -> tuple[Sample, ...]:
        """Return the samples that an event would add: its own, and those derived from it and the lines before it."""
        samples = event.samples if event.record is None else (*event.samples, *derived(event.record, self))
        if len(event.evidence.text) < LABEL_LIMIT:
            return samples
        return tuple(each._replace(labels=shortened_labels(each.labels)) for each in samples)

    def fold(
        self,
        event: Event,
        now: float | None,
        samples: tuple[Sample, ...] | None = None,
        *,
        heard_at: float | None = None,
        moved_at: float | None = None,
    ) -> frozenset[Touch]:
        """Fold one event, and return what it touched: series, and ``run.*`` or ``log.line`` for the rest.

        ``samples`` is the result of `samples_of`, if the caller has just asked for it; ``heard_at`` is when the line
        arrived, for logs without times, and ``moved_at`` the same for a line without a time in a log that has some.
        """
        if samples is None:
            samples = self.samples_of(event)
        self.lines += 1
        num_dropped = self.dropped
        touched: set[Touch] = {("log.line", ())}
        if event.record is not None:
            is_foreign = bool(event.kind)
            touched |= {(name, ()) for name in self._take_record(event.record, event.evidence, now, is_foreign)}
        move = Move(now if moved_at is None else moved_at, self.lines, event.evidence)
        if self.progress.note(event.record, move, phase=self.phase, step=self.step):
            touched.add(("run.moved", ()))
        if samples:
            self._take_samples(samples, event, now)
            touched.update((sample.signal, sample.labels) for sample in samples)
            self._note_deaths(samples, event.evidence, heard_at if now is None else now)
        if isinstance(event.record, grammar.Epoch):
            self._end_epoch(event.record)
            touched.add(("run.epoch", ()))
        elif event.kind:
            self.count_epochs(event.record)
        if self.dropped > num_dropped:
            self._take_samples((Sample(CROWDED_OUT, (), 1.0),), event, now)
            touched.add((CROWDED_OUT, ()))
        return frozenset(touched)

    def _note_deaths(self, samples: Sequence[Sample], evidence: Evidence, at: float | None) -> None:
        for sample in samples:
            if sample.signal == DEATH:
                moved = self.progress.last.serial if self.progress.last else 0
                said = cited(evidence, len(samples), is_record=False)
                death = Death(self.lines, at, self.step, self.epoch, said)
                note_death(self.deaths, dict(sample.labels)["cause"], death, moved)
                if (rank := rank_of(evidence.text.encode("utf-8", "replace"))) is not None:
                    note_rank(self.ranks_died, rank, RankDeath(self.lines, at), moved)

    def count_epochs(self, record: Record | None) -> None:
        """Count another trainer's epochs: most do not log the end of an epoch, but number epochs and batches."""
        match record:
            case grammar.Train(epoch=epoch, batch=batch):
                is_over = 0 < batch.whole <= batch.part
                self.epochs_done = max(self.epochs_done, epoch.part - (not is_over))
            case grammar.Phase(epoch=int(number)):
                self.epochs_done = max(self.epochs_done, number - 1)

    def has_room_for(self, events: Sequence[Event], samples: Sequence[tuple[Sample, ...]], more_bytes: int) -> bool:
        """Return whether these events, and other facts of ``more_bytes``, can be folded without dropping anything."""
        new = {(signal, labels) for each in samples for signal, labels, _ in each if labels not in self.of(signal)}
        if len(new) + sum(map(len, self.series.values())) > SERIES_LIMIT:
            return False
        records = [(event.record, event.evidence) for event in events if event.record is not None]
        return self.has_room_for_facts(len(events), records, more_bytes)

    def _take_record(self, record: Record, evidence: Evidence, now: float | None, is_foreign: bool) -> set[str]:
        touched: set[str] = set()
        self.keep(record, evidence)
        if not (is_foreign and isinstance(record, grammar.Checkpoint)):
            # The name of another trainer's checkpoint counts what its reports may not count.
            self._take_place(record)
        match record:
            case grammar.RunStart():
                self.started = evidence
                self._take_writer(Writer(record.run, record.pid), is_start=True)
            case grammar.RunEnd():
                self.ended = Stated(record, evidence)
                self.epochs_done = max(self.epochs_done, record.epochs or 0)
                touched.add("run.ended")
            case grammar.Phase(name=name):
                self._take_writer(Writer(record.run, record.pid), is_start=False)
                if name != self.announced_phase:
                    self.announced_phase, self.phase_since = name, now
                    touched.add("run.phase")
            case grammar.Intent():
                self._take_intent(record, evidence)
                touched.add("run.intent")
            case grammar.Config():
                touched.add("run.setting")
            case grammar.Checkpoint():
                if (saved := saved_by(record, self.step, shortened(evidence, TEXT_BYTES))) is not None:
                    self.checkpoints = [*self.checkpoints, saved][-CHECKPOINTS_KEPT:]
            case grammar.Train():
                self.batch, self.epochs_planned = record.batch, record.epoch.whole
                if self.first_train_step is None:
                    self.first_train_step, self.first_epoch = record.step, record.epoch.part
        return touched

    def _take_writer(self, writer: Writer, *, is_start: bool) -> None:
        """Note who writes. A start line replaces the writer; a line of a replaced writer does not."""
        if writer == self.writer or (not is_start and (writer == Writer(None, None) or writer in self.replaced)):
            return
        before = (*self.replaced, self.writer) if self.writer is not None else self.replaced
        self.replaced = tuple(each for each in before if each != writer)[-WRITERS_KEPT:]
        self.writer = writer

    def _take_place(self, record: Record) -> None:
        """Move to the record's epoch and step. Neither goes back, unless steps are counted anew in each epoch."""
        epoch, step = _epoch_of(record), _step_of(record)
        if epoch is not None and not isinstance(record, grammar.Epoch):
            self.epoch = max(self.epoch, epoch)
        if step is not None:
            self.step = step if self.step is None or self._is_behind(record) else max(self.step, step)

    def _take_intent(self, record: Intent, evidence: Evidence) -> None:
        stated = {
            each.name: getattr(record, each.name)
            for each in dataclasses.fields(record)
            if each.name != "extra" and getattr(record, each.name) is not None
        }
        self.intent = dataclasses.replace(self.intent, **stated)
        self.intent_evidence.update(dict.fromkeys(stated, evidence))
        self.intent_serials.update(dict.fromkeys(stated, self.lines))
        if "data_change" in stated or stated.get("phase_change", EARLY_STOP) != EARLY_STOP:
            for by_labels in self.series.values():
                for series in by_labels.values():
                    series.forget_usual_values()
        self.epochs_planned = self.intent.epochs or self.epochs_planned

    def _take_samples(self, samples: tuple[Sample, ...], event: Event, now: float | None) -> None:
        own_epoch, own_step = _epoch_of(event.record), _step_of(event.record)
        epoch = self.epoch if own_epoch is None else own_epoch
        step = self.step if own_step is None else own_step
        evidence = cited(event.evidence, len(samples), is_record=event.record is not None)
        place = (self.lines, step, own_step is not None, epoch, now, evidence)
        for signal, labels, value in samples:
            known = self.series.get(signal)
            series = None if known is None else known.get(labels)
            if series is None and (series := self._opened(signal, labels)) is None:
                continue
            self.add(signal, series, _new_point((value, *place)))
        for signal, labels, digits in event.digits:
            if (series := self.series.get(signal, {}).get(labels)) is not None:
                series.note_digits(digits)

    def add(self, signal: str, series: Series, point: Point) -> None:
        """Fold one sample into its series, within the limit on all tallies."""
        num_tallies = len(series.epochs)
        series.add(point, is_event=CATALOGUE[signal].is_event)
        if series.has_epochs and len(series.epochs) > num_tallies:
            self._count_tally(series)

    def _opened(self, signal: str, labels: Labels) -> Series | None:
        """Return a new series; None if the limits leave no room for it."""
        num_series = sum(map(len, self.series.values()))
        # Always admit a signal's first series, so that 1,000 gradient groups cannot crowd out the loss.
        is_first = not self.series.setdefault(signal, {})
        is_crowded_out = num_series >= SERIES_LIMIT and not is_first
        if is_crowded_out:
            self.dropped += 1
            return None
        is_in_crowd = num_series >= CROWD and not is_first
        series = self.series[signal][labels] = Series.of(CATALOGUE[signal], labels, is_in_crowd=is_in_crowd)
        return series

    def _count_tally(self, series: Series) -> None:
        self.tallies += 1
        if self.tallies > TALLIES_LIMIT and len(series.epochs) > FEWEST_TALLIES:
            series.forget_oldest_epoch()
            self.tallies -= 1

    def _end_epoch(self, record: grammar.Epoch) -> None:
        self.epochs_done = max(self.epochs_done, record.epoch.part)
        self.epochs_planned = record.epoch.whole
        self.epoch = max(self.epoch, record.epoch.part + 1)


def shortened_labels(labels: Labels) -> Labels:
    """Return labels with long values cut. The digest at the end keeps different values different."""
    if all(len(value) <= LABEL_LIMIT for _, value in labels):
        return labels
    return tuple((name, value if len(value) <= LABEL_LIMIT else _cut(value)) for name, value in labels)


def _cut(value: str) -> str:
    digest = hashlib.sha256(value.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{value[: LABEL_LIMIT - 10]}… {digest}"


def _epoch_of(record: Record | None) -> int | None:
    epoch = getattr(record, "epoch", None)
    if isinstance(epoch, Share):
        return epoch.part
    return epoch if isinstance(epoch, int) else None


def _step_of(record: Record | None) -> int | None:
    step = getattr(record, "step", None)
    return step if isinstance(step, int) else None
