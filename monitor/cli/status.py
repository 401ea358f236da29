"""``monitor status``: what a watch with a state knows; the watch may be running."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from monitor.alert import iso_time
from monitor.base.clock import SystemClock
from monitor.base.errors import StateError
from monitor.base.escape import redact, terminal, unmarked
from monitor.cli.options import json_option, state_option
from monitor.cli.other_run import default_directory
from monitor.engine.step import Engine
from monitor.live.watched import Unread, by_run, firing, known_snapshot, state_at_commit, unread
from monitor.notify.silences import Silence, line_of, read_silences, unexpired
from monitor.report.facts import facts_of
from monitor.report.run_state import RunState
from monitor.report.summary import Summary, summary_of
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.snapshot import HISTORY_LIMIT
from monitor.store.store import Seen, look
from monitor.terminal.lines import understood_words

JSON_VERSION = 1


@click.command("status")
@state_option
@json_option
def command(state: Path | None, as_json: bool) -> int:
    """Show what a watch with --state knows, also while it runs.

    Reads the state and the size of the log; writes nothing. Exit code: 0 nothing fires, 1 something fires at warning
    or above, 2 usage or no state.

    \b
    monitor status --state /var/lib/trainwarden/run-1
    monitor status --json | jq '.logs[].bytes_behind'
    """
    directory = state or default_directory(os.environ)
    process, found = look(directory, history_limit=HISTORY_LIMIT)
    wall = SystemClock().wall()
    found = [seen for _, same in by_run(found) for seen in same]
    is_watched = process is not None
    screens = [first_screen(seen, is_watched=is_watched) for seen in found]
    reports = [
        _report(seen, screen, unread(seen), wall, is_watched=is_watched)
        for seen, screen in zip(found, screens, strict=True)
    ]
    silences = _silences(directory, wall)
    if as_json:
        runs = [{"run": run, "logs": [seen.log for seen in same]} for run, same in by_run(found)]
        document = {
            "version": JSON_VERSION,
            "state": str(directory),
            "process": process,
            "runs": runs,
            "logs": reports,
            "silences": [asdict(each) for each in silences],
        }
        click.echo(json.dumps(document, allow_nan=False))
    else:
        by = f"watched by process {process}" if process else "no watch is running"
        click.echo(terminal(f"{directory}: {by}"))
        for seen, report, screen in zip(found, reports, screens, strict=True):
            for line in _lines(seen, report, screen):
                click.echo(terminal(line))
        for each in silences:
            click.echo(line_of(each))
    return int(any(alert.severity.is_alarming for seen in found for alert in firing(seen)))


def _silences(directory: Path, wall: float) -> list[Silence]:
    """Return the silences and acknowledgements; an unreadable file is reported, and hides nothing else."""
    try:
        return unexpired(read_silences(directory), wall)
    except StateError as error:
        click.echo(terminal(f"monitor: {error}"), err=True)
        return []


def first_screen(seen: Seen, *, is_watched: bool) -> Summary:
    """Return the first screen at the newest commit, by the shipped rules: the page's, without a watch file."""
    engine = Engine(load_rules(rule_files(())))
    return summary_of(known_snapshot(seen, engine, wall=SystemClock().wall() if is_watched else None))


def _report(seen: Seen, screen: Summary, rest: Unread, wall: float, *, is_watched: bool) -> dict[str, object]:
    saved, run = seen.saved, seen.saved.run
    attempt, totals, found = run.attempt, saved.totals, state_at_commit(seen, is_watched=is_watched)
    return {
        "log": seen.log,
        "run": run.id,
        "rank": run.rank,
        "status": run.status.value,
        "verdict": found.state.value,
        "verdict_reason": redact(found.why),
        "verdict_evidence": [
            {"path": each.path, "line": each.line, "offset": each.offset, "text": redact(each.text)}
            for each in found.evidence
        ],
        "state": screen.state,
        "judgement": f"{screen.mark} {screen.checked}",
        "all_passed": screen.all_passed,
        "problems": [problem.rule for problem in screen.problems],
        "attempt": attempt.number,
        "phase": attempt.phase,
        "epoch": attempt.epoch,
        "epochs_done": attempt.epochs_done,
        "epochs_planned": attempt.epochs_planned,
        "step": attempt.step,
        "facts": facts_of(run),
        "at": iso_time(run.now),
        "heard_at": iso_time(run.heard_at),
        "committed_at": iso_time(saved.committed_at),
        "alerts": [alert.to_json() for alert in firing(seen)],
        "num_fired": saved.fired,
        "num_undelivered": seen.num_parcels,
        "bytes_behind": rest.num_bytes,
        "seconds_behind": 0.0 if rest.since is None else max(0.0, wall - rest.since),
        "bytes_read": totals.bytes_read,
        "lines": run.lines,
        "lines_understood": run.understood,
        "is_zone_assumed": run.dialect.is_zone_assumed,
        "dialect": run.dialect.name or None,
        "truncated_lines": totals.truncated_lines,
        "replaced_lines": totals.replaced_lines,
        "lost_bytes": totals.lost_bytes,
        "dropped_samples": attempt.dropped,
        "generations": totals.generations,
        "is_late": saved.behind is not None,
        "polling": totals.polling,
    }


def _lines(seen: Seen, report: Mapping[str, object], screen: Summary) -> list[str]:
    """Return the first screen, then how the watch gets on with the log."""
    run, saved = seen.saved.run, seen.saved
    late_s = report["seconds_behind"] if report["bytes_behind"] else 0
    rank = "" if report["rank"] is None else f", rank {report['rank']}"
    behind = f"{report['bytes_behind']:,} bytes behind" if report["bytes_behind"] else "all of it is read"
    lines = [
        *screen.lines,
        f"  {seen.log}{rank}: last line {report['at'] or 'without a time'}; {behind}"
        + (f", for {late_s:.0f} s" if late_s else ""),
        f"  {understood_words(run)}",
    ]
    lines += [
        f"  {number:,} {what}"
        for number, what in (
            (report["truncated_lines"], "lines were cut: longer than the limit"),
            (report["replaced_lines"], "lines are not valid UTF-8"),
            (report["lost_bytes"], "bytes were lost before they were read"),
            (report["dropped_samples"], "samples were dropped: the log has too many signals"),
            (report["num_undelivered"], "alerts wait for a receiver"),
            (
                report["generations"] if report["generations"] != 1 else 0,
                "files so far: rotated or truncated",
            ),
        )
        if number
    ]
    if report["verdict"] in _TOLD:
        lines.append(f"  {report['verdict']}: {unmarked(str(report['verdict_reason']))}")
    if report["polling"]:
        lines.append(f"  polled by the clock only: {report['polling']}")
    if saved.behind is not None:
        lines.append(f"  {saved.behind.summary}")
    return lines


_TOLD = frozenset({RunState.HUNG, RunState.SLOW, RunState.PAUSED})
"""States that only the process, the GPUs or a declared pause can tell."""
