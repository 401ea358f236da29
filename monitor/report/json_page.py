"""Page → JSON: everything on the page, each statement with its lines, for scripts; and the schema of that JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from monitor.alert import iso_time
from monitor.base.escape import redact
from monitor.base.evidence import Evidence
from monitor.base.strict_json import json_number
from monitor.report.build import PLAIN_SECTIONS
from monitor.report.model import Page
from monitor.report.statement import Mark

if TYPE_CHECKING:
    from pydantic.json_schema import GenerateJsonSchema

FORMAT = "trainwarden-report"
VERSION = 1
_TIMES = ("at", "starts_at")
"""Fields that hold a time; in JSON they are ISO texts, as in alerts."""
_SECTIONS = "sections"
"""The field whose entries become keys of the document."""
_EVIDENCE = "One line of one log, with secrets redacted; `line` counts from 1, `offset` is the byte where it begins."
_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def render_json(page: Page) -> str:
    """Return the page as one strict JSON object: secrets redacted, numbers that JSON lacks as text."""
    document: dict[str, object] = {"format": FORMAT, "version": VERSION}
    sections = {each.key: _plain(each.statements) for each in page.sections}
    for name, value in _fields(page).items():
        document |= sections if name == _SECTIONS else {name: value}
    # Escaped to ASCII, so that a terminal obeys nothing that a log contains.
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def page_schema() -> dict[str, object]:
    """Return the JSON Schema of what `render_json` writes, made from the page's own records and their docstrings."""
    from pydantic import TypeAdapter  # loaded here: a page needs no schema

    # A tuple around it: only then does the configuration reach the records.
    adapter = TypeAdapter(tuple[Page], config={"use_attribute_docstrings": True})
    records = adapter.json_schema(mode="serialization", schema_generator=_generator())["$defs"]
    evidence = dict(zip(Evidence._fields, records["Evidence"]["prefixItems"], strict=True))
    records["Evidence"] = {"type": "object", "description": _EVIDENCE, "properties": evidence}
    for record in records.values():
        if "properties" in record:
            _close(record)
    page, section = records.pop("Page"), records.pop("Section")
    properties: dict[str, object] = {"format": {"const": FORMAT}, "version": {"const": VERSION}}
    sections = {each.key: section["properties"]["statements"] for each in PLAIN_SECTIONS}
    for name, schema in page["properties"].items():
        properties |= sections if name == _SECTIONS else {name: schema}
    whole = {**page, "properties": properties, "required": list(properties)}
    return {"$schema": _SCHEMA, "title": "A status page of trainwarden", **whole, "$defs": records}


def _close(record: dict[str, Any]) -> None:
    """Allow a record exactly its own fields, all of them."""
    record.pop("title", None)
    for name, schema in record["properties"].items():
        schema.pop("title", None)
        schema.pop("default", None)
        if name in _TIMES:
            record["properties"][name] = _TIME_SCHEMA
    record.update(required=list(record["properties"]), additionalProperties=False)


def _generator() -> type[GenerateJsonSchema]:
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        """Describes numbers and marks as `render_json` writes them."""

        def float_schema(self, schema: object) -> dict[str, Any]:
            return {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]}

        def enum_schema(self, schema: Any) -> dict[str, Any]:
            return {"enum": [_word(member) for member in schema["members"]]}

    return Generator


def _fields(record: Any) -> dict[str, object]:
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {name: iso_time(value) if name in _TIMES else _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    """Return a value of a record in its JSON form."""
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
        return json_number(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if dataclasses.is_dataclass(value):
        return _fields(value)
    assert value is None or isinstance(value, int), f"no JSON form for {value!r:.60}"
    return value


def _word(value: Enum) -> str:
    """Return a mark by its name, which is easier to query than an emoji; another enum by its value."""
    return value.name.lower() if isinstance(value, Mark) else str(value.value)


_TIME_SCHEMA = {"type": ["string", "null"], "description": "ISO time, UTC; null where no line has one."}


if __name__ == "__main__":
    print(json.dumps(page_schema(), indent=1, ensure_ascii=False))
