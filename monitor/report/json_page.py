"""Page → JSON: everything the page says, each statement with its lines, for scripts; and the schema of that."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from monitor.alert import iso_time
from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.report.model import Mark, Page

FORMAT = "trainwarden-report"
VERSION = 1
_TIMES = ("at", "starts_at")
"""Fields that hold a time; in JSON they are ISO texts, as in alerts."""
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def render_json(page: Page) -> str:
    """Return the page as one strict JSON object; numbers that JSON lacks as text, secrets blotted out."""
    document = {"format": FORMAT, "version": VERSION, **_fields(page)}
    # Escaped to ASCII: whatever a log says, a terminal obeys none of it.
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def page_schema() -> dict[str, object]:
    """Return the JSON Schema of what `render_json` writes, made of the page's own records."""
    known: dict[str, object] = {}
    whole = _schema_of(Page, known)
    assert whole == {"$ref": "#/$defs/Page"}
    page = known.pop("Page")
    assert isinstance(page, dict)
    constants = {"format": {"const": FORMAT}, "version": {"const": VERSION}}
    return {
        "$schema": _SCHEMA,
        "title": "A status page of trainwarden",
        **page,
        "properties": {**constants, **page["properties"]},
        "required": ["format", "version", *page["required"]],
        "$defs": known,
    }


def _fields(record: Any) -> dict[str, object]:
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {
        name: iso_time(value) if name in _TIMES else _plain(value) for name, value in values.items()
    }  # fmt: skip


def _plain(value: object) -> object:
    """Return a value of a page's record as JSON has it."""
    if isinstance(value, Evidence):
        return {
            "path": redact(value.path),
            "line": value.line,
            "offset": value.offset,
            "at": iso_time(value.at),
            "text": redact(value.text),
        }
    if isinstance(value, Enum):
        return _word(value)
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    assert value is None or isinstance(value, int), f"a page holds {value!r:.60}"
    return value


def _word(value: Enum) -> str:
    """Return a mark by its name, which is easier to ask for than an emoji; another enum by its value."""
    return value.name.lower() if isinstance(value, Mark) else str(value.value)


_TIME_SCHEMA = {"type": ["string", "null"], "description": "ISO time, UTC; null where no line bears one."}
_PLAIN_SCHEMAS: dict[object, dict[str, object]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]},
    type(None): {"type": "null"},
}


def _schema_of(kind: Any, known: dict[str, object]) -> dict[str, object]:
    """Return the schema of one type; records go into ``known``, once each."""
    if kind in _PLAIN_SCHEMAS:
        return _PLAIN_SCHEMAS[kind]
    if kind is Evidence:
        known.setdefault("Evidence", _evidence_schema())
        return {"$ref": "#/$defs/Evidence"}
    if get_origin(kind) in (Union, types.UnionType):
        return {"anyOf": [_schema_of(each, known) for each in get_args(kind)]}
    if get_origin(kind) is tuple:
        parts = get_args(kind)
        if parts[-1] is Ellipsis:
            return {"type": "array", "items": _schema_of(parts[0], known)}
        items = [_schema_of(each, known) for each in parts]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [_word(member) for member in kind]}
    assert isinstance(kind, type), f"no schema for {kind}"
    assert dataclasses.is_dataclass(kind), f"no schema for {kind}"
    name = str(kind.__name__)
    if name not in known:
        known[name] = {}  # a record may hold records of its own kind
        known[name] = _record_schema(kind, known)
    return {"$ref": f"#/$defs/{name}"}


def _record_schema(kind: Any, known: dict[str, object]) -> dict[str, object]:
    hints = _hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return {
        "type": "object",
        "description": (kind.__doc__ or "").partition("\n")[0],
        "properties": {name: _TIME_SCHEMA if name in _TIMES else _schema_of(hints[name], known) for name in names},
        "required": names,
        "additionalProperties": False,
    }


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _evidence_schema() -> dict[str, object]:
    return {
        "type": "object",
        "description": "One line of one log, as it stood in the file; secrets are blotted out of the text.",
        "properties": {
            "path": {"type": "string"},
            "line": {"type": "integer", "description": "1-based, as `sed -n Np` counts."},
            "offset": {"type": "integer", "description": "Byte offset of the line's first byte."},
            "at": _TIME_SCHEMA,
            "text": {"type": "string", "description": "The line, or its beginning."},
        },
        "required": ["path", "line", "offset", "at", "text"],
        "additionalProperties": False,
    }
