"""Record types: immutable dataclasses with a tag, a level, a text template and typed keys.

Their methods are written once, here: those that `dataclasses` writes for each class anew take longer to compile than
the rest of the grammar, at each start.
"""

from __future__ import annotations

import dataclasses
import re
import sys
import typing
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import ClassVar, Self, TypeVar, dataclass_transform

from monitor.grammar.fields import CODECS, COUNT, KEY, RESERVED, Codec, Template, quote, read_pairs, unquote

_KEY = re.compile(KEY)
TEMPLATES_KEPT = 4
"""Line templates that a record type remembers. Chosen by hand: a log has one or two of each type."""


class KeyTemplate(typing.NamedTuple):
    """Texts of one record type with the same keys in the same order and no quotes, read with one search."""

    pattern: re.Pattern[str]
    known: tuple[tuple[int, str, Callable[[str], object]], ...]
    """Index, key and reader of each value that belongs to a key of the type."""
    extra: tuple[tuple[int, str], ...]
    """Index and key of the other values."""

    @classmethod
    def of(cls, text: str, pairs: list[tuple[str, str]], codecs: dict[str, Codec]) -> KeyTemplate | None:
        """Return the template of these pairs after a fixed text; None if one search cannot read them."""
        keys = [key for key, _ in pairs]
        if len(set(keys)) < len(keys) or not all(_PLAIN.fullmatch(written) for _, written in pairs):
            return None
        words = [re.escape(text)] * bool(text) + [f"{re.escape(key)}=({_PLAIN.pattern})" for key in keys]
        known = tuple((index, key, codecs[key].read) for index, key in enumerate(keys) if key in codecs)
        extra = tuple((index, key) for index, key in enumerate(keys) if key not in codecs)
        return cls(re.compile(" ".join(words)), known, extra)


_PLAIN = re.compile(r"[!#-~]*")


@lru_cache(maxsize=1024)
def _can_be_key(key: str) -> bool:
    return bool(_KEY.fullmatch(key)) and not RESERVED.search(key)


Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def _immutable(cls: type[Class]) -> type[Class]:
    """Make a class a dataclass with the methods of `Record`."""
    return dataclasses.dataclass(init=False, repr=False, eq=False)(cls)


