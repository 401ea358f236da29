"""What several commands share of the watch file: the option, and what follows from it for rules and background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.base.errors import MonitorError, Problems, RuleError
from monitor.cli.options import KnownLogs, RuleChoice, rule_files
from monitor.conditions import Background
from monitor.rules import Changes, Rule, declared_rules, read_setting

if TYPE_CHECKING:
    from monitor.config import Config

Command = Callable[..., Any]


def config_option(command: Command) -> Command:
    """Give a command --config; it gets the watch file as ``config``, an empty one where none is named."""

    @click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The watch file: objectives, expectations, rules, sinks (see monitor config sample).",
    )
    @wraps(command)
    def with_config(*args: object, config_path: Path | None, **others: object) -> object:
        from monitor.config import Config, load_config

        config = Config() if config_path is None else load_config(config_path)
        return command(*args, config=config, **others)

    return with_config


def read_again(config: Config) -> Config:
    """Return the watch file as it is now; one that was never named stays empty. Raises Problems, ConfigError."""
    from monitor.config import load_config

    return config if config.path is None else load_config(config.path)


def rules_of(config: Config, choice: RuleChoice) -> list[Rule]:
    """Load the rules in force: shipped, of the watch file, of the command line, the later over the earlier.

    Raises Problems, also for a rule that the watch file names and that is not there.
    """
    settings, problems = [], list[MonitorError]()
    for text in choice.settings:
        try:
            settings.append(read_setting(text))
        except RuleError as error:
            problems.append(error)
    if problems:
        raise Problems(problems)
    changes = Changes((*config.settings, *settings), (*config.disable, *choice.disabled))
    rules = declared_rules(rule_files((*map(Path, config.rules), *choice.paths)), changes)
    if problems := config.unknown_rules({rule.alert for rule in rules}, {rule.fault for rule in rules}):
        raise Problems(problems)
    in_force = [rule for rule in rules if rule.enabled]
    if not in_force:
        raise RuleError("--disable", "leaves no rule", expected="one at least: nothing to check is no all-clear")
    return in_force


def background_of(config: Config, known: KnownLogs, logs: Sequence[str]) -> Background:
    """Return what the runs of these logs are compared with; the command line's word stands before the file's."""
    named = KnownLogs(known.baseline or config.baseline, (*config.peers, *known.peers))
    return replace(named.background(logs), bands=config.bands)
