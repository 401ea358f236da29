"""Cases as JUnit XML: one suite per log, in the form that Jenkins, GitLab and others read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from monitor.base.escape import terminal
from monitor.gate.case import Case, Grade, shown
from monitor.gate.judged import Judged

_NO_TIME = "0"
"""A case takes no time of its own: the rules judge a log together, line by line."""


def junit(logs: Sequence[Judged], *, at: float) -> str:
    """Return the document; ``at`` is the time of the check, in seconds since 1970-01-01 UTC."""
    root = Element("testsuites")
    for number, log in enumerate(logs):
        root.append(_suite(log, number, at))
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(log: Judged, number: int, at: float) -> Element:
    grades = [case.grade for case in log.cases]
    suite = Element(
        "testsuite",
        name=log.file,
        package="trainwarden",
        id=str(number),
        timestamp=datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        hostname=terminal(log.host) or "localhost",
        tests=str(len(grades)),
        failures=str(grades.count(Grade.FAILED)),
        errors=str(grades.count(Grade.UNREAD)),
        skipped=str(grades.count(Grade.SKIPPED)),
        time=_NO_TIME,
    )
    SubElement(suite, "properties")
    for case in log.cases:
        suite.append(_case(case, log))
    SubElement(suite, "system-out").text = "\n".join(log.summary)
    SubElement(suite, "system-err")
    return suite


def _case(case: Case, log: Judged) -> Element:
    element = Element("testcase", classname=log.file, name=case.name, time=_NO_TIME)
    if case.grade is Grade.SKIPPED:
        SubElement(element, "skipped", message=case.words)
    elif case.grade in (Grade.FAILED, Grade.UNREAD):
        kind = "failure" if case.grade is Grade.FAILED else "error"
        found = SubElement(element, kind, message=case.words, type=case.severity.value)
        found.text = "\n".join(_details(case, log))
    return element


def _details(case: Case, log: Judged) -> list[str]:
    lines = [f"{log.file_of(each)}:{each.line}: {shown(each.text.strip())}" for each in case.evidence]
    return [case.words, *lines, *([f"do: {case.advice}"] if case.advice else [])]
