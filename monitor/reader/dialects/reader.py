"""Reads the lines of one log, in our grammar or in that of another trainer, and finds out which one it is.

What it decides depends on the lines alone, in their order, and on the state that is kept with the run: any chunking
of the same bytes gives the same events, and so does going on after a kill.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Any

import re2

from monitor.grammar import RunEnd
from monitor.reader.dialects.load import shipped_dialects
from monitor.reader.dialects.pattern import Dialect, LinePattern, detecting
from monitor.reader.dialects.prefixes import take_apart
from monitor.reader.dialects.state import NATIVE, DialectState
from monitor.reader.dialects.to_native import EVERYWHERE, FOREIGN_ONLY, KINDS, Said
from monitor.reader.event import Event, RawLine, evidence_of, read_event
from monitor.reader.signals import CATALOGUE, samples, text_signals


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
        if parts.at is not None:
            state.at = parts.at
        said: list[tuple[LinePattern, Said]] = []
        for part in (parts.bar, parts.body):
            if part and (found := self._find(part, event, state)):
                pattern, fields = found
                try:
                    said.append((pattern, KINDS[pattern.event].say(fields, state)))
                except (ValueError, KeyError, OverflowError):
                    # The line looks like one that we know, and says something that none of its kind can say.
                    continue
        is_theirs = self.forced or state.name not in ("", NATIVE)
        evidence = evidence_of(line, event.evidence.path, parts.at if is_theirs else None)
        state.is_zone_assumed |= bool(is_theirs) and parts.at is not None and parts.is_zone_assumed
        texts = event.samples or tuple(text_signals(parts.body))
        if _KILLED.search(parts.body) and state.name not in ("", NATIVE):
            # The shell says so of the process that it started: no line of that process comes any more.
            ended = RunEnd(status="failed", error="Killed", epochs=state.epoch)
            return Event(evidence, "", ended, (*samples(ended), *texts), f"{state.name}:killed")
        if not said:
            return event._replace(evidence=evidence, samples=texts)
        state.matched[state.name] = state.matched.get(state.name, 0) + 1
        record = next((each.record for _, each in reversed(said) if each.record is not None), None)
        numbers = tuple(sample for _, each in said for sample in each.samples)
        kind = f"{state.name}:{said[-1][0].name}"
        return Event(evidence, "", record, (*numbers, *texts), kind)

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
                self._take(dialect.name, event, state)
                return found
        return None

    def _take(self, name: str, event: Event, state: DialectState) -> None:
        if state.name == name:
            return
        lacks = FOREIGN_ONLY if name == NATIVE else frozenset(CATALOGUE) - self._named(name).gives - EVERYWHERE
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
_KILLED = re.compile(rb"^Killed$|: line \d+: +\d+ Killed\b")
_NONE = Dialect("", "", ())
