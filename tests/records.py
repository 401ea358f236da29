"""Hypothesis strategies for records, made from the dataclass fields, so that a new record type is tested at once."""

from __future__ import annotations

import dataclasses
import functools
import re
import types
import typing

from hypothesis import strategies as st

from monitor import grammar
from monitor.grammar import PerHorizon, Record, Share, Words

# Two surrogates that form a character are one character in every encoded file; nothing can tell them apart.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

texts = st.text(st.characters(), max_size=12).filter(lambda text: not _PAIR.search(text)) | st.sampled_from(
    [
        "",
        "a b",
        "a,b",
        'say "no"',
        "one\ntwo",
        "a | b",
        "x=1",
        "[RUN] end",
        "reset applied",
        "Val Loss",
        "\x1b[31m",
        "nan",
        "[",
        "größe",
    ]
)
numbers = st.floats() | st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e-308, 5e-324, -0.0, 0.0])
keys = st.from_regex(r"[a-z_][a-z0-9_.@/-]{0,8}", fullmatch=True)

_VALUES: dict[object, st.SearchStrategy[object]] = {
    int: st.integers(0, 10**12),
    float: numbers,
    bool: st.booleans(),
    str: texts,
    Share: st.builds(Share, st.integers(0, 10**9), st.integers(0, 10**9)),
    Words: st.lists(texts, max_size=4).map(tuple),
    PerHorizon: st.lists(st.tuples(st.integers(0, 99), numbers), max_size=4).map(tuple),
}

SHORTENED = {
    (grammar.Target, "mean"): ".6f",
    (grammar.Target, "std"): ".6f",
    (grammar.EncoderGrad, "max"): ".3e",
    (grammar.GroupGrad, "max"): ".2e",
}
"""Numbers that the line holds with the seed page's digits only, and no key in full."""

READ_ONLY = {(grammar.Train, "loss"), (grammar.Epoch, "train_loss"), (grammar.Epoch, "val_loss"), (grammar.Epoch, "lr")}
"""Fields that only a line of another trainer may lack: without them there is nothing to write."""


@functools.cache
def records(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Return records of a type: every field, absent where it may be, and keys that the type does not know."""
    hints = typing.get_type_hints(kind)
    hints.update(dict.fromkeys((name for of, name in READ_ONLY if of is kind), float))
    fields = {
        field.name: _shortened(kind, field.name, _strategy(hints[field.name]))
        for field in dataclasses.fields(kind)
        if field.name != "extra"
    }
    unknown_keys = keys.filter(lambda key: key not in fields)
    extra = st.lists(st.tuples(unknown_keys, texts), max_size=3, unique_by=lambda pair: pair[0]).map(tuple)
    return st.builds(kind, extra=extra, **fields)


def _strategy(hint: object) -> st.SearchStrategy[object]:
    if hint in _VALUES:
        return _VALUES[hint]
    if hint == tuple[grammar.GuardHorizon, ...]:
        return st.lists(records(grammar.GuardHorizon), max_size=4).map(tuple)
    if hint == tuple[grammar.GroupGrad, ...]:
        return st.lists(records(grammar.GroupGrad), max_size=4).map(tuple)
    assert isinstance(hint, types.UnionType), f"no strategy for {hint}"
    options = [option for option in typing.get_args(hint) if option is not types.NoneType]
    whole = next((known for known in _VALUES if known | None == hint), None)
    return st.none() | (_VALUES[whole] if whole else st.one_of(map(_strategy, options)))


def _shortened(kind: type[Record], name: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    spec = SHORTENED.get((kind, name))
    return values.map(lambda value: float(format(value, spec))) if spec else values
