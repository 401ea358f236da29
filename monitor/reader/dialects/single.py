"""A line of the shape of the line before → its event, by one expression; the state moves as in the ordinary way."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.grammar import Share, Train
from monitor.reader.dialects.by_words import LOOSE_REPORTS
from monitor.reader.dialects.state import DialectState
from monitor.reader.dialects.to_native import SHORTEST_PACE_S
from monitor.reader.event import Event, RawLine, evidence_of
from monitor.reader.numbers import count, read
from monitor.reader.signals import Labels, Sample, text_signals

if TYPE_CHECKING:
    from monitor.reader.columns import Fast

LARGEST_STEP = 10**15
"""No step that is taken at once is larger."""

Key = tuple[str, Labels]
PACE: Key = ("train.s_per_batch", ())
"""The series of the seconds per step, which has no sample where they are very short."""


class Shape(NamedTuple):
    """A shape, and what its numbers become."""

    fast: Fast
    series: tuple[tuple[Key, int, float], ...]
    """Series, slot and scale of each sample of a line."""
    digits: tuple[tuple[Key, int], ...]
    """Series and slot of the numbers whose decimal places are noted."""
    zero_slots: tuple[int, ...]
    """Counts that say something unless they are 0."""


class _Place(NamedTuple):
    """Where a line is."""

    step: int
    progress: float | None
    at: float | None


@dataclass(frozen=True)
class Single:
    """How the lines of a shape become events, after one of them was read in the ordinary way."""

    shape: Shape
    pattern: re.Pattern[bytes]
    slots: tuple[tuple[Key, int, float], ...]
    """Series, slot and scale of each sample, in the event's order."""
    digits: tuple[tuple[str, Labels, int], ...]
    """Signal, labels and slot of each number whose decimal places are noted, in the event's order."""
    fields: tuple[tuple[str, int, float], ...]
    """Field of the record, slot and scale."""
    kind: str
    batch: Share
    epochs: int

    def read(self, line: RawLine, path: str, state: DialectState) -> Event | None:
        """Return the event of a line, and move the state; None, with the state as it was, for any other line."""
        found = self.pattern.fullmatch(line.data)
        if found is None:
            return None
        groups: tuple[Any, ...] = found.groups()
        fast = self.shape.fast
        place = self._place(groups, state)
        if place is None:
            return None
        texts = groups[2:] if fast.has_time else groups
        floats = [float(text) for text in texts]
        if any(floats[slot] for slot in self.shape.zero_slots):
            return None
        values = [floats[slot] * scale if scale != 1.0 else floats[slot] for _, slot, scale in self.slots]
        if not math.isfinite(sum(values)) or any(text_signals(line.data)):
            return None
        self._move(place, texts, floats, state)
        given: dict[str, Any] = {
            name: floats[slot] * scale if scale != 1.0 else floats[slot] for name, slot, scale in self.fields
        }
        if given.get("s_per_batch", SHORTEST_PACE_S) < SHORTEST_PACE_S:
            del given["s_per_batch"]
        if "skipped" in given:
            given["skipped"] = 0
        record = Train(
            epoch=Share(state.epoch or 1, self.epochs), batch=self.batch, step=place.step, **{"loss": None, **given}
        )
        samples = tuple(
            Sample(key[0], key[1], value)
            for (key, _, _), value in zip(self.slots, values, strict=True)
            if key != PACE or value >= SHORTEST_PACE_S
        )
        digits = tuple((signal, labels, _digits(texts[slot])) for signal, labels, slot in self.digits)
        return Event(evidence_of(line, path, place.at), "", record, samples, self.kind, None, digits)

    def _place(self, groups: tuple[Any, ...], state: DialectState) -> _Place | None:
        """Return where a line is; None where it does not simply go on from the line before."""
        from monitor.reader.columns import time_of

        fast, place = self.shape.fast, state.words.place
        at = None
        if fast.has_time:
            at = time_of(groups[0], groups[1])
            groups = groups[2:]
            if at is None:
                return None
        if fast.step_slot is None:
            if not state.is_counted or state.unplaced <= LOOSE_REPORTS or state.step is None or place.steps is not None:
                return None
            step = state.step + 1
        else:
            text = groups[fast.step_slot]
            if not text.isdigit() or place.step is None or state.step != place.step or state.unplaced:
                return None
            told = count(text.decode())
            if told is None or not place.step < told <= LARGEST_STEP:
                return None
            step = told
            if fast.total_slot is not None and float(groups[fast.total_slot]) != place.steps:
                return None
            # Near its planned end, a training may be complete.
            if place.steps is not None and 2 * step - place.step >= place.steps:
                return None
        progress = None
        if fast.progress_slot is not None:
            progress = float(groups[fast.progress_slot])
            if not place.is_fraction or place.progress is None or not place.progress <= progress < 1e7:
                return None
        elif place.is_fraction and state.epoch != place.epoch:
            return None
        return _Place(step, progress, at)

    def _move(self, to: _Place, texts: tuple[bytes, ...], floats: list[float], state: DialectState) -> None:
        """Move the state over the line."""
        fast, words, place = self.shape.fast, state.words, state.words.place
        state.matched[state.name] += 1
        place.reports += 1
        if to.at is not None:
            state.at = words.clock.at = to.at
        state.step = to.step
        facts = state.facts
        facts.lines += 1
        facts.understood += 1
        if fast.step_slot is None:
            state.unplaced += 1
        else:
            place.step, state.course_of_fit, facts.step = to.step, state.course, to.step
            is_inner_open = place.index is not None and not place.is_fraction and place.is_inner is None
            if is_inner_open and place.step_word < 3:
                place.inner, place.inner_index = to.step, place.index
        if to.progress is not None:
            place.progress = to.progress
            place.index = max(0, math.ceil(to.progress - 1e-9) - 1)
            state.epoch = place.index + 1
        for (quantity, name, split), slot, scale in zip(fast.keys, fast.slots, fast.scales, strict=True):
            facts.note(quantity, name, split, floats[slot] * scale if scale != 1.0 else floats[slot])


