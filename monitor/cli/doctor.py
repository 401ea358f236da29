"""``monitor doctor``: which rules could fire in time on this log, which could not, and what to change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import click

from monitor.base.escape import redact, terminal, unmarked
from monitor.cli import completers
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import EXIT_BLIND, line_options, make_engine, rule_options
from monitor.cli.which_run import find, read_snapshot
from monitor.pipeline import Pipeline
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.report.summary import summary_of
from monitor.rules.armed import Armed, RuleCoverage, coverage_of
from monitor.rules.choice import RuleChoice
from monitor.snapshot import Snapshot

_MARKS = {Armed.BLIND: "❔", Armed.LATE: "🟠", Armed.WAITING: "⏳", Armed.OFF: "➖", Armed.ARMED: "✅"}
"""In the order of printing: worst first."""


@click.command("doctor", cls=Sectioned)
@click.argument("log", required=False, shell_complete=completers.files)
@rule_options
@line_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per rule.")
def command(log: str | None, choice: RuleChoice, lines: LineChoice, as_json: bool) -> int:
    """Check whether each rule could fire in time, and suggest what to change.

    Reads LOG, by default the newest log under _logs/training/; writes nothing. Exit code: 0 every rule is armed,
    waits for its first line, or has nothing to check; 2 usage or bad file; 3 a rule is blind, or its lines come too
    rarely for it to fire in time.

    \b
    monitor doctor _logs/training/run.log
    monitor doctor run.log --json | jq 'select(.state == "blind")'
    """
    engine = make_engine(choice, dialects=dialects_of(lines))
    pipeline = Pipeline(find(log, None).log, engine)
    snapshot = read_snapshot(pipeline)
    found = coverage_of(pipeline.engine.rules, snapshot.run, snapshot.now)
    for line in map(_json, found) if as_json else _lines(snapshot, found):
        click.echo(line)
    return EXIT_BLIND if any(each.state in (Armed.BLIND, Armed.LATE) for each in found) else 0


def _lines(snapshot: Snapshot, found: list[RuleCoverage]) -> Iterator[str]:
    log, summary = snapshot.log, summary_of(snapshot)
    counted = Counter(each.state for each in found)
    shares = ", ".join(f"{counted[state]} {state.value}" for state in reversed(_MARKS) if counted[state])
    yield terminal(f"{log}: {len(found)} rules: {shares}")
    yield terminal(f"     {summary.mark} {summary.checked}")
    width = max(len(each.rule.alert) for each in found)
    for state, mark in _MARKS.items():
        for each in found:
            if each.state is not state:
                continue
            place = f" [line {each.evidence[-1].line}]" if each.evidence else ""
            yield terminal(f"{mark} {state.value:<7} {each.rule.alert:<{width}}  {unmarked(each.reason)}{place}")
            if each.advice:
                yield terminal(f"     change: {each.advice}")


def _json(each: RuleCoverage) -> str:
    lines = [
        {"path": line.path, "line": line.line, "offset": line.offset, "text": redact(line.text)}
        for line in each.evidence
    ]
    about = {
        "alert": each.rule.alert,
        "state": each.state.value,
        "reason": each.reason,
        "change": each.advice or None,
    }
    return json.dumps({**about, "evidence": lines})
