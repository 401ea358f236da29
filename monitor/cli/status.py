"""``monitor status``: what a watch with a state knows; the watch may be running."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import click

from monitor.alert import Alert, State, iso_time
from monitor.base.clock import SystemClock
from monitor.base.errors import StateError
from monitor.base.escape import redact, terminal, unmarked
from monitor.cli.options import json_option, state_option
from monitor.cli.other_run import default_directory
from monitor.cli.which_run import FoundRun, known_snapshot
from monitor.engine.step import Engine
from monitor.notify.silences import Silence, line_of, read_silences, unexpired
from monitor.report.facts import facts_of
from monitor.report.run_state import PASSING, RunState, RunVerdict, run_state_of
from monitor.report.summary import Summary, summary_of
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.run.sources import Source, companions
from monitor.snapshot import HISTORY_LIMIT
from monitor.store.store import Seen, look
from monitor.tail.ranks import family
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
    found = [seen for _, same in _runs(found) for seen in same]
    is_watched = process is not None
    screens = [first_screen(seen, is_watched=is_watched) for seen in found]
    reports = [
        _report(seen, screen, unread(seen), wall, is_watched=is_watched)
        for seen, screen in zip(found, screens, strict=True)
    ]
    silences = _silences(directory, wall)
    if as_json:
        runs = [{"run": run, "logs": [seen.log for seen in same]} for run, same in _runs(found)]
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


class Unread(NamedTuple):
    """What the log has beyond the newest commit."""

    num_bytes: int
    since: float | None
    """When the last of these bytes was written, in seconds since 1970-01-01 UTC; None without any."""


def unread(seen: Seen) -> Unread:
    """Return how much of the log was not read at the newest commit, from the file itself."""
    position = seen.saved.position
    try:
        status = Path(seen.log).stat()
    except OSError:
        return Unread(seen.saved.totals.bytes_behind, None)
    if position is None:
        num_bytes = status.st_size
    elif status.st_ino == position.inode:
        num_bytes = max(0, status.st_size - position.read_offset)
    else:
        # The unread rest of the rotated file, as far as it is known, and all of the new one.
        num_bytes = position.known_bytes - position.read_offset + status.st_size
    return Unread(num_bytes, status.st_mtime if num_bytes else None)


def _run_key(seen: Seen) -> str:
    """Return the key that the logs of one training share: the run id of their start lines, else the family name."""
    known = seen.saved.run
    return known.id if known.id and known.attempt.started is not None else family(seen.log)


def _runs(found: Sequence[Seen]) -> list[tuple[str | None, list[Seen]]]:
    """Return the logs by run, the main log first; the name of a rank's log tells which run it belongs to.

    Files of figures that a trainer wrote beside its log are of the log's run.
    """
    mains = companions(Source(seen.log, seen.saved.run) for seen in found)
    keys = {seen.log: _run_key(seen) for seen in found}
    by_family = {family(seen.log): _run_key(seen) for seen in reversed(found) if not seen.saved.run.rank}
    runs: dict[str, list[Seen]] = {}
    for seen in found:
        key = keys[mains.get(seen.log, seen.log)]
        own = by_family.get(family(seen.log), key) if seen.saved.run.rank else key
        runs.setdefault(own, []).append(seen)
    ordered = [sorted(same, key=lambda seen: (seen.log in mains, seen.saved.run.rank or 0)) for same in runs.values()]
    return [(same[0].saved.run.id, same) for same in ordered]


def firing(seen: Seen) -> list[Alert]:
    """Return the alerts that fire now."""
    return [alert for alert in seen.saved.states.open.values() if alert.state is State.FIRING]


def verdict(seen: Seen, *, is_watched: bool) -> RunVerdict:
    """Return the run state at the newest commit; unknown for a run in progress that is not watched."""
    saved = seen.saved
    now = saved.run.now
    if now is not None and saved.line_came_at is not None:
        now += max(0.0, saved.committed_at - saved.line_came_at)
    found = run_state_of(saved.run, saved.states.open.values(), now)
    if is_watched or found.state not in PASSING:
        return found
    why = f"not watched now; when last watched: {found.state.value}, {found.why}"
    return found._replace(state=RunState.UNKNOWN, why=why)


def first_screen(seen: Seen, *, is_watched: bool) -> Summary:
    """Return the first screen at the newest commit, by the shipped rules: the page's, without a watch file."""
    engine = Engine(load_rules(rule_files(())))
    return summary_of(known_snapshot(FoundRun(seen.log, seen, is_watched=is_watched), engine))


def _report(seen: Seen, screen: Summary, rest: Unread, wall: float, *, is_watched: bool) -> dict[str, object]:
    saved, run = seen.saved, seen.saved.run
    attempt, totals, found = run.attempt, saved.totals, verdict(seen, is_watched=is_watched)
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
