"""``monitor rules``: list and explain rules, check their files, and run their tests."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from monitor.base.errors import MonitorError, Problems
from monitor.base.escape import terminal
from monitor.base.suggestion import suggestion
from monitor.cli import completers
from monitor.cli.group import Group
from monitor.cli.options import rule_options
from monitor.rules import Rule, load_rules
from monitor.rules.choice import RuleChoice, rule_files, shipped_rule_files
from monitor.rules.explain import as_written, explanation, fires_when
from monitor.ruletests.inline import outcome_of
from monitor.ruletests.scenario import check_names, is_scenario_file, play, read_scenarios

WIDTH = 100
"""Characters of a line of explanation."""
INDENT = 15
LINES_SHOWN = 4
"""Log lines of a test that an explanation shows: of a longer test the first ones and the last."""


@click.group("rules", cls=Group)
def command() -> None:
    """List, explain, check and test rules."""


@command.command("list")
@rule_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per rule, with all its fields.")
def list_rules(choice: RuleChoice, as_json: bool) -> None:
    """Print every rule, disabled ones included, and what makes it fire.

    Reads the shipped rules and --rules; writes nothing. Exit code: 0, 2 usage or bad file.

    \b
    monitor rules list
    monitor rules list --rules my_rules.yaml --json | jq .alert
    """
    rules = choice.declared()
    if as_json:
        for rule in rules:
            click.echo(json.dumps({**as_written(rule), "fires_when": fires_when(rule)}))
        return
    rows = [(rule.alert, _severity(rule), rule.kind, rule.group, rule.fault, fires_when(rule)) for rule in rules]
    head = ("RULE", "SEVERITY", "KIND", "GROUP", "FAULT", "FIRES WHEN")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in [head, *rows]:
        line = "  ".join([*(f"{word:<{width}}" for word, width in zip(row, widths, strict=False)), row[-1]])
        click.echo(terminal(line if limit is None or len(line) <= limit else f"{line[: limit - 2]} …"))


@command.command("explain")
@click.argument("name", metavar="RULE", shell_complete=completers.rules)
@rule_options
def explain(name: str, choice: RuleChoice) -> None:
    """Explain in words when a RULE fires, and why.

    Prints its level with the source, the rules that it explains or that explain it, what to do when it fires, and
    the log lines of its tests. Exit code: 0, 2 usage or no such rule.

    \b
    monitor rules explain GradientVanishing
    monitor rules explain ExcessiveResets --set ExcessiveResets.level=20
    """
    rules = {rule.alert: rule for rule in choice.declared()}
    if name not in rules:
        expected = f"a rule of monitor rules list{suggestion(name, rules)}"
        raise MonitorError("monitor rules explain", f"unknown rule {name!r}", expected=expected)
    rule = rules[name]
    click.echo(terminal(f"{rule.alert}: {rule.severity} {rule.fault}, kind {rule.kind}, {rule.place}"))
    for about, text in explanation(rule, rules.values()):
        for line in _wrapped(about, text):
            click.echo(terminal(line))
    for test in rule.tests:
        lines = test.lines.splitlines()
        click.echo()
        click.echo(terminal(f"{'test':<{INDENT}}{test.name} → {test.then}"))
        shown = lines if len(lines) <= LINES_SHOWN + 1 else [*lines[: LINES_SHOWN - 1], "", lines[-1]]
        for line in shown:
            click.echo(terminal(f"  {line}" if line else f"  … {len(lines) - LINES_SHOWN} more …"))
        if test.wait:
            click.echo(f"  … then silence for {test.wait:g}s")


@command.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def check(paths: tuple[Path, ...]) -> None:
    """Check rule FILEs and show every problem with its line.

    Reads the files and the shipped rules; writes nothing. Exit code: 0 no problem, 2 a problem.

    \b
    monitor rules check my_rules.yaml
    """
    rules = load_rules(paths, also_known=shipped_rule_files())
    click.echo(f"{len(rules)} {'rule' if len(rules) == 1 else 'rules'}, no problem found")


@command.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
def test(paths: tuple[Path, ...]) -> int:
    """Run the tests inside rules, and scenario files.

    Tests the rules in FILEs, by default the shipped ones. Exit code: 0 all passed, 1 a test failed, 2 bad file.
    A FILE with `scenarios:` has logs and the alerts that they must raise (docs/scenarios.md):

    \b
    rules: [my_rules.yaml]          # on top of the shipped rules; may be left out
    scenarios:
      - name: five minutes of silence
        log: |
          2025-10-30T23:40:51.000Z INFO [TRAIN] epoch=1/20 batch=1/9 step=1 loss=0.7
        wait: 301s
        expect:
          - {alert: TrainingStall, state: firing, at: 300s, labels: {}}

    \b
    monitor rules test my_rules.yaml
    monitor rules test my_scenarios.yaml
    """
    rule_paths = [path for path in paths if not is_scenario_file(path)]
    rules = load_rules(rule_paths or shipped_rule_files(), also_known=shipped_rule_files())
    num_run = num_failed = 0
    if rule_paths or not paths:
        for line in _failed_tests(rules):
            click.echo(terminal(line))
            num_failed += 1
        num_run = sum(len(rule.tests) for rule in rules)
        if untested := [rule.alert for rule in rules if not rule.tests]:
            click.echo(terminal(f"without a test: {', '.join(untested)}"), err=True)
    for path in paths:
        if path not in rule_paths:
            ran, failures = _scenarios(path)
            num_run, num_failed = num_run + ran, num_failed + len(failures)
            for line in (line for lines in failures for line in lines):
                click.echo(terminal(line))
    click.echo(f"{num_run - num_failed} of {num_run} tests passed", err=True)
    return 1 if num_failed else 0


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of rule files.

    Exit code: 0, 2 usage. An editor that knows it completes and checks while you type. Name it in the first line of a
    rule file:

    \b
    # yaml-language-server: $schema=rules.schema.json

    \b
    monitor rules schema > rules.schema.json
    """
    from monitor.rules.schema import rules_schema

    click.echo(json.dumps(rules_schema(), indent=2))


def _severity(rule: Rule) -> str:
    return rule.severity.value if rule.enabled else "off"


def _wrapped(about: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"{about:<{INDENT}}",
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _failed_tests(rules: Sequence[Rule]) -> Iterator[str]:
    for rule in rules:
        for each in rule.tests:
            found = outcome_of(rule, each)
            if found != each.then:
                yield f'{rule.place}: rule "{rule.alert}": test "{each.name}": {found}; expected {each.then}'


def _scenarios(path: Path) -> tuple[int, list[list[str]]]:
    """Play the scenarios of a file; return their number, and the lines to show for each failure."""
    file = read_scenarios(path)
    rules = load_rules(rule_files(file.rule_paths))
    problems = [problem for each, place in file.scenarios for problem in check_names(each, place, rules)]
    if problems:
        raise Problems(problems)
    failures = []
    for each, place in file.scenarios:
        if differences := play(each, rules):
            head = f'{place}: scenario "{each.name}" failed; - expected, + found:'
            failures.append([head, *(f"  {difference}" for difference in differences)])
    return len(file.scenarios), failures
