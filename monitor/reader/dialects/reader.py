"""Reads the lines of one log, in our grammar or in that of another trainer, and finds out which one it is.

What it decides depends on the lines alone, in their order, and on the state that is kept with the run: any chunking
of the same bytes gives the same events, and so does going on after a kill.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import re2

from monitor.grammar import RunEnd
from monitor.reader.causes import Cause
from monitor.reader.course import ONLY_LOADS, course_of, may_say, resume_of
from monitor.reader.dialects.by_words import GIVES, end_record, say
from monitor.reader.dialects.load import LAST_RESORT, shipped_dialects
from monitor.reader.dialects.parts import take_parts
from monitor.reader.dialects.pattern import Dialect, LinePattern, detecting
from monitor.reader.dialects.state import NATIVE, DialectState
from monitor.reader.dialects.to_native import EVERYWHERE, FOREIGN_ONLY, KINDS, Said
from monitor.reader.encoding import decoded
from monitor.reader.envelope import opened
from monitor.reader.event import Event, RawLine, evidence_of, read_event
from monitor.reader.signals import CATALOGUE, Sample, samples

if TYPE_CHECKING:
    from monitor.reader.dialects.parts import Parts
    from monitor.reader.vocabulary import Vocabulary


T = TypeVar("T", bound=RawLine)

ASIDE_LINES = 6
"""Lines behind one that looks like source code or settings which still belong to it. Chosen by hand, 2026-11."""


class DialectReader:
    """Turns lines into events. Holds no state of a run."""

    def __init__(
        self,
        forced: str = "",
        own: tuple[Dialect, ...] = (),
        zone: tzinfo | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        """``forced`` names the one dialect to be used; ``own`` are the user's, tried before the shipped ones.

        ``zone`` is that of times which name none; without it they are taken for UTC.
        ``vocabulary`` is the shipped one with the user's words; None without these.
        """
        self.forced = forced
        self._own, self._zone, self._vocabulary = own, zone, vocabulary
        self._dialects: tuple[Dialect, ...] | None = None
        self._by_name: dict[str, Dialect] = {}
        self._detecting: Any = None

    def read(self, line: RawLine, path: str, state: DialectState, *, is_over: bool) -> Event | None:
        """Read one line of the log ``path``; None for a blank one. ``is_over`` says that the run's end was read."""
        event = read_event(line, path)
        if event is None or self.forced == NATIVE:
            return event
        if event.level:
            if not self.forced:
                self._take(NATIVE, event, state)
            return event
        if state.name == NATIVE and not is_over:
            return event
        return self._read_foreign(line, event, state)

    def decoded(self, line: T, state: DialectState) -> T:
        """Return a line out of its envelope, with its text in UTF-8: to be asked once for each line, before it is read.

        Our own logs are UTF-8, and what is broken in them stays as it is.
        """
        if (bare := opened(line.data)) is not line.data:
            return line._replace(data=bare)
        if line.data.isascii() or self.forced == NATIVE or state.name == NATIVE:
            return line
        data = decoded(line.data, state.encoding)
        return line if data is line.data else line._replace(data=data)

    @property
    def known(self) -> dict[str, Dialect]:
        """The dialects that it tries, by name, in their order."""
        self._all()
        return self._by_name

    def is_native(self, state: DialectState) -> bool:
        """Whether lines in our grammar have been read, and nothing else is looked for while their run goes on."""
        return self.forced == NATIVE or (state.name == NATIVE and not self.forced)

    def is_in_words(self, state: DialectState) -> bool:
        """Whether the vocabulary alone reads the log, with times in UTC."""
        if not state.name or state.name == NATIVE or self.forced or self._zone is not None:
            return False
        return self._named(state.name).is_by_words

    def may_end_ours(self, data: bytes) -> bool:
        """Whether some of these lines may end a run in our grammar; where none does, it is False."""
        return _END_OF_OURS.search(data) is not None

    def may_show_another(self, data: bytes) -> bool:
        """Whether some of these lines may show another dialect than our own; where none does, it is False."""
        return self.forced != NATIVE and self._search().search(data) is not None

    def _read_foreign(self, line: RawLine, event: Event, state: DialectState) -> Event:
        # One head for all: time, rank and logger do not depend on what reads the line's own words.
        parts = take_parts(line.data.decode("utf-8", "replace"), state.words.clock, self._zone)
        at = parts.whole.at if parts.whole.at is not None else parts.own.at
        found = self._find(parts.tried, event, state)
        said: list[tuple[str, Said]] = []
        for pattern, fields in found:
            try:
                said.append((pattern.name, KINDS[pattern.event].say(fields, state)))
            except (ValueError, KeyError, OverflowError):
                # The line looks like one that we know, and says something that none of its kind can say.
                continue
        if not said:
            said = self._in_words(parts, event, state)
        if at is not None:
            state.at = at
        is_theirs = self.forced or state.name not in ("", NATIVE)
        evidence = evidence_of(line, event.evidence.path, at if is_theirs else None)
        is_assumed = parts.whole.is_zone_assumed or parts.own.is_zone_assumed
        state.is_zone_assumed |= bool(is_theirs) and at is not None and is_assumed
        texts = event.samples
        if not any(isinstance(each.record, RunEnd) for _, each in said) and (ended := _end_in_words(texts, state)):
            said.append(("end", Said(ended, tuple(samples(ended)))))
        if not said:
            return event._replace(evidence=evidence)
        if state.name:
            state.matched[state.name] = state.matched.get(state.name, 0) + 1
        record = next((each.record for _, each in reversed(said) if each.record is not None), None)
        numbers = tuple(sample for _, each in said for sample in each.samples)
        kind = f"{state.name or LAST_RESORT}:{said[-1][0]}"
        opening = next((each.opening for _, each in said if each.opening is not None), None)
        digits = tuple(digit for _, each in said for digit in each.digits)
        return Event(evidence, "", record, (*numbers, *texts), kind, opening, digits)

    def _in_words(self, parts: Parts, event: Event, state: DialectState) -> list[tuple[str, Said]]:
        """Return what the vocabulary reads in a line that no pattern of the dialect in force knows."""
        if state.name == NATIVE or self.forced == NATIVE:
            return []
        # Compiled when a foreign line comes: a tenth of a second that our own logs do not pay.
        from monitor.reader.lines import read_headed
        from monitor.reader.vocabulary import enforce

        enforce(self._vocabulary)
        own = self._named(state.name or self.forced)
        read = read_headed(parts.whole, state.words)
        reports = read.reports
        _note_course(read.head.body, state)
        if not state.name and any(report.values for report in reports):
            hint, evidence = state.hint or (LAST_RESORT, event.evidence)
            self._take(self.forced or hint, event._replace(evidence=evidence), state)
        if own.is_by_words:
            state.facts.take(read)
        aside = "" if reports else self._aside(parts, own, state)
        if aside:
            return [(aside, Said(None, ()))]
        if not state.name or not reports:
            return []
        said = [(report.kind, _beside(own, say(report, state, own, read.head.body))) for report in reports]
        said = [each for each in said if _is_used(*each)]
        given = {sample.signal for _, each in said for sample in each.samples}
        if given.intersection(state.lacks):
            # What was read can be read, even if the dialect's own file does not promise it.
            state.lacks = tuple(signal for signal in state.lacks if signal not in given)
        return said

    def _aside(self, parts: Parts, own: Dialect, state: DialectState) -> str:
        """Return why a line is known to say nothing; empty where it is not.

        Some trainers print their source code or their settings before they train. Such a block is known by its lines
        that look like code, and holds others between them.
        """
        if state.name and own.is_by_words and any(own.shows(body) for body in parts.tried):
            return "mark"
        from monitor.reader import phrases

        if phrases.is_code(parts.whole.body) or phrases.is_config(parts.whole.body):
            state.asides = 0 if state.words.is_begun else ASIDE_LINES
            return "aside"
        if not state.asides or state.words.is_begun:
            return ""
        state.asides -= 1
        return "aside"

    def _find(self, tried: list[bytes], event: Event, state: DialectState) -> list[tuple[LinePattern, dict[str, str]]]:
        """Return what a line is, by the dialect in force, else by one that it shows."""
        if self.forced:
            found = [each for body in tried if (each := self._named(self.forced).find(body))]
            if found:
                self._take(self.forced, event, state)
            return found
        name = "" if state.name == NATIVE else state.name
        if name and (found := [each for body in tried if (each := self._named(name).find(body))]):
            return found
        for body in tried:
            if self._search().search(body) is None:
                continue
            for dialect in self._all():
                if dialect.name != name and (shown := self._shown(dialect, body, event, state)) is not None:
                    return shown
        return []

    def _shown(
        self, dialect: Dialect, body: bytes, event: Event, state: DialectState
    ) -> list[tuple[LinePattern, dict[str, str]]] | None:
        """Take a dialect that a line shows, and return what the line is in it; None where it shows none."""
        if found := dialect.find(body, detecting=True):
            self._take(dialect.name, event, state)
            return [found]
        if not dialect.shows(body):
            return None
        if not dialect.is_by_words:
            self._take(dialect.name, event, state)
        elif not state.name:
            # A mark alone claims no log: something of it must be read.
            state.hint = state.hint or (dialect.name, event.evidence)
        elif state.name == NATIVE or self._named(state.name).is_by_words:
            self._take(dialect.name, event, state)
        return []

    def _take(self, name: str, event: Event, state: DialectState) -> None:
        if state.name == name:
            return
        own = self._named(name)
        gives = own.gives if own.places_itself else own.gives | GIVES
        lacks = FOREIGN_ONLY if name == NATIVE else frozenset(CATALOGUE) - gives - EVERYWHERE
        state.lacks = tuple(sorted(lacks if state.line is None else lacks.intersection(state.lacks)))
        state.name, state.line = name, event.evidence

    def _search(self) -> Any:
        if self._detecting is None:
            self._detecting = detecting(self._all())
        return self._detecting

    def _named(self, name: str) -> Dialect:
        self._all()
        return self._by_name.get(name, _NONE)

    def _all(self) -> tuple[Dialect, ...]:
        if self._dialects is None:
            shipped = shipped_dialects()
            taken = {each.name for each in self._own}
            self._dialects = (*self._own, *(each for each in shipped if each.name not in taken))
            self._by_name = {each.name: each for each in self._dialects}
        return self._dialects


