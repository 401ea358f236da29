"""What is known of a run, as `check --json` prints it and `serve` answers: one object per run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from monitor.api import Log
from monitor.report.facts import merged_facts
from monitor.report.verdict import Verdict, verdict_of
from monitor.snapshot import Snapshot

VERDICTS = {0: "ok", 1: "breach", 3: "blind"}


def document_of(log: Log) -> dict[str, object]:
    """Return what is known of a log as strict JSON has it; what was not read is absent."""
    return dict(_items(log))


def as_json_line(log: Log) -> str:
    """Return what is known of a log as one line of strict JSON; what was not read is absent."""
    return json.dumps(document_of(log), ensure_ascii=False, allow_nan=False)


def _items(log: Log) -> Iterator[tuple[str, object]]:
    run = log.snapshot.run
    yield "log", log.path if log.path == "-" else str(Path(log.path).absolute())
    yield "host", log.host
    yield "run", run.id
    yield "verdict", VERDICTS[log.exit_code]
    yield "ended", log.end.ended.value
    if log.end.cause is not None:
        yield "cause", log.end.cause.value
    if run.dialect.name:
        yield "dialect", run.dialect.name
    yield "lines", run.lines
    yield "understood", run.understood
    if run.dialect.unread_words:
        yield "unread", run.dialect.unread_words
    yield "coverage", _coverage(verdict_of(log.snapshot))
    facts, origins = merged_facts(log.snapshot)
    yield "facts", facts
    if log.snapshot.sources:
        yield "sources", [_source(each, origins) for each in log.snapshot.sources]
    yield "alerts", [alert.to_json() for alert in log.alerts]
    yield "exit_code", log.exit_code


def _source(source: Snapshot, origins: dict[str, list[str]]) -> dict[str, object]:
    """Return another file of a run: what was read of it, and which facts are from it."""
    run = source.run
    return {
        "log": str(Path(source.log).absolute()),
        "run": run.id,
        "lines": run.lines,
        "understood": run.understood,
        "facts": origins[source.log],
    }


def _coverage(verdict: Verdict) -> dict[str, object]:
    """Return how many rules are judged, and what share of the run their evidence covers."""
    return {
        "share": round(verdict.share, 3),
        "ok": verdict.num_ok,
        "applicable": verdict.num_applicable,
        "all_passed": verdict.all_passed,
        "gaps": [
            {
                "signal": gap.signal,
                "reports": gap.reach.num_reports,
                "unit": gap.reach.unit,
                "last": gap.reach.last,
                "now": gap.reach.now,
            }
            for gap in verdict.gaps
        ],
    }
