"""Options that several commands share, what they stand for (rules, dialect, other runs), and the exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from monitor.base.errors import LogError, MonitorError
from monitor.cli import completers
from monitor.cli.other_run import default_directory, other_run
from monitor.conditions import Background
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind
from monitor.reader.dialects import DialectReader
from monitor.reader.dialects.choice import LineChoice
from monitor.rules.choice import RuleChoice

EXIT_FIRED = 1
EXIT_BLIND = 3

Command = Callable[..., Any]


def rule_options(command: Command) -> Command:
    """Give a command the options --rules, --set and --disable; it receives them as ``choice``."""

    @click.option(
        "--rules",
        "rule_paths",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Load a rule file, or a folder of them, on top of the shipped rules; a rule of the same name replaces.",
    )
    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="RULE.FIELD=VALUE",
        shell_complete=completers.rule_fields,
        help="Change a rule for this run: RULE.level=…, or another field; overrides the settings that the log echoes.",
    )
    @click.option(
        "--disable",
        "disabled",
        multiple=True,
        metavar="RULE",
        shell_complete=completers.rules,
        help="Switch a rule off for this run.",
    )
    @wraps(command)
    def with_choice(
        *args: object,
        rule_paths: tuple[Path, ...],
        settings: tuple[str, ...],
        disabled: tuple[str, ...],
        **others: object,
    ) -> object:
        return command(*args, choice=RuleChoice(rule_paths, settings, disabled), **others)

    return with_choice


def line_options(command: Command) -> Command:
    """Give a command the options --dialect, --vocabulary and --time-zone; it receives them as ``lines``."""

    @click.option(
        "--dialect",
        metavar="NAME|FILE",
        shell_complete=completers.dialects,
        help="Read the log in this dialect only: a name (see monitor dialects list) or a dialect file.",
    )
    @click.option(
        "--vocabulary",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read by these words too, which win over the shipped ones; repeatable.",
    )
    @click.option(
        "--time-zone",
        metavar="ZONE",
        shell_complete=completers.time_zones,
        help="Zone of the times that name none, such as Europe/Berlin.  [default: UTC]",
    )
    @wraps(command)
    def with_lines(
        *args: object, dialect: str | None, vocabulary: tuple[Path, ...], time_zone: str | None, **others: object
    ) -> object:
        return command(*args, lines=LineChoice(dialect, time_zone, vocabulary), **others)

    return with_lines


def background_options(command: Command) -> Command:
    """Give a command the options --baseline and --peer; it receives them as ``known``."""

    @click.option(
        "--baseline",
        metavar="NAME|LOG",
        shell_complete=completers.baselines_or_logs,
        help="Compare with this run, for rules that compare epoch by epoch: a saved baseline (see monitor baseline), "
        "the id of a finished run, or a log.",
    )
    @click.option(
        "--peer",
        "peers",
        multiple=True,
        metavar="NAME|LOG",
        shell_complete=completers.baselines_or_logs,
        help="Look in this run, named as for --baseline, for values that no two runs can share; repeatable.",
    )
    @wraps(command)
    def with_known(*args: object, baseline: str | None, peers: tuple[str, ...], **others: object) -> object:
        return command(*args, known=OtherRuns(baseline, peers), **others)

    return with_known


class OtherRuns(NamedTuple):
    """Other runs that the command line names: logs, or saved baselines."""

    baseline: str | None
    peers: tuple[str, ...]

    def background(self, logs: Sequence[str], state: Path | None = None) -> Background:
        """Read them; names are looked up in ``state``. Raises LogError.

        One of ``logs`` itself is refused: a run always agrees with itself.
        """
        if self.baseline is None and not self.peers:
            return Background()

        named = [("--baseline", self.baseline)] if self.baseline is not None else []
        for option, path in [*named, *(("--peer", path) for path in self.peers)]:
            if path == "-":
                raise LogError(f"{option} -", "standard input cannot be another run", expected="a file")
            if any(_is_same(path, log) for log in logs):
                raise LogError(f"{option} {path}", "is the log itself", expected="the log of another run")
        baseline = None if self.baseline is None else other_run("--baseline", self.baseline, state)
        return Background(baseline=baseline, peers=tuple(other_run("--peer", name, state) for name in self.peers))


def make_engine(
    choice: RuleChoice, background: Background | None = None, dialects: DialectReader | None = None
) -> Engine:
    """Return an engine with the shipped rules and the user's. Raises Problems."""
    return Engine(choice.rules(), background, dialects)


def exit_code(pipelines: Sequence[Pipeline], *, judged: Sequence[Pipeline] | None = None) -> int:
    """Return 1 if something fired at warning or above, 3 if nothing fired but a log had too little to judge, else 0.

    ``judged`` are the logs that must have enough; all of them by default. No log at all is too little.
    """
    if any(pipeline.fired for pipeline in pipelines):
        return EXIT_FIRED
    asked = pipelines if judged is None else judged
    return EXIT_BLIND if not asked or any(map(is_blind, asked)) else 0


def _is_same(path: str, log: str) -> bool:
    one, other = Path(path), Path(log)
    return one.exists() and other.exists() and one.samefile(other)


name_option = click.option(
    "--name",
    metavar="PATH",
    help="The path under which LOG was written, if it was copied since: ids of runs and alerts depend on it.",
)


def check_name(name: str | None, logs: Sequence[str]) -> None:
    """Refuse --name with several logs. Raises MonitorError."""
    if name is not None and len(logs) > 1:
        raise MonitorError("--name", f"cannot be used with {len(logs)} logs", expected="the one log that it names")


def states_option(what: str) -> Callable[[Command], Command]:
    """Return the option --state of a command that looks at several; ``what`` says what one is."""
    return click.option(
        "--state",
        "states",
        shell_complete=completers.state_folders,
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="DIR",
        callback=lambda context, parameter, given: given or (default_directory(os.environ),),
        help=f"{what}; repeatable.  [default: trainwarden in $XDG_STATE_HOME, or in ~/.local/state]",
    )


state_option = click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    shell_complete=completers.state_folders,
    help="The state folder of the watch.  [default: trainwarden in $XDG_STATE_HOME, or in ~/.local/state]",
)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
