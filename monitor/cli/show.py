"""``monitor show``: one alert with its evidence, the lines of the log."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from monitor.alert import Alert, Severity, State
from monitor.base.errors import MonitorError
from monitor.base.escape import redact, terminal, unmarked
from monitor.base.evidence import Evidence
from monitor.cli import completers
from monitor.cli.excerpt import Excerpt, excerpt
from monitor.cli.options import json_option, make_engine, rule_options, state_option
from monitor.cli.other_run import default_directory
from monitor.cli.reading import read_log
from monitor.pipeline import Pipeline
from monitor.rules.choice import RuleChoice

MOST_LISTED = 12
"""Alerts listed where an id matches several, or none."""
HISTORY = 1_000
"""Newest transitions of each log to search."""
LEAST_PREFIX = 4


class _FoundAlert(NamedTuple):
    """An alert, from any source."""

    id: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    evidence: tuple[Evidence, ...]
    document: dict[str, object]


@click.command("show")
@click.argument("alert", shell_complete=completers.alerts)
@click.argument("log", required=False, shell_complete=completers.files)
@click.option(
    "--alerts",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Look in this file, written by a jsonl sink or by monitor replay --json.",
)
@state_option
@click.option(
    "--context",
    type=click.IntRange(0, 50),
    default=3,
    show_default=True,
    help="Show this many lines around each.",
)
@rule_options
@json_option
def command(
    alert: str,
    log: str | None,
    file: Path | None,
    state: Path | None,
    context: int,
    choice: RuleChoice,
    as_json: bool,
) -> None:
    """Print an alert and its evidence: the log lines with the lines around them.

    ALERT is the id of an alert, or its first digits. Looks in LOG, which is replayed; else in the FILE of --alerts;
    else in the state of a watch. Writes nothing. Exit code: 0 found, 2 usage, bad file or no such alert.

    \b
    monitor show 1f2e3d4c
    monitor show 1f2e3d4c _logs/training/run.log
    monitor show 1f2e --alerts alerts.jsonl --context 10
    """
    if log is not None and file is not None:
        raise MonitorError("--alerts", "cannot be combined with LOG", expected="one of the two")
    if log is not None:
        where, known = log, _replayed(log, choice)
    elif file is not None:
        where, known = str(file), _from_file(file)
    else:
        folder = state or default_directory(os.environ)
        where, known = str(folder), _from_state(folder)
    found = _chosen(alert, known, where)
    lines = [line._replace(path=_absolute(line.path, found.document.get("log"))) for line in found.evidence]
    excerpts = [(line, excerpt(line, context)) for line in lines]
    if as_json:
        click.echo(json.dumps({**found.document, "context": [_document(line, each) for line, each in excerpts]}))
        return
    click.echo(terminal(found.headline))
    width = max((len(name) for name, _ in found.facts), default=0)
    for name, value in found.facts:
        click.echo(terminal(f"  {name:<{width}}  {unmarked(redact(value))}"))
    for line, each in excerpts:
        click.echo("")
        click.echo(terminal(f"{line.path}:{line.line} (byte {line.offset:,}){f': {each.doubt}' if each.doubt else ''}"))
        digits = len(str(max((number for number, _ in each.lines), default=0)))
        for number, text in each.lines:
            sign = "▶" if number == line.line else " "
            click.echo(terminal(f"{sign} {number:>{digits}}  {unmarked(redact(terminal(text)))}"))
    if not found.evidence:
        click.echo("this alert has no line of the log as evidence", err=True)


def _absolute(path: str, log: object) -> str:
    """Return the full path of a cited log; a short one starts where the watch ran, as the alert's own log tells."""
    if path in ("", "-") or Path(path).is_absolute():
        return path
    parts = Path(path).parts
    if isinstance(log, str) and Path(log).is_absolute() and Path(log).parts[-len(parts) :] == parts:
        return log
    return str(Path(path).absolute())


