"""The table of all settings, and their values: from the default, a file, the environment or the command line.

In: the sections of `config`, an optional TOML file, environment variables, command-line values. Out: a checked
`TrainerConfig`, the source of each effective value, and the requests that were ignored. No other file reads settings;
a variable that is not in `settings()` has no effect, and `resolve` reports it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from trainer.config import SECTIONS, SettingError, TrainerConfig, as_text


class SettingRow(NamedTuple):
    """One row of the settings table."""

    section: str
    name: str
    key: str  # its name in CONFIG lines
    env: str  # its environment variable
    default: Any
    unit: str
    what: str


class Effective(NamedTuple):
    """The value that the run uses for one setting."""

    key: str
    value: Any
    source: str  # default, file, env, cli or checkpoint
    changed_from: Any = None  # the value before the run was resumed, if that was another


class Ignored(NamedTuple):
    """A requested value that was overridden."""

    key: str
    asked: str
    used: str


class Resolved(NamedTuple):
    """A checked configuration, and what happened to each request."""

    config: TrainerConfig
    effective: tuple[Effective, ...]
    unused: tuple[str, ...]  # environment variables that look like ours but are not in the table
    ignored: tuple[Ignored, ...]


def settings() -> Iterator[SettingRow]:
    """Yield every setting of every section, in the order in which the log lists them."""
    for section, section_type in SECTIONS.items():
        for entry in fields(section_type):
            env = entry.metadata["env"] or f"TRAINER_{entry.name.upper()}"
            key = entry.metadata["key"] or entry.name
            unit, what = entry.metadata["unit"], entry.metadata["what"]
            yield SettingRow(section, entry.name, key, env, entry.default, unit, what)


def resolve(
    *, cli: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None, file: Path | None = None
) -> Resolved:
    """Merge default, file, environment and command line; the later source wins.

    `cli` has the values that the user gave, parsed, by field name. `env` is the process environment. `file` is TOML
    with the sections of `TrainerConfig`. Raises SettingError with the place of the first value that cannot be used.
    """
    cli, env = cli or {}, env or {}
    from_file = _read_file(file) if file is not None else {}
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    effective, ignored = [], []
    for row in settings():
        asked: list[tuple[str, Any]] = [("default", row.default)]
        if row.name in from_file.get(row.section, {}):
            asked.append(("file", _convert(from_file[row.section][row.name], row, f"{file}")))
        if row.env in env:
            asked.append(("env", _convert(env[row.env], row, f"environment {row.env}")))
        if row.name in cli:
            asked.append(("cli", _convert(cli[row.name], row, "command line")))
        source, value = asked[-1]
        sections[row.section][row.name] = value
        effective.append(Effective(row.key, value, source))
        ignored += [Ignored(row.key, as_text(v), as_text(value)) for s, v in asked[1:-1] if v != value]
    config = TrainerConfig(**{name: section_type(**sections[name]) for name, section_type in SECTIONS.items()})
    return Resolved(config, tuple(effective), _unused(env), tuple(ignored))


def _unused(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that share a first word with one of ours (ENABLE_, GRAD_, ...) but are not in the table."""
    honoured = {row.env for row in settings()}
    first_words = tuple({name.split("_")[0] + "_" for name in honoured})
    return tuple(sorted(name for name in env if name.startswith(first_words) and name not in honoured))


def _read_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{path}: cannot be read; expected a TOML file, got {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path}: not TOML; expected key = value lines, got {error}") from error
    known: dict[str, set[str]] = {}
    for row in settings():
        known.setdefault(row.section, set()).add(row.name)
    for section, values in tree.items():
        if section not in known or not isinstance(values, dict):
            raise SettingError(
                f"{path}: unknown section {section!r}; expected one of {', '.join(known)}, got {section}"
            )
        for name in values:
            if name not in known[section]:
                raise SettingError(
                    f"{path}: unknown setting {name!r} in [{section}]; expected one of "
                    f"{', '.join(sorted(known[section]))}, got {name}"
                )
    return tree


_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _convert(value: Any, row: SettingRow, where: str) -> Any:
    """Convert a requested value to its setting's type. Raises SettingError with its place and the expected type."""
    expected = type(row.default)
    try:
        if expected is bool and isinstance(value, str):
            word = value.strip().lower()
            if word not in _TRUE + _FALSE:
                raise ValueError(value)
            return word in _TRUE
        if expected is tuple:
            parts = [part for part in value.split(",") if part] if isinstance(value, str) else list(value)
            item = type(row.default[0]) if row.default else str
            return tuple(item(part) for part in parts)
        if expected is bool and not isinstance(value, bool):
            raise ValueError(value)
        return expected(value)
    except (TypeError, ValueError) as error:
        kind = {bool: "0 or 1", int: "a whole number", float: "a number", tuple: "a list"}.get(expected, "text")
        raise SettingError(f"{where}: {row.key} cannot be used; expected {kind}, got {value!r}") from error
