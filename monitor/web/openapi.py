"""The description of the API (OpenAPI 3.1), which the tests hold every answer to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor import __version__
from monitor.alert import Severity, State
from monitor.report.run_state import RunState
from monitor.run.ended import Ended
from monitor.web.asked import FIELDS
from monitor.web.documents import FEW_PER_PAGE, MOST_PER_PAGE, MOST_SERIES

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer", "minimum": 0}
_TRUTH: Schema = {"type": "boolean"}
_NUMBER: Schema = {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]}
_TIME: Schema = {"type": ["string", "null"], "description": "ISO time, UTC; null where it is not known."}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _object(properties: Mapping[str, Schema], *, optional: tuple[str, ...] = (), words: str = "") -> Schema:
    """Return the schema of an object with exactly these properties."""
    found: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    found["required"] = [name for name in properties if name not in optional]
    return {**found, "description": words} if words else found


_EVIDENCE = {"path": _TEXT, "line": _WHOLE, "offset": _WHOLE, "text": _TEXT}
_ALERT: dict[str, Schema] = {
    "version": {"const": 1},
    "id": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
    "run": _TEXT,
    "log": _TEXT,
    "host": _TEXT,
    "attempt": _WHOLE,
    "alert": _TEXT,
    "fault": _TEXT,
    "severity": {"enum": [each.value for each in Severity]},
    "state": {"enum": [each.value for each in State]},
    "at": _TIME,
    "starts_at": _TIME,
    "ends_at": _TIME,
    "epoch": {"type": "integer"},
    "step": _or_null({"type": "integer"}),
    "labels": {"type": "object", "additionalProperties": _TEXT},
    "value": _or_null(_NUMBER),
    "threshold": _or_null(_NUMBER),
    "summary": _TEXT,
    "action": _TEXT,
    "reason": _TEXT,
    "needs": _TEXT,
    "inhibited_by": _TEXT,
    "resent": {"const": True},
    "checkpoint": _TEXT,
    "gpus": _WHOLE,
    "evidence": _list(_object(_EVIDENCE)),
}
_MAY_LACK = ("inhibited_by", "resent", "checkpoint", "gpus")
_GAP = {"signal": _TEXT, "reports": _WHOLE, "unit": _TEXT, "last": _or_null(_NUMBER), "now": _or_null(_NUMBER)}
_COVERAGE = {
    "share": {"type": "number", "minimum": 0, "maximum": 1},
    "ok": _WHOLE,
    "applicable": _WHOLE,
    "all_passed": _TRUTH,
    "gaps": _list(_object(_GAP)),
}
_FACTS = {
    **{name: {"type": "integer"} for name in ("step", "steps", "epoch", "epochs_done", "epochs")},
    **dict.fromkeys(("loss", "val_loss", "lr", "grad_norm"), _NUMBER),
    "checkpoint": _TEXT,
    "metrics": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": _NUMBER}},
}
_SOURCE = {"log": _TEXT, "run": _or_null(_TEXT), "lines": _WHOLE, "understood": _WHOLE, "facts": _list(_TEXT)}
_WATCH = {
    "state": _TEXT,
    "is_running": _TRUTH,
    "verdict": {"enum": [each.value for each in RunState]},
    "verdict_reason": _TEXT,
    "first_screen": _list(_TEXT),
    "mark": {"enum": ["ok", "caution", "breach", "unknown", "not_applicable"]},
    "problems": _list(_TEXT),
    "progress": _or_null({"type": "number", "minimum": 0, "maximum": 1}),
    "ends_at": _TIME,
    "committed_at": _TIME,
    "written_at": _TIME,
    "bytes_behind": _WHOLE,
    "undelivered": _WHOLE,
}
_RUN = {
    "id": _TEXT,
    "log": _TEXT,
    "host": _TEXT,
    "run": _or_null(_TEXT),
    "verdict": {"enum": ["ok", "breach", "blind"]},
    "ended": {"enum": [each.value for each in Ended]},
    "cause": _TEXT,
    "dialect": _TEXT,
    "lines": _WHOLE,
    "understood": _WHOLE,
    "unread": {},
    "coverage": _object(_COVERAGE),
    "facts": _object(_FACTS, optional=tuple(_FACTS)),
    "sources": _list(_object(_SOURCE)),
    "alerts": _list(_ref("Alert")),
    "exit_code": {"enum": [0, 1, 3]},
    "watch": _object(_WATCH),
}
_POINT = {
    "value": _NUMBER,
    "step": _or_null({"type": "integer"}),
    "epoch": {"type": "integer"},
    "at": _TIME,
    "line": _WHOLE,
    "offset": _WHOLE,
}
_SERIES = {
    "key": _TEXT,
    "signal": _TEXT,
    "labels": {"type": "object", "additionalProperties": _TEXT},
    "count": _WHOLE,
    "min": _NUMBER,
    "max": _NUMBER,
    "nonfinite": _WHOLE,
    "last": _ref("Point"),
    "points": _list(_ref("Point")),
}
_SILENCE = {
    "id": _TEXT,
    "target": _TEXT,
    "author": _TEXT,
    "reason": _TEXT,
    "begins_at": _TIME,
    "ends_at": {**_TIME, "description": "ISO time, UTC; null for an acknowledgement, which ends with its alert."},
}
_PAGING = {"total": _WHOLE, "offset": _WHOLE, "limit": _WHOLE, "next_offset": _or_null(_WHOLE)}
SCHEMAS: dict[str, Schema] = {
    "Alert": _object(_ALERT, optional=_MAY_LACK, words="An alert in the form that every receiver gets."),
    "ListedAlert": _object(
        {"run_page": _TEXT, **_ALERT}, optional=_MAY_LACK, words="An alert, with the id of its run here."
    ),
    "Run": _object(
        _RUN,
        optional=("cause", "dialect", "unread", "sources"),
        words="A run as `monitor check --json` prints it; `watch` is what its watch knows beside the log.",
    ),
    "Runs": _object({**_PAGING, "runs": _list(_ref("Run")), "troubles": _list(_TEXT)}),
    "Alerts": _object({**_PAGING, "alerts": _list(_ref("ListedAlert"))}),
    "Point": _object(_POINT),
    "Series": _object(_SERIES, optional=("points",)),
    "AllSeries": _object({"id": _TEXT, "series": _list(_ref("Series"))}),
    "Silence": _object(_SILENCE),
    "Silences": _object({"done": _list(_ref("Silence"))}),
    "Health": _object({"status": {"enum": ["ok", "stuck"]}, "runs": _WHOLE, "seconds_since_look": {"type": "number"}}),
    "Error": _object({"error": _TEXT}),
}


def _answer(schema: str, words: str = "Found") -> Schema:
    return {"description": words, "content": {"application/json": {"schema": _ref(schema)}}}


def _query(name: str, schema: Schema, words: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": words}


_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "description": "The run's id here, or its own."}
_PAGES = [
    _query("offset", {**_WHOLE, "default": 0}, "How many to pass over."),
    _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": FEW_PER_PAGE}, "How many."),
]
_WRONG = {"400": _answer("Error", "The query is wrong")}
_MISSING = {"404": _answer("Error", "There is no such run")}
_GUARDED = {
    "401": _answer("Error", "A token is needed"),
    "403": _answer("Error", "The token is wrong, or another site asks"),
    "429": _answer("Error", "Too many requests"),
}


def _get(operation: str, words: str, answers: Mapping[str, Schema], parameters: list[Schema] | None = None) -> Schema:
    found: Schema = {"operationId": operation, "summary": words, "responses": {**answers, **_GUARDED}}
    return {"get": {**found, "parameters": parameters} if parameters else found}


def _post(verb: str, words: str, needed: tuple[str, ...]) -> Schema:
    body = {
        "type": "object",
        "properties": dict.fromkeys(FIELDS[verb], _TEXT),
        "required": list(needed),
        "additionalProperties": False,
    }
    taken = {kind: {"schema": body} for kind in ("application/json", "application/x-www-form-urlencoded")}
    answers = {
        "201": _answer("Silences", "Done"),
        "303": {"description": "Done; the answer to a form leads to the run's page"},
        **_WRONG,
        **_MISSING,
        "408": _answer("Error", "The body did not come in time"),
        "409": _answer("Error", "The watch refuses"),
        "413": _answer("Error", "The body is too long"),
        "415": _answer("Error", "The body is of another kind"),
        **_GUARDED,
    }
    request = {"required": True, "content": taken}
    operation = f"{verb}_alert"
    return {"post": {"operationId": operation, "summary": words, "requestBody": request, "responses": answers}}


def description() -> Schema:
    """Return the description of the API."""
    paths = {
        "/api/runs": _get("list_runs", "All runs.", {"200": _answer("Runs"), **_UNCHANGED, **_WRONG}, _PAGES),
        "/api/runs/{id}": _get("get_run", "One run.", {"200": _answer("Run"), **_UNCHANGED, **_MISSING}, [_ID]),
        "/api/runs/{id}/series": _get(
            "get_series",
            "The values that the watch keeps: the first, the last of each epoch, and the newest.",
            {"200": _answer("AllSeries"), **_UNCHANGED, **_MISSING},
            [
                _ID,
                {
                    **_query("key", _list(_TEXT), f"Series to give with their points, {MOST_SERIES} at most."),
                    "style": "form",
                    "explode": True,
                },
            ],
        ),
        "/api/alerts": _get(
            "list_alerts",
            "The alerts of all runs, the newest first.",
            {"200": _answer("Alerts"), **_UNCHANGED, **_WRONG, **_MISSING},
            [
                *_PAGES,
                _query("run", _TEXT, "Of this run only."),
                _query("state", {"enum": [each.value for each in State]}, "In this state only; repeatable."),
            ],
        ),
        "/api/silences": _post("silence", "Silence a rule or an alert for a while.", ("run", "target", "for")),
        "/api/acks": _post("ack", "Acknowledge an alert, so that it is not repeated.", ("run", "alert")),
        "/api/events": _get(
            "stream_events",
            "What changes: server-sent events `runs` (rows of the page), `gone` (an id), `alert` (an alert and the id "
            "of its run), and `reload` for a reader that has missed some.",
            {"200": {"description": "A stream", "content": {"text/event-stream": {"schema": _TEXT}}}},
            [_query("after", _TEXT, "The id of the last event that is known; so does the header Last-Event-ID.")],
        ),
        "/healthz": _get("get_health", "Whether the state folders are looked at.", _HEALTH),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "trainwarden",
            "version": __version__,
            "summary": "The runs that the watches of this machine follow.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


_UNCHANGED = {"304": {"description": "As the ETag of If-None-Match says, nothing has changed"}}
_HEALTH = {"200": _answer("Health"), "503": _answer("Health", "They are not looked at any more")}
