"""Find the data shipped with the code (rules, templates, units), or the user's file that replaces it.

A wheel has the data in ``monitor/_data``; a checkout has it next to ``monitor/``, where people can read it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monitor.base import cache
from monitor.base.errors import MonitorError

_PACKAGE = Path(__file__).resolve().parents[1]


def rules_dir() -> Path:
    """Return the folder of the shipped rule files. Raises MonitorError."""
    return _shipped("rules")


def shipped_data(path: Path) -> Any:
    """Return the content of a shipped YAML file, without line numbers: our own tests check what it says."""
    data = path.read_bytes()
    key = cache.key_of(data)
    if (known := cache.kept(path, key)) is not None:
        return known
    import yaml  # loaded here: a start that has the file's content already does not need it

    # libyaml reads ten times as fast.
    content = yaml.load(data, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    if json.loads(json.dumps(content)) == content:
        cache.keep(path, key, content)
    return content


def templates_dir() -> Path:
    """Return the folder of the shipped report templates. Raises MonitorError."""
    return _shipped("templates")


def template_path(name: str, *, own_dir: Path | None = None) -> Path:
    """Return the template of that name: the one in ``own_dir`` if there is one, else the shipped one.

    Raises MonitorError, which lists the available templates.
    """
    return _first_of(name, [own_dir, templates_dir()] if own_dir else [templates_dir()])


def unit_path(name: str) -> Path:
    """Return the shipped systemd unit of that file name. Raises MonitorError, which lists the available units."""
    return _first_of(name, [_shipped("systemd")])


def _shipped(kind: str) -> Path:
    """Return the wheel's folder if it exists, else the checkout's; a damaged installation has neither."""
    for folder in (_PACKAGE / "_data" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise MonitorError(
        str(_PACKAGE), f"the shipped {kind} are missing", expected=f"_data/{kind} or ../{kind}; install again"
    )


def _first_of(name: str, folders: list[Path]) -> Path:
    # Bare file names only: "../secrets" does not name a template.
    found = {file.name: file for folder in reversed(folders) if folder.is_dir() for file in folder.iterdir()}
    if name not in found:
        raise MonitorError(str(folders[0]), f"no {name!r}", expected=f"one of {', '.join(sorted(found)) or 'none'}")
    return found[name]
