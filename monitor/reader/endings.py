"""A raw line → what it says of death, nan or the end of the training, from any trainer, behind any head.

The texts are data: see rules/endings/. An ordinary line costs one pass of RE2 over its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import re2

from monitor.reader.causes import Cause, Effect
from monitor.reader.ending_files import shipped_ending_texts
from monitor.reader.ending_texts import EndingText, Found, bytes_pattern

LINE_LIMIT_BYTES = 16_384
"""Bytes of a line that are looked at: no text that we know comes later in its line."""
TEXT_LIMIT = 300
"""Longest text kept, in characters."""


class Ending(NamedTuple):
    """What one line says."""

    cause: Cause
    effect: Effect
    text: str
    """From the first word that was recognised to the end of the line, at most `TEXT_LIMIT` characters."""
    name: str
    """The entry of the list that recognised it."""
    rank: int | None = None
    """The rank that the text or the line's head names; None where none or several are named."""
    exit_code: int | None = None
    """As written: negative for a signal where torchrun wrote it."""
    signal: int | None = None
    """A signal's number, written as such, as a name, or as an exit code of -n or 128 + n."""
    gpu: int | None = None
    asked_bytes: int | None = None
    """Bytes of memory that were asked for and not given."""
    pid: int | None = None
    host: str | None = None
    scale: float | None = None
    """The loss scale after a skipped step."""
    is_exception: bool = False
    """Whether an exception's class begins the text."""

    @property
    def is_death(self) -> bool:
        """Whether the run is dead where no later step follows: also for words of nan that end it or are raised."""
        is_nan_end = self.cause is Cause.LOSS_NONFINITE_STOP or (self.effect is Effect.NAN and self.is_exception)
        return is_nan_end or self.effect in (Effect.FATAL, Effect.MAY_SURVIVE)


class Endings:
    """A list of texts, ready to be looked for."""

    def __init__(self, texts: Iterable[EndingText]) -> None:
        """Take the texts; their expressions are compiled when a line first needs them."""
        self._by_literal: list[list[EndingText]] = []
        literals: dict[bytes, int] = {}
        options = re2.Options()
        options.log_errors = False
        options.encoding = re2.Options.Encoding.LATIN1
        self._literals = re2.Set.SearchSet(options)
        for text in texts:
            for like in text.like:
                if like not in literals:
                    literals[like] = self._literals.Add(re2.escape(like))
                    self._by_literal.append([])
                self._by_literal[literals[like]].append(text)
        self._literals.Compile()
        self._any = bytes_pattern("|".join(re2.escape(like).decode() for like in literals))
        self._match = self._literals.Match

    def find(self, line: bytes) -> Ending | None:
        """Return what a line says; None for an ordinary one.

        Of several texts in one line the one with the strongest cause counts, then the first in the line, and a mere
        exception last.
        """
        found = self._match(line)
        if not found:
            return None
        line = plain(line[:LINE_LIMIT_BYTES])
        best: tuple[tuple[bool, int, int], EndingText, Found] | None = None
        tried = set()
        for text in (each for literal in sorted(found) for each in self._by_literal[literal]):
            if text.name in tried:
                continue
            tried.add(text.name)
            hit = text.find(line)
            if hit is None:
                continue
            # Any exception is a python_error: each other entry says more.
            order = (text.cause is Cause.PYTHON_ERROR, -text.cause.strength, hit.start)
            if best is None or order < best[0]:
                best = (order, text, hit)
        return None if best is None else _ending(best[1], best[2], line)

    def find_all(self, block: bytes) -> Iterator[tuple[int, Ending]]:
        """Yield the offset and ending of each line of a block that says something. Lines end with a line feed.

        One pass over the block: for many lines at once it costs a fifth of asking for each.
        """
        at = 0
        while (hit := self._any.search(block, at)) is not None:
            start = block.rfind(b"\n", at, hit.start()) + 1 or at
            end = block.find(b"\n", hit.start())
            end = len(block) if end < 0 else end
            if ending := self.find(block[start:end]):
                yield start, ending
            at = end + 1
            if at > len(block):
                return


