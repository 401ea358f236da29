"""What several commands share: the rules they load, what they compare a run with, and the code they exit with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

from monitor.base import resources
from monitor.base.errors import LogError, MonitorError, Problems, RuleError
from monitor.cli.other_run import other_run
from monitor.conditions import Background
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind
from monitor.reader.dialects import NATIVE, DialectError, DialectReader, load_dialect, shipped_dialects
from monitor.rules import Overrides, Rule, declared_rules, load_rules, read_setting

EXIT_FIRED = 1
EXIT_BLIND = 3

Command = Callable[..., Any]


class RuleChoice(NamedTuple):
    """Which rules the user asked for."""

    paths: tuple[Path, ...]
    settings: tuple[str, ...]
    disabled: tuple[str, ...]

    def rules(self) -> list[Rule]:
        """Load the rules in force. Raises Problems."""
        rules = load_rules(rule_files(self.paths), self._changes())
        if not rules:
            raise RuleError("--disable", "leaves no rule", expected="one at least: nothing to check is no all-clear")
        return rules

    def declared(self) -> list[Rule]:
        """Load all rules, those that are switched off included. Raises Problems."""
        return declared_rules(rule_files(self.paths), self._changes())

    def _changes(self) -> Overrides:
        settings, problems = [], []
        for text in self.settings:
            try:
                settings.append(read_setting(text))
            except RuleError as error:
                problems.append(error)
        if problems:
            raise Problems(list[MonitorError](problems))
        return Overrides(tuple(settings), self.disabled)


def rule_options(command: Command) -> Command:
    """Give a command --rules, --set and --disable; it gets them as ``choice``."""

    @click.option(
        "--rules",
        "rule_paths",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="A rule file, or a folder of them, on top of the shipped rules; a rule of the same name replaces.",
    )
    @click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="RULE.FIELD=VALUE",
        help="Change a rule for this once: RULE.level=…, or another field; stands above the run's own settings.",
    )
    @click.option("--disable", "disabled", multiple=True, metavar="RULE", help="Leave a rule out for this once.")
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


class LineChoice(NamedTuple):
    """How the user wants foreign lines to be read."""

    dialect: str | None
    """None where the log is to say it itself."""
    time_zone: str | None
    """Of times that name none."""


def line_options(command: Command) -> Command:
    """Give a command --dialect and --time-zone; it gets them as ``lines``."""

    @click.option(
        "--dialect",
        metavar="NAME|FILE",
        help="Read the log as this trainer's (see monitor dialects list), or by this dialect file, and as no other's.",
    )
    @click.option(
        "--time-zone",
        metavar="ZONE",
        help="Zone of the times that name none, as Europe/Berlin.  [default: UTC]",
    )
    @wraps(command)
    def with_lines(*args: object, dialect: str | None, time_zone: str | None, **others: object) -> object:
        return command(*args, lines=LineChoice(dialect, time_zone), **others)

    return with_lines


def dialects_of(lines: LineChoice, dialect: str | None = None, time_zone: str | None = None) -> DialectReader:
    """Return what reads the lines: as the user chose, else by what a watch file says, else by what they show.

    Raises DialectError.
    """
    name, zone = lines.dialect or dialect, _zone_of(lines.time_zone or time_zone)
    if name is None:
        return DialectReader(zone=zone)
    if name.endswith((".yaml", ".yml")):
        own = load_dialect(Path(name))
        return DialectReader(own.name, (own,), zone)
    known = (NATIVE, *(each.name for each in shipped_dialects()))
    if name not in known:
        raise DialectError(f"--dialect {name}", "no such dialect", expected=f"{', '.join(known)}, or a file NAME.yaml")
    return DialectReader(name, zone=zone)


def _zone_of(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    # An unknown zone is a KeyError; a name that leads out of the folder of zones, or a folder's, is another one.
    except (KeyError, ValueError, OSError):
        raise DialectError(
            f"--time-zone {name}", "is no time zone", expected="a name as Europe/Berlin, or UTC"
        ) from None


def background_options(command: Command) -> Command:
    """Give a command --baseline and --peer; it gets them as ``known``."""

    @click.option(
        "--baseline",
        metavar="NAME|LOG",
        help="A run to compare with, for rules that compare epoch by epoch: a saved baseline (see monitor baseline), "
        "the id of a finished run, or a log.",
    )
    @click.option(
        "--peer",
        "peers",
        multiple=True,
        metavar="NAME|LOG",
        help="Another run, named as for --baseline, for values that no two runs can share; repeat it for several.",
    )
    @wraps(command)
    def with_known(*args: object, baseline: str | None, peers: tuple[str, ...], **others: object) -> object:
        return command(*args, known=KnownLogs(baseline, peers), **others)

    return with_known


class KnownLogs(NamedTuple):
    """Other runs that the user named: logs, or saved baselines."""

    baseline: str | None
    peers: tuple[str, ...]

    def background(self, logs: Sequence[str], state: Path | None = None) -> Background:
        """Read them; ``state`` is where names are looked up. Raises LogError.

        Also for one of ``logs``: a run that is compared with itself agrees.
        """
        if self.baseline is None and not self.peers:
            return Background()

        named = [("--baseline", self.baseline)] if self.baseline is not None else []
        for option, path in [*named, *(("--peer", path) for path in self.peers)]:
            if path == "-":
                raise LogError(f"{option} -", "standard input is no other run's log", expected="a file")
            if any(_is_same(path, log) for log in logs):
                raise LogError(f"{option} {path}", "is the log itself", expected="another run's log")
        baseline = None if self.baseline is None else other_run("--baseline", self.baseline, state)
        return Background(baseline=baseline, peers=tuple(other_run("--peer", name, state) for name in self.peers))


def make_engine(
    choice: RuleChoice, background: Background | None = None, dialects: DialectReader | None = None
) -> Engine:
    """Load the shipped rules and those of the user. Raises Problems."""
    return Engine(choice.rules(), background, dialects)


def rule_files(rule_paths: Sequence[Path]) -> list[Path]:
    """Return the shipped rule files and the user's, in the order in which they override. Raises RuleError."""
    files = shipped_rule_files()
    for path in rule_paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise RuleError(str(path), "holds no rule file", expected="files named *.yaml")
        files += found
    return files


def shipped_rule_files() -> list[Path]:
    """Return the rule files that come with the program."""
    return sorted(resources.rules_dir().glob("*.yaml"))


def exit_code(pipelines: Sequence[Pipeline], *, must_speak: Sequence[Pipeline] | None = None) -> int:
    """Return 1 where something fired at warning or above, 3 where nothing fired but nothing was seen, else 0.

    ``must_speak`` are those that have to say enough to be judged; all of them unless given. No log says nothing.
    """
    if any(pipeline.fired for pipeline in pipelines):
        return EXIT_FIRED
    asked = pipelines if must_speak is None else must_speak
    return EXIT_BLIND if not asked or any(map(is_blind, asked)) else 0


def _is_same(path: str, log: str) -> bool:
    one, other = Path(path), Path(log)
    return one.exists() and other.exists() and one.samefile(other)


state_option = click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder that the watch was given.  [default: trainwarden in $XDG_STATE_HOME, or in ~/.local/state]",
)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
