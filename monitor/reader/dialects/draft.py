"""A log that is not understood → the draft of a dialect file, with samples, and its doubts as comments.

The draft rests on the lines alone, not on the vocabulary: which numbers grow, and which are named like a loss.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from monitor.reader.dialects.parts import take_parts
from monitor.reader.dialects.pattern import compiled
from monitor.reader.event import RawLine
from monitor.reader.numbers import read
from monitor.reader.state import Clock
from monitor.reader.template import MARK, shape_of

MOST_TEMPLATES, MOST_ROWS = 2_000, 400
"""Templates that are kept, and lines of each."""
LEAST_ROWS = 2
"""A single line is read only where no other one is a report of the training: it may be a summary at the end."""
MOST_KINDS = 6
"""Patterns of a draft, the commonest. Chosen by hand, 2026-11."""
NUMBER = r"[-+]?\w+(?:[.,]\w+)*(?:[-+]\d+)?"
_BARS = re.compile(r"[█▏▎▍▌▋▊▉━╸╺#=>.]{4,}|[█▏▎▍▌▋▊▉━╸╺]+")
_BAR = "\x02"
_KEY = re.compile(r"([A-Za-z_\u0080-\uffff][\w/@. -]*?)[^\w]*$")
_LOSS = re.compile(r"loss|nll|xent|crit|cost|\bce\b|objective|verlust|perte|损失", re.IGNORECASE)
_PLAIN = re.compile(r"train(?:ing)?|total|[\W_]")
_WHOLE = re.compile(r"[-+]?\d[\d,]*")
_NO_LOSS = re.compile(r"scale|best|aux|time|weight", re.IGNORECASE)
_HELD_OUT = re.compile(r"(?:^|[^a-z])(?:val|valid|validation|eval|dev|test|held.out)(?![a-z])", re.IGNORECASE)
_HINTS = {
    "epoch": re.compile(r"(?:^|[^a-z])ep(?:och|och[se])?$|轮", re.IGNORECASE),
    "step": re.compile(r"step|iter|(?:^|[^a-z])it$|tick|update|round", re.IGNORECASE),
    "batch": re.compile(r"batch", re.IGNORECASE),
    "lr": re.compile(r"(?:^|[^a-z])lr(?:[^a-z]|$)|learning.?rate|^rate$", re.IGNORECASE),
    "grad_norm": re.compile(r"grad.*norm|^gn$|gnorm", re.IGNORECASE),
}


@dataclass
class Kind:
    """The lines of one template."""

    gaps: list[str]
    """What comes before each number, and behind the last."""
    rows: list[tuple[str, ...]] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    """The first lines, whole."""
    bodies: list[str] = field(default_factory=list)
    num_lines: int = 0
    header: str = ""
    """The line without numbers before the first one: it may name the columns."""


class Drafted(NamedTuple):
    """One pattern of a draft."""

    event: str
    pattern: str
    like: str
    sample: str
    body: str
    """The sample's own words, on which patterns are tried."""
    gives: dict[str, str]
    num_lines: int
    doubts: tuple[str, ...]


def draft_of(lines: Iterable[RawLine], name: str) -> str:
    """Return the text of a dialect file for a log; one without patterns where no line looks like a report."""
    found = _distinct(each for kind in _kinds(lines) if (each := _drafted(kind)) is not None)
    has_step = any("step" in each.gives or "batch" in each.gives for each in found if each.event == "train")
    text = [
        f"# A draft from {name}. Read each pattern and mend it where a comment says so; then: monitor dialects check"
    ]
    text += ["dialect: draft", "title: a draft"]
    if not found:
        text += ["# No line looks like a report of a loss.", "marks: []"]
    else:
        text.append("lines:")
    for number, each in enumerate(found[:MOST_KINDS], 1):
        text += _as_yaml(number, each)
    if found and not has_step:
        text.append("# No number looks like a step: reports are counted instead.")
    return "\n".join(text) + "\n"


def _distinct(drafted: Iterable[Drafted]) -> list[Drafted]:
    """Return the patterns that no earlier one makes needless: a line is read by the first that matches it."""
    kept: list[Drafted] = []
    for each in drafted:
        is_single = each.num_lines < LEAST_ROWS and any(other.event == "train" for other in kept)
        if not is_single and not any(
            other.like in each.body and compiled(other.pattern).search(each.body.encode()) for other in kept
        ):
            kept.append(each)
    return kept


