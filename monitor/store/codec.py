"""Values ↔ bytes: what must survive a restart, as JSON that is checked against the types when it is read back.

Uses only the annotations, so that a new field or record type needs no change here: dataclasses, NamedTuples, enums,
tuples, lists, deques, dicts, sets and primitives. Unlike pickle, it executes nothing: a state file may come from
someone else. Each document lists the fields it was written with. A missing field takes its default; a document with
an unknown field, or a value of another type, is refused.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections import deque
from enum import Enum
from typing import Any, Generic, TypeVar

from monitor.store.coders import (
    PRIMITIVES,
    Coder,
    Document,
    Shape,
    Table,
    Tables,
    UnknownState,
    as_list,
    choice,
    one_of,
    plain,
    primitive,
    sequence,
    shared_by,
    shown,
    window,
)

T = TypeVar("T")


class StateCodec(Generic[T]):
    """Reads and writes values of one type. A value of a ``shared`` class is written once per document."""

    def __init__(self, kind: type[T], *, shared: tuple[type, ...] = ()) -> None:
        self._shared = shared
        self._shapes: dict[type, Shape] = {}
        self._coders: dict[Any, Coder] = {}
        self._root = self._coder(kind)
        self._fields = {shape.cls.__name__: list(shape.names) for shape in self._shapes.values()}
        assert len(self._fields) == len(self._shapes), "two classes have the same name"

    def dumps(self, value: T) -> bytes:
        """Write a value."""
        tables = {cls: Table() for cls in self._shared}
        raw = value if self._root.encode is None else self._root.encode(tables, value)
        shared = {cls.__name__: table.raw for cls, table in tables.items()}
        document = {"fields": self._fields, "shared": shared, "value": raw}
        return json.dumps(document, separators=(",", ":"), check_circular=False).encode("ascii")

    def loads(self, data: bytes, known: dict[Any, Any] | None = None) -> T:
        """Read what `dumps` wrote. Shared values, and the texts in them, that are equal to one in ``known`` become that
        one; new ones are added to it.

        Raises UnknownState.
        """
        try:
            raw = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise UnknownState(f"not JSON ({error})") from None
        match raw:
            case {"fields": dict() as fields, "shared": dict() as shared, "value": value}:
                pass
            case _:
                raise UnknownState("not written by this program")
        if not all(_is_names(names) for names in fields.values()):
            raise UnknownState("the names of the fields are broken")
        document = Document(fields, {})
        try:
            for cls in self._shared:
                shape = self._shapes[cls]
                values = [shape.decoded(document, each) for each in as_list(shared.get(cls.__name__))]
                document.shared[cls] = values if known is None else [_shared(each, known) for each in values]
            return typing.cast(T, self._root.decode(document, value))
        except RecursionError:
            raise UnknownState("nested too deeply") from None

    def _coder(self, hint: Any) -> Coder:
        if hint not in self._coders:
            self._coders[hint] = self._make(hint)
        return self._coders[hint]

    def _make(self, hint: Any) -> Coder:
        if hint in PRIMITIVES:
            return Coder(None, primitive(hint))
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self._union(arguments)
        if origin is dict:
            return self._mapping(*arguments)
        if origin is tuple and (len(arguments) != 2 or arguments[1] is not Ellipsis):
            return self._record_of(arguments)
        if origin in (list, tuple, set, frozenset):
            return sequence(origin, self._coder(arguments[0]))
        if origin is deque:
            return window(self._coder(arguments[0]))
        if isinstance(hint, type) and issubclass(hint, Enum):
            return choice(hint)
        if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or hasattr(hint, "_fields")):
            return self._structure(hint)
        raise TypeError(f"{hint!r} cannot be kept; expected dataclasses, NamedTuples, containers, enums, primitives")

    def _structure(self, cls: type) -> Coder:
        """Return the coder of a class with fields; with subclasses, each value is written with its class's name."""
        kinds = _concrete(cls)
        shapes = {kind.__name__: self._shape(kind) for kind in kinds}
        if len(kinds) > 1:
            return one_of(shapes)
        [shape] = shapes.values()
        coder = plain(shape)
        return shared_by(cls, coder) if cls in self._shared else coder

    def _shape(self, cls: type) -> Shape:
        if cls not in self._shapes:
            names: tuple[str, ...] = getattr(cls, "_fields", ())
            hidden: frozenset[str] = frozenset()
            if dataclasses.is_dataclass(cls):
                # A field that is neither a constructor argument nor compared is a cache, and is made again when needed.
                kept = [each for each in dataclasses.fields(cls) if each.init or each.compare]
                names = tuple(each.name for each in kept)
                hidden = frozenset(each.name for each in kept if not each.init)
            shape = self._shapes[cls] = Shape(cls, names, hidden)
            hints = typing.get_type_hints(cls)
            shape.coders = tuple(self._coder(hints[name]) for name in names)
            shape.encoders = tuple((index, each.encode) for index, each in enumerate(shape.coders) if each.encode)
        return self._shapes[cls]

    def _union(self, options: tuple[Any, ...]) -> Coder:
        structured = [option for option in options if option not in PRIMITIVES]
        plain = primitive(*(option for option in options if option in PRIMITIVES))
        if not structured:
            return Coder(None, plain)
        if len(structured) > 1 or options != (structured[0], type(None)):
            raise TypeError(f"{options} cannot be told apart; expected one of them, or None")
        encode, decode = self._coder(structured[0])
        return Coder(
            encode and (lambda tables, value: None if value is None else encode(tables, value)),
            lambda document, raw: None if raw is None else decode(document, raw),
        )

    def _record_of(self, hints: tuple[Any, ...]) -> Coder:
        coders = [self._coder(hint) for hint in hints]

        def encode(tables: Tables, value: Any) -> list[Any]:
            return [
                each if coder.encode is None else coder.encode(tables, each)
                for coder, each in zip(coders, value, strict=True)
            ]

        def decode(document: Document, raw: Any) -> tuple[Any, ...]:
            if not isinstance(raw, list) or len(raw) != len(coders):
                raise UnknownState(f"{shown(raw)}; expected {len(coders)} values")
            return tuple(coder.decode(document, each) for coder, each in zip(coders, raw, strict=True))

        return Coder(None if all(coder.encode is None for coder in coders) else encode, decode)

    def _mapping(self, key_hint: Any, value_hint: Any) -> Coder:
        """Return the coder of a dict, written as a list of pairs because keys can be anything and order matters."""
        pair = self._record_of((key_hint, value_hint))

        def encode(tables: Tables, value: dict[Any, Any]) -> list[Any]:
            items = list(value.items())
            return items if pair.encode is None else [pair.encode(tables, item) for item in items]

        def decode(document: Document, raw: Any) -> dict[Any, Any]:
            return dict(pair.decode(document, each) for each in as_list(raw))

        return Coder(encode, decode)


def _concrete(cls: type) -> list[type]:
    """Return a class and all its subclasses; a subclass with the same name replaces its base."""
    found = {cls.__name__: cls}
    subclasses: list[type] = type.__subclasses__(cls)
    for derived in subclasses:
        found.update({each.__name__: each for each in _concrete(derived)})
    return list(found.values())


def _is_names(raw: Any) -> bool:
    return isinstance(raw, list) and all(isinstance(name, str) for name in raw)


def _shared(value: Any, known: dict[Any, Any]) -> Any:
    """Return a value that is equal, or its texts that are, from those known: all lines of a log have one path."""
    if isinstance(value, tuple):
        parts = (known.setdefault(each, each) if isinstance(each, str) else each for each in value)
        value = type(value)._make(parts)  # type: ignore[attr-defined]
    return known.setdefault(value, value)
