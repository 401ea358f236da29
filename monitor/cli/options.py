"""What several commands share: the rules they load and the code they exit with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from monitor import resources
from monitor.engine import Engine
from monitor.errors import RuleError
from monitor.rulefile import load_rules
from monitor.watcher import Watcher

EXIT_FIRED = 1
EXIT_BLIND = 3
BLIND_BELOW = 0.01
"""Share of understood lines under which a quiet log is no good news."""

rules_option = click.option(
    "--rules",
    "rule_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A rule file, or a folder of them, on top of the shipped rules; a rule of the same name replaces.",
)


def make_engine(rule_paths: Sequence[Path]) -> Engine:
    """Load the shipped rules and those of the user. Raises Problems."""
    return Engine(load_rules(rule_files(rule_paths)))


def rule_files(rule_paths: Sequence[Path]) -> list[Path]:
    """Return the shipped rule files and the user's, in the order in which they override. Raises RuleError."""
    files = sorted(resources.rules_dir().glob("*.yaml"))
    for path in rule_paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise RuleError(str(path), "holds no rule file", expected="files named *.yaml")
        files += found
    return files


def exit_code(watchers: Sequence[Watcher]) -> int:
    """Return 1 where something fired at warning or above, 3 where nothing fired but nothing was seen, else 0."""
    if any(watcher.fired for watcher in watchers):
        return EXIT_FIRED
    return EXIT_BLIND if any(map(is_blind, watchers)) else 0


def is_blind(watcher: Watcher) -> bool:
    """Whether a log said too little to be judged: hardly a line understood, or neither a step nor a loss."""
    run = watcher.run
    if run.understood < BLIND_BELOW * run.lines or run.lines == 0:
        return True
    return run.attempt.step is None and not run.attempt.of("train.loss") and not run.attempt.of("epoch.train_loss")