def _kinds(lines: Iterable[RawLine]) -> list[Kind]:
    """Return the templates with numbers that come again, those with most lines first."""
    kinds: dict[str, Kind] = {}
    header, clock = "", Clock()
    for line in lines:
        text = line.data.decode("utf-8", "replace")
        body = take_parts(text, clock).own.body
        shape = shape_of(body)
        if not shape.slots:
            header = body if body.strip() else header
            continue
        template = _BARS.sub(_BAR, re.sub(r"\s+", " ", shape.template))
        if template not in kinds and len(kinds) >= MOST_TEMPLATES:
            continue
        kind = kinds.setdefault(template, Kind(template.split(MARK), header=header))
        kind.num_lines += 1
        if len(kind.rows) < MOST_ROWS:
            kind.rows.append(shape.slots)
            kind.bodies.append(body)
            kind.samples.append(text)
    return sorted(kinds.values(), key=lambda each: -each.num_lines)


def _drafted(kind: Kind) -> Drafted | None:
    keys = _keys(kind)
    columns = [[_value(row[index]) for row in kind.rows] for index in range(len(kind.rows[0]))]
    is_named = any(_LOSS.search(key) and not _HELD_OUT.search(key) for key in keys)
    text = "".join(kind.gaps).replace(_BAR, " ")
    is_headed = bool(_HELD_OUT.search(kind.gaps[0])) and "train" not in text.lower()
    is_held_out = is_headed or (bool(_HELD_OUT.search(text)) and not is_named)
    doubts: list[str] = []
    whole = [all(_WHOLE.fullmatch(row[index]) for row in kind.rows) for index in range(len(keys))]
    roles = dict(_places(keys, columns, kind.gaps, whole))
    losses = _losses(keys, columns, roles, whole, doubts)
    if is_held_out:
        losses = {"val_loss": next(iter(losses.values()))} if losses else {}
    if not losses:
        return None
    roles |= {index: role for role, index in losses.items()}
    for index, key in enumerate(keys):
        for role in ("lr", "grad_norm"):
            if not is_held_out and index not in roles and role not in roles.values() and _HINTS[role].search(key):
                roles[index] = role
    for pattern in (_by_keys(kind, roles), _whole(kind, roles)):
        gives = _tried(pattern, kind, roles)
        if gives is not None:
            return Drafted(
                "validation" if is_held_out else "train",
                pattern, _like(kind, roles), kind.samples[0], kind.bodies[0], gives, kind.num_lines, tuple(doubts),
            )  # fmt: skip
    return None


def _keys(kind: Kind) -> list[str]:
    """Return the name of each number: the words before it, or the head of its column."""
    keys = []
    for gap in kind.gaps[:-1]:
        found = _KEY.search(gap.replace(_BAR, " ")[-60:])
        keys.append(" ".join(found[1].split()[-3:]) if found else "")
    if not any(keys):
        cells = [each.strip() for each in re.split(r"[,;|\t]|\s{2,}", kind.header) if each.strip()]
        cells = cells if len(cells) == len(keys) else kind.header.split()
        return cells if len(cells) == len(keys) else keys
    return keys


def _places(
    keys: Sequence[str], columns: Sequence[Sequence[float]], gaps: Sequence[str], whole: Sequence[bool]
) -> Iterator[tuple[int, str]]:
    """Yield the numbers that say where a line is."""
    taken: set[str] = set()
    for index, (key, values) in enumerate(zip(keys, columns, strict=True)):
        is_whole = whole[index] and all(math.isfinite(each) and each >= 0 for each in values)
        is_total = gaps[index].strip() in ("/", "of")
        if is_total:
            continue
        rises = all(left <= right for left, right in pairwise(values)) and (values[0] < values[-1] or len(values) == 1)
        role = next((name for name in ("epoch", "step", "batch") if _HINTS[name].search(key)), "")
        if role == "epoch" and not is_whole and rises:
            role = "progress"
        elif role in ("step", "batch") and is_whole and not rises:
            role = "batch" if "epoch" in taken else ""
        elif not role and is_whole and rises and "step" not in taken and len(values) > LEAST_ROWS:
            role = "step"
        if role and (is_whole or role == "progress") and role not in taken:
            taken.add(role)
            yield index, role


