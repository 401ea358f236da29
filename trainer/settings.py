"""The table of all settings, and their values: from the default, a file, the environment or the command line.

In: the sections of `config`, an optional YAML or TOML file, environment variables, values of the command line or of a
call. Out: a checked `TrainerConfig`, the source of each effective value, and the requests that were ignored. No other
file decides a setting's value; a variable that is not in `settings()` has no effect, and `resolve` reports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from trainer.config import SECTIONS, SettingError, TrainerConfig, as_text
from trainer.config_file import checked_names, read_settings


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
    source: str  # default, file, call, env, cli or checkpoint
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
    *,
    cli: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    file: Path | None = None,
    call: Mapping[str, Mapping[str, Any]] | None = None,
) -> Resolved:
    """Merge default, file, call, environment and command line; the later source wins.

    `cli` has the values that the user gave, parsed, by field name. `env` is the process environment. `file` is YAML or
    TOML with the sections of `TrainerConfig`, and `call` has the same from Python. Raises SettingError with the place
    of the first value that cannot be used.
    """
    cli, env = cli or {}, env or {}
    from_file = read_settings(file) if file is not None else {}
    from_call = checked_names(call, where="call") if call is not None else {}
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    effective, ignored = [], []
    for row in settings():
        asked: list[tuple[str, Any]] = [("default", row.default)]
        if row.name in from_file.get(row.section, {}):
            asked.append(("file", _convert(from_file[row.section][row.name], row, f"{file}")))
        if row.name in from_call.get(row.section, {}):
            asked.append(("call", _convert(from_call[row.section][row.name], row, "call")))
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


_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _convert(value: Any, row: SettingRow, where: str) -> Any:
    """Convert a requested value to its setting's type. Raises SettingError with its place and the expected type."""
    expected = type(row.default)
    try:
        if expected is tuple:
            item = type(row.default[0]) if row.default else str
            return tuple(_convert_one(part, item) for part in _parts(value))
        return _convert_one(value, expected)
    except (TypeError, ValueError) as error:
        kind = {bool: "0 or 1", int: "a whole number", float: "a number", tuple: "a list"}.get(expected, "text")
        raise SettingError(f"{where}: {row.key} cannot be used; expected {kind}, got {value!r}") from error


def _parts(value: Any) -> list[Any]:
    """Return the parts of a list, which may be written as text with commas; None is an empty list."""
    if isinstance(value, str):
        return [part for part in value.split(",") if part]
    return [] if value is None else list(value)


def _convert_one(value: Any, expected: type) -> Any:
    """Convert a single value. Raises TypeError or ValueError for one that would lose something."""
    if expected is bool:
        word = value.strip().lower() if isinstance(value, str) else value
        if word in _TRUE + _FALSE or isinstance(value, bool):
            return value if isinstance(value, bool) else word in _TRUE
        raise ValueError(value)
    if expected is str:
        if value is None:
            return ""
        if isinstance(value, Mapping | list | tuple):
            raise TypeError(value)
        return str(value)
    if isinstance(value, bool) or (expected is int and isinstance(value, float) and not value.is_integer()):
        raise ValueError(value)
    return expected(value)
