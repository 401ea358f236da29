"""Looks at state folders all the time, keeps the board of all runs, and publishes what changed."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

from monitor.alert import State
from monitor.base.clock import Clock
from monitor.base.errors import StateError
from monitor.engine.step import Engine
from monitor.engine.unjudged import reason_of
from monitor.live.watched import by_run, log_id
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.run.sources import Known
from monitor.snapshot import HISTORY_LIMIT
from monitor.store.looking import Looker, states_in
from monitor.store.store import Seen
from monitor.web.board import Board, Entry, Row, entry_of
from monitor.web.events import Events

POLL_S = 0.2
"""How often the files are asked whether something changed; an alert is on the page within a second."""
FIND_S = 3.0
"""How often new state folders are looked for."""
REST_S, MOST_REST_S = 1.0, 30.0
"""A log without a new alert is read at most so often, less often where reading all takes long. By hand, 2026-11."""
JUDGE_S = 15.0
"""A run in progress is judged again after so long, for time passes without a line."""
ELDERLY_S = 0.1
"""How much of a look such judging may take; the other runs have their turn in the next looks."""
CALM_S = 2.0
"""Figures alone are sent at most so often."""


class Observer:
    """Runs in a thread of its own; `board` is replaced whole, so any thread may read it."""

    def __init__(self, places: Sequence[Path], clock: Clock, *, rest_s: float = REST_S, find_s: float = FIND_S) -> None:
        self.places, self.events = tuple(places), Events()
        self._least_rest_s, self._find_s = rest_s, find_s
        self._clock, self._host = clock, socket.gethostname()
        self._engine = Engine(load_rules(rule_files(())))
        self._lookers: dict[Path, Looker] = {}
        self._kin: dict[Path, Known] = {}
        self._found_at = -find_s
        self._rest_s = rest_s
        self._told: dict[str, tuple[Row, float]] = {}
        self._heard: dict[str, frozenset[tuple[str, State, float | None]]] = {}
        self._stop = Event()
        self.num_turns, self.turn_s, self.num_failures = 0, 0.0, 0
        self.turned_at = clock.monotonic()
        self.board = Board({}, (), clock.wall())

    def start(self) -> Thread:
        """Turn until `stop`."""
        thread = Thread(target=self._run, name="observer", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End the thread after its present turn."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except Exception as error:  # one bad state must not end the view of all others
                self.num_failures += 1
                self.board = self.board._replace(troubles=(*self.board.troubles[:8], reason_of(error)))
            # At most half of one processor.
            self._stop.wait(max(POLL_S, self.turn_s))

    def own_metrics(self) -> dict[str, float]:
        """Return how the looking goes, by the names of `monitor.web.metrics.OWN`."""
        return {
            "looks_total": self.num_turns,
            "look_failures_total": self.num_failures,
            "look_seconds": self.turn_s,
            "last_look_timestamp_seconds": self.board.judged_at,
            "event_streams": self.events.num_readers,
        }

    def turn(self) -> None:
        """Look once, and publish what changed."""
        began = self._clock.monotonic()
        if began - self._found_at >= self._find_s:
            self._found_at = began
            self._find()
        wall, troubles = self._clock.wall(), []
        entries: dict[str, Entry] = {}
        for directory, looker in self._lookers.items():
            try:
                entries |= self._entries(directory, looker, began, wall)
            except StateError as error:
                troubles.append(str(error))
                # What was known stays, as unwatched: a page must not lose a run because a file is locked for a moment.
                entries |= {name: each for name, each in self.board.entries.items() if each.directory == directory}
        before, self.board = self.board, Board(entries, tuple(troubles), wall)
        self._publish(before, began)
        self.num_turns, self.turned_at = self.num_turns + 1, self._clock.monotonic()
        self.turn_s = self.turned_at - began
        self._rest_s = min(MOST_REST_S, self._least_rest_s * max(1.0, 4 * self.turn_s))

    def _find(self) -> None:
        found = states_in(self.places)
        self._lookers = {each: self._lookers.get(each) or Looker(each, history_limit=HISTORY_LIMIT) for each in found}
        self._kin = {each: self._kin.get(each, {}) for each in found}

    def _entries(self, directory: Path, looker: Looker, began: float, wall: float) -> dict[str, Entry]:
        look = looker.look(began, rest_s=self._rest_s)
        is_watched, known = look.process is not None, self.board.entries
        found: dict[str, Entry] = {}
        for _, files in by_run(list(look.seen.values()), self._kin[directory]):
            name = log_id(directory, files[0].log)
            entry = known.get(name)
            # What only grew old may wait: judging all runs at once would hold up a new alert.
            has_time = self._clock.monotonic() - began < ELDERLY_S
            if (
                entry is None
                or _is_stale(entry, files, look.changed, is_watched=is_watched)
                or (has_time and _is_old(entry, wall))
            ):
                entry = entry_of(directory, files, self._engine, is_watched=is_watched, wall=wall, host=self._host)
            found[name] = entry
        return found

    def _publish(self, before: Board, now: float) -> None:
        rows = [each.row for each in self.board.entries.values() if self._is_due(each.row, now)]
        if rows:
            self._told |= {row.id: (row, now) for row in rows}
            self.events.publish("runs", {"rows": [row_json(row) for row in rows]})
        for name in before.entries.keys() - self.board.entries.keys():
            self._told.pop(name, None)
            self._heard.pop(name, None)
            self.events.publish("gone", {"id": name})
        for name, entry in self.board.entries.items():
            if (known := before.entries.get(name)) is entry:
                continue
            heard = self._heard.get(name) if known is not None else None
            history = {(alert.id, alert.state, alert.at): alert for alert in entry.snapshot.history}
            self._heard[name] = frozenset(history)
            # What a run had when it was seen first is on its page.
            for key, alert in history.items() if heard is not None else ():
                if key not in (heard or ()):
                    self.events.publish("alert", {"id": name, "alert": alert.to_json()})

    def _is_due(self, row: Row, now: float) -> bool:
        if (known := self._told.get(row.id)) is None:
            return True
        told, at = known
        return told.urgent != row.urgent or (told != row and now - at >= CALM_S)


def row_json(row: Row) -> dict[str, object]:
    """Return a row as strict JSON."""
    loss = row.loss
    return {**row._asdict(), "loss": None if loss is None or loss - loss != 0 else loss}


def _is_stale(entry: Entry, files: Sequence[Seen], changed: frozenset[str], *, is_watched: bool) -> bool:
    """Whether something came to light about a run."""
    if entry.is_watched != is_watched or [each.log for each in entry.files] != [each.log for each in files]:
        return True
    return any(each.log in changed for each in files)


def _is_old(entry: Entry, wall: float) -> bool:
    """Whether a run in progress was judged too long ago."""
    return entry.row.is_running and not 0 <= wall - entry.judged_at < JUDGE_S
