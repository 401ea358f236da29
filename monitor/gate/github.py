"""Cases as annotations of a GitHub build, and as the summary of its step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from monitor.alert import Severity
from monitor.base.escape import code_fence
from monitor.gate.case import Case
from monitor.gate.judged import Judged

_COMMANDS = {Severity.CRITICAL: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_VALUE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_VALUE, ":": "%3A", ",": "%2C"}
"""What the service's commands give a meaning: https://docs.github.com/actions/reference/workflow-commands"""


def workflow_commands(logs: Sequence[Judged]) -> Iterator[str]:
    """Yield one command for each case that was found."""
    for log in logs:
        for case in log.cases:
            if case.is_found:
                yield _annotation(log, case)


def step_summary(logs: Sequence[Judged]) -> str:
    """Return the first screens as Markdown."""
    return "".join(f"{code_fence(chr(10).join(log.summary))}\n\n" for log in logs)


def _annotation(log: Judged, case: Case) -> str:
    first = case.evidence[0] if case.evidence else None
    properties = {"file": log.file_of(first) if first else log.file, "title": case.name}
    if first is not None:
        properties["line"] = str(first.line)
    words = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    return f"::{_COMMANDS[case.severity]} {words}::{_escaped(case.words, _VALUE)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(character, character) for character in text)
