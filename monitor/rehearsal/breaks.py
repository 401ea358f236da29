"""The ways to break a copy of a healthy log, in its own format: one function each, lines in, lines out.

Each gives the lines behind the break, or says why it does not apply to this log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from monitor.engine.step import Engine
from monitor.reader.heads import time_span
from monitor.reader.signals import METRIC, Labels, Sample
from monitor.rehearsal.figures import Figures, Place
from monitor.rehearsal.healthy import LOSSES, VALIDATIONS, Healthy, written
from monitor.rehearsal.watched import Writing


class Broken(NamedTuple):
    """The lines of a copy behind the break."""

    tail: tuple[Writing, ...]
    what: str
    """What was done to them, in words."""
    falls_silent: bool = False
    """Whether nothing comes behind them."""
    note: str = ""
    """What to know of it."""


class NotApplicable(NamedTuple):
    """Why a log cannot be broken in this way."""

    reason: str


@dataclass(frozen=True)
class Break:
    """One way to break a log."""

    name: str
    title: str
    faults: frozenset[str]
    """The faults that are the right name for it."""
    make: Callable[[Material], Broken | NotApplicable]


@dataclass
class Material:
    """A healthy log, and where its figures are."""

    healthy: Healthy
    engine: Engine

    @cached_property
    def loss(self) -> tuple[list[Place], bool]:
        """The places of the training loss, or where none is read, of the validation's, behind the break."""
        healthy, series = self.healthy, self._series
        reader = self.engine.dialects
        wanted = Figures(healthy.lines, healthy.events, healthy.state, reader, lambda each: _series(each) in series)
        return wanted.places(healthy.broken_at)

    @cached_property
    def loss_words(self) -> str:
        """What is taken for the loss."""
        signal, labels = next(iter(self._series), ("", ()))
        if signal in LOSSES:
            return "loss"
        return "validation loss" if signal != METRIC else " ".join(value for _, value in reversed(labels) if value)

    @cached_property
    def _series(self) -> frozenset[tuple[str, Labels]]:
        """The series of the loss: the training's, else the validation's, else the metric that is reported most."""
        found = Counter(_series(each) for event in self.healthy.events if event is not None for each in event.samples)
        for signals in (LOSSES, VALIDATIONS[:1], VALIDATIONS[1:]):
            known = [series for series in found if series[0] in signals]
            if signals == VALIDATIONS[1:]:
                known = sorted(known, key=lambda each: (not _is_of_validation(each), -found[each], not _is_loss(each)))[
                    :1
                ]
            if known:
                return frozenset(known)
        return frozenset()

    def tail(self, places: range | None = None) -> Iterator[Writing]:
        """Yield the lines behind the break as they are."""
        for place in places or range(self.healthy.broken_at, len(self.healthy.lines)):
            yield self.writing(place)

    def writing(self, place: int, text: str | None = None, *, at: int | None = None) -> Writing:
        """Return a line, perhaps with another text, or written when another line was."""
        line = self.healthy.lines[place]
        when = place if at is None else at
        return Writing(written(line, text), self.healthy.arrivals[when], self.healthy.lines[when].number)

    def replaced(self, spelling: Callable[[str, Place], str]) -> tuple[Writing, ...]:
        """Return the lines behind the break with another spelling of each loss."""
        by_line: dict[int, list[Place]] = {}
        for place in self.loss[0]:
            by_line.setdefault(place.row, []).append(place)
        found = []
        for index in range(self.healthy.broken_at, len(self.healthy.lines)):
            text = _text(self.healthy, index)
            for place in sorted(by_line.get(index, []), reverse=True):
                text = text[: place.start] + spelling(text, place) + text[place.end :]
            found.append(self.writing(index, text))
        return tuple(found)


def _series(sample: Sample) -> tuple[str, Labels]:
    return sample.signal, sample.labels


def _is_of_validation(series: tuple[str, Labels]) -> bool:
    return dict(series[1]).get("split") in ("val", "test")


def _is_loss(series: tuple[str, Labels]) -> bool:
    return any("loss" in value for _, value in series[1])


def _text(healthy: Healthy, index: int) -> str:
    return healthy.lines[index].data.decode("utf-8", "surrogateescape")


def _lacks_loss(material: Material) -> NotApplicable | None:
    places, is_whole = material.loss
    if not places:
        return NotApplicable("no loss is read behind the break, or it could not be told where in its line it is")
    if not is_whole:
        return NotApplicable("it could not be told of each loss where in its line it is")
    return None


def nan_in_the_loss(material: Material) -> Broken | NotApplicable:
    """From the break on, the loss is nan, as Python and JSON print it."""
    lacks = _lacks_loss(material)
    if lacks is not None:
        return lacks

    def spelling(text: str, place: Place) -> str:
        is_json = text.lstrip().startswith(("{", '"')) and '"' in text and "'" not in text
        word = "NaN" if is_json else "nan"
        # A column of a table stays in line.
        return word.rjust(place.end - place.start) if text[: place.start].endswith("  ") else word

    return Broken(material.replaced(spelling), f"each later {material.loss_words} is nan")


