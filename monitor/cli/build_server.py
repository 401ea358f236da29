"""What `monitor check` tells a build server: files of its findings, annotations, and the step's summary."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from monitor.api import Log
from monitor.base.atomicfile import write_atomically
from monitor.base.clock import SystemClock
from monitor.base.errors import ReportError

SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable with the file that a step's summary is added to."""


class Forms(NamedTuple):
    """The forms that were asked for."""

    junit: Path | None
    sarif: Path | None
    with_annotations: bool
    is_stdout_taken: bool
    """Whether standard output is for JSON; then the annotations, which are read on either, go to standard error."""


def publish(logs: Sequence[Log], forms: Forms, *, must_complete: bool) -> None:
    """Write what was found in some logs. Raises ReportError."""
    # Only build servers need these.
    from monitor.gate.github import step_summary, workflow_commands
    from monitor.gate.judged import Judged
    from monitor.gate.junit import junit
    from monitor.gate.sarif import sarif

    judged = [Judged.of(log, must_complete=must_complete) for log in logs]
    if forms.junit:
        write_atomically(forms.junit, junit(judged, at=SystemClock().wall()))
    if forms.sarif:
        write_atomically(forms.sarif, sarif(judged))
    if forms.with_annotations:
        for line in workflow_commands(judged):
            click.echo(line, err=forms.is_stdout_taken)
        if summary := os.environ.get(SUMMARY):
            _add(Path(summary), step_summary(judged))


def _add(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise ReportError(str(path), what, expected=f"a writable file in {SUMMARY}") from None
