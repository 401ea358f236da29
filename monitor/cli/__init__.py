"""The command line: parse, call, print, exit code. One file per command, loaded only when it is used."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from monitor import __version__
from monitor.base.errors import MonitorError, Problems

EXIT_USAGE = 2
EXIT_PIPE = 141
"""What a program ended by SIGPIPE returns: the reader of the output went away, which tells nothing about the run."""
COMMANDS = {
    "watch": "Follow logs while they are written; print progress and every alert.",
    "run": "Start a training, keep its output as a log, watch it, and exit with its exit code.",
    "check": "Read logs to their end, and show what happened.",
    "replay": "Read logs to their end and print every alert that a live watch would have raised.",
    "status": "Show what a watch with --state knows, also while it runs.",
    "serve": "Serve a page over all runs of this machine, the same as JSON, and metrics.",
    "report": "Write a status page for a run, every statement with its log line.",
    "show": "Print an alert and its evidence: the log lines with the lines around them.",
    "compare": "Compare two runs at the same step and epoch by epoch; report values that no two runs can share.",
    "baseline": "Keep the figures of a run, to compare later runs with.",
    "doctor": "Check whether each rule could fire in time, and suggest what to change.",
    "mcp": "Let an assistant look at the runs of a watch, by the Model Context Protocol on standard input and output.",
    "drill": "Break copies of a healthy log, and show what would fire, when, and what would not be seen.",
    "rules": "List, explain, check and test rules.",
    "dialects": "List, check and test dialects: how other trainers write their logs.",
    "share": "Write a sample of a LOG that can be shown to others, with every unknown word masked.",
    "init": "Write a watch file that fits LOG.",
    "config": "Print a sample watch file, or check one.",
    "sinks": "Send a test alert through each receiver.",
    "service": "Install and print the systemd units that keep a watch running.",
    "silence": "Silence a rule or one alert for a while; or list the silences.",
    "unsilence": "End a silence or an acknowledgement.",
    "ack": "Acknowledge an alert, so that it is not repeated.",
}
"""Each command: the name of its file in this folder, and the first line of its help."""


class _LazyGroup(click.Group):
    """Imports the file of a command only when that command is used, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            from monitor.base.suggestion import suggestion

            expected = f"one of {', '.join(COMMANDS)}{suggestion(cmd_name, COMMANDS)}"
            raise MonitorError(ctx.command_path, f"unknown command {cmd_name!r}", expected=expected)
        command: click.Command = import_module(f"monitor.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


# Without pathlib, which would take a tenth of the time of `--help`.
_HOME = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message=f"trainwarden {__version__} ({_HOME})")
def cli() -> None:
    """Watch training logs, check rules, alert, and write status reports.

    \b
    monitor watch _logs/training/run.log --report STATUS.md
    monitor report --out STATUS.md
    """


def main() -> None:
    """Run a command; a mistake of the user becomes one line on stderr and exit code 2, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        sys.exit(_run(sys.argv[1:]))
    except BrokenPipeError:
        _drop_output()
        sys.exit(EXIT_PIPE)
    except Problems as error:
        _refuse(*map(str, error.problems))
    except MonitorError as error:
        _refuse(str(error))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(EXIT_USAGE)
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "monitor"
        message = error.format_message().rstrip(".")
        _refuse(
            f"{where}: {message}"
            if "; expected" in message
            else f"{where}: {message}; expected usage as in {where} --help"
        )
    except (click.Abort, KeyboardInterrupt):
        _refuse("stopped")
    except OSError as error:
        _drop_output()
        _refuse(f"{error.filename or 'standard output'}: {error.strerror}; expected a writable place")


def _run(arguments: list[str]) -> int:
    """Run the command and return its exit code. (click's own runner would report a closed pipe as a failure.)"""
    try:
        with cli.make_context("monitor", arguments) as context:
            code: int | None = cli.invoke(context)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    if sys.stdout is not None:
        sys.stdout.flush()
    return code or 0


def _refuse(*lines: str) -> NoReturn:
    from monitor.base.escape import terminal

    for line in lines:
        click.echo(terminal(line if line.startswith("monitor") else f"monitor: {line}"), err=True)
    sys.exit(EXIT_USAGE)


def _drop_output() -> None:
    """Discard buffered output, which the interpreter would otherwise try to write again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