def frozen_loss(material: Material) -> Broken | NotApplicable:
    """From the break on, the loss stays what it was there."""
    lacks = _lacks_loss(material)
    if lacks is not None:
        return lacks
    first: dict[str, str] = {}
    frozen: dict[Place, str] = {}
    for place in material.loss[0]:
        text = _text(material.healthy, place.row)
        frozen[place] = first.setdefault(place.shape, text[place.start : place.end])
    tail = material.replaced(lambda text, place: frozen[place])
    return Broken(tail, f"each later {material.loss_words} is {next(iter(first.values()))}")


def silence(material: Material) -> Broken | NotApplicable:
    """From the break on, nothing is written."""
    del material
    return Broken((), "no further byte comes", falls_silent=True)


def death(material: Material) -> Broken | NotApplicable:
    """The log breaks off in the middle of a line, and is never closed."""
    healthy = material.healthy
    whole = material.writing(healthy.broken_at)
    half = whole.data.rstrip(b"\r\n")
    half = half[: max(1, len(half) // 2)]
    note = "the log alone shows a death without words as a silence; monitor run, or a PID in the log, shows it at once"
    return Broken((whole._replace(data=half),), "it breaks off within the next line", falls_silent=True, note=note)


def vanished_loss(material: Material) -> Broken | NotApplicable:
    """The lines with the loss no longer come, while others go on."""
    lacks = _lacks_loss(material)
    if lacks is not None:
        return lacks
    gone = {place.row for place in material.loss[0]}
    return _without(material, gone, "lines with the loss")


def vanished_validation(material: Material) -> Broken | NotApplicable:
    """The lines of the validation no longer come, while others go on."""
    healthy = material.healthy
    gone = {
        place
        for place in range(len(healthy.lines))
        if _validates(healthy, place) and healthy.value(place, LOSSES) is None
    }
    if len([place for place in gone if place < healthy.broken_at]) < 2:
        return NotApplicable(
            "the log has fewer than two lines of a validation before the break, or they hold the loss too"
        )
    return _without(material, {place for place in gone if place >= healthy.broken_at}, "lines of the validation")


def _validates(healthy: Healthy, place: int) -> bool:
    event = healthy.events[place]
    if event is None:
        return False
    return any(
        each.signal == VALIDATIONS[0] or (each.signal == METRIC and _is_of_validation(_series(each)))
        for each in event.samples
    )


def _without(material: Material, gone: set[int], what: str) -> Broken | NotApplicable:
    healthy = material.healthy
    kept = [place for place in range(healthy.broken_at, len(healthy.lines)) if place not in gone]
    if not gone:
        return NotApplicable(f"no {what} come behind the break")
    if not any(_says_a_place(healthy, place) for place in kept):
        return NotApplicable(f"the {what} also say where the training is: without them it would be silent")
    return Broken(tuple(material.writing(place) for place in kept), f"no {what} come any more, others do")


def _says_a_place(healthy: Healthy, place: int) -> bool:
    event = healthy.events[place]
    return event is not None and getattr(event.record, "step", None) is not None


def step_back(material: Material) -> Broken | NotApplicable:
    """At the break, the training goes back to an earlier place and goes on from there, without a word."""
    healthy = material.healthy
    placed = [place for place in range(healthy.broken_at) if _says_a_place(healthy, place)]
    if len(placed) < 2 or healthy.pipeline.run.dialect.is_counted:
        return NotApplicable("the log does not say at which step it is")
    first = placed[0]
    num = len(healthy.lines) - healthy.broken_at
    tail = []
    donor: tuple[str, tuple[int, int]] | None = None
    for number, place in enumerate(range(first, first + num)):
        when = healthy.broken_at + number
        text = _text(healthy, when)
        span = time_span(text, healthy.state.words.clock)
        donor = donor if span is None else (text, span)
        tail.append(material.writing(place, _retimed(healthy, _text(healthy, place), donor), at=when))
    return Broken(tuple(tail), f"it goes on as in L{healthy.lines[first].number:,} again")


def _retimed(healthy: Healthy, text: str, donor: tuple[str, tuple[int, int]] | None) -> str:
    """Return a line with the time of another one of the log, in the same form."""
    span = time_span(text, healthy.state.words.clock)
    if span is None or donor is None:
        return text
    return text[: span[0]] + donor[0][donor[1][0] : donor[1][1]] + text[span[1] :]


_SILENT = frozenset({"stall_silent", "soft_hang", "crash"})
_GONE = frozenset({"evidence_gap", "writer_broken", "soft_hang", "stall_silent"})

BREAKS: Sequence[Break] = (
    Break("nan", "nan in the loss", frozenset({"loss_nonfinite", "metric_nonfinite"}), nan_in_the_loss),
    Break("silence", "silence", _SILENT, silence),
    Break("death", "death without a word", _SILENT, death),
    Break("frozen", "frozen loss", frozenset({"loss_zero_or_frozen", "metric_constant"}), frozen_loss),
    Break("vanished_loss", "loss lines vanish", _GONE, vanished_loss),
    Break("vanished_validation", "validation lines vanish", _GONE, vanished_validation),
    Break("back", "step back", frozenset({"restart_loop", "two_writers"}), step_back),
)
