"""Write a man page for each command from its help: ``python -m deploy.man_pages FOLDER`` makes FOLDER/man1.

A small generator of our own: click-man 0.6 escapes nothing, cuts the one-line description at 45 characters, does not
see commands that are loaded when used, and has no sections for examples and exit codes.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from monitor import __version__
from monitor.cli import SECTIONS, cli
from trainer.cli import main as trainer

EXIT_CODES = re.compile(r"Exit codes?: (.+?)\.(?=\s|$)", re.DOTALL)
VERBATIM = "\b\n"
"""How click marks a paragraph whose lines stay as they are."""
ESCAPES = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"})
ENVIRONMENT = (
    ("XDG_STATE_HOME", "The state folder is trainwarden in this folder, by default in ~/.local/state."),
    ("NO_COLOR", "Where it is set and not empty, nothing is coloured."),
    ("COLUMNS, LINES", "Size of the screen, where it is not a terminal that tells it."),
)


def main() -> None:
    """Write the pages into the folder ``man1`` of the one that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("man_pages: no folder given; expected FOLDER")
    folder = Path(sys.argv[1]) / "man1"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")


def pages() -> Iterator[tuple[str, str]]:
    """Yield the file name and the text of each page."""
    for program, group in (("monitor", cli), ("trainer", trainer)):
        yield from _pages_of(group, (program,))
    yield "trainwarden.1", ".so man1/monitor.1\n"


def _pages_of(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    yield f"{'-'.join(path)}.1", _page(command, path)
    for name, each in _commands(command):
        yield from _pages_of(each, (*path, name))


def _commands(command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield name, found


def _page(command: click.Command, path: tuple[str, ...]) -> str:
    """Return the page of one command, in the order that man-pages(7) asks for."""
    context = click.Context(command, info_name=" ".join(path))
    summary, description, examples, codes = _parts(command)
    title = "-".join(path)
    parts = [
        f'.TH "{_text(title.upper())}" 1 "{_date()}" "trainwarden {_text(__version__)}" "trainwarden"',
        ".nh",  # no hyphens within commands and paths
        ".ad l",
        ".SH NAME",
        rf"{_text(title)} \- {_text(summary[:1].lower() + summary[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        rf"\fB{_text(' '.join(path))}\fR {_text(' '.join(command.collect_usage_pieces(context)))}",
        ".SH DESCRIPTION",
        *_paragraphs([summary, *description]),
    ]
    if subcommands := list(_commands(command)):
        parts += [".SH COMMANDS", *_command_list(path, subcommands)]
    if options := [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]:
        parts += [".SH OPTIONS", *_definitions([each for each in options if each is not None])]
    if codes:
        parts += [".SH EXIT STATUS", *_exit_status(codes)]
    if path == ("monitor",):
        parts += [".SH ENVIRONMENT", *_definitions(ENVIRONMENT)]
    if examples:
        parts += [".SH EXAMPLES", *(line for each in examples for line in _verbatim(each))]
    others = [path[:-1]] if len(path) > 1 else []
    others += [(*path, name) for name, _ in subcommands]
    if others:
        parts += [".SH SEE ALSO", ",\n".join(rf"\fB{_text('-'.join(each))}\fR(1)" for each in others)]
    return "\n".join(parts) + "\n"


def _parts(command: click.Command) -> tuple[str, list[str], list[str], str]:
    """Return a help text as its first sentence, its paragraphs, its examples, and its exit codes."""
    paragraphs = [each for each in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")) if each.strip()]
    examples = [each.removeprefix(VERBATIM) for each in paragraphs if each.startswith(VERBATIM)]
    prose = [" ".join(each.split()) for each in paragraphs if not each.startswith(VERBATIM)]
    codes = next((found[1] for each in prose if (found := EXIT_CODES.search(each))), "")
    prose = [EXIT_CODES.sub("", each).strip() for each in prose]
    return prose[0] if prose else "", [each for each in prose[1:] if each], examples, codes


def _command_list(path: tuple[str, ...], commands: list[tuple[str, click.Command]]) -> Iterator[str]:
    """Yield the commands with their first sentences; those of `monitor` by what they are for."""
    known = dict(commands)
    sections = SECTIONS if path == ("monitor",) else {"": known}
    for title, names in sections.items():
        if title:
            yield f".SS {_text(title)}"
        rows = [("-".join((*path, name)) + "(1)", _parts(known[name])[0]) for name in names]
        yield from _definitions(rows)


def _definitions(rows: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> Iterator[str]:
    for term, text in rows:
        yield from (".TP", rf"\fB{_text(term)}\fR", _text(text) or r"\&")


def _exit_status(codes: str) -> Iterator[str]:
    """Yield ``0 done, 2 usage`` as a list by code; other sentences as they are."""
    codes = " ".join(codes.split())
    first, *parts = re.split(r"(?:^|[,;] )(\d+)(?=[ ,]|$)", codes)
    if first:
        yield from _paragraphs([f"{codes[:1].upper()}{codes[1:]}."])
    else:
        meanings = (each.strip(" ,;") or "success" for each in parts[1::2])
        yield from _definitions(list(zip(parts[::2], meanings, strict=True)))


def _paragraphs(texts: list[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield from ([".PP"] if number else [])
        yield _text(text)


def _verbatim(text: str) -> list[str]:
    return [".PP", ".nf", ".RS 4", *map(_text, text.rstrip().splitlines()), ".RE", ".fi"]


def _text(text: str) -> str:
    """Return text that troff shows as it is, on one line."""
    escaped = text.translate(ESCAPES)
    return rf"\&{escaped}" if escaped.startswith((".", r"\(aq")) else escaped


def _date() -> str:
    """Return the day of the release where the packager names it, so that a build can be repeated; else nothing."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d}" if epoch else ""


if __name__ == "__main__":
    main()
