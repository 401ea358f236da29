"""``monitor drill``: break copies of a healthy log, and show what a watch of them would say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.clock import SystemClock
from monitor.base.errors import LogError, MonitorError
from monitor.base.escape import redact, terminal, unmarked
from monitor.base.wording import counted, listed, span
from monitor.cli import completers
from monitor.cli.config_option import background_of, config_option, rules_of
from monitor.cli.help_sections import Sectioned
from monitor.cli.options import EXIT_BLIND, EXIT_FIRED, OtherRuns, line_options, rule_options
from monitor.engine.step import Engine
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.rehearsal.drill import Drill, Result, Seen, drill
from monitor.rehearsal.watched import Told
from monitor.rules.choice import RuleChoice
from monitor.sinks.story import story_of

if TYPE_CHECKING:
    from monitor.config import Config

_MARKS = {Seen.CAUGHT: "✅", Seen.BLIND: "❔", Seen.NOT_APPLICABLE: "➖"}


@click.command("drill", cls=Sectioned)
@click.argument("log", metavar="LOG", shell_complete=completers.files)
@config_option
@rule_options
@line_options
@click.option(
    "--pace",
    type=click.FloatRange(min=0.001, max=86_400.0),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Time between two lines, for a log without times.",
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep the broken copies in this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    log: str,
    config: Config,
    choice: RuleChoice,
    lines: LineChoice,
    pace: float,
    keep: Path | None,
    as_json: bool,
) -> int:
    """Break copies of a healthy log, and show what would fire, when, and what would not be seen.

    Each copy is healthy up to one line, then broken in the log's own format: the loss is nan, or frozen; nothing comes
    any more; it breaks off within a line; one kind of line vanishes; the step goes back. A watch follows it on a clock
    that is moved, by the log's own times. LOG itself is only read. Exit code: 0 all breaks that apply are caught, 1 one
    is not, 2 wrong usage or a bad file, 3 LOG cannot be read, or too little in it.

    \b
    monitor drill _logs/training/run.log
    monitor drill run.log --config watch.yaml --keep broken/
    monitor drill run.log --json | jq '.breaks[] | select(.state == "blind")'
    """
    if log == "-":
        raise MonitorError("monitor drill", "standard input cannot be read twice", expected="a file")
    dialects = dialects_of(lines, config.dialect, config.time_zone, config.vocabulary)
    engine = Engine(rules_of(config, choice), background_of(config, OtherRuns(None, ()), [log]), dialects)
    try:
        done = drill(log, engine, SystemClock(), pace_s=pace, keep=keep)
    except LogError as error:
        click.echo(terminal(f"monitor: {error}"), err=True)
        return EXIT_BLIND
    for line in [json.dumps(_as_json(done, pace))] if as_json else map(terminal, _lines(done, pace)):
        click.echo(line)
    return 0 if done.is_passed else EXIT_FIRED


def _lines(done: Drill, pace_s: float) -> Iterator[str]:
    healthy = done.healthy
    step = healthy.last_step
    broken = healthy.lines[healthy.broken_at]
    behind = f", behind step {step:,}" if step is not None else ""
    yield f"{healthy.log}: {counted(healthy.num_lines, 'line')}; copies are broken at L{broken.number:,}{behind}"
    if not healthy.has_times:
        yield f"its lines carry no times: taken as {pace_s:g} s apart"
    if done.anyway:
        names = listed([each.alert.rule for each in done.anyway])
        yield f"🟠 fires without a break: {names}; what it says is not counted below"
    width = max(len(each.of.title) for each in done.results)
    for each in done.results:
        yield f"{_MARKS[each.seen]} {each.of.title:<{width}}  {_verdict(each, healthy.has_times)}"
        for told in () if each.told is None else (each.told,):
            yield f"     {unmarked(redact(story_of(told.alert).title))}"
        for reason in each.why:
            yield f"     {unmarked(redact(reason))}"
        if each.others:
            yield f"     also fires: {listed(list(dict.fromkeys(other.alert.rule for other in each.others)))}"
        if each.note:
            yield f"     {each.note}"
    caught, blind = (sum(each.seen is seen for each in done.results) for seen in (Seen.CAUGHT, Seen.BLIND))
    named = [each.of.title for each in done.results if each.seen is Seen.BLIND]
    yield f"{caught} of {caught + blind} caught" + (f"; blind to: {listed(named, len(named))}" if named else "")


def _verdict(result: Result, has_times: bool) -> str:
    if result.seen is Seen.NOT_APPLICABLE:
        return f"does not apply: {result.what}"
    if result.told is None:
        return f"not seen ({result.what})"
    about = "" if has_times else " by the assumed pace"
    alert = result.told.alert
    return f"{alert.rule}, {alert.severity}, {_when(result.told)}{about} ({result.what})"


def _when(told: Told) -> str:
    line = f"at L{told.line:,}, " if told.line else ""
    return f"{line}{span(told.after_s)} after the break"


def _as_json(done: Drill, pace_s: float) -> dict[str, object]:
    healthy = done.healthy
    return {
        "log": str(Path(healthy.log).absolute()),
        "lines": healthy.num_lines,
        "broken_at": {"line": healthy.lines[healthy.broken_at].number, "step": healthy.last_step},
        "pace_s": None if healthy.has_times else pace_s,
        "fires_anyway": sorted({each.alert.rule for each in done.anyway}),
        "breaks": [_result_json(each) for each in done.results],
        "exit_code": 0 if done.is_passed else EXIT_FIRED,
    }


def _result_json(result: Result) -> dict[str, object]:
    found: dict[str, object] = {"break": result.of.name, "state": result.seen.value}
    if result.seen is Seen.NOT_APPLICABLE:
        return {**found, "why": [result.what]}
    found |= {"what": result.what}
    if result.told is not None:
        found |= {
            "line": result.told.line or None,
            "after_s": round(result.told.after_s, 3),
            "alert": result.told.alert.to_json(),
        }
    return {
        **found,
        "also": sorted({each.alert.rule for each in result.others}),
        "why": [redact(each) for each in result.why],
        **({"note": result.note} if result.note else {}),
    }
