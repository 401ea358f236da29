"""The lines of a Python traceback → one event, behind any head, with other ranks' lines between them.

Lines come in one by one, so that no cut of the bytes changes what comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from monitor.reader.endings import Ending, ending_of, leading, plain, rank_of

OPEN_LIMIT = 32
"""Tracebacks followed at once; the oldest goes first. Chosen by hand, 2026-11."""
FOREIGN_LIMIT = 200
"""Lines of others after which an unfinished traceback is given up: eight ranks of 20 frames, interleaved."""
CHAIN_LINES = 16
"""Lines after an exception in which "During handling of the above exception" may follow: messages have several."""
CHAIN_LIMIT = 8
MESSAGE_LIMIT_BYTES = 500


class Traceback(NamedTuple):
    """An exception, told to its last line, or as far as the log goes."""

    first_line: int
    """Number of the line on which it, or the first of its chain, begins. A chained exception comes as a second event
    with the same first line, and replaces the first."""
    last_line: int
    type: str
    """The exception's class, with its module where the log has it; empty where the log breaks off before."""
    message: str
    file: str
    """Of the innermost frame, as are `line` and `function`; empty where no frame was read."""
    line: int
    function: str
    code: str
    rank: int | None
    chain: tuple[str, ...] = ()
    """The exceptions before it in its chain, the first one first, each as ``Type: message``."""

    @property
    def said(self) -> str:
        """Its last line."""
        return f"{self.type}: {self.message}" if self.message else self.type

    def ending(self) -> Ending | None:
        """Return the cause: that of the strongest exception of its chain. None where the log breaks off before."""
        said = (self.said, *self.chain) if self.type else ()
        return leading(found for found in (ending_of(each.encode()) for each in said) if found is not None)


@dataclass
class _Open:
    """A traceback that is being read. Plain values only, so that it can be stored."""

    first_line: int
    last_line: int
    head: bytes
    """The text before its first line, times left out."""
    rank: int | None
    frame_head: bytes | None = None
    """The text before its frames, times left out. None before the first frame."""
    file: bytes = b""
    line: int = 0
    function: bytes = b""
    code: bytes = b""
    type: bytes = b""
    """Set once its last line was read: now only a chained exception can follow."""
    message: bytes = b""
    chain: tuple[str, ...] = ()
    is_chained: bool = False
    """Whether the log has said that another exception follows."""
    others: int = 0
    """Lines since its last one."""

    def event(self) -> Traceback:
        return Traceback(
            self.first_line,
            self.last_line,
            _text(self.type),
            _text(self.message),
            _text(self.file),
            self.line,
            _text(self.function),
            _text(self.code),
            self.rank,
            self.chain,
        )


class TracebackReader:
    """Follows the tracebacks of a log. A line costs next to nothing while none is open."""

    def __init__(self) -> None:
        """Start with none open."""
        self._open: list[_Open] = []

    def feed(self, line: bytes, number: int) -> Traceback | None:
        """Take the next line and return the traceback that it completes."""
        begins = _FIRST in line
        if not begins and not self._open:
            return None
        line = plain(line)
        if begins:
            self._begin(line, number)
            return None
        owner = self._owner(line)
        done = None
        if owner is not None:
            each, text = owner
            done = _take(each, text, number)
        self._open = [each for each in self._open if not _is_over(each, owner is not None and each is owner[0])]
        return done

    def unfinished(self) -> tuple[Traceback, ...]:
        """Return those whose last line has not come: at the end of a log they broke off."""
        return tuple(each.event() for each in self._open if not each.type)

    def _begin(self, line: bytes, number: int) -> None:
        head = _timeless(line[: line.index(_FIRST)].removesuffix(b"Exception Group ").removesuffix(b"^C"))
        for each in self._open:
            if each.is_chained and head in (each.frame_head, each.head):
                said = each.event().said
                self._open.remove(each)
                chain = (*each.chain, said)[-CHAIN_LIMIT:]
                self._open.append(_Open(each.first_line, number, head, each.rank, chain=chain))
                return
        # The same writer begins another: the one before broke off, or is done.
        self._open = [each for each in self._open if each.head != head or not each.head][-OPEN_LIMIT + 1 :]
        self._open.append(_Open(number, number, head, rank_of(line)))

    def _owner(self, line: bytes) -> tuple[_Open, bytes] | None:
        """Return the traceback that a line belongs to, and the line without its head."""
        frame = line.find(b'  File "')
        head = _timeless(line[:frame]) if frame >= 0 else None
        if head is not None:
            waiting = [each for each in self._open if each.frame_head is None]
            for fits in (head.__eq__, lambda first: first.startswith(head), lambda _: not head):
                for each in waiting:
                    if fits(each.head):
                        each.frame_head = head
                        return each, line[frame:]
        best: tuple[_Open, bytes] | None = None
        for each in self._open:
            known = each.frame_head if each.frame_head is not None else each.head
            if (found := _pattern(known).match(line)) is None:
                continue
            text = line[found.end() :]
            # A head says whose line it is; without one, what the line says must show it.
            if (known or _belongs(each, text)) and (best is None or len(text) < len(best[1])):
                best = each, text
        return best


