"""``monitor rules``: what the rules are."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.options import rule_files, rules_option
from monitor.rulefile import load_rules
from monitor.ruletest import outcome_of


@click.group("rules")
def command() -> None:
    """List, check and test rules."""


@command.command("list")
@rules_option
def list_rules(rule_paths: tuple[Path, ...]) -> None:
    """Print every rule in force.

    Its name, severity, fault and summary.

    \b
    monitor rules list
    monitor rules list --rules my_rules.yaml
    """
    rules = load_rules(rule_files(rule_paths))
    width = max(len(rule.alert) for rule in rules)
    for rule in rules:
        click.echo(f"{rule.alert:<{width}}  {rule.severity.value:<8}  {rule.fault:<16}  {rule.summary}")


@command.command("check")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def check(paths: tuple[Path, ...]) -> None:
    """Show every problem of rule FILEs.

    Each problem with its line; exit code 2 if there is one.

    \b
    monitor rules check my_rules.yaml
    """
    rules = load_rules(paths)
    click.echo(f"{len(rules)} rules, no problem found")


@command.command("test")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
def test(paths: tuple[Path, ...]) -> int:
    """Run the tests that rules carry.

    Those of FILEs, else of the shipped rules; exit code 1 if one fails.

    \b
    monitor rules test my_rules.yaml
    """
    rules = load_rules(paths or rule_files(()))
    results = [(rule, each, outcome_of(rule, each)) for rule in rules for each in rule.tests]
    failures = [(rule, each, found) for rule, each, found in results if found != each.then]
    for rule, each, found in failures:
        click.echo(f'{rule.place}: rule "{rule.alert}": test "{each.name}": {found}; expected {each.then}')
    untested = [rule.alert for rule in rules if not rule.tests]
    click.echo(f"{len(results) - len(failures)} of {len(results)} tests passed", err=True)
    if untested:
        click.echo(f"without a test: {', '.join(untested)}", err=True)
    return 1 if failures else 0
