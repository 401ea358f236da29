"""``monitor config``: print a sample watch file, or check one."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.base.errors import MonitorError, Problems
from monitor.base.escape import terminal
from monitor.cli.group import Group
from monitor.rules.choice import rule_files


@click.group("config", cls=Group)
def command() -> None:
    """Print a sample watch file, or check one.

    A watch file (YAML) sets what to watch, expect and report. `monitor watch`, `run` and `report` read it with
    --config FILE.

    \b
    monitor config sample > watch.yaml
    monitor config check watch.yaml
    """


@command.command("sample")
def sample() -> None:
    """Print a sample watch file: every key, commented.

    Reads nothing and writes to standard output. Exit code: 0, 2 usage.

    \b
    monitor config sample > watch.yaml
    """
    from monitor.config import sample_text

    click.echo(sample_text(), nl=False)


@command.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
def check(files: tuple[Path, ...]) -> None:
    """Check watch files and the rules that they name; show every problem with its line.

    Reads the files and the rules; writes nothing. Exit code: 0 no problem, 2 a problem.

    \b
    monitor config check watch.yaml
    """
    problems: list[MonitorError] = []
    for path in files:
        try:
            checked(path)
        except Problems as error:
            problems += error.problems
        except MonitorError as error:
            problems.append(error)
        else:
            click.echo(terminal(f"{path}: no problem found"))
    if problems:
        raise Problems(problems)


def checked(path: Path) -> None:
    """Read a watch file, and check the rules that it changes and names. Raises MonitorError for any mistake."""
    from monitor.config import load_config
    from monitor.rules import Overrides, declared_rules

    config = load_config(path)
    rules = declared_rules(rule_files([*map(Path, config.rules)]), Overrides(config.settings))
    if problems := config.unknown_rules({rule.alert for rule in rules}, {rule.fault for rule in rules}):
        raise Problems(problems)
