"""The option --config of several commands, and the rules and the background that follow from the watch file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.base.errors import Problems
from monitor.cli.options import OtherRuns
from monitor.conditions import Background
from monitor.rules import Overrides, Rule, declared_rules
from monitor.rules.choice import RuleChoice, enabled, rule_files

if TYPE_CHECKING:
    from monitor.config import Config

Command = Callable[..., Any]


def config_option(command: Command) -> Command:
    """Give a command the option --config; it receives ``config``, an empty watch file where none is named."""

    @click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read this watch file: objectives, expectations, rules, sinks (see monitor config sample).",
    )
    @wraps(command)
    def with_config(*args: object, config_path: Path | None, **others: object) -> object:
        from monitor.config import Config, load_config

        config = Config() if config_path is None else load_config(config_path)
        return command(*args, config=config, **others)

    return with_config


def read_again(config: Config) -> Config:
    """Return the present contents of the watch file; empty where none was named. Raises Problems, ConfigError."""
    from monitor.config import load_config

    return config if config.path is None else load_config(config.path)


def rules_of(config: Config, choice: RuleChoice) -> list[Rule]:
    """Load the enabled rules: the shipped ones, then the watch file's, then the command line's; a later one replaces.

    Raises Problems, also for an unknown rule in the watch file.
    """
    asked = choice.changes()
    changes = Overrides((*config.settings, *asked.settings), (*config.disable, *asked.disabled))
    rules = declared_rules(rule_files((*map(Path, config.rules), *choice.paths)), changes)
    if problems := config.unknown_rules({rule.alert for rule in rules}, {rule.fault for rule in rules}):
        raise Problems(problems)
    return enabled(rules)


def background_of(config: Config, known: OtherRuns, logs: Sequence[str]) -> Background:
    """Return what these logs are compared with; the command line takes precedence over the watch file."""
    named = OtherRuns(known.baseline or config.baseline, (*config.peers, *known.peers))
    return replace(named.background(logs), bands=config.bands)
