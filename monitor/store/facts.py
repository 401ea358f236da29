"""What a live watch knew beyond the log, recorded so that a replay knows it too.

A line without a time, a progress bar's refresh and part of a line end a silence when they arrive, but the log does
not contain their time of arrival. Nor does it show how many of its bytes were destroyed unread. Each fact has a place:
the number of lines that were folded before it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from monitor.base.errors import MonitorError

THINNED_S = 5.0
"""Bytes that arrive sooner after others are not recorded: rules on a silence of 10 s and more do not need them. A
progress bar that never pauses makes 1.5 MB a day. Chosen by hand."""
LINE_LIMIT = 10_000
"""Most bytes of one line of a facts file; ours have about 80."""


class FactKind(StrEnum):
    """What kind of fact it is."""

    NAMED = "named"
    """Which log the run is of: what its identity was made from, wherever the log is read again."""
    HEARD = "heard"
    """Bytes without a time of their own arrived."""
    MOVED = "moved"
    """Another file of the same run showed a further step."""
    PASSED = "passed"
    """Time passed without a line, and that changed an alert."""
    LOST = "lost"
    """Bytes of the log were destroyed before they were read."""
    PROBED = "probed"
    """A probe reported something: the system about the process, or the driver about the GPU."""


class Fact(NamedTuple):
    """One fact, in its place."""

    kind: FactKind
    lines: int
    """Number of lines folded before it."""
    at: float | None
    """The run's time, in seconds since 1970-01-01 UTC by the log's own clock; None for LOST before any time."""
    lost_bytes: int = 0
    how: str = ""
    """What destroyed the bytes."""
    text: str = ""
    """What the probe reported, as a line of the native grammar without its time; of NAMED, the log's path."""
    generation: int = 0
    """Of NAMED: the number of runs that began under that path before this one."""


class FactsFile:
    """The facts of one run, appended in order. The state knows of ``keep_bytes``; the rest was not committed."""

    def __init__(self, path: Path, keep_bytes: int) -> None:
        """Open the file, and cut off what the state does not know of. Raises OSError."""
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
        # If the state was lost, its facts have no place any longer.
        os.ftruncate(self._descriptor, min(keep_bytes, os.fstat(self._descriptor).st_size))

    def append(self, facts: Iterable[Fact]) -> int:
        """Write all of the facts or none; return the size of the file. Raises OSError."""
        data = "".join(f"{_written(fact)}\n" for fact in facts).encode("ascii")
        size = os.fstat(self._descriptor).st_size
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Recorder:
    """Decides which facts a replay needs; `take` returns each once."""

    def __init__(self, heard: Fact | None = None) -> None:
        """``heard`` is the fact that an earlier recorder held."""
        self._facts: list[Fact] = []
        self._known_at = -math.inf
        self._held = heard

    @property
    def is_holding(self) -> bool:
        """Whether the last bytes heard are not recorded yet, and may have to be."""
        return self._held is not None

    def line(self, at: float) -> None:
        """Note a line with a time: a replay has that from the log."""
        self._release(at)
        self._held, self._known_at = None, at

    def heard(self, lines: int, at: float) -> None:
        """Note bytes without a time."""
        self._release(at)
        if at == self._known_at:
            return
        self._held = Fact(FactKind.HEARD, lines, at)
        if at - self._known_at >= THINNED_S:
            self._release(math.inf)

    def moved(self, lines: int, at: float) -> None:
        """Note a further step in another file of the same run."""
        self._release(math.inf)
        self._facts.append(Fact(FactKind.MOVED, lines, at))

    def passed(self, lines: int, at: float) -> None:
        """Note that a silence up to this time changed an alert."""
        self._release(math.inf)
        self._facts.append(Fact(FactKind.PASSED, lines, at))

    def lost(self, lines: int, at: float | None, lost_bytes: int, how: str) -> None:
        """Note bytes that were destroyed."""
        self._release(math.inf)
        self._facts.append(Fact(FactKind.LOST, lines, at, lost_bytes, how))

    def probed(self, lines: int, at: float | None, text: str) -> None:
        """Note what a probe reported."""
        self._release(math.inf)
        self._facts.append(Fact(FactKind.PROBED, lines, at, text=text))

    def take(self) -> list[Fact]:
        """Return the facts that must be written and were not returned before."""
        facts, self._facts = self._facts, []
        return facts

    def _release(self, at: float) -> None:
        """Record the last bytes heard if the silence after them, up to ``at``, is long enough for a rule."""
        held = self._held
        if held is not None and held.at is not None and at - held.at >= THINNED_S:
            self._facts.append(held)
            self._held, self._known_at = None, held.at


def read_facts(path: Path) -> Iterator[Fact]:
    """Read what a `FactsFile` wrote, in order. Raises FactsError if the file is something else."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LINE_LIMIT), b""), 1):
                yield _read(line, f"{path}:{number}")
    except OSError as error:
        raise FactsError(str(path), f"cannot be read ({error.strerror})", expected="a facts file") from None


class FactsError(MonitorError):
    """A facts file that cannot be read."""


def _written(fact: Fact) -> str:
    more: dict[str, object] = {}
    if fact.kind is FactKind.LOST:
        more = {"lost_bytes": fact.lost_bytes, "how": fact.how}
    elif fact.kind is FactKind.PROBED:
        more = {"text": fact.text}
    elif fact.kind is FactKind.NAMED:
        more = {"text": fact.text, "generation": fact.generation}
    return json.dumps({"kind": fact.kind, "lines": fact.lines, "at": fact.at, **more})


def _read(line: bytes, where: str) -> Fact:
    try:
        match json.loads(line):
            case {"kind": "lost", "lines": int() as lines, "at": at, "lost_bytes": int() as lost, "how": str() as how}:
                if at is None or _is_time(at):
                    return Fact(FactKind.LOST, lines, at, lost, how)
            case {"kind": "probed", "lines": int() as lines, "at": at, "text": str() as text}:
                if at is None or _is_time(at):
                    return Fact(FactKind.PROBED, lines, at, text=text)
            case {"kind": "named", "lines": 0, "at": None, "text": str() as text, "generation": int() as generation}:
                return Fact(FactKind.NAMED, 0, None, text=text, generation=generation)
            case {"kind": "heard" | "moved" | "passed" as kind, "lines": int() as lines, "at": at} if _is_time(at):
                return Fact(FactKind(kind), lines, at)
    except (ValueError, RecursionError):
        pass
    raise FactsError(where, "is not a fact", expected='{"kind": "heard", "lines": 12, "at": 1761867651.0} or the like')


def _is_time(at: object) -> bool:
    return isinstance(at, (int, float)) and math.isfinite(at)