_FIRST = b"Traceback (most recent call last):"
_FRAME = re.compile(rb'  File "([^"]*)", line (\d+)(?:, in (.*))?')
_LAST = re.compile(rb"((?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?:\(\w+\))?)(?:: (.*)|:? *$)")
_NAMED_LIKE_ONE = re.compile(
    rb"\w*(?:Error|Exception|Interrupt|Exit|Warning|Iteration|Expired|Failure|Timeout|Group|Abort|Full|Empty)$"
)
_CHAINED = (
    b"During handling of the above exception, another exception occurred:",
    b"The above exception was the direct cause of the following exception:",
)
_TIME = re.compile(rb"\d+(?:[:.,/T+-]\d+)+Z?")


def _timeless(head: bytes) -> bytes:
    return _TIME.sub(b"\0", head)


@lru_cache(maxsize=64)
def _pattern(head: bytes) -> re.Pattern[bytes]:
    return re.compile(_TIME.pattern.join(re.escape(part) for part in head.split(b"\0")))


def _belongs(each: _Open, text: bytes) -> bool:
    if each.type:
        return not text.strip() or text.strip() in _CHAINED
    return text.startswith(b"  ") or (each.frame_head is not None and _last(each, text) is not None)


def _last(each: _Open, text: bytes) -> re.Match[bytes] | None:
    found = _LAST.match(text)
    if found is None:
        return None
    # "Epoch: 3" of another writer looks like an exception: trust an unusual name only with words, right below a frame.
    is_next = each.others == 0 and found[2][:1].isupper() and re.fullmatch(rb"[\d\W]+", found[3] or b"") is None
    return found if is_next or b"." in found[1] or _NAMED_LIKE_ONE.match(found[2]) else None


def _take(each: _Open, text: bytes, number: int) -> Traceback | None:
    if each.type:
        each.is_chained = each.is_chained or text.strip() in _CHAINED
        return None
    if frame := _FRAME.match(text):
        each.file, each.line, each.function = frame[1], int(frame[2][:9]), (frame[3] or b"")[:200]
        each.code = b""
    elif text.startswith(b"  "):
        if text.startswith(b"    ") and not each.code and text.strip(b" ^~"):
            each.code = text.strip()[:200]
    elif each.frame_head is not None and (last := _last(each, text)):
        each.type, each.message = last[1][:200], (last[3] or b"").strip()[:MESSAGE_LIMIT_BYTES]
        each.last_line, each.others = number, 0
        return each.event()
    else:
        return None
    each.last_line, each.others = number, -1
    return None


def _is_over(each: _Open, is_owner: bool) -> bool:
    if not (is_owner and each.others < 0):
        each.others += 1
    else:
        each.others = 0
    return each.others > (CHAIN_LINES if each.type else FOREIGN_LIMIT)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
