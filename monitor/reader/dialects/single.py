"""A line of the shape of the line before → its event, by one expression; the state moves as in the ordinary way."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from monitor.grammar import Share, Train
from monitor.reader.dialects.by_words import LOOSE_REPORTS
from monitor.reader.dialects.shown import is_told
from monitor.reader.dialects.state import DialectState
from monitor.reader.dialects.to_native import SHORTEST_PACE_S
from monitor.reader.event import Event, RawLine, evidence_of
from monitor.reader.numbers import count, decimals
from monitor.reader.signals import Labels, Sample, says_in_words

if TYPE_CHECKING:
    from monitor.reader.columns import Fast
    from monitor.reader.dialects.drawn import BarShape
    from monitor.reader.dialects.redrawn import After
    from monitor.reader.state import ReadState

LARGEST_STEP = 10**15
"""No step that is taken at once is larger."""

Key = tuple[str, Labels]
_new_sample: Callable[[tuple[object, ...]], Sample] = partial(tuple.__new__, Sample)
LOSS: Key = ("train.loss", ())
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
    is_behind_bar: bool = False
    """Whether the place of its lines is that of the training's bar."""
    bar: BarShape | None = None
    """The bar whose drawings are its lines."""

    subject: str = ""
    """The split that its lines say they are about: empty or ``train``."""

    @property
    def is_placed_loss(self) -> bool:
        """Whether its lines say a place in words and the loss."""
        fast = self.fast
        is_placed = fast.step_slot is not None or fast.progress_slot is not None or bool(fast.constants)
        return is_placed and ("loss", "", "train") in fast.keys

    @property
    def num_groups(self) -> int:
        """Groups of its expression."""
        return self.fast.num_groups if self.bar is None else self.bar.num_groups