def _losses(
    keys: Sequence[str],
    columns: Sequence[Sequence[float]],
    places: dict[int, str],
    whole: Sequence[bool],
    doubts: list[str],
) -> dict[str, int]:
    """Return the numbers that are the training's loss and the validation's."""
    named = [index for index, key in enumerate(keys) if _LOSS.search(key) and not _NO_LOSS.search(key)]
    named = [index for index in named if index not in places and not whole[index]]
    train = [index for index in named if not _HELD_OUT.search(keys[index])]
    found: dict[str, int] = {}
    if train:
        exact = [index for index in train if _PLAIN.sub("", keys[index].lower()) == "loss"]
        found["loss"] = (exact or train)[0]
        if len(train) > 1:
            doubts.append(f"which of {', '.join(keys[index] for index in train[:6])} is the loss?")
    held_out = [index for index in named if index not in train]
    if held_out:
        found["loss" if not train else "val_loss"] = held_out[0]
    if not named:
        falling = [
            index for index, values in enumerate(columns) if index not in places and not whole[index] and _falls(values)
        ]
        if falling:
            found["loss"] = falling[0]
            doubts.append(f"{keys[falling[0]] or 'a number without a name'} is taken for the loss because it falls")
    return found


def _falls(values: Sequence[float]) -> bool:
    known = [each for each in values if math.isfinite(each)]
    if len(known) < 6 or not 1e-3 < abs(statistics.median(known)) < 1e3:
        return False
    third = len(known) // 3
    return statistics.fmean(known[-third:]) < 0.98 * statistics.fmean(known[:third])


def _value(text: str) -> float:
    try:
        found = read(text)
    except (ValueError, OverflowError):
        return math.nan
    return math.nan if found is None else found.value


def _by_keys(kind: Kind, roles: dict[int, str]) -> str:
    """Return a pattern of the names and numbers that are wanted, with anything between them."""
    parts = []
    for index in sorted(roles):
        gap = kind.gaps[index].rpartition(_BAR)[2]
        literal = re.search(r"[^\s,;|]*[^\W\d_][^,;|]{0,40}$", gap)
        if literal is None:
            return ""
        parts.append(f"{_escaped(literal[0])}(?P<{roles[index]}>{NUMBER})")
    return ".*?".join(parts)


def _whole(kind: Kind, roles: dict[int, str]) -> str:
    """Return a pattern of the line up to the last number that is wanted."""
    parts = ["^"]
    for index in range(max(roles) + 1):
        parts.append(_escaped(kind.gaps[index]))
        parts.append(f"(?P<{roles[index]}>{NUMBER})" if index in roles else r"[^\s,;|]+?")
    return "".join(parts)


def _escaped(gap: str) -> str:
    text = "".join(".*?" if each == _BAR else r"\s+" if each == " " else re.escape(each) for each in gap)
    return text.replace(r"\'", "'").replace(r"\"", '"')


def _tried(pattern: str, kind: Kind, roles: dict[int, str]) -> dict[str, str] | None:
    """Return what a pattern reads from the first line; None if it misses a line, or reads other numbers."""
    if not pattern:
        return None
    try:
        search = compiled(pattern)
    except Exception:  # RE2 has an error type of its own, and another draft may do
        return None
    first: dict[str, str] | None = None
    for body, row in zip(kind.bodies, kind.rows, strict=True):
        match = search.search(body.encode())
        if match is None:
            return None
        gives = {role: match[role].decode() for role in roles.values()}
        if any(gives[role] != row[index] for index, role in roles.items()):
            return None
        first = first or gives
    return first


def _like(kind: Kind, roles: dict[int, str]) -> str:
    """Return a text that every such line has: the name of the loss, else the longest text between two numbers."""
    texts = [part for index in roles for part in re.split(r"\s+|\x02", kind.gaps[index]) if part]
    named = [text for text in texts if _LOSS.search(text)]
    return max(named or texts or [gap.strip() for gap in kind.gaps if gap.strip()] or [" "], key=len)


def _as_yaml(number: int, each: Drafted) -> Iterator[str]:
    yield f"  # {each.num_lines:,} such lines"
    for doubt in each.doubts:
        yield f"  # doubt: {doubt}"
    yield f"  - name: {each.event}-{number}"
    yield f"    event: {each.event}"
    yield "    detects: true"
    yield f"    like: {json.dumps(each.like, ensure_ascii=False)}"
    yield "    pattern: '{}'".format(each.pattern.replace("'", "''"))
    yield "    samples:"
    yield f"      - line: {json.dumps(each.sample, ensure_ascii=False)}"
    gives = ", ".join(f"{name}: {json.dumps(text)}" for name, text in each.gives.items())
    yield f"        gives: {{{gives}}}"
