"""Where in a run a line belongs: step, batch, epoch, in the many ways in which trainers count them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from monitor.reader.anew import FEWEST_BEYOND, Furthest, begins_anew, fraction_begins_anew, further
from monitor.reader.numbers import may_count


class Named(NamedTuple):
    """A place, as a line names it."""

    value: float
    total: float | None = None
    is_fraction: bool = False
    """Whether it was written with a decimal point."""
    rank: int = 0
    is_alone: bool = False
    """Whether a bar names it that may be all that is left of many: rich draws the last one only, into a file."""
    kind: str = ""
    """Of an epoch, what kind of line names it, as `moving` says; empty where it may look back."""


class Place(NamedTuple):
    """Where a report belongs."""

    step: int | None = None
    """By the log's own count, over all epochs; None where it does not say, or not surely."""
    epoch: int | None = None
    """From 1."""
    epochs: int | None = None
    batch: int | None = None
    batches: int | None = None
    progress: float | None = None
    """Epochs done, as a fraction, where the log says so."""
    steps: int | None = None
    """How many are planned."""


@dataclass
class PlaceState:
    """What the lines so far say of where the run is. Epochs are kept from 0."""

    fit: int = 1
    """How many trainings the log holds so far: folds, or one run after the other."""
    is_anew: bool = False
    """Whether this one began though nothing said that the one before was complete."""
    furthest: Furthest = field(default_factory=dict)
    """Kind of line that named the first epoch → the furthest one that it has named, as written."""
    progress_from: float | None = None
    """The first of the epochs done that were named as a fraction."""
    resumes: bool = False
    """Whether a line said that the run goes on from a checkpoint, and no epoch was named since."""
    reports: int = 0
    """Reports of the fit so far."""
    index: int | None = None
    epochs: int | None = None
    epoch_leap: int = 1
    """How far apart the last two epochs were that were named: some logs name every tenth."""
    starts_at: int | None = None
    """The number that the log gave its first epoch."""
    from_zero: bool | None = None
    """Whether the log counts epochs from 0."""
    has_seen_zero: bool = False
    """Whether a line that was not taken for a report yet named an epoch 0."""
    has_seen_one: bool = False
    """Whether such a line named an epoch 1."""
    total_from: float | None = None
    """The lowest epoch that was named with a total."""
    is_total_from_one: bool = False
    """Whether lines with a total count from 1 in a log whose other lines count from 0: DeepSpeed's examples."""
    is_total_sure: bool = False
    """Whether a log that counts from 0 has reached its total, and so told whether that is the last epoch's number."""
    planned: int | None = None
    """Epochs that there will be, as the trainer's plan names them."""
    is_alone: bool = False
    """Whether all that was named is ``n/n``, at the end: the last of n epochs, or of n + 1 counted from 0."""
    is_fraction: bool = False
    progress: float | None = None
    is_over: bool | None = False
    """Whether the present epoch was said to be complete; None where that is not sure."""
    heads_trail: bool = False
    """Whether a line with the epoch's number alone comes after the epoch's reports."""
    step: int | None = None
    steps: int | None = None
    step_word: int = 0
    """The rank of the word that counted the last step: a lesser one does not replace it."""
    is_step_alone: bool = False
    """Whether that step was on a line of its own above all reports, where it may be a setting: ``iterations: 5000``.
    Any other count replaces it."""
    is_headed: bool = False
    """Whether the last line with a place named it and measured nothing: the figures below it belong there."""
    is_summed: bool = False
    """Whether the last line of the training gave its epoch's loss and no place within it."""
    run_total: int | None = None
    """The batches of all epochs, where a count of these was found to go on over the epochs."""
    is_inner: bool | None = None
    """Whether what the log calls a step starts again with each epoch."""
    inner: int | None = None
    """The last count within the epoch, or of the steps, as written."""
    inner_index: int | None = None
    """The epoch that it was read in."""
    inner_total: int | None = None
    inner_from_zero: bool = False
    leap: int = 0
    """How far apart the last two counts within an epoch, or of the steps, were."""
    episode_step: float | None = None
    """The last step that was named beside an episode: of the run, or of the episode."""
    episodes_grown: int = 0
    """How many of these steps, one after the other, were higher than the one before."""
    is_round: bool = False
    """Whether the count of the steps began anew when it was full, in a log that names no epochs: it may be one of each
    epoch, or of each of several trainings."""
    inner_before: int | None = None
    """The last count of the epoch before."""
    is_ended: bool = False
    """Whether a line said that the training is over."""
    counts_samples: bool | None = None
    """Whether Keras bars count samples; None where no bar has said."""
    batches: int | None = None
    """Batches of an epoch, where a word or a head has told them."""
    position: tuple[int, int] | None = None
    """The last bare ``[n/total]``."""
    position_from: int = 0
    """The first of these counts."""
    has_position_val: bool = False
    """Whether a validation was reported at it."""
    position_vals: int = 0
    """At how many such counts, one after the other, a validation was reported."""
    position_is: str = ""
    """What such a count was found to be: ``step``, ``epoch``, or empty where nothing has told."""
    bar_rounds: int = 0
    """How often the training's bar began anew, in a log that names no epochs."""
    has_bar_loss: bool = False
    """Whether the training's bar showed a loss: one that does is of no preparation, as a tokenizer's training."""
    bar: int | None = None
    bar_total: int | None = None
    bars_lead: bool = False
    """Whether the bar of an epoch comes before the line that names it."""

    @property
    def epoch(self) -> int | None:
        """The present epoch, from 1."""
        return None if self.index is None or self.is_alone else self.index + 1

    @property
    def is_epoch_sure(self) -> bool:
        """Whether the log has told from where it counts its epochs."""
        return self.is_fraction or self.from_zero is not None

    @property
    def is_last_report(self) -> bool:
        """Whether less of the present epoch is left than its last reports were apart: no further one need come."""
        if self.inner is None:
            return False
        if self.inner_total is not None:
            return self.inner + self.leap >= self.inner_total
        return self.inner_before is not None and self.inner + self.leap > self.inner_before

    @property
    def epochs_done(self) -> int | None:
        """Epochs completed; None where the log does not say, or not surely."""
        if self.is_fraction:
            return None if self.progress is None else math.floor(self.progress + 1e-9)
        if self.index is None or not self.is_epoch_sure or self.is_over is None:
            return None
        return self.index + (1 if self.is_over else 0)


