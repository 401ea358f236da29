"""Write docs/commands.md and the table of receivers in docs/notify.md from the help and docstrings of the code."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from itertools import chain
from pathlib import Path

import click

from monitor.cli import cli
from monitor.sinks import KINDS
from trainer.cli import main as trainer

ROOT = Path(__file__).parents[2]
COMMANDS = ROOT / "docs" / "commands.md"
NOTIFY = ROOT / "docs" / "notify.md"
BEGIN, END = "<!-- receivers: `make docs` writes this table from monitor/sinks -->", "<!-- receivers end -->"
HEAD = """# Commands

<!-- `make docs` writes this page from the help of the commands. -->

`trainwarden` and `python -m monitor` are other names of `monitor`. Results go to standard output, messages to standard
error. `monitor COMMAND --help` and `trainer COMMAND --help` print the same as this page.

What was made of rule files and words is kept for the next start in `$XDG_CACHE_HOME/trainwarden`, else in
`~/.cache/trainwarden`. It is used only if no other user can write it and nothing changed since, may be deleted at any
time, and does not count where a command is said to write nothing.
"""


def commands_page() -> str:
    """Return docs/commands.md: every command with its help and its options."""
    commands = chain(_leaves(cli, ("monitor",)), _leaves(trainer, ("trainer",)))
    return HEAD + "".join(_section(path, command) for path, command in commands)


def _leaves(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _leaves(command, (*path, name))
        else:
            yield (*path, name), command


def _section(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path), terminal_width=100)
    usage = " ".join(command.collect_usage_pieces(context))
    prose, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
    parts = [f"\n## {' '.join(path)}\n", f"`{' '.join(path)} {usage}`\n", f"{_prose(prose)}\n"]
    if examples:
        parts.append("".join(f"    {line.strip()}\n" for line in examples.strip().splitlines()))
    records = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
    rows = [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in filter(None, records)]
    if rows:
        parts.append("\n".join(["| option | what it does |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _prose(text: str) -> str:
    """Return help as Markdown: no file pattern is taken for emphasis, the exit codes are a paragraph of their own."""
    return re.sub(r"\s+(Exit codes?: )", r"\n\n\1", text.strip().replace("*", r"\*"))


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def receivers_table() -> str:
    """Return a row for each kind of receiver: the first line of its module, and its options."""
    rows = ["| receiver | what it does | further keys in the watch file |", "|---|---|---|"]
    for word, name in KINDS.items():
        module = import_module(f"monitor.sinks.{word}")
        forms, _, what = (module.__doc__ or "").partition("\n")[0].replace("``", "`").partition(": ")
        options = getattr(module, name).takes.options
        keys = ", ".join(f"`{each.name.rstrip('_')}`" for each in fields(options)) if options else "–"
        rows.append(f"| {forms} | {what.rstrip('.')} | {keys} |")
    return "\n".join(rows)


def notify_page(text: str) -> str:
    """Return docs/notify.md with the table of receivers as it is now."""
    table = f"{BEGIN}\n\n{receivers_table()}\n\n{END}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda match: table, text, flags=re.DOTALL)


def main() -> None:
    """Write both pages."""
    COMMANDS.write_text(commands_page(), encoding="utf-8")
    NOTIFY.write_text(notify_page(NOTIFY.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