def _beside(own: Dialect, said: Said) -> Said:
    """Return what the vocabulary read beside a dialect's own lines: nothing that the dialect itself can say."""
    if own.is_by_words:
        return said
    return said._replace(samples=tuple(sample for sample in said.samples if sample.signal not in own.gives))


def _is_used(kind: str, said: Said) -> bool:
    """Whether something of a report is used, or it is known to measure nothing."""
    return kind not in ("report", "validation") or said.record is not None or bool(said.samples)


def _note_course(body: str, state: DialectState) -> None:
    if not may_say(body):
        return
    if (step := resume_of(body)) is not None and (step >= 0 or state.resume is None or step > state.resume):
        state.resume = step
        state.words.place.resumes |= step != ONLY_LOADS
    if course := course_of(body):
        state.course = course
        if state.step is None and state.epoch is None:
            state.course_of_fit = course


# By RE2, which looks for a text several times as fast as `in` does.
_END_OF_OURS = re2.compile(rb"\[RUN\] end")
_NONE = Dialect("", "")


def _end_in_words(texts: Iterable[Sample], state: DialectState) -> RunEnd | None:
    """Return the end that a line's closing words tell; None for any other line."""
    cause = next((dict(each.labels)["cause"] for each in texts if each.signal == "text.end"), None)
    if cause is None:
        return None
    state.words.place.is_ended = True
    status = "completed" if cause == Cause.COMPLETED else "stopped"
    return end_record(status, state)