def enter_epoch(state: PlaceState, named: Named) -> None:
    """Move to the epoch that a line names."""
    if not math.isfinite(named.value) or not 0 <= named.value < 1e7:
        return
    if _is_alone(state, named):
        return
    if named.total is not None and state.planned == named.total + 1 and not named.is_fraction:
        state.from_zero, named = True, named._replace(total=float(state.planned))
    elif named.total is not None and state.planned not in (None, named.total):
        state.planned, state.is_total_sure = None, False
    counts_otherwise = _counts_otherwise(state, named)
    if named.total is not None and named.total > 0 and named.total == int(named.total):
        state.epochs = int(named.total)
        state.total_from = named.value if state.total_from is None else min(state.total_from, named.value)
    if named.is_fraction or state.is_fraction:
        if not state.is_fraction:
            state.is_fraction = True
        is_back = state.progress is not None and named.value < state.progress - 1e-9
        may_be_anew = not state.resumes and state.step is None
        is_anew = may_be_anew and fraction_begins_anew(named.value, state.progress, state.progress_from)
        if is_back and (state.is_ended or is_anew):
            _new_fit(state, is_anew=not state.is_ended)
            state.is_fraction = True
        if state.progress_from is None:
            state.progress_from = named.value
        state.progress, state.resumes = named.value, False
        state.index = max(0, math.ceil(named.value - 1e-9) - 1)
        return
    raw = int(named.value)
    if state.position == (raw, named.total) and not state.position_is:
        state.position_is = "epoch"  # "train (3/15)", then "Epoch (3/15)": the bare count was the epoch's
    if named.total is not None and state.from_zero and state.index == 0 and raw == state.total_from == 1:
        state.is_total_from_one = True
    is_from_one = named.total is not None and state.is_total_from_one
    if state.starts_at is None:
        state.starts_at = raw
        if not state.from_zero:
            is_from_one_seen = raw == 1 or state.has_seen_one
            state.from_zero = True if raw == 0 or state.has_seen_zero else False if is_from_one_seen else None
    if raw == 0:
        state.from_zero = True
    if named.total is None and state.total_from == 1 and (raw == 0 or state.has_seen_zero):
        state.from_zero = state.is_total_from_one = True  # a line with a total called the same epoch 1
    if state.from_zero is None and state.index is not None and state.index + 1 == state.starts_at:
        state.from_zero = _from_zero_by_rhythm(state.starts_at, raw)
    if state.epochs is not None and raw == state.epochs and not is_from_one:
        if state.from_zero and (state.total_from is None or state.total_from > 0) and not state.is_total_sure:
            # Lines without a total count from 0, this one perhaps from 1.
            state.index, state.is_over = raw - 1, None
            return
        if state.from_zero:
            state.epochs, state.is_total_sure = raw + 1, True  # YOLOv5 counts 0/29 to 29/29
        else:
            state.from_zero = False
    index = raw if state.from_zero and not is_from_one else max(0, raw - 1)
    if state.index is None:
        state.index = index
    elif index > state.index:
        if state.is_inner is None and state.inner is not None and state.inner == state.inner_total:
            state.is_inner = True  # its count was full when the epoch ended
        state.epoch_leap = index - state.index
        state.index, state.is_over = index, False
    elif index < state.index:
        is_complete = state.is_ended or (state.epochs is not None and state.index + 1 >= state.epochs)
        # Where the log counts its steps over all epochs, they tell what goes on and what goes back.
        may_be_anew = state.step_word <= 0 and not state.resumes
        is_anew = may_be_anew and begins_anew(state.furthest, named.kind, named.value, state.starts_at)
        is_anew |= counts_otherwise
        if (is_complete and raw == state.starts_at) or is_anew:
            total, first = state.epochs if named.total else None, float(raw) if named.total else None
            _new_fit(state, is_anew=not is_complete)
            state.epochs, state.total_from = total, first
            state.starts_at, state.from_zero = raw, True if raw == 0 else False if raw == 1 else None
        state.index, state.is_over = index, False
    state.furthest = further(state.furthest, named.kind, raw, state.starts_at)
    state.resumes = False