def ending_of(body: bytes) -> Ending | None:
    """Return what a line, or its own words, says of death, nan or the end of the training; None for any other."""
    return shipped_endings().find(body)


@cache
def shipped_endings() -> Endings:
    """Return the texts that come with the program. For a loop, keep its ``find``."""
    return Endings(shipped_ending_texts())


def leading(endings: Iterable[Ending]) -> Ending | None:
    """Return the death that names the cause: the first of the strongest. The others are its effects."""
    deaths = (each for each in endings if each.is_death)
    return min(deaths, key=lambda each: -each.cause.strength, default=None)


def plain(line: bytes) -> bytes:
    """Return a line without colours, links and its line ending."""
    line = line.rstrip(b"\r\n")
    return _ESCAPE.sub(b"", line) if b"\x1b" in line else line


def rank_of(line: bytes) -> int | None:
    """Return the rank that a line's head or first words name."""
    found = _RANK.search(line[:400])
    return int(next(filter(None, found.groups()))) if found else None


_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_EXCEPTION = re.compile(rb"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception): $")
_RANK = re.compile(
    rb"\[(?:[\w.-]{1,80}:)?(?:rank|default|Rank |1,)?(\d{1,5})\](?:<std(?:out|err)>)?:?|^ *(\d{1,4}): |"
    rb"\b[Rr]ank[ :=]+(\d{1,5})\b"
)
_SIGNALS = {
    name.encode(): number
    for number, names in {
        1: ("SIGHUP", "Hangup"),
        2: ("SIGINT", "Interrupt"),
        3: ("SIGQUIT", "Quit"),
        4: ("SIGILL", "Illegal instruction"),
        6: ("SIGABRT", "Aborted"),
        7: ("SIGBUS", "Bus error"),
        8: ("SIGFPE", "Floating point exception"),
        9: ("SIGKILL", "Killed"),
        10: ("SIGUSR1",),
        11: ("SIGSEGV", "Segmentation fault"),
        12: ("SIGUSR2",),
        15: ("SIGTERM", "Terminated"),
    }.items()
    for name in names
}
_UNITS = {b"": 1, b"k": 1 << 10, b"m": 1 << 20, b"g": 1 << 30, b"t": 1 << 40}
_AMOUNT = re.compile(rb"([\d.]+) ?([KMGTkmgt]?)i?[Bb]?")


def _ending(text: EndingText, found: Found, line: bytes) -> Ending:
    start, given = found
    exception = _EXCEPTION.search(line[:start])
    if exception is not None:
        start = exception.start()
    exit_code = _whole(given.get("exit_code"))
    return Ending(
        cause=text.cause,
        effect=text.effect,
        text=line[start : start + 4 * TEXT_LIMIT].decode("utf-8", "replace").strip()[:TEXT_LIMIT],
        name=text.name,
        rank=_whole(given["rank"]) if "rank" in given else rank_of(line),
        exit_code=exit_code,
        signal=_signal(given.get("signal"), exit_code),
        gpu=_whole(given.get("gpu")),
        asked_bytes=_amount(given.get("asked")),
        pid=_whole(given.get("pid")),
        host=given["host"].decode("utf-8", "replace") if given.get("host") else None,
        scale=_number(given.get("scale")),
        is_exception=exception is not None or text.cause is Cause.PYTHON_ERROR,
    )


def _signal(word: bytes | None, exit_code: int | None) -> int | None:
    if word:
        return _SIGNALS[word] if word in _SIGNALS else _whole(word)
    if exit_code is None:
        return None
    if -64 <= exit_code < 0:
        return -exit_code
    return exit_code - 128 if 129 <= exit_code <= 192 else None


def _whole(digits: bytes | None) -> int | None:
    if not digits or len(digits) > 20:
        return None
    try:
        return int(digits)
    except ValueError:
        return None


def _number(digits: bytes | None) -> float | None:
    try:
        return float(digits) if digits else None
    except ValueError:
        return None


def _amount(words: bytes | None) -> int | None:
    found = _AMOUNT.match(words) if words else None
    number = _number(found[1]) if found else None
    return None if found is None or number is None else round(number * _UNITS[found[2].lower()])