_BEFORE_PACE = ("train.loss", "train.lr", "train.grad_norm")


def single_of(shape: Shape, data: bytes, event: Event) -> Single | None:
    """Return how lines of a shape become events, if a line is of this shape and became an event as expected."""
    record = event.record
    assert isinstance(record, Train)
    pattern = _compiled(shape.fast.finite_pattern)
    if pattern.fullmatch(data) is None:
        return None
    slots = {key: (slot, scale) for key, slot, scale in shape.series}
    noted = dict(shape.digits)
    found = [(sample.signal, sample.labels) for sample in event.samples]
    printed = [(signal, labels) for signal, labels, _ in event.digits]
    if PACE in slots and PACE not in found:
        # It was too short to be a measurement; in a record's order, it comes behind these.
        found.insert(sum(signal in _BEFORE_PACE for signal, _ in found), PACE)
    if sorted(found) != sorted(slots) or any(key not in noted for key in printed):
        return None
    if len(printed) != len(noted) or record.batch != Share(0, 0):
        return None
    fields = [
        (signal.removeprefix("train."), *slots[signal, ()])
        for signal in ("train.loss", "train.lr", "train.grad_norm", "train.samples_per_s", "train.s_per_batch")
        if (signal, ()) in slots
    ]
    if ("train.skipped", ()) in slots:
        fields.append(("skipped", *slots["train.skipped", ()]))
    return Single(
        shape,
        pattern,
        tuple((key, *slots[key]) for key in found),
        tuple((signal, labels, noted[signal, labels]) for signal, labels in printed),
        tuple(fields),
        event.kind,
        record.batch,
        record.epoch.whole,
    )


@lru_cache(maxsize=64)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


def _digits(text: bytes) -> int:
    written = read(text.decode())
    assert written is not None and written.digits is not None
    return written.digits
