"""Options that several commands have, and how a command refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any, NoReturn

import click

from trainer.config import SECTIONS, SYNTHETIC, TrainerError
from trainer.settings import settings

_REPEATABLE = {"inject", "allow_change"}
FILE_HELP = "YAML or TOML file with settings by section."


class Sectioned(click.Command):
    """A command whose help lists the settings by section, as a file of settings does."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        section_of = {row.name: row.section for row in settings()}
        own: list[tuple[str, str]] = []
        by_section: dict[str, list[tuple[str, str]]] = {name: [] for name in SECTIONS}
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is not None:
                by_section.get(section_of.get(each.name or "", ""), own).append(record)
        for title, records in [("Options", own), *((_title(name), by_section[name]) for name in SECTIONS)]:
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _title(section: str) -> str:
    """Return a section's name and what it is about."""
    return f"{section} - {SECTIONS[section].__doc__.splitlines()[0].rstrip('.')}"


def setting_options(command: Callable[..., Any], *, names: Collection[str] = ()) -> Callable[..., Any]:
    """Add one option to a command for each row of the settings table, or for these."""
    for row in reversed(list(settings())):
        if names and row.name not in names:
            continue
        kind: Any = type(row.default) if type(row.default) in (int, float, str) else str
        unit = f" [{row.unit}]" if row.unit else ""
        shown = ",".join(map(str, row.default)) if isinstance(row.default, tuple) else str(row.default)
        command = click.option(
            f"--{row.name.replace('_', '-')}",
            row.name,
            type=kind,
            multiple=row.name in _REPEATABLE,
            default=None,
            help=f"{row.what}{unit} Variable {row.env}; default {shown or 'empty'}.",
        )(command)
    return command


def panel_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how `fit` reads and splits a panel."""
    without = {"data", "cache_dir", *SYNTHETIC}
    return setting_options(command, names={row.name for row in settings() if row.section == "data"} - without)


def feature_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that leave trained features out."""
    for name, what in (
        ("exclude", "Trained features to take for missing: names or patterns, separated by commas."),
        ("static-data", "File with one row per code; default that of the training."),
        ("features", "Trained features to use, the others count as missing: names or patterns, separated by commas."),
    ):
        command = click.option(f"--{name}", default="", help=what)(command)
    return command


def words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def refuse(error: TrainerError) -> NoReturn:
    """Print the user's mistake and exit with 2."""
    complain(error)
    sys.exit(2)


def complain(error: TrainerError) -> None:
    """Print the user's mistake on stderr."""
    click.echo(f"trainer: {error}", err=True)
