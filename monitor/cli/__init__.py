"""The command line: parse, call, print, exit code. One file per command, loaded only when it is used."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from monitor import __version__
from monitor.errors import MonitorError

EXIT_USAGE = 2
COMMANDS = {
    "watch": "Follow a log while it is written; print its progress and every alert.",
    "replay": "Read logs to their end and print every alert, as a live watch would have raised it.",
    "report": "Write a status page for a run, from its log.",
    "rules": "List, check and explain rules.",
}
"""Each command's file in this folder, and the first line of its help."""


class _LazyGroup(click.Group):
    """Imports a command's file when that command is asked for, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"monitor.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message=f"trainwarden {__version__} ({Path(__file__).parent.parent})")
def cli() -> None:
    """Watch training logs, check rules, alert, and write status reports.

    \b
    monitor watch _logs/training/run.log --report STATUS.md
    monitor report --out STATUS.md
    """


def main() -> None:
    """Run a command; a user's mistake becomes one line on stderr and exit code 2, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        sys.exit(cli.main(standalone_mode=False) or 0)
    except MonitorError as error:
        click.echo(f"monitor: {error}", err=True)
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "monitor"
        click.echo(f"{where}: {error.format_message()} (see --help)", err=True)
    except click.Abort:
        click.echo("monitor: stopped", err=True)
    except BrokenPipeError:
        sys.stderr.close()
    sys.exit(EXIT_USAGE)
