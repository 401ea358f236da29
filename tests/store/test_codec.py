"""What is written is read back unchanged; what we did not write is refused as a whole."""

from __future__ import annotations

import json
import math
import random
from collections import deque
from dataclasses import dataclass, field, make_dataclass
from enum import StrEnum
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.base.evidence import Evidence
from monitor.engine.lifecycle import AlertStates
from monitor.grammar import RECORD_TYPES, Record
from monitor.run.run import Run
from monitor.store.codec import StateCodec
from monitor.store.coders import UnknownState
from tests.cli.logs import HEALTHY, TROUBLED
from tests.cli.watching import SHIPPED
from tests.lines import at, numbered, pipeline, run_of
from tests.records import records


class Colour(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    left: int
    right: float | None


@dataclass
class Shape:
    name: str


@dataclass
class Circle(Shape):
    radius: float = 1.0


@dataclass
class Everything:
    text: str
    number: float
    flag: bool
    maybe: Pair | None
    colour: Colour
    pairs: tuple[Pair, ...]
    window: deque[int]
    by_key: dict[tuple[str, int], list[Pair]]
    names: frozenset[str]
    mixed: tuple[int, str]
    shape: Shape
    either: int | str | None = None
    late: int = field(init=False, default=0)
    cache: list[int] = field(init=False, default_factory=list, repr=False, compare=False)


def everything() -> Everything:
    made = Everything(
        text="ü\ud800\x00\n",
        number=1e-308,
        flag=True,
        maybe=Pair(1, None),
        colour=Colour.RED,
        pairs=(Pair(1, 2.5), Pair(2, math.inf)),
        window=deque([1, 2, 3], maxlen=3),
        by_key={("b", 2): [Pair(0, 0.1)], ("a", 1): []},
        names=frozenset({"x", "y"}),
        mixed=(1, "x"),
        shape=Circle("round", 2.0),
        either="x",
    )
    made.late, made.cache = 7, [1]
    return made


EVERYTHING = StateCodec(Everything, shared=(Pair,))


def test_every_kind_of_value_survives() -> None:
    read = EVERYTHING.loads(EVERYTHING.dumps(everything()))
    assert read == everything()
    assert (read.window.maxlen, list(read.by_key), type(read.shape), read.late) == (3, [("b", 2), ("a", 1)], Circle, 7)


def test_a_field_that_is_neither_compared_nor_a_constructor_argument_is_a_cache_and_not_kept() -> None:
    assert EVERYTHING.loads(EVERYTHING.dumps(everything())).cache == []


@pytest.mark.parametrize("log", [HEALTHY, TROUBLED, [], [b"no head", *TROUBLED, *TROUBLED]])
def test_a_run_survives_to_the_last_digit(log: list[bytes]) -> None:
    codec, run = StateCodec(Run, shared=(Evidence,)), run_of(log)
    data = codec.dumps(run)
    assert repr(codec.loads(data)) == repr(run)
    assert codec.dumps(codec.loads(data)) == data


@given(st.lists(st.one_of([records(kind) for kind in RECORD_TYPES]), max_size=30))
def test_a_run_of_any_records_survives(kept: list[Record]) -> None:
    codec = StateCodec(Run, shared=(Evidence,))
    run = run_of(at(number, record) for number, record in enumerate(kept))
    assert repr(codec.loads(codec.dumps(run))) == repr(run)


def test_alert_states_survive() -> None:
    watch = pipeline(SHIPPED)
    for line in numbered(TROUBLED[:-3]):
        watch.take(line)
    assert len(watch.states.open) > 1
    codec = StateCodec(AlertStates, shared=(Evidence,))
    assert codec.loads(codec.dumps(watch.states)) == watch.states


def test_a_shared_value_is_written_once_and_shared_again() -> None:
    pair = Pair(12345, 0.5)
    codec = StateCodec(list[Pair], shared=(Pair,))  # type: ignore[type-abstract]
    data = codec.dumps([pair, pair])
    assert data.count(b"12345") == 1
    left, right = codec.loads(data)
    assert left is right


# ---- other versions


def versions(*fields: tuple[str, type] | tuple[str, type, object]) -> StateCodec[object]:
    return StateCodec(make_dataclass("Thing", fields))  # type: ignore[arg-type]


def test_a_field_that_is_new_takes_its_default() -> None:
    old, new = versions(("one", int)), versions(("one", int), ("two", int, field(default=2)))
    assert repr(new.loads(old.dumps(make_dataclass("Thing", [("one", int)])(1)))) == "Thing(one=1, two=2)"


def test_a_field_that_is_new_and_has_no_default_refuses_the_document() -> None:
    old, new = versions(("one", int)), versions(("one", int), ("two", int))
    with pytest.raises(UnknownState, match="Thing"):
        new.loads(old.dumps(make_dataclass("Thing", [("one", int)])(1)))


def test_fields_may_change_places() -> None:
    old, new = versions(("one", int), ("two", int)), versions(("two", int), ("one", int))
    assert repr(new.loads(old.dumps(make_dataclass("Thing", ["one", "two"])(1, 2)))) == "Thing(two=2, one=1)"


def test_a_field_that_is_gone_refuses_the_document() -> None:
    old, new = versions(("one", int), ("two", int)), versions(("one", int))
    with pytest.raises(UnknownState, match="written with two"):
        new.loads(old.dumps(make_dataclass("Thing", ["one", "two"])(1, 2)))


# ---- what we did not write


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("1e-308", '"1e-308"'),
        ("true", "1"),
        ('"red"', '"blue"'),
        ('"Circle"', '"Popen"'),
        ("[3,[1,2,3]]", "[-3,[1,2,3]]"),
        ("[3,[1,2,3]]", "[3,1]"),
        ('[1,"x"]', '[1,"x",2]'),
        ('[1,"x"]', "[true,1]"),
        ('"value":[', '"value":[1,'),
        ('"text",', ""),
        ('"fields":{', '"fields":{"Odd":1,'),
    ],
)
def test_a_value_of_another_type_refuses_the_document(was: str, becomes: str) -> None:
    text = EVERYTHING.dumps(everything()).decode()
    assert was in text
    with pytest.raises(UnknownState):
        EVERYTHING.loads(text.replace(was, becomes, 1).encode())


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b'{"value": 1}']
)
def test_bytes_that_are_not_a_document_are_refused(data: bytes) -> None:
    with pytest.raises(UnknownState):
        EVERYTHING.loads(data)


def test_a_million_numbers_in_place_of_a_shared_one_are_refused() -> None:
    document = json.loads(EVERYTHING.dumps(everything()))
    document["value"][document["fields"]["Everything"].index("maybe")] = 10**6
    with pytest.raises(UnknownState, match="expected the number of a Pair"):
        EVERYTHING.loads(json.dumps(document).encode())


def test_random_damage_is_refused_or_harmless() -> None:
    """A value read from damaged bytes has the annotated types, or the bytes are refused."""
    codec, source = StateCodec(Run, shared=(Evidence,)), random.Random(1)
    whole = codec.dumps(run_of(TROUBLED))
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(source.choice([1, 3])):
            data[source.randrange(len(data))] = source.randrange(256)
        try:
            assert isinstance(codec.loads(bytes(data)), Run)
        except UnknownState:
            refused += 1
    assert refused > 50


def test_a_type_that_cannot_be_kept_raises_type_error() -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        StateCodec(make_dataclass("Odd", [("thing", object)]))
