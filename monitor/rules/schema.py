"""Models of rules → the JSON schema of rule files (draft 2020-12), for editors that complete and check."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from monitor.conditions import KINDS
from monitor.conditions.condition import SignalName
from monitor.conditions.values import Hold, Seconds, Span, Window
from monitor.grammar import Intent
from monitor.reader.signals import CATALOGUE
from monitor.rules.problems import holds_conditions, models_in
from monitor.rules.rule import OF_THE_LOADER, Declared, Rule, written

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = r"\d+(\.\d+)?[smhd]"


def rules_schema() -> dict[str, object]:
    """Return the schema of a rule file: every kind of rule, with a description of each field."""
    kinds: list[type[BaseModel]] = [Rule, *KINDS.values()]
    _, made = models_json_schema([(kind, "validation") for kind in kinds], schema_generator=_Generator)
    models = {model.__name__: model for kind in kinds for model in _models(kind)}
    definitions = {
        name: _tidied(body, models.get(name))
        for name, body in made["$defs"].items()
        if name not in ("Condition", "Span")
    }
    common = definitions.pop("Rule")
    for name in OF_THE_LOADER:
        common["properties"].pop(name, None)
    properties = {written(name): body for name, body in common["properties"].items()}
    required = [name for name in common["required"] if name not in OF_THE_LOADER]
    for kind in KINDS.values():
        body = definitions[kind.__name__]
        for field in body["properties"]:
            if holds_conditions(kind, field):
                body["properties"][field]["items"] = {"$ref": "#/$defs/condition"}
        own = {**body, "properties": {**properties, **body["properties"]}}
        definitions[f"{kind.__name__}Rule"] = {**own, "required": [*required, *body["required"]]}
    definitions["condition"] = _by_kind("")
    definitions["rule"] = _by_kind("Rule")
    return {
        "$schema": DIALECT,
        "title": "trainwarden rule file",
        "type": "object",
        "properties": {"groups": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/group"}}},
        "required": ["groups"],
        "additionalProperties": False,
        "$defs": {**definitions, "group": _GROUP},
    }


@cache
def sentences(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the docstring below each field of a model, by the field's name.

    Pydantic's ``use_attribute_docstrings`` reads them whenever a model is defined, which costs every start 0.1 s.
    """
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            [tree] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
            assert isinstance(tree, ast.ClassDef)
            for field, after in pairwise(tree.body):
                match field, after:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        found[name] = " ".join(text.split()).replace("``", "`")
    return found


_GROUP = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The group's name."},
        "rules": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/rule"}},
    },
    "required": ["name", "rules"],
    "additionalProperties": False,
}


def _by_kind(suffix: str) -> dict[str, object]:
    """Return a schema that depends on the kind, so that an editor reports problems for the fields of that kind only."""
    chosen = [
        {
            "if": {"properties": {"kind": {"const": word}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{kind.__name__}{suffix}"},
        }
        for word, kind in KINDS.items()
    ]
    return {
        "type": "object",
        "properties": {"kind": {"enum": list(KINDS), "description": "The kind of condition."}},
        "required": ["kind"],
        "allOf": chosen,
    }


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and the models in its fields, at any depth."""
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from _models(inner)


def _tidied(schema: Any, model: type[BaseModel] | None) -> Any:
    """Return a model's schema with a description of each field, and without titles, which only repeat the names."""
    schema.pop("title", None)
    if model is None:
        return schema
    schema["description"] = (inspect.getdoc(model) or "").replace("``", "`")
    for name, body in schema.get("properties", {}).items():
        body.pop("title", None)
        if body.get("type") == "string" and isinstance(body.get("default"), float):
            body["default"] = f"{body['default']:g}s"
        if sentence := sentences(model).get(name):
            body["description"] = sentence
    return schema


def _validator(annotated: object) -> object:
    """Return the function that reads values of an annotated type."""
    return annotated.__metadata__[0].func  # type: ignore[attr-defined]


_PATTERNS = {
    _validator(Seconds): f"^{_DURATION}$",
    _validator(Hold): rf"^({_DURATION}|\d+ (steps?|epochs?))$",
    _validator(Window): rf"^({_DURATION}|\d+ (steps?|epochs?|reports?))$",
}
"""The pattern of each sort of span, by the function that parses it."""
_WORDS = {_validator(SignalName): list(CATALOGUE), _validator(Declared): list(Intent.field_names())}
"""The words that a field accepts, by the function that checks them."""


class _Generator(GenerateJsonSchema):
    """Describes values as a file writes them, before they are parsed."""

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        pattern = _PATTERNS.get(schema["function"]["function"])
        return {"type": "string", "pattern": pattern} if pattern else super().function_before_schema(schema)

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:
        words = _WORDS.get(schema["function"]["function"])
        return {"type": "string", "enum": words} if words else super().function_after_schema(schema)

    def encode_default(self, dft: Any) -> Any:
        return str(dft) if isinstance(dft, Span) else super().encode_default(dft)
