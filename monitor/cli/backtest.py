"""``monitor backtest``: what all rules would have said of runs of the past."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.atomicfile import write_atomically
from monitor.base.errors import LogError, MonitorError
from monitor.base.escape import terminal
from monitor.base.strict_json import json_number
from monitor.base.wording import counted, listed, span
from monitor.cli import completers
from monitor.cli.config_option import background_of, config_option, rules_of
from monitor.cli.options import EXIT_BLIND, EXIT_FIRED, OtherRuns, line_options, rule_options
from monitor.engine.step import Engine
from monitor.reader.dialects.choice import LineChoice, dialects_of
from monitor.rehearsal.advice import Advice, Do, Figures, RuleFigures, advise
from monitor.rehearsal.backtest import backtest
from monitor.rehearsal.past import Alarm, PastRun, digest_of_rules, judge
from monitor.rules.choice import RuleChoice
from monitor.tail.logset import LogSet, lacks_figures

if TYPE_CHECKING:
    from monitor.config import Config

RULES_SHOWN = 30


@click.command("backtest")
@click.argument("logs", nargs=-1, required=True, metavar="FOLDER|LOG...", shell_complete=completers.files)
@config_option
@rule_options
@line_options
@click.option(
    "--bad",
    multiple=True,
    metavar="PATTERN",
    help="Logs of this name or path were not healthy, though they completed; repeatable.",
)
@click.option(
    "--most",
    type=click.FloatRange(0.0, 1.0),
    default=0.01,
    show_default=True,
    metavar="SHARE",
    help="Share of good runs that one rule may alarm.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), metavar="N", help="Processes that read logs.  [default: one per processor]"
)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Keep what came of each log here, by its content: a backtest that was killed goes on, and new logs are added.",
)
@click.option(
    "--write",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a watch file with the rules to switch off and to set.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    logs: tuple[str, ...],
    config: Config,
    choice: RuleChoice,
    lines: LineChoice,
    bad: tuple[str, ...],
    most: float,
    jobs: int | None,
    results: Path | None,
    write: Path | None,
    as_json: bool,
) -> int:
    """Try all rules on runs of the past: which would have alarmed, and which to switch off or set.

    Each log, also those in folders, is judged as monitor replay does. A run is good if its log says that it completed,
    unless --bad names it. Of each rule the share of good runs that it would have alarmed is given, with the upper bound
    that so few runs prove (Clopper-Pearson, 95 %). A rule is to be changed where it surely alarms more than --most of
    them; a critical one without a level is never switched off: look at its runs, and name those that it was right about
    with --bad. Exit code: 0 no rule is to be changed, 1 some are, 2 wrong usage or a bad file, 3 no log can be judged.

    \b
    monitor backtest runs/ --results backtest.jsonl --write watch.yaml
    monitor backtest 'runs/*/train.log' --bad '*/diverged-*' --json | jq .advice
    """
    if write is not None and (write.exists() or write.is_symlink()):
        raise MonitorError("--write", f"{write} exists already", expected="a new file")
    rules = rules_of(config, choice)
    make = partial(_engine, config, choice, lines)
    of_rules = digest_of_rules(rules, lines, config.dialect, config.time_zone, config.vocabulary)
    found = _found(logs)
    figures = Figures()
    with _progress(len(found)) as note:
        for run in backtest(found, make, of_rules, jobs=jobs or os.cpu_count() or 1, results=results, note=note):
            figures.take(run, partial(_is_good, bad))
    engines: dict[str, Engine | None] = {}
    advice = list(advise(figures, rules, most, partial(_alarmed_with, engines, config, choice, lines)))
    if write is not None:
        write_atomically(write, _watch_file(advice, figures))
    for line in [json.dumps(_document(figures, advice))] if as_json else map(terminal, _lines(figures, advice)):
        click.echo(line)
    if write is not None:
        click.echo(terminal(f"wrote {write}: monitor watch --config {write} LOG"), err=True)
    return EXIT_BLIND if not figures.good + figures.others else EXIT_FIRED if advice else 0


def _engine(config: Config, choice: RuleChoice, lines: LineChoice) -> Engine:
    dialects = dialects_of(lines, config.dialect, config.time_zone, config.vocabulary)
    return Engine(rules_of(config, choice), background_of(config, OtherRuns(None, ()), []), dialects)


def _found(names: tuple[str, ...]) -> list[str]:
    logs = LogSet(names)
    found = [*logs.named, *(each for each in logs.found() if not lacks_figures(each))]
    if not found:
        raise LogError(", ".join(names), "no log found", expected="files named *.log")
    if "-" in found:
        raise MonitorError("monitor backtest", "standard input cannot be judged", expected="files")
    return list(dict.fromkeys(found))


def _is_good(bad: Sequence[str], run: PastRun) -> bool:
    return run.is_good and not any(fnmatch(run.log, each) or fnmatch(Path(run.log).name, each) for each in bad)


def _alarmed_with(
    engines: dict[str, Engine | None],
    config: Config,
    choice: RuleChoice,
    lines: LineChoice,
    setting: str,
    logs: Sequence[str],
) -> int | None:
    """Return in how many logs a rule alarms with a setting; None for one that the rule does not take."""
    if setting not in engines:
        try:
            engines[setting] = _engine(config, choice._replace(settings=(*choice.settings, setting)), lines)
        except MonitorError:
            engines[setting] = None
    engine = engines[setting]
    if engine is None:
        return None
    rule = setting.partition(".")[0]
    return sum(any(alarm.rule == rule for alarm in judge(log, "", engine).alarms) for log in logs)


@contextmanager
def _progress(num_logs: int) -> Iterator[Callable[[PastRun], object]]:
    """Yield a function to call with each log that was judged; on a terminal it moves a bar."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda run: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=num_logs)
        yield lambda run: progress.advance(task)