@_immutable
class Record:
    """The content of one line. Fields that are None are not written; keys unknown to the type are in ``extra``."""

    TAG: ClassVar[str] = ""
    LEVEL: ClassVar[str] = "INFO"
    _template: ClassVar[Template]
    _keys: ClassVar[tuple[str, ...]]
    _codecs: ClassVar[dict[str, Codec]]
    _required: ClassVar[frozenset[str]] = frozenset()
    _key_codecs: ClassVar[dict[str, Codec]]
    """The codecs of the keys after the template."""
    _line_templates: ClassVar[tuple[KeyTemplate, ...]] = ()

    _names: ClassVar[tuple[str, ...]] = ("extra",)
    _all: ClassVar[frozenset[str]] = frozenset(_names)
    _defaults: ClassVar[dict[str, object]] = {"extra": ()}

    extra: tuple[tuple[str, str], ...] = ()

    def __init__(self, **values: object) -> None:
        """Take a value for each field, by its name; fields with a default may be left out. Raises TypeError."""
        known = self.__dict__
        known.update(self._defaults)
        known.update(values)
        if known.keys() != self._all:
            wrong = ", ".join(sorted(known.keys() ^ self._all))
            raise TypeError(f"{type(self).__name__}: missing or unknown: {wrong}; expected {', '.join(self._names)}")

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a record does not change."""
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        """Refuse: a record does not change."""
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        """Whether type and all fields are equal."""
        if not isinstance(other, Record) or other.__class__ is not self.__class__:
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        """Return a hash of all fields."""
        return hash(tuple(map(self.__dict__.__getitem__, self._names)))

    def __repr__(self) -> str:
        """Return the type and all fields, as Python writes them."""
        return f"{type(self).__name__}({', '.join(f'{name}={self.__dict__[name]!r}' for name in self._names)})"

    def text(self) -> str:
        """Return the text after the tag.

        Raises ValueError for an extra key that cannot be written, and for a record that was read from another trainer's
        line and lacks a field that our own lines always have.
        """
        values = vars(self)
        if lacking := sorted(name for name in self._required if values[name] is None):
            raise ValueError(f"{self.TAG}: {', '.join(lacking)} missing; expected on every line of ours")
        words = [self._template.write(values)]
        for key, codec in self._key_codecs.items():
            value = values[key]
            if value is not None:
                words.append(f"{key}={codec.write(value)}")
        for key, text in self.extra:
            if not _can_be_key(key):
                raise ValueError(f"{key!r} cannot be a key of a log line; expected letters, digits and _.@/-")
            words.append(f"{key}={quote(text)}")
        return " ".join(word for word in words if word)

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Return the names of the type's own fields, in order."""
        return tuple(field.name for field in dataclasses.fields(cls) if field.name != "extra")

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """Read what `text` wrote; None if the text belongs to another type.

        Raises ValueError if the text begins like this type and then breaks its grammar.
        """
        for template in cls._line_templates:
            if match := template.pattern.fullmatch(text):
                written = match.groups()
                values = {key: read(written[index]) for index, key, read in template.known}
                return cls(extra=tuple((key, unquote(written[index])) for index, key in template.extra), **values)
        found = cls._template.read(text)
        if found is None:
            return None
        pairs = list(read_pairs(found[1]))
        record = cls._from_pairs(found[0], pairs)
        if cls._template.is_fixed and (learnt := KeyTemplate.of(cls._template.text, pairs, cls._key_codecs)):
            # Newest first: a log has a handful of templates, and uses one for a while before the next.
            cls._line_templates = (learnt, *cls._line_templates[: TEMPLATES_KEPT - 1])
        return record

    @classmethod
    def _from_pairs(cls, values: dict[str, object], pairs: Iterable[tuple[str, str]], **more: object) -> Self:
        """Make a record from the template's values, the keys after it, and what a subclass has read itself."""
        in_full = set(cls._template.exact)
        extra = []
        for key, written in pairs:
            if key in cls._keys and key not in in_full:
                values[key] = cls._codecs[key].read(written)
                in_full.add(key)
            elif key in cls._keys and key not in cls._template.exact:
                raise ValueError(f"{key} is given twice")
            else:
                extra.append((key, unquote(written)))
        if missing := cls._required - values.keys():
            raise ValueError(f"{', '.join(sorted(missing))} missing")
        return cls(extra=tuple(extra), **values, **more)


RecordType = TypeVar("RecordType", bound=type[Record])


@dataclass_transform(frozen_default=True, kw_only_default=True)
def line(
    tag: str, text: str = "", *, level: str = "INFO", short_only: tuple[str, ...] = ()
) -> Callable[[RecordType], RecordType]:
    """Make a class a record type.

    ``text`` is the template after the tag. A slot with a format is written again as a key in full precision, unless
    ``short_only`` names it.
    """

    def make(cls: RecordType) -> RecordType:
        made = _immutable(cls)
        fields = dataclasses.fields(made)
        made._names = tuple(field.name for field in fields)
        made._all = frozenset(made._names)
        made._defaults = {field.name: field.default for field in fields if field.default is not dataclasses.MISSING}
        own = [field for field in fields if field.name != "extra"]
        codecs = {field.name: _codec_for(field.name, _type(str(field.type), cls.__module__)) for field in own}
        made._codecs = {name: codec for name, codec in codecs.items() if codec}
        made.TAG, made.LEVEL = tag, level
        made._template = Template(text, made._codecs)
        hidden = made._template.exact | set(short_only)
        made._keys = tuple(field.name for field in own if field.name in made._codecs and field.name not in hidden)
        made._key_codecs = {key: made._codecs[key] for key in made._keys}
        made._required = frozenset(field.name for field in own if field.default is dataclasses.MISSING)
        return typing.cast(RecordType, made)

    return make


@lru_cache(maxsize=1024)
def _type(written: str, module: str) -> object:
    """Return the type that a field's annotation in a module means."""
    # As typing.get_type_hints does, but once for each annotation rather than once for each field.
    return eval(written, vars(sys.modules[module]))


_PLACES = ("step", "epoch", "batch")
"""Fields that say where in a run a line belongs."""


def _codec_for(name: str, hint: object) -> Codec | None:
    """Return the codec of a type, optional or not; None for a field that the record writes itself."""
    options = [option for option in typing.get_args(hint) if option is not type(None)]
    is_optional = len(options) == 1 and type(None) in typing.get_args(hint)
    kind = options[0] if is_optional else hint
    return COUNT if kind is int and name in _PLACES else CODECS.get(kind)
