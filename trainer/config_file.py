"""Files of settings, YAML or TOML: a file in, the values of each section out, and the other way round.

Interface:
    read_settings(Path("run.yaml"))            # {"optim": {"epochs": "3"}}; values are text where YAML has scalars
    write_settings(config, Path("run.yaml"))   # every setting with its sentence; `-` is standard output
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from trainer.config import SECTIONS, SYNTHETIC, SettingError, TrainerConfig, TrainerError

FORMS = {".toml": "TOML", ".yaml": "YAML", ".yml": "YAML"}
_EXPECTED = "expected a YAML or TOML file"
_NOTHING = ("null", "Null", "NULL", "~")


class UnwritableConfig(TrainerError):
    """A file of settings that cannot be written."""


def read_settings(path: Path) -> dict[str, dict[str, Any]]:
    """Return the values of a file by section and name. Raises SettingError for unknown names and unreadable files.

    A scalar of YAML comes as the text that was typed, and is read like a value on the command line: `5e-4` is a number
    and `on` a truth, wherever such a value is expected. Only a plain `null` comes as None.
    """
    form = FORMS.get(path.suffix.lower())
    if form is None:
        raise SettingError(f"{path}: unknown kind of file; expected a name in {' or '.join(FORMS)}, got {path.name}")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(f"{path}: cannot be read; {_EXPECTED}, got {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path}: not {form}; expected text in UTF-8, got {error}") from error
    tree = _toml(path, text) if form == "TOML" else _yaml(path, text)
    return checked_names(tree, where=str(path))


def checked_names(tree: Mapping[str, Any], *, where: str) -> dict[str, dict[str, Any]]:
    """Return the sections, if each of them and each of their settings is known. Raises SettingError."""
    known = {name: {entry.name for entry in fields(section)} for name, section in SECTIONS.items()}
    for section, values in tree.items():
        if section not in known:
            raise SettingError(
                f"{where}: unknown section {section!r}; expected one of {', '.join(known)}, got {section}"
            )
        if not isinstance(values, Mapping):
            raise SettingError(f"{where}: section {section} has no settings; expected name and value, got {values!r}")
        for name in values:
            if name not in known[section]:
                raise SettingError(
                    f"{where}: unknown setting {name!r} in [{section}]; expected one of "
                    f"{', '.join(sorted(known[section]))}, got {name}"
                )
    return {section: dict(values) for section, values in tree.items()}


def write_settings(config: TrainerConfig, path: Path) -> None:
    """Write every setting, with its sentence and unit, such that reading the file gives the same configuration.

    Raises UnwritableConfig.
    """
    text = as_yaml(config)
    if str(path) == "-":
        sys.stdout.write(text)
        return
    if FORMS.get(path.suffix.lower()) != "YAML":
        raise UnwritableConfig(f"{path}: unknown kind of file; expected a name in .yaml or .yml, got {path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnwritableConfig(f"{path}: cannot be written; expected a writable file, got {error.strerror}") from error


def as_yaml(config: TrainerConfig) -> str:
    """Return all settings as YAML; those without effect are commented out, or the log would report them as ignored."""
    idle = SYNTHETIC if config.data.data else ()
    parts = []
    for name, section_type in SECTIONS.items():
        lines = [f"{name}: # {section_type.__doc__.splitlines()[0]}"]
        for entry in fields(section_type):
            unit = f" [{entry.metadata['unit']}]" if entry.metadata["unit"] else ""
            value = getattr(getattr(config, name), entry.name)
            mark = "# " if entry.name in idle else ""
            lines += [f"  # {entry.metadata['what']}{unit}", f"  {mark}{entry.name}: {_scalar(value)}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _scalar(value: Any) -> str:
    """Return a value in one line of YAML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_scalar, value))}]"
    import yaml

    # Double quotes need no other rule than their escapes, inside brackets too.
    text: str = yaml.safe_dump(value, default_style='"', width=sys.maxsize, allow_unicode=True)
    return text.removesuffix("\n")


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path}: not TOML; expected key = value lines, got {error}") from error


def _yaml(path: Path, text: str) -> dict[str, Any]:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        found = {} if root is None else _plain(root, path)
    except yaml.YAMLError as error:
        got = " ".join(str(error).split())
        raise SettingError(f"{path}: not YAML; expected sections with name: value lines, got {got}") from error
    if found in (None, ""):
        return {}
    if not isinstance(found, dict):
        raise SettingError(f"{path}: no sections; expected {', '.join(SECTIONS)}, got {text.strip()[:40]!r}")
    # A section whose settings are all commented out is empty.
    return {name: {} if values in (None, "") else values for name, values in found.items()}


def _plain(node: Any, path: Path) -> Any:
    """Return a node as text, list or dict. Raises SettingError for a name that is given twice."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _NOTHING else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, path) for each in node.value]
    found: dict[str, Any] = {}
    for key, value in node.value:
        name = str(_plain(key, path))
        if name in found:
            line = key.start_mark.line + 1
            raise SettingError(f"{path}:{line}: {name} is given twice; expected each name once, got it again")
        found[name] = _plain(value, path)
    return found