def _counts_otherwise(state: PlaceState, named: Named) -> bool:
    """Whether a line of another kind than any before counts its epochs with a total, from 1, where those before went
    further without one: a second training in the same log, behind that of its word vectors.
    """
    is_first = named.value == 1 and named.total is not None and named.total > 1
    is_new = bool(named.kind) and named.kind not in state.furthest and state.total_from is None and not state.epochs
    return is_first and is_new and state.index is not None and state.index > FEWEST_BEYOND and not state.resumes


def _from_zero_by_rhythm(first: int, second: int) -> bool | None:
    """Return whether epochs are counted from 0, as the first two that a log names tell; None where they do not.

    A log of every tenth epoch that begins with 10 and 20 counts from 1, and with 9 and 19 from 0.
    """
    every = second - first
    if every < FEWEST_EVERY:
        return None
    return {every: False, every - 1: True}.get(first)


FEWEST_EVERY = 3
"""Epochs from one line to the next below which their rhythm may be chance. Chosen by hand, 2026-11."""


def _is_alone(state: PlaceState, named: Named) -> bool:
    """Whether all that was named so far is a full bar of ``n/n``; note it."""
    is_same = state.is_alone and state.index == named.value - 1
    if state.is_alone and not is_same:
        state.is_alone, state.index = False, None
    if not is_same and not (named.is_alone and state.index is None and state.planned is None):
        return False
    if named.value != named.total or named.value < 1:
        return False
    state.is_alone, state.index = True, int(named.value) - 1
    return True


def _new_fit(state: PlaceState, *, is_anew: bool = False) -> None:
    fresh = PlaceState(
        fit=state.fit + 1, is_anew=is_anew, heads_trail=state.heads_trail, is_inner=state.is_inner,
        position_is=state.position_is, position_from=state.position_from, position=state.position,
    )  # fmt: skip
    state.__dict__.update(fresh.__dict__)


def enter_step(state: PlaceState, named: Named) -> int | None:
    """Move to the step that a line names, and return it; None where it is not sure which it is."""
    if not may_count(named.value):
        return state.step
    value = int(named.value)
    total = int(named.total) if named.total and math.isfinite(named.total) else None
    if named.rank < state.step_word and not state.is_step_alone:
        return state.step
    if named.rank >= 3:
        return _global(state, value, total, named.rank)
    if state.index is None or state.is_fraction or state.is_inner is False:
        return _global(state, value, total, named.rank)
    if state.is_inner is None:
        has_moved = state.inner_index is not None and state.index > state.inner_index
        if has_moved and state.inner is not None:
            state.is_inner = value <= state.inner
            if state.is_inner:
                state.step, state.steps, state.step_word = None, None, 0
        elif state.inner is None and state.index > 0 and total and state.epochs:
            if not _is_in_its_epoch(state, value / total):
                state.is_inner = True
        elif state.index == 0 and total and state.epochs and value / total > 1 / state.epochs + 0.02:
            state.is_inner = True  # further than its first epoch reaches
    if state.is_inner:
        return enter_batch(state, Named(value, total))
    state.inner, state.inner_index = value, state.index
    if value == 0:
        state.inner_from_zero = True
    if total is not None:
        state.inner_total = total
    return _global(state, value, total if state.is_inner is False else None, named.rank)


FEWEST_GROWN = 10
"""Steps beside an episode that grow without a break, after which they are the run's: of episodes' lengths, one order
in 3.6 million is so."""


def counts_all_episodes(state: PlaceState, value: float) -> bool:
    """Whether a step beside an episode counts over all of them, as those before show; note this one."""
    was, state.episode_step = state.episode_step, value
    if state.episodes_grown < FEWEST_GROWN and was is not None and value != was:
        state.episodes_grown = state.episodes_grown + 1 if value > was else 0
    return state.episodes_grown >= FEWEST_GROWN


