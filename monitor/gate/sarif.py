"""Cases as SARIF 2.1.0, the form in which code hosts take findings with their lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import quote

from monitor import __version__
from monitor.alert import Severity
from monitor.base.evidence import Evidence
from monitor.gate.case import Case, shown
from monitor.gate.judged import Judged

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def sarif(logs: Sequence[Judged]) -> str:
    """Return the document: what was found, and each rule that found something."""
    found = [(log, case) for log in logs for case in log.cases if case.is_found]
    rules = {case.name: case for _, case in found}
    numbers = {name: number for number, name in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "trainwarden",
                "version": __version__,
                "rules": [_rule(case) for case in rules.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(log, case, numbers[case.name]) for log, case in found],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _rule(case: Case) -> dict[str, object]:
    return {
        "id": case.name,
        "shortDescription": {"text": case.about or case.name},
        "defaultConfiguration": {"level": _LEVELS[case.severity]},
    }


def _result(log: Judged, case: Case, number: int) -> dict[str, object]:
    first = f"{case.name}\n{log.run}\n{log.file}\n{case.evidence[0].line if case.evidence else 0}"
    return {
        "ruleId": case.name,
        "ruleIndex": number,
        "level": _LEVELS[case.severity],
        "message": {"text": f"{case.words}{f'. {case.advice}' if case.advice else ''}"},
        # One location per result, the first line that shows it: code hosts show no more.
        "locations": [_location(log, case.evidence[0] if case.evidence else None)],
        "partialFingerprints": {"finding/v1": hashlib.sha256(first.encode("utf-8", "backslashreplace")).hexdigest()},
    }


def _location(log: Judged, line: Evidence | None) -> dict[str, object]:
    file = log.file_of(line) if line is not None else log.file
    place: dict[str, object] = {"artifactLocation": {"uri": _uri(file)}}
    if line is not None:
        place["region"] = {
            "startLine": max(1, line.line),
            "snippet": {"text": shown(line.text.strip())},
        }
    return {"physicalLocation": place}


def _uri(file: str) -> str:
    return f"file://{quote(file)}" if PurePath(file).is_absolute() else quote(file)
