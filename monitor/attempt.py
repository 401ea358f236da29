"""What is known of one attempt: one start of the trainer, with its phases, epochs, facts and signals."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeVar

from monitor import logline
from monitor.events import Event
from monitor.evidence import TEXT_LIMIT, Evidence
from monitor.fields import Share
from monitor.logline import Intent, Record
from monitor.series import Point, Series
from monitor.signals import CATALOGUE, Labels, Sample

SERIES_LIMIT = 1_024
"""Series kept; a hostile log can invent labels without end. Beyond it, samples are counted as dropped."""
FACTS_LIMIT = 1_024
"""Facts kept, for the same reason; a run has about a hundred settings."""

LEARNABLE_SILENCE_S = 600.0
"""A phase that was silent for longer and came back was hung, or cannot be told from one that was. Chosen by hand."""
PHASES_LIMIT = 64
"""Phases whose silences are learnt; a trainer has about five."""

Touch = tuple[str, Labels]
"""A signal and the labels of one of its series."""

KnownRecord = TypeVar("KnownRecord", bound=Record)


class Status(StrEnum):
    """How far a run is, by what its log says."""

    WAITING = "waiting"
    """No line yet."""
    RUNNING = "running"
    """Lines, and no end line."""
    COMPLETED = "completed"
    STOPPED = "stopped"
    """Ended on request, before its last epoch."""
    FAILED = "failed"
    """Ended by an error, or in a way that nobody knows."""


class Stated(NamedTuple):
    """The newest record of a kind, and the line that said so."""

    record: Record
    evidence: Evidence


_KEYED: dict[type[Record], str] = {
    logline.Config: "key",
    logline.Target: "h",
    logline.ModelGroup: "group",
    logline.HorizonMetrics: "h",
    logline.EncoderGrad: "tensor",
    logline.Gpu: "index",
    logline.GuardCheck: "h",
    logline.Phase: "name",
}
"""Record types of which the newest is kept per value of a field, rather than one in all."""


@dataclass
class Attempt:
    """One start of the trainer. Bounded in memory, whatever the log says."""

    number: int = 1
    started: Evidence | None = None
    """The RUN start line; None where the log has none."""
    ended: Stated | None = None
    """The RUN end record."""
    began_at: float | None = None
    """Time of its first line."""
    lines: int = 0
    announced_phase: str | None = None
    phase_since: float | None = None
    longest_silence_s: dict[str, float] = field(default_factory=dict)
    """Longest gap between two lines so far, per phase, up to LEARNABLE_SILENCE_S."""
    epoch: int = 1
    """The epoch that new lines belong to; after the end line of epoch n it is n + 1."""
    epochs_done: int = 0
    epochs_planned: int | None = None
    step: int | None = None
    first_train_step: int | None = None
    """Step of the attempt's first TRAIN line."""
    first_epoch: int = 1
    """Epoch of that line; a resumed attempt begins in a later one."""
    batch: Share | None = None
    intent: Intent = field(default_factory=Intent)
    """All INTENT lines so far, the newer word over the older."""
    intent_evidence: dict[str, Evidence] = field(default_factory=dict)
    """The line behind each word of the intent."""
    series: dict[str, dict[Labels, Series]] = field(default_factory=dict)
    facts: dict[tuple[str, str], Stated] = field(default_factory=dict)
    dropped: int = 0
    """Samples and facts not kept because of the limits."""

    @property
    def status(self) -> Status:
        """How far the attempt is, by what the log says."""
        if self.ended is None:
            return Status.RUNNING if self.lines else Status.WAITING
        assert isinstance(self.ended.record, logline.RunEnd)
        try:
            return Status(self.ended.record.status)
        except ValueError:
            return Status.FAILED

    @property
    def phase(self) -> str:
        """Return the phase; without PHASE lines, a run that reported a step is training, and else loading."""
        if self.announced_phase is not None:
            return self.announced_phase
        return "load" if self.step is None else "train"

    def stated(self, kind: type[KnownRecord], key: object = "") -> tuple[KnownRecord, Evidence] | None:
        """Return the newest record of a kind (and key, for kinds that have one) with its line."""
        found = self.facts.get((kind.__name__, str(key)))
        if found is None:
            return None
        assert isinstance(found.record, kind)
        return found.record, found.evidence

    def all_stated(self, kind: type[KnownRecord]) -> list[tuple[KnownRecord, Evidence]]:
        """Return the newest record per key of a kind, in the order of their first appearance."""
        return [(stated.record, stated.evidence) for stated in self.facts.values() if isinstance(stated.record, kind)]

    def setting(self, key: str) -> tuple[str, Evidence] | None:
        """Return a setting as the run echoed it, with its line."""
        found = self.stated(logline.Config, key)
        return (found[0].value, found[1]) if found else None

    def of(self, signal: str) -> dict[Labels, Series]:
        """Return a signal's series by labels; empty where it was never seen."""
        return self.series.get(signal, {})

    def goes_back(self, record: Record | None) -> bool:
        """Whether a trainer that announces no start counts from the beginning again with this record."""
        if not isinstance(record, logline.Train):
            return False
        if self.first_train_step is None or self.step is None:
            return False
        # Behind the newest step alone would be too eager: two writers in one log are a step apart now and then.
        return record.step < self.step and record.step <= self.first_train_step

    def note_silence(self, silence_s: float) -> None:
        """Learn how long the present phase may be silent; a silence long enough to be a hang teaches nothing."""
        if silence_s > LEARNABLE_SILENCE_S:
            return
        known = self.longest_silence_s.get(self.phase)
        if known is not None or len(self.longest_silence_s) < PHASES_LIMIT:
            self.longest_silence_s[self.phase] = max(silence_s, known or 0.0)

    def fold(self, event: Event, now: float | None) -> frozenset[Touch]:
        """Take one event in and return what it touched: series, and ``run.*`` or ``log.line`` for the rest."""
        self.lines += 1
        touched: set[Touch] = {("log.line", ())}
        if event.record is not None:
            touched |= {(name, ()) for name in self._take_record(event.record, event.evidence, now)}
        for sample in event.samples:
            self._take_sample(sample, event, now)
            touched.add((sample.signal, sample.labels))
        if isinstance(event.record, logline.Epoch):
            self._end_epoch(event.record)
            touched.add(("run.epoch", ()))
        return frozenset(touched)

    def _take_record(self, record: Record, evidence: Evidence, now: float | None) -> set[str]:
        touched: set[str] = set()
        self._keep(record, evidence)
        self._take_place(record)
        match record:
            case logline.RunStart():
                self.started = evidence
            case logline.RunEnd():
                self.ended = Stated(record, evidence)
                touched.add("run.ended")
            case logline.Phase(name=name) if name != self.announced_phase:
                self.announced_phase, self.phase_since = name, now
                touched.add("run.phase")
            case logline.Intent():
                self._take_intent(record, evidence)
                touched.add("run.intent")
            case logline.Config():
                touched.add("run.setting")
            case logline.Train():
                self.batch, self.epochs_planned = record.batch, record.epoch.whole
                if self.first_train_step is None:
                    self.first_train_step, self.first_epoch = record.step, record.epoch.part
        return touched

    def _keep(self, record: Record, evidence: Evidence) -> None:
        key = getattr(record, _KEYED[type(record)]) if type(record) in _KEYED else ""
        place = (type(record).__name__, str(key))
        if len(evidence.text) == TEXT_LIMIT:
            record = dataclasses.replace(record, extra=())
        if place in self.facts or len(self.facts) < FACTS_LIMIT:
            self.facts[place] = Stated(record, evidence)
        else:
            self.dropped += 1

    def _take_place(self, record: Record) -> None:
        """Move to the record's own epoch and step; neither goes back within an attempt."""
        epoch, step = _epoch_of(record), _step_of(record)
        if epoch is not None and not isinstance(record, logline.Epoch):
            self.epoch = max(self.epoch, epoch)
        if step is not None:
            self.step = step if self.step is None else max(self.step, step)

    def _take_intent(self, record: Intent, evidence: Evidence) -> None:
        said = {
            each.name: getattr(record, each.name)
            for each in dataclasses.fields(record)
            if each.name != "extra" and getattr(record, each.name) is not None
        }
        self.intent = dataclasses.replace(self.intent, **said)
        self.intent_evidence.update(dict.fromkeys(said, evidence))
        self.epochs_planned = self.intent.epochs or self.epochs_planned

    def _take_sample(self, sample: Sample, event: Event, now: float | None) -> None:
        by_labels = self.series.setdefault(sample.signal, {})
        series = by_labels.get(sample.labels)
        if series is None:
            if sum(map(len, self.series.values())) >= SERIES_LIMIT:
                self.dropped += 1
                return
            series = by_labels[sample.labels] = Series.of(CATALOGUE[sample.signal])
        own_epoch, own_step = _epoch_of(event.record), _step_of(event.record)
        epoch = self.epoch if own_epoch is None else own_epoch
        step = self.step if own_step is None else own_step
        point = Point(sample.value, self.lines, step, own_step is not None, epoch, now, event.evidence)
        series.add(point, is_event=CATALOGUE[sample.signal].is_event)

    def _end_epoch(self, record: logline.Epoch) -> None:
        self.epochs_done = max(self.epochs_done, record.epoch.part)
        self.epochs_planned = record.epoch.whole
        self.epoch = max(self.epoch, record.epoch.part + 1)


def _epoch_of(record: Record | None) -> int | None:
    epoch = getattr(record, "epoch", None)
    if isinstance(epoch, Share):
        return epoch.part
    return epoch if isinstance(epoch, int) else None


def _step_of(record: Record | None) -> int | None:
    step = getattr(record, "step", None)
    return step if isinstance(step, int) else None
