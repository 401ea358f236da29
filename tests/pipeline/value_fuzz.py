"""Logs with hostile *values*: whole lines of real formats, with numbers, keys, times and orders changed.

The bytes stay readable, so the values reach the arithmetic of every station; `fuzz` has the hostile bytes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tests.cli.logs import FOREIGN, HEALTHY, TROUBLED
from tests.reader.dialects import logs as dialect_logs
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.log import log

LINES_OF_A_LOG = 60
NUMBERS = (
    *("0", "-0", "1", "-1", "-5", "0.0", "-0.0", "00000", "1e0", "1e15", "-1e15", "1e16", "1e308", "-1e308", "1e-308"),
    *("1e999", "-1e999", "1e-999", "nan", "-nan", "inf", "-inf", "NaN", "Infinity", "None", "null", "****", "1.#IND"),
    *("2147483647", "-2147483648", "4294967296", "9007199254740993", "9223372036854775808", "-9223372036854775809"),
    *("999999999999999", "9" * 30, "-" + "9" * 30, "9" * 400, "-" + "9" * 400, "9" * 5_000, "0." + "0" * 400 + "1"),
    *("1/0", "0/0", "0/1", "5/3", "-1/3", "3/-1", "9" * 400 + "/2", "1/" + "9" * 400, "1_000", "1,000", "1,5", "0x1f"),
    *("1:0:0", "99:99:99", "9999999:59", "25:61", "100%", "-5%", "1e400%", "1k", "9" * 25 + "T", "true", "[]", '""'),
    *("٣", "½", "1e", "+", "-", ".", "5.", ".5", "5 5", "1e+400", "1e-400", "9" * 15, "9" * 16, "1" + "0" * 308),
)
"""What may come in a number's place."""
DIALECTS = ("ATFT", "HF", "MEGATRON", "NANOGPT", "LIGHTNING", "TITAN", "KERAS", "GENERIC")
TIMES = (
    *(b"0001-01-01T00:00:00.000Z", b"9999-12-31T23:59:59.999Z", b"1970-01-01T00:00:00.000Z"),
    *(b"1969-12-31T23:59:59.999Z", b"2025-02-30T25:61:61.999Z", b"2025-10-30T23:40:51.123Z"),
    *(b"2038-01-19T03:14:08.000Z", b"0000-00-00T00:00:00.000Z", b"0001-01-01 00:00:00", b"9999-12-31 23:59:59,999"),
    *(b"1601-01-01 00:00:00", b"253402300800", b"I0304 10:01:12.3 1 x.py:12]"),
)
_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?")
_NUMBER = re.compile(rb"(?<![A-Za-z_\d])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")
_KEY = re.compile(rb"[A-Za-z_][\w.-]*(?=[=:])")


class Grammar(NamedTuple):
    """Lines of one way of writing logs."""

    name: str
    lines: tuple[bytes, ...]


@cache
def grammars() -> tuple[Grammar, ...]:
    """Return our own grammar, the shipped dialects, and every kind of generated log."""
    own = [Grammar("native", (*HEALTHY, *TROUBLED, *FOREIGN))]
    own += [Grammar(name, _lines(getattr(dialect_logs, name).encode())) for name in DIALECTS]
    made = (log(seed) for seed in range(2 * len(ALL)))
    return (*own, *(Grammar(each.kind, _lines(each.text)[:200]) for each in made))


def hostile_log(seed: int, num_lines: int = LINES_OF_A_LOG) -> Grammar:
    """Return the hostile log of a seed, with so many lines or a few more; the grammars take turns."""
    source = random.Random(seed)
    known = grammars()
    grammar = known[seed % len(known)]
    # Mostly one piece of a log, in order; what is wrong comes after something was understood.
    first = source.randrange(max(1, len(grammar.lines) - num_lines))
    lines = list(grammar.lines[first : first + num_lines])
    while len(lines) < num_lines:
        lines += grammar.lines[: num_lines - len(lines)]
    share = source.choice((0.05, 0.3, 1.0))
    changed = [_changed(line, source, grammar) if source.random() < share else line for line in lines]
    match source.randrange(5):
        case 0:
            source.shuffle(changed)
        case 1:
            changed = changed[::-1]
        case 2:
            changed = [line for line in changed for _ in range(source.choice((1, 1, 3)))][:num_lines]
    return Grammar(grammar.name, tuple(changed))


def _changed(line: bytes, source: random.Random, grammar: Grammar) -> bytes:
    for _ in range(source.choice((1, 1, 1, 2, 4))):
        line = source.choices(_CHANGES, (8, 2, 2, 1, 1))[0](line, source, grammar)
    return line


def _number(line: bytes, source: random.Random, grammar: Grammar) -> bytes:
    return _at_one(_NUMBER, line, source, lambda old: source.choice(NUMBERS).encode())


def _key(line: bytes, source: random.Random, grammar: Grammar) -> bytes:
    other = _KEY.findall(source.choice(grammar.lines)) or [b"step"]
    words = (source.choice(other), b"x" * 300, b"step", b"epoch", b"loss", b"\xff")
    return _at_one(_KEY, line, source, lambda old: source.choice(words))


def _time(line: bytes, source: random.Random, grammar: Grammar) -> bytes:
    return _at_one(_TIME, line, source, lambda old: source.choice(TIMES))


def _doubled(line: bytes, source: random.Random, grammar: Grammar) -> bytes:
    words = line.split(b" ")
    place = source.randrange(len(words))
    return b" ".join([*words[: place + 1], *words[place:]])


def _joined(line: bytes, source: random.Random, grammar: Grammar) -> bytes:
    return line + source.choice((b" ", b" | ", b", ", b"\r", b"")) + source.choice(grammar.lines)


_CHANGES = (_number, _time, _key, _doubled, _joined)


def _at_one(pattern: re.Pattern[bytes], line: bytes, source: random.Random, make: Callable[[bytes], bytes]) -> bytes:
    found = list(pattern.finditer(line))
    if not found:
        return line
    place = source.choice(found)
    return line[: place.start()] + make(place[0]) + line[place.end() :]


def _lines(text: bytes) -> tuple[bytes, ...]:
    return tuple(line for line in text.split(b"\n") if line.strip())
