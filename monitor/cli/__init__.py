"""The command line: parse, call, print, exit code. One file per command, loaded only when it is used."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from monitor import __version__
from monitor.base.errors import MonitorError, Problems
from monitor.cli.group import Group

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_USAGE = 2
EXIT_PIPE = 141
"""What a program ended by SIGPIPE returns: the reader of the output went away, which tells nothing about the run."""
OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Python looks for cycles after so many new objects, not after 700 as by default: while modules and rules are loaded,
it looked 150 times and found hardly any. Takes 5 to 8 % off `monitor check` of a short log; memory stays the same."""
SECTIONS = {
    "Watch a training": {
        "watch": "Follow logs while they are written; print progress and every alert.",
        "run": "Start a training, keep its output as a log, watch it, and exit with its exit code.",
        "status": "Show what a watch with --state knows, also while it runs.",
        "serve": "Serve a page over all runs of this machine, the same as JSON, and metrics.",
    },
    "Look at a run": {
        "check": "Read logs to their end, and show what happened.",
        "report": "Write a status page for a run, every statement with its log line.",
        "show": "Print an alert and its evidence: the log lines with the lines around them.",
        "replay": "Read logs to their end and print every alert that a live watch would have raised.",
        "compare": "Compare two runs at the same step and epoch by epoch; report values that no two runs can share.",
        "baseline": "Keep the figures of a run, to compare later runs with.",
        "mcp": "Let an assistant look at runs, by the Model Context Protocol on standard input and output.",
    },
    "Deal with alerts": {
        "ack": "Acknowledge an alert, so that it is not repeated.",
        "silence": "Silence a rule or one alert for a while; or list the silences.",
        "unsilence": "End a silence or an acknowledgement.",
        "sinks": "Send a test alert through each receiver.",
    },
    "Set up": {
        "init": "Write a watch file that fits LOG.",
        "doctor": "Check whether each rule could fire in time, and suggest what to change.",
        "config": "Print a sample watch file, or check one.",
        "fleet": "Print alerting rules and a dashboard for many machines; write metrics to a file.",
        "service": "Install and print the systemd units that keep a watch running.",
        "completion": "Print a script that makes SHELL complete what you type.",
    },
    "Rules and formats": {
        "rules": "List, explain, check and test rules.",
        "drill": "Break copies of a healthy log, and show what would fire, when, and what would not be seen.",
        "backtest": "Try all rules on runs of the past: which would have alarmed, and which to switch off or set.",
        "dialects": "List, check and test dialects: how other trainers write their logs.",
        "share": "Write a sample of a LOG that can be shown to others, with every unknown word masked.",
    },
}
"""The commands by what they are for; each is the name of its file in this folder, and the first line of its help."""
COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}


class _LazyGroup(Group):
    """Imports the file of a command only when that command is used, so that ``--help`` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"monitor.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{width}}", text) for name, text in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # Without this, each command would be imported for its help text.
        from click.shell_completion import CompletionItem

        items = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]


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
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        _complete()
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
        from monitor.cli.usage import in_our_words

        _refuse(in_our_words(error))
    except (click.Abort, KeyboardInterrupt):
        _refuse("stopped")
    except OSError as error:
        _drop_output()
        what = f"{error.filename}: {error.strerror}; expected a place that this user may use"
        _refuse(what if error.filename else f"standard output: {error.strerror}; expected a writable place")


def _complete() -> None:
    """Answer the shell and exit, if its completion script asks: it names its instruction in a variable."""
    program = os.path.basename(sys.argv[0])  # noqa: PTH119 - as above
    variable = f"_{program.upper()}_COMPLETE"
    if instruction := os.environ.get(variable):
        from click.shell_completion import shell_complete

        sys.exit(shell_complete(cli, {}, program, variable, instruction))


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