def _global(state: PlaceState, value: int, total: int | None, rank: int) -> int | None:
    if state.step is not None and value < state.step and state.is_ended:
        _new_fit(state)
    if state.step is not None and value > state.step:
        state.leap = value - state.step
    if state.index is None and _is_full(state, total) and value < (state.step or 0):
        state.is_round = True
    if state.is_round and state.index is None and total is not None:
        state.step, state.steps, state.inner, state.inner_total = None, None, value, total
        return None
    state.step, state.step_word, state.is_step_alone = value, rank, False
    if total is not None and value >= total and state.index is not None and state.index + 1 == state.epochs:
        state.is_over = True  # the last step of all is the last epoch's
    if total is not None:
        state.steps = total
    elif state.steps is not None and value > state.steps:
        state.steps = None  # it was the total of something else
    return value


def _is_full(state: PlaceState, total: int | None) -> bool:
    """Whether the steps have come so far that no further report of them need come."""
    return state.step is not None and total is not None and state.steps == total and state.step + state.leap > total


def enter_batch(state: PlaceState, named: Named, *, is_count: bool = False) -> int | None:
    """Move to a batch of the present epoch, and return its step. ``is_count`` says that 0 is none, as in bars."""
    if not may_count(named.value):
        return state.step
    value = int(named.value)
    total = int(named.total) if named.total and math.isfinite(named.total) else None
    if value == 0 and not is_count:
        state.inner_from_zero = True
    if total is not None and value >= total:
        state.inner_from_zero = False
    elif total is not None and value == total - 1 and not is_count and _ended_before_its_total(state, value):
        state.inner_from_zero = True
    if total is not None and not may_count((state.index or 0) * total + value):
        total = None
    if state.inner is not None and state.inner_index == state.index and value > state.inner:
        state.leap = value - state.inner
    elif None not in (state.inner_index, state.index) and state.inner_index != state.index:
        state.inner_before = state.inner
    if total is not None and state.inner is not None and state.inner_total is not None:
        state.run_total = _run_total(state, value, total)
    state.inner, state.inner_index, state.inner_total = value, state.index, total
    if total is not None and total == state.run_total:
        return _global(state, value, total, 2)
    state.batches = total or state.batches
    number = value + 1 if state.inner_from_zero and not is_count else value
    if total is not None and number >= total and state.index is not None:
        state.is_over = True
    elif total is not None:
        state.is_over = False
    if total is None or state.index is None or not state.is_epoch_sure or state.is_fraction:
        if state.step_word == 0:
            state.step = None
        return None if state.step_word == 0 else state.step
    if state.step_word < 3:
        state.step = state.index * total + number
        # From 0, "Epoch 3/9" may be the last but six or the last but five.
        is_sure = not state.from_zero or state.is_total_sure
        state.steps = state.epochs * total if state.epochs and is_sure else None
    return state.step


def _ended_before_its_total(state: PlaceState, value: int) -> bool:
    """Whether the epoch before ended at this batch, one before its total, too: the batches are counted from 0.

    A batch that comes in the rhythm of the reports is told whether it is the last or not.
    """
    is_same_epoch = state.inner_index == state.index
    before = state.inner_before if is_same_epoch else state.inner
    is_in_rhythm = is_same_epoch and state.inner is not None and value - state.inner == state.leap > 1
    return before == value and state.index is not None and state.index > 0 and not is_in_rhythm


def _is_in_its_epoch(state: PlaceState, share: float) -> bool:
    """Whether a share of all that there will be lies in the present epoch, where the log says how many there are."""
    if state.index is None or not state.epochs:
        return True
    return state.index / state.epochs - 0.02 <= share <= (state.index + 1) / state.epochs + 0.02


def _run_total(state: PlaceState, value: int, total: int) -> int | None:
    """Return how many batches all epochs have, where one count of batches is of all: it goes on in the next epoch, or
    has as many as all epochs of the other count.
    """
    if total == state.inner_total:
        has_moved = None not in (state.inner_index, state.index) and state.inner_index != state.index
        goes_on = has_moved and state.inner is not None and value == state.inner + state.leap > state.inner
        return total if goes_on and _is_in_its_epoch(state, value / total) else state.run_total
    less, more = sorted((total, state.inner_total or 0))
    return more if state.epochs and state.epochs > 1 and more == less * state.epochs else state.run_total


def place_of(state: PlaceState, step: int | None) -> Place:
    """Return where the run is now."""
    batch = state.inner if state.is_inner or (state.is_inner is None and state.inner_total) else None
    steps = state.steps if state.steps is None or may_count(state.steps) else None
    return Place(
        step, state.epoch, state.epochs, batch, state.inner_total if batch is not None else None, state.progress,
        steps,
    )  # fmt: skip