class _Place(NamedTuple):
    """Where a line is."""

    step: int
    progress: float | None = None
    at: float | None = None
    words: ReadState | None = None
    """What the reader remembers after the line, where a bar says where it is."""
    batch: Share = Share(0, 0)


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
    constants: tuple[bytes, ...] = ()
    """The numbers that must be those of the line before."""

    def read(self, line: RawLine, path: str, state: DialectState) -> Event | None:
        """Return the event of a line, and move the state; None, with the state as it was, for any other line."""
        found = self.pattern.fullmatch(line.data)
        if found is None:
            return None
        groups: tuple[Any, ...] = found.groups()
        fast, bar = self.shape.fast, self.shape.bar
        texts = groups[2:] if fast.has_time else groups if bar is None else tuple(groups[slot] for slot in bar.slots)
        if bar is not None or self.shape.is_behind_bar:
            after = self._after(line, texts, state)
            if after is None:
                return None
            if after.is_again:
                from monitor.reader.dialects.redrawn import note_known

                state.words = after.words
                return note_known(line, path, state)
            place = self._by_bar(after, texts, state)
        else:
            place = self._place(groups, state)
        if place is None:
            return None
        floats = [*map(float, texts)]
        if self.shape.zero_slots and any(floats[slot] for slot in self.shape.zero_slots):
            return None
        values = [floats[slot] * scale if scale != 1.0 else floats[slot] for _, slot, scale in self.slots]
        if not math.isfinite(sum(values)) or says_in_words(line.data):
            return None
        self._move(place, texts, floats, state)
        given: dict[str, Any] = {
            name: floats[slot] * scale if scale != 1.0 else floats[slot] for name, slot, scale in self.fields
        }
        if given.get("s_per_batch", SHORTEST_PACE_S) < SHORTEST_PACE_S:
            del given["s_per_batch"]
        if "skipped" in given:
            given["skipped"] = 0
        if bar is not None and bar.shows_again and "loss" in given and not is_told(repr(given["loss"]), "", state):
            del given["loss"]
        state.is_stopped = state.is_stopped and "loss" not in given
        epoch = Share(state.epoch or 1, state.epochs or 0)
        record = Train(epoch=epoch, batch=place.batch, step=place.step, **{"loss": None, **given})
        samples = tuple(
            [
                _new_sample((*key, value))
                for (key, _, _), value in zip(self.slots, values, strict=True)
                if (key != PACE or value >= SHORTEST_PACE_S) and (key != LOSS or "loss" in given)
            ]
        )
        digits = tuple([(signal, labels, decimals(texts[slot].decode())) for signal, labels, slot in self.digits])
        return Event(evidence_of(line, path, place.at), "", record, samples, self.kind, None, digits)

    def _after(self, line: RawLine, texts: tuple[bytes, ...], state: DialectState) -> After | None:
        """Return where a line is by a bar; None where that must be read in the ordinary way."""
        from monitor.reader.dialects.redrawn import behind_bar, of_bar

        fast, bar, place = self.shape.fast, self.shape.bar, state.words.place
        if bar is not None:
            if any(texts[slot] != text for slot, text in zip(fast.constants, self.constants, strict=True)):
                return None
            return of_bar(line, fast, self.shape.subject, bar.style, state)
        if fast.progress_slot is None:
            return behind_bar(None, None, state) if not place.is_fraction or state.epoch == place.epoch else None
        progress = float(texts[fast.progress_slot])
        if not place.is_fraction or place.progress is None or not place.progress <= progress < 1e7:
            return None
        return behind_bar(progress, decimals(texts[fast.progress_slot].decode()), state)

    def _by_bar(self, after: After, texts: tuple[bytes, ...], state: DialectState) -> _Place | None:
        """Return where a line is by a bar; None where it does not simply go on from the line before."""
        from monitor.reader.dialects.redrawn import batch_of

        before, place, step = state.words.place, after.words.place, after.step
        bar, is_drawn = self.shape.bar, self.shape.bar is not None
        progress = None if self.shape.fast.progress_slot is None else place.progress
        if is_drawn and place.epoch is not None and state.epoch != place.epoch:
            return None
        if step is None:
            is_loss = ("loss", "", "train") in self.shape.fast.keys and not (bar is not None and bar.shows_again)
            if not is_loss or not state.is_counted or state.unplaced <= LOOSE_REPORTS or state.step is None:
                return None
            return _Place(state.step + 1, progress, words=after.words)
        if state.is_counted or state.unplaced or before.step is None or state.step != before.step:
            return None
        if not before.step + (not is_drawn) <= step <= LARGEST_STEP:
            return None
        if place.steps is not None and 2 * step - before.step >= place.steps:
            return None
        batch = Share(*batch_of(after.words, step)) if is_drawn else Share(0, 0)
        return _Place(step, progress, words=after.words, batch=batch)

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
        if to.words is not None:
            state.words = to.words
        fast, words, place = self.shape.fast, state.words, state.words.place
        is_further = state.step is not None and to.step > state.step
        state.matched[state.name] += 1
        place.reports += 1
        words.num_barren, words.last_split = 0, self.shape.subject
        if self.shape.is_placed_loss:
            words.metered, words.has_placed_loss = "", words.has_placed_loss or not self.shape.subject
        if to.words is None:
            words.lag.num_drawn = 0
        if to.at is not None:
            state.at = words.clock.at = to.at
        state.step = to.step
        facts = state.facts
        facts.lines += 1
        facts.understood += 1
        facts.is_step_lost = state.is_counted
        if state.is_counted:
            state.unplaced += 1
        else:
            place.step, facts.step = to.step, to.step
            state.course_of_fit = state.course if is_further else state.course_of_fit
        if fast.step_slot is not None:
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
    matched = pattern.fullmatch(data)
    if matched is None:
        return None
    slots = {key: (slot, scale) for key, slot, scale in shape.series}
    noted = dict(shape.digits)
    found = [(sample.signal, sample.labels) for sample in event.samples]
    printed = [(signal, labels) for signal, labels, _ in event.digits]
    if PACE in slots and PACE not in found:
        # It was too short to be a measurement; in a record's order, it comes behind these.
        found.insert(sum(signal in _BEFORE_PACE for signal, _ in found), PACE)
    if shape.bar is not None and shape.bar.shows_again and LOSS in slots and LOSS not in found:
        found.insert(0, LOSS)  # it was shown before
    if sorted(found) != sorted(slots) or any(key not in noted for key in printed):
        return None
    if len(printed) != len(noted) or (record.batch != Share(0, 0) and shape.bar is None):
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
        () if shape.bar is None else tuple(matched.groups()[shape.bar.slots[slot]] for slot in shape.fast.constants),
    )


@lru_cache(maxsize=64)
def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)
