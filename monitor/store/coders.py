"""How each kind of type is written and read: containers, enums, classes with fields, shared values."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple

PRIMITIVES: dict[Any, tuple[type, ...]] = {
    str: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    type(None): (type(None),),
}


class UnknownState(ValueError):
    """Bytes that this version of the program cannot read."""


class Table:
    """The shared values of one class in a document: each is written once, and referred to by its number."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.values: list[Any] = []
        self.raw: list[Any] = []


Tables = dict[type, Table]
Encode = Callable[[Tables, Any], Any]


class Document(NamedTuple):
    """A document that is being read."""

    fields: dict[str, list[str]]
    """The fields of each class, in the order in which they were written."""
    shared: dict[type, list[Any]]
    """The values that the document refers to by number."""


class Coder(NamedTuple):
    """How one type is written and read."""

    encode: Encode | None
    """None if JSON can hold the value unchanged."""
    decode: Callable[[Document, Any], Any]


@dataclasses.dataclass
class Shape:
    """A class with fields, and the coder of each field."""

    cls: type
    names: tuple[str, ...]
    hidden: frozenset[str]
    """Fields that are not constructor arguments."""
    coders: tuple[Coder, ...] = ()
    encoders: tuple[tuple[int, Encode], ...] = ()
    """Index and encoder of each field that JSON cannot hold unchanged."""

    def encoded(self, tables: Tables, values: tuple[Any, ...]) -> list[Any]:
        """Return the values of its fields for JSON."""
        raw = list(values)
        for index, encode in self.encoders:
            raw[index] = encode(tables, raw[index])
        return raw

    def decoded(self, document: Document, raw: Any) -> Any:
        """Return an instance made from the fields in a document."""
        written = document.fields.get(self.cls.__name__, ())
        if not isinstance(raw, list) or len(raw) != len(written):
            raise UnknownState(f"{self.cls.__name__}: {shown(raw)}; expected {len(written)} values")
        known = dict(zip(self.names, self.coders, strict=True))
        if foreign := [name for name in written if name not in known]:
            raise UnknownState(f"{self.cls.__name__}: written with {', '.join(foreign)}, which it no longer has")
        values = {name: known[name].decode(document, each) for name, each in zip(written, raw, strict=True)}
        later = {name: values.pop(name) for name in self.hidden if name in values}
        try:
            made = self.cls(**values)
        except (TypeError, ValueError) as error:
            raise UnknownState(f"{self.cls.__name__}: {error}") from None
        for name, value in later.items():
            setattr(made, name, value)
        return made


def primitive(*hints: Any) -> Callable[[Document, Any], Any]:
    """Return the decoder of one or several primitives."""
    kinds = tuple(kind for hint in hints for kind in PRIMITIVES[hint])
    takes_bool = bool in kinds

    def decode(document: Document, raw: Any) -> Any:
        if not isinstance(raw, kinds) or (isinstance(raw, bool) and not takes_bool):
            raise UnknownState(f"{shown(raw)}; expected {' or '.join(kind.__name__ for kind in kinds)}")
        return raw

    return decode


def sequence(cls: Callable[..., Any], item: Coder) -> Coder:
    """Return the coder of a list, tuple or set."""
    encode, decode = item

    def written(tables: Tables, value: Any) -> list[Any]:
        return list(value) if encode is None else [encode(tables, each) for each in value]

    def read(document: Document, raw: Any) -> Any:
        return cls([decode(document, each) for each in as_list(raw)])

    return Coder(None if encode is None and cls in (list, tuple) else written, read)


def window(item: Coder) -> Coder:
    """Return the coder of a deque with its maximum length."""
    items = sequence(list, item)

    def written(tables: Tables, value: deque[Any]) -> list[Any]:
        return [value.maxlen, list(value) if items.encode is None else items.encode(tables, value)]

    def read(document: Document, raw: Any) -> deque[Any]:
        match raw:
            case [int() | None as maxlen, list() as kept] if maxlen is None or maxlen >= 0:
                return deque(items.decode(document, kept), maxlen)
        raise UnknownState(f"{shown(raw)}; expected a length and a list")

    return Coder(written, read)


def choice(cls: type[Enum]) -> Coder:
    """Return the coder of an enum."""

    def read(document: Document, raw: Any) -> Enum:
        try:
            return cls(raw)
        except (ValueError, TypeError):
            raise UnknownState(f"{shown(raw)}; expected a {cls.__name__}") from None

    return Coder(lambda tables, value: value.value, read)


def plain(shape: Shape) -> Coder:
    """Return the coder of a class with fields."""
    values: Callable[[Any], tuple[Any, ...]] = tuple
    if not issubclass(shape.cls, tuple):
        values = _values_of(shape.names)
    return Coder(lambda tables, value: shape.encoded(tables, values(value)), shape.decoded)


def one_of(shapes: dict[str, Shape]) -> Coder:
    """Return the coder of a class with subclasses: each value is written with the name of its class."""
    values = {shape.cls: _values_of(shape.names) for shape in shapes.values()}
    by_class = {shape.cls: shape for shape in shapes.values()}

    def written(tables: Tables, value: Any) -> list[Any]:
        cls = type(value)
        return [cls.__name__, by_class[cls].encoded(tables, values[cls](value))]

    def read(document: Document, raw: Any) -> Any:
        match raw:
            case [str() as name, fields] if name in shapes:
                return shapes[name].decoded(document, fields)
        raise UnknownState(f"{shown(raw)}; expected one of {len(shapes)} known kinds")

    return Coder(written, read)


def shared_by(cls: type, coder: Coder) -> Coder:
    """Return the coder of a class whose values are shared within a document."""
    encode = coder.encode
    assert encode is not None

    def written(tables: Tables, value: Any) -> int:
        table = tables[cls]
        number = table.numbers.get(id(value))
        if number is None:
            number = table.numbers[id(value)] = len(table.raw)
            table.values.append(value)
            table.raw.append(encode(tables, value))
        return number

    def read(document: Document, raw: Any) -> Any:
        known = document.shared[cls]
        if not isinstance(raw, int) or not 0 <= raw < len(known):
            raise UnknownState(f"{shown(raw)}; expected the number of a {cls.__name__}")
        return known[raw]

    return Coder(written, read)


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if not names:
        return lambda value: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else (lambda value: (get(value),))


def as_list(raw: Any) -> list[Any]:
    """Return a value that was read, if it is a list. Raises UnknownState."""
    if not isinstance(raw, list):
        raise UnknownState(f"{shown(raw)}; expected a list")
    return raw


def shown(raw: Any) -> str:
    """Return a short form of a value for a message."""
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:60]}…"
