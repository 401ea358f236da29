"""Reads the lines of one log, in our grammar or in that of another trainer, and finds out which one it is.

What it decides depends on the lines alone, in their order, and on the state that is kept with the run: any chunking
of the same bytes gives the same events, and so does going on after a kill.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import re2

from monitor.grammar import RunEnd
from monitor.reader.causes import Cause
from monitor.reader.dialects.by_words import GIVES, end_record, say
from monitor.reader.dialects.load import LAST_RESORT, shipped_dialects
from monitor.reader.dialects.pattern import Dialect, LinePattern, detecting
from monitor.reader.dialects.prefixes import take_apart
from monitor.reader.dialects.state import NATIVE, DialectState
from monitor.reader.dialects.to_native import EVERYWHERE, FOREIGN_ONLY, KINDS, Said
from monitor.reader.event import Event, RawLine, evidence_of, read_event
from monitor.reader.signals import CATALOGUE, Sample, samples

if TYPE_CHECKING:
    from monitor.reader.lines import Read

MARKS_ONLY = frozenset(("generic", "hf-trainer", "keras", "lightning", "megatron", "nanogpt", "torchtitan"))
"""Shipped dialects that name a log; what its lines say is read by the vocabulary."""


class DialectReader:
    """Turns lines into events. Holds no state of a run."""

    def __init__(self, forced: str = "", own: tuple[Dialect, ...] = (), zone: tzinfo | None = None) -> None:
        """``forced`` names the one dialect to be used; ``own`` are the user's, tried before the shipped ones.

        ``zone`` is that of times which name none; without it they are taken for UTC.
        """
        self.forced = forced
        self._own, self._zone = own, zone
        self._dialects: tuple[Dialect, ...] | None = None
        self._by_name: dict[str, Dialect] = {}
        self._searches: dict[bool, Any] = {}

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

    @property
    def known(self) -> dict[str, Dialect]:
        """The dialects that it tries, by name, in their order."""
        self._all()
        return self._by_name

    def is_native(self, state: DialectState) -> bool:
        """Whether lines in our grammar have been read, and nothing else is looked for while their run goes on."""
        return self.forced == NATIVE or (state.name == NATIVE and not self.forced)

    def may_end_ours(self, data: bytes) -> bool:
        """Whether some of these lines may end a run in our grammar; where none does, it is False."""
        return _END_OF_OURS.search(data) is not None

    def may_show_another(self, data: bytes) -> bool:
        """Whether some of these lines may show another dialect than our own; where none does, it is False."""
        return self.forced != NATIVE and self._search(with_last_resort=False).search(data) is not None

    def _read_foreign(self, line: RawLine, event: Event, state: DialectState) -> Event:
        text = line.data if line.data.isascii() else line.data.decode("utf-8", "replace").encode()
        parts = take_apart(text, self._zone, state.at)
        said: list[tuple[str, Said]] = []
        at, is_assumed = parts.at, parts.is_zone_assumed
        found = [each for part in (parts.bar, parts.body) if part and (each := self._find(part, event, state))]
        if self._is_by_words(state):
            # Compiled when a foreign line comes: a tenth of a second that our own logs do not pay.
            from monitor.reader.lines import read_line

            read = read_line(text.decode(), state.words, self._zone)
            state.facts.take(read)
            if read.head.at is not None:
                at, is_assumed = read.head.at, read.head.is_zone_assumed
            said = self._in_words(read, found, event, state)
        else:
            for pattern, fields in found:
                try:
                    said.append((pattern.name, KINDS[pattern.event].say(fields, state)))
                except (ValueError, KeyError, OverflowError):
                    # The line looks like one that we know, and says something that none of its kind can say.
                    continue
        if at is not None:
            state.at = at
        is_theirs = self.forced or state.name not in ("", NATIVE)
        evidence = evidence_of(line, event.evidence.path, at if is_theirs else None)
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
        kind = f"{state.name or 'words'}:{said[-1][0]}"
        return Event(evidence, "", record, (*numbers, *texts), kind)

    def _is_by_words(self, state: DialectState) -> bool:
        """Whether the log's lines are read by the vocabulary: no dialect is in force that reads them itself."""
        if self.forced or state.name == NATIVE:
            return False
        return not state.name or (state.name in MARKS_ONLY and not self._is_own(state.name))

    def _is_own(self, name: str) -> bool:
        return any(each.name == name for each in self._own)

    def _in_words(
        self, read: Read, found: list[tuple[LinePattern, dict[str, str]]], event: Event, state: DialectState
    ) -> list[tuple[str, Said]]:
        """Return what the vocabulary reads in a line; a dialect's patterns name it where they know it."""
        reports = read.reports
        name = found[-1][0].name if found else ""
        if not state.name:
            if not any(report.values for report in reports):
                return []
            hint, evidence = state.hint or (LAST_RESORT, event.evidence)
            self._take(hint, event._replace(evidence=evidence), state)
        if not reports and not found:
            return []
        said = [(name or report.kind, say(report, state)) for report in reports]
        given = {sample.signal for _, each in said for sample in each.samples}
        if given.intersection(state.lacks):
            # What was read can be read, whatever the dialect's own file promises.
            state.lacks = tuple(signal for signal in state.lacks if signal not in given)
        return said or [(name, Said(None, ()))]

    def _find(self, body: bytes, event: Event, state: DialectState) -> tuple[LinePattern, dict[str, str]] | None:
        """Return what a line is, by the dialect in force, else by one that it shows."""
        name = self.forced or ("" if state.name == NATIVE else state.name)
        if self.forced and state.name != self.forced and (found := self._named(name).find(body)):
            self._take(self.forced, event, state)
            return found
        if name and (found := self._named(name).find(body)):
            return found
        # The last resort replaces nothing.
        is_open = state.name == ""
        if self.forced or self._search(with_last_resort=is_open).search(body) is None:
            return None
        for dialect in self._all():
            if dialect.name == name or (dialect.is_last_resort and not is_open):
                continue
            if found := dialect.find(body, detecting=True):
                if self.forced or self._is_own(dialect.name) or dialect.name not in MARKS_ONLY or state.name:
                    self._take(dialect.name, event, state)
                elif state.hint is None or state.hint[0] == LAST_RESORT:
                    # A mark alone claims no log: something of it must be read.
                    state.hint = (dialect.name, event.evidence)
                return found
        return None

    def _take(self, name: str, event: Event, state: DialectState) -> None:
        if state.name == name:
            return
        gives = GIVES if name == LAST_RESORT and not self.forced else self._named(name).gives
        lacks = FOREIGN_ONLY if name == NATIVE else frozenset(CATALOGUE) - gives - EVERYWHERE
        state.lacks = tuple(sorted(lacks if state.line is None else lacks.intersection(state.lacks)))
        state.name, state.line = name, event.evidence

    def _search(self, *, with_last_resort: bool) -> Any:
        if with_last_resort not in self._searches:
            some = tuple(each for each in self._all() if with_last_resort or not each.is_last_resort)
            self._searches[with_last_resort] = detecting(some)
        return self._searches[with_last_resort]

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


# By RE2, which looks for a text several times as fast as `in` does.
_END_OF_OURS = re2.compile(rb"\[RUN\] end")
_NONE = Dialect("", "", ())


def _end_in_words(texts: Iterable[Sample], state: DialectState) -> RunEnd | None:
    """Return the end that a line's closing words tell; None for any other line."""
    cause = next((dict(each.labels)["cause"] for each in texts if each.signal == "text.end"), None)
    if cause is None:
        return None
    state.words.place.is_ended = True
    status = "completed" if cause == Cause.COMPLETED else "stopped"
    return end_record(status, state)