def _lines(figures: Figures, advice: Sequence[Advice]) -> Iterator[str]:
    runs = figures.good + figures.others
    yield (
        f"{counted(runs, 'run')} judged: {figures.good} completed, {figures.others} did not or were bad; "
        f"{figures.blind} logs have too little to judge, {len(figures.unreadable)} cannot be read"
    )
    yield (
        f"good runs with an alarm: {figures.good_alarmed} of {figures.good}: at most {figures.at_most:.1%} of all, at "
        f"95 %; other runs with an alarm: {figures.others_alarmed} of {figures.others}"
    )
    alarmed = sorted(
        (each for each in figures.by_rule.values() if each.alarms),
        key=lambda each: (-each.good_alarmed, -each.other_alarmed, each.rule),
    )
    for each in alarmed[:RULES_SHOWN]:
        yield from _rule_lines(each)
    if len(alarmed) > RULES_SHOWN:
        yield f"and {len(alarmed) - RULES_SHOWN} more rules that alarmed (--json has all)"
    for run in figures.unreadable[:RULES_SHOWN]:
        yield f"❔ {run.log}: {run.problem}"
    for change in advice:
        what = {Do.SET: f"set {change.setting}", Do.DISABLE: f"switch off {change.rule}"}
        look = f"look at the runs of {change.rule}, and name those that it is right about with --bad"
        yield f"change: {what.get(change.do, look)} ({change.why})"
    if not figures.good:
        yield "change: unknown; none of these runs is good, so none shows how often a rule alarms one"
    elif not advice:
        yield "change: nothing; no rule surely alarms more good runs than it may"


def _rule_lines(found: RuleFigures) -> Iterator[str]:
    mark = "🟠" if found.good_alarmed else "✅" if found.good_judged else "❔"
    late = "" if found.median_late_s is None else f"; {span(found.median_late_s)} after the first line, median"
    yield (
        f"{mark} {found.rule}: {found.good_alarmed} of {found.good_judged} good runs (at most {found.at_most:.1%}), "
        f"{found.other_alarmed} of {found.other_judged} others{late}"
    )
    places = [
        f"{run.log}:{alarm.line}" + (f" (step {alarm.step:,})" if alarm.step is not None else "")
        for good, run, alarm in found.alarms
        if good
    ]
    if places:
        yield f"     good runs: {listed(places)}"


def _document(figures: Figures, advice: Sequence[Advice]) -> dict[str, object]:
    return {
        "good": {"runs": figures.good, "alarmed": figures.good_alarmed, "at_most": figures.at_most},
        "others": {"runs": figures.others, "alarmed": figures.others_alarmed},
        "blind": figures.blind,
        "unreadable": [{"log": each.log, "problem": each.problem} for each in figures.unreadable],
        "rules": [_rule_json(each) for _, each in sorted(figures.by_rule.items())],
        "advice": [
            {"rule": each.rule, "do": each.do.value, "setting": each.setting, "why": each.why} for each in advice
        ],
    }


def _rule_json(found: RuleFigures) -> dict[str, object]:
    return {
        "rule": found.rule,
        "good": {"judged": found.good_judged, "alarmed": found.good_alarmed, "at_most": found.at_most},
        "others": {"judged": found.other_judged, "alarmed": found.other_alarmed},
        "median_late_s": found.median_late_s,
        "alarms": [{"log": run.log, "is_good": good, **_alarm_json(alarm)} for good, run, alarm in found.alarms],
    }


def _alarm_json(alarm: Alarm) -> dict[str, object]:
    return {name: json_number(value) if isinstance(value, float) else value for name, value in asdict(alarm).items()}


def _watch_file(advice: Sequence[Advice], figures: Figures) -> str:
    lines = [
        f"# Written by monitor backtest from {counted(figures.good, 'good run')} and {figures.others} others.",
        "# monitor watch --config FILE LOG",
    ]
    lines += [f"# Look at the runs of {each.rule}: {each.why}" for each in advice if each.do is Do.LOOK]
    settings = [each for each in advice if each.do is Do.SET]
    if settings:
        lines.append("set:")
    for each in settings:
        name, _, value = each.setting.partition("=")
        lines += [f"  # {each.why}", f"  {name}: {value}"]
    disabled = [each for each in advice if each.do is Do.DISABLE]
    if disabled:
        lines.append("disable:")
    for each in disabled:
        lines += [f"  # {each.why}", f"  - {each.rule}"]
    return "\n".join(lines) + "\n"
