"""How the values of a log line are written and read: one codec per type, one template per record.

A template such as ``"Epoch {epoch}: Val Loss={val_loss:.4f}"`` is compiled once for both directions. A slot with a
format keeps the digits that people are used to; the same field is written again after the text, as a ``key=value``
in full precision, and the reader prefers that one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from string import Formatter
from typing import NamedTuple


class Share(NamedTuple):
    """``3/4``: part of a whole."""

    part: int
    whole: int


Words = tuple[str, ...]
"""``a,b,c``: a list of bare words."""

PerHorizon = tuple[tuple[int, float], ...]
"""``1:0.99,5:0.97``: one number per horizon in days."""

KEY = r"[A-Za-z_][\w.@/-]*"
WORD_LIMIT = 2_000
"""Most characters written and read of one text value; the longest expected one is a command line."""
MOST_DIGITS = 15
"""Most digits of a whole number: such numbers are exact as a float, so that no arithmetic can overflow or round."""

_BARE = re.compile(r'[^\s"=|,]+')
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NUMBER = r"[-+]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|inf|nan)"
_PAIR = re.compile(rf'({KEY})=({_QUOTED}|[^\s"]*)(?:\s+|$)')

# A grep for these words must find only events, so wherever a value echoes one its first letter is escaped.
RESERVED = re.compile(
    r"Epoch|Train Loss|Val Loss|Sharpe|reset applied|\[[A-Z][A-Z-]*\]|ENCODER-GRAD|"
    r"(?:GRAD|WEIGHT|ACTIVATION|INPUT|BATCH)-MONITOR|DEGENERACY-GUARD|DATA-CHECK"
)
# Control characters would not survive our reader; surrogates and line separators break other tools.
_UNSAFE = "\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_UNSAFE_OR_RESERVED = re.compile(f"[{_UNSAFE}]|{RESERVED.pattern}")
_ESCAPED = re.compile(rf'["\\{_UNSAFE}]|(?={RESERVED.pattern}).')


def quote(text: str) -> str:
    """Write a text value, cut at WORD_LIMIT: bare if that is unambiguous, else as a JSON string on one line."""
    text = text[:WORD_LIMIT]
    return text if _is_bare(text) else f'"{_ESCAPED.sub(_escape, text)}"'


def unquote(text: str) -> str:
    """Read what `quote` wrote. Raises ValueError for a broken string."""
    return (str(json.loads(text)) if text.startswith('"') else text)[:WORD_LIMIT]


def _is_bare(text: str) -> bool:
    return bool(_BARE.fullmatch(text)) and not _UNSAFE_OR_RESERVED.search(text)


def _escape(match: re.Match[str]) -> str:
    return "\\" + match[0] if match[0] in '"\\' else f"\\u{ord(match[0]):04x}"


class Codec(NamedTuple):
    """How one type is written and read, and the pattern of its text."""

    write: Callable[[object], str]
    read: Callable[[str], object]
    pattern: str


def _read_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text == "true"


def _read_int(text: str) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"{text[:30]!r} is not a whole number; expected digits")
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits; expected at most {MOST_DIGITS}")
    return int(text)


def _read_count(text: str) -> int:
    value = _read_int(text)
    if value < 0:
        raise ValueError(f"{text} is negative")
    return value


def _read_share(text: str) -> Share:
    part, whole = text.split("/")
    return Share(_read_count(part), _read_count(whole))


def _write_words(value: object) -> str:
    assert isinstance(value, tuple)
    joined = ",".join(value)
    if all(_is_bare(word) and not word.startswith("[") for word in value) and _is_bare(joined.replace(",", "")):
        return joined
    return f'"{_ESCAPED.sub(_escape, json.dumps(value))}"'


def _read_words(text: str) -> Words:
    plain = str(json.loads(text)) if text.startswith('"') else text
    if not plain.startswith("["):
        return tuple(plain.split(","))
    try:
        return tuple(map(str, json.loads(plain)))
    except RecursionError:
        raise ValueError("the brackets are nested too deeply") from None


def _write_per_horizon(value: object) -> str:
    assert isinstance(value, tuple)
    return ",".join(f"{horizon}:{number!r}" for horizon, number in value)


def _read_per_horizon(text: str) -> PerHorizon:
    pairs = (item.split(":") for item in text.split(",") if item)
    return tuple((_read_int(horizon), float(number)) for horizon, number in pairs)


def _write_float(value: object) -> str:
    assert isinstance(value, (int, float))
    return repr(float(value))


COUNT = Codec(str, _read_count, r"[-+]?\d+")
"""A whole number that is never negative: where in a run a line belongs."""
CODECS: dict[object, Codec] = {
    int: Codec(str, _read_int, r"[-+]?\d+"),
    float: Codec(_write_float, float, _NUMBER),
    bool: Codec(lambda value: "true" if value else "false", _read_bool, "true|false"),
    str: Codec(lambda value: quote(str(value)), unquote, rf'{_QUOTED}|[^\s"=|,]+'),
    Share: Codec(lambda value: "{}/{}".format(*value), _read_share, r"\d+/\d+"),  # type: ignore[misc]
    Words: Codec(_write_words, _read_words, rf'{_QUOTED}|[^\s"=|]+'),
    PerHorizon: Codec(_write_per_horizon, _read_per_horizon, r"[^\s=|]+"),
}


def read_pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield the ``key=value`` pairs of a text. Raises ValueError if it contains anything else."""
    pairs, rest = leading_pairs(text)
    yield from pairs
    if rest:
        raise ValueError(f"no key=value at {rest[:40]!r}")


def leading_pairs(text: str) -> tuple[list[tuple[str, str]], str]:
    """Return the ``key=value`` pairs at the start of a text, and the rest of it."""
    pairs, position = [], 0
    while match := _PAIR.match(text, position):
        pairs.append((match[1], match[2]))
        position = match.end()
    return pairs, text[position:]


class Template:
    """The text at the start of a record, with typed slots; compiled for writing and reading."""

    def __init__(self, text: str, codecs: dict[str, Codec]) -> None:
        self.text = text
        self._codecs = codecs
        self._parts: list[tuple[str, str | None, str]] = []
        pattern = ""
        for literal, name, spec, _ in Formatter().parse(text):
            self._parts.append((literal, name, spec or ""))
            pattern += re.escape(literal)
            if name is not None:
                pattern += f"(?P<{name}>{_NUMBER if spec else codecs[name].pattern})"
        self._pattern = re.compile(rf"(?:{pattern})(?:\s+|$)") if text else re.compile("")
        self.is_fixed = all(name is None for _, name, _ in self._parts)
        """Whether it has no slots, so that every line has the same text."""
        self.exact = {name for _, name, spec in self._parts if name and not spec}
        """Fields written in full here, and so not again as a key."""

    def write(self, values: dict[str, object]) -> str:
        """Return the text for these values."""
        return "".join(literal + self._slot(values, name, spec) for literal, name, spec in self._parts)

    def _slot(self, values: dict[str, object], name: str | None, spec: str) -> str:
        if name is None:
            return ""
        return format(values[name], spec) if spec else self._codecs[name].write(values[name])

    def read(self, text: str) -> tuple[dict[str, object], str] | None:
        """Return the slots' values and the rest of the text; None if the text does not fit the template."""
        match = self._pattern.match(text)
        if match is None:
            return None
        values = {name: self._codecs[name].read(found) for name, found in match.groupdict().items()}
        return values, text[match.end() :]