def _chosen(prefix: str, known: Sequence[_FoundAlert], where: str) -> _FoundAlert:
    """Return the one alert whose id begins with a prefix, in its last state. Raises MonitorError."""
    newest = {each.id: each for each in known}
    found = [each for id, each in newest.items() if id.startswith(prefix)] if len(prefix) >= LEAST_PREFIX else []
    if len(found) == 1:
        return found[0]
    if not newest:
        raise MonitorError(where, "no alert found", expected="a log or a state in which something fired")
    shown = found or list(newest.values())
    what = f"{len(found)} alerts with this id" if found else "no alert with this id"
    for each in shown[-MOST_LISTED:]:
        click.echo(terminal(f"  {each.id}  {each.headline}"), err=True)
    raise MonitorError(f"ALERT {prefix}", f"{what} in {where}", expected=f"at least {LEAST_PREFIX} digits of one id")


def _replayed(log: str, choice: RuleChoice) -> list[_FoundAlert]:
    pipeline = Pipeline(log, make_engine(choice))
    return [_of(alert) for alert in read_log(pipeline)]


def _from_state(folder: Path) -> list[_FoundAlert]:
    # Imported here: SQLite is needed for a state only.
    from monitor.store.store import look

    _, seen = look(folder, history_limit=HISTORY)
    return [
        _of(alert) for each in seen for alert in (*each.saved.history, *each.saved.states.open.values())
    ]  # fmt: skip


def _of(alert: Alert) -> _FoundAlert:
    labels = ", ".join(f"{name}={value}" for name, value in alert.labels)
    return _known(alert.to_json(), alert.evidence, labels)


def _known(document: dict[str, object], evidence: tuple[Evidence, ...], labels: str) -> _FoundAlert:
    """Return an alert from its JSON form."""

    def words(name: str) -> str:
        value = document.get(name)
        return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)

    state, severity = words("state"), words("severity")
    report = f"report {words('report')}" if words("report") else ""
    mark = {State.FIRING: "🔴" if severity == Severity.CRITICAL else "🟠", State.RESOLVED: "🟢"}.get(state, "⚪")  # type: ignore[call-overload]
    headline = f"{mark} {severity} {words('alert')} {state}: {unmarked(redact(words('summary')))}"
    facts = [
        ("id", words("id")),
        ("run", f"{words('run')}, attempt {words('attempt')}"),
        ("log", words("log")),
        ("fault", words("fault")),
        ("labels", labels),
        ("fired", words("starts_at")),
        ("ended", words("ends_at")),
        ("place", f"epoch {words('epoch')}, {report or 'step ' + (words('step') or 'unknown')}"),
        ("value", words("value")),
        ("threshold", words("threshold")),
        ("reason", words("reason")),
        ("explained by", words("inhibited_by")),
        ("action", words("action")),
    ]
    return _FoundAlert(words("id"), headline, tuple(each for each in facts if each[1]), evidence, document)


def _from_file(file: Path) -> list[_FoundAlert]:
    """Read alerts that a sink has written, one JSON object per line. Raises MonitorError."""
    known = []
    try:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    known.append(_from_line(line, f"{file}:{number}"))
    except OSError as error:
        raise MonitorError(str(file), f"cannot be read ({error.strerror})", expected="alerts, one per line") from None
    return known


def _from_line(line: str, where: str) -> _FoundAlert:
    expected = "an alert as monitor replay --json prints it"
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise MonitorError(where, "not JSON", expected=expected) from None
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise MonitorError(where, "not an alert", expected=expected)
    labels = document.get("labels")
    shown = ", ".join(f"{name}={value}" for name, value in labels.items()) if isinstance(labels, dict) else ""
    evidence = document.get("evidence")
    found = tuple(_evidence(each, where) for each in evidence) if isinstance(evidence, list) else ()
    return _known(document, found, shown)


def _evidence(entry: object, where: str) -> Evidence:
    match entry:
        case {"path": str(path), "line": int(line), "offset": int(offset), "text": str(text)} if min(line, offset) >= 0:
            return Evidence(path, line, offset, None, text)
    raise MonitorError(where, "has incomplete evidence", expected="path, line, offset and text")


def _document(line: Evidence, found: Excerpt) -> dict[str, object]:
    return {
        "path": line.path,
        "line": line.line,
        "doubt": found.doubt,
        "lines": [{"line": number, "text": redact(text)} for number, text in found.lines],
    }
