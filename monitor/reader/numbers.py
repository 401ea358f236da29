"""Numbers as trainers print them → floats: exponents, suffixes, commas, durations, words for what is not finite."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

UNIT = (
    r"(?:%|ms|us|µs|μs|ns|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|[KMGT]i?B|[kKMGT]iB|kB|MiB|GB|it|iter|x|"
    r"[GTP]?FLOPS?|TFLOPs|samples|tokens|steps?|epochs?)"
)
_AFTER = rf"(?=(?:{UNIT})(?![A-Za-z0-9_])|[^A-Za-z0-9_.,:]|[.,:](?!\d)|$)"
_NUMBERED = r"(?:(?<=[Ee]poch\.)|(?<=EPOCH\.)|(?<=\b[Ee]p\.)|(?<=\b[Ii]ter\.)|(?<=\b[Ss]tep\.))"
"""``Epoch.12``: the dot ends the word."""
_BEFORE = rf"(?:(?<![A-Za-z0-9_.@])(?<![A-Za-z0-9_][-+])(?<!\d,)(?<!@\.\d:)(?<!@0\.\d:)|{_NUMBERED})"
DURATION = r"(?:\d+ days?, ?)?\d{1,4}:\d\d(?::\d\d)?(?:\.\d+)?(?![A-Za-z0-9_:])"
NONFINITE = (
    r"(?<!of )(?<! a )[-+]?(?:1\.#(?:IND|QNAN|SNAN|INF)\d*|(?i:nan(?:\(\w+\)|\.0)?|inf(?:inity)?(?:\.0)?))"
    r"(?![A-Za-z0-9_])"
)
PLAIN = (
    r"[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d|,\d)|\d+,\d+(?![\d.]|,\d)|\d+(?:\.\d*)?|\.\d+)"
    r"(?:[eE][-+]?\d+)?(?:[kKMGBT](?![A-Za-z0-9_]))?"
)
_AFTER_KEY = r"(?:(?<=[:=|] )|(?<=[:=])|(?<=[:=] ['\"])|(?<=[:=]['\"]))"
EMPTY = rf"{_AFTER_KEY}(?:None|null|N/?A|nan[A-Za-z]+|\*{{3,}})(?![A-Za-z0-9_])"
SLOT = re.compile(rf"{_BEFORE}(?:{DURATION}|{NONFINITE}|{PLAIN}{_AFTER})|{EMPTY}")
"""Anything that may be in the place of a number."""

FINITE = rb"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"
"""A group for a finite number that is printed plainly, in expressions that read many lines."""
MOST_EXPONENT_CHARACTERS = 6
"""Of a longer exponent only its beginning counts: the number is 0 or infinite either way."""
FEWEST_PLACES = -308
"""Fewest decimal places: 0 may be printed as 0e999, and a power of ten beyond this is no float."""
MOST_COUNT = 10**15 - 1
"""Largest step, epoch, batch or total that is taken for one: 15 digits, as in our own grammar."""

_SUFFIX = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9, "T": 1e12}
_GROUPS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+$")
_WRAPPED = re.compile(
    r"\b(?:tensor|np\.float(?:16|32|64)|np\.int(?:32|64)|float(?:32|64)?|(?:jnp\.)?[aA]rray|DeviceArray)"
    r"\(\s*\[?\s*([-+]?(?:[\d.]+(?:[eE][-+]?\d+)?|nan|inf))\s*\]?\s*(?:,[^()]*(?:\([^()]*\))?[^()]*)?\)"
)


class Written(NamedTuple):
    """A number, as one line gave it."""

    value: float
    """nan for a word in a place where the same shape had numbers before."""
    digits: int | None
    """Decimal places that were printed, the exponent included; None where there is none to tell."""
    is_empty: bool = False
    """Whether the slot holds a word for nothing, such as None."""


def unwrap(text: str) -> str:
    """Return a line with ``tensor(0.5, device='cuda:0')``, ``np.float32(0.5)`` and their like as bare numbers."""
    return _WRAPPED.sub(r"\1", text) if "(" in text else text


def read(text: str, *, has_decimal_comma: bool | None = None) -> Written | None:
    """Return the number that a slot holds; None where a comma could be either and no line has decided yet."""
    if text[-1].isdigit():
        try:
            return Written(float(text), decimals(text))
        except ValueError:
            pass  # commas, a duration, nan.0 or 1.#IND00
    low = text.lower().lstrip("+")
    first = low[:1]
    if first in "n*i" or low[:2] in ("-n", "-i"):
        if "inf" in low:
            return Written(-math.inf if first == "-" else math.inf, None)
        return Written(math.nan, None, low not in ("nan", "-nan", "nan.0", "-nan.0") and "(" not in low)
    if "#" in low:
        return Written(math.copysign(math.inf, -1 if first == "-" else 1) if "inf" in low else math.nan, None)
    if ":" in low:
        return Written(_seconds(low), 0)
    factor = _SUFFIX.get(text[-1], 1.0)
    body = text if factor == 1.0 else text[:-1]
    if "," in body:
        body = _without_commas(body, has_decimal_comma)
        if not body:
            return None
    return Written(float(body) * factor, decimals(body) if factor == 1.0 else None)


def may_count(value: float) -> bool:
    """Whether a number may say where in a run a line belongs: not negative, not too large, finite."""
    return 0 <= value <= MOST_COUNT


def count(digits: str) -> int | None:
    """Return the number that these digits are; None for more than a count can have."""
    return int(digits) if len(digits) <= len(str(MOST_COUNT)) else None


def decides_comma(text: str) -> bool | None:
    """Return whether a number shows that commas are decimal (True) or not (False); None where it shows nothing."""
    body = text.lstrip("+-")
    if "," in body:
        return None if _GROUPS.match(body) or "." in body else True
    return False if re.fullmatch(r"\d+\.\d+(?:[eE][-+]?\d+)?", body) else None


def _without_commas(body: str, has_decimal_comma: bool | None) -> str:
    if "." in body or body.count(",") > 1:
        return body.replace(",", "")
    if _GROUPS.match(body.lstrip("+-")):
        if has_decimal_comma is None:
            return ""
        return body.replace(",", "." if has_decimal_comma else "")
    return body.replace(",", ".")


def decimals(body: str) -> int:
    """Return with how many decimal places a finite number is printed; below 0 for thousands, and the like."""
    mantissa, exponent = body, ""
    if "e" in body or "E" in body:
        mantissa, _, exponent = body.lower().partition("e")
    point = mantissa.find(".")
    places = len(mantissa) - point - 1 if point >= 0 else 0
    return max(places - int(exponent[:MOST_EXPONENT_CHARACTERS]), FEWEST_PLACES) if exponent else places


def _seconds(text: str) -> float:
    days, _, clock = text.rpartition(",")
    total = 86_400.0 * float(days.split()[0]) if days else 0.0
    parts = clock.strip().split(":")
    seconds = 0.0
    for part in parts:
        seconds = 60 * seconds + float(part)
    return total + seconds
