"""Secret addresses and passwords: the configuration names them, their values are kept elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from monitor.base.errors import MonitorError
from monitor.base.escape import redact_url

SECRET_BYTES = 8_192
"""Longest secret read from a file."""


class Secret(NamedTuple):
    """A secret value, and what may be shown instead."""

    value: str
    shown: str
    is_literal: bool = False
    """Whether the value itself is in the configuration, where others may read it."""

    def __repr__(self) -> str:
        return f"Secret({self.shown})"


def read_secret(place: str, where: str) -> Secret:
    """Return the value of ``env:NAME``, ``file:PATH`` or systemd's ``credential:NAME``, else the text itself.

    Raises MonitorError if the variable is not set, or if the file is missing, empty or readable by others.
    """
    kind, _, name = place.partition(":")
    if kind == "env":
        value = os.environ.get(name, "").strip()
        if not value:
            raise MonitorError(where, f"the variable {name!r} is not set", expected=f"{name} in the environment")
        return Secret(value, place)
    if kind == "file":
        return Secret(_from_file(Path(name), where, is_private=True), place)
    if kind == "credential":
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder or "/" in name or not name:
            what = f"there is no credential {name!r}" if folder else "systemd passed no credentials"
            raise MonitorError(where, what, expected="LoadCredential= in the service's unit, and the credential's name")
        return Secret(_from_file(Path(folder) / name, where, is_private=False), place)
    return Secret(place, redact_url(place), is_literal=True)


def _from_file(path: Path, where: str, *, is_private: bool) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(SECRET_BYTES + 1)
    except OSError as error:
        raise MonitorError(
            where, f"{path} cannot be read ({error.strerror})", expected="a file with one line"
        ) from None
    if is_private and stat.S_IMODE(mode) & 0o077:
        what = f"other users can read {path} (mode {stat.S_IMODE(mode):04o})"
        raise MonitorError(where, what, expected=f"chmod 600 {path}")
    value = data.decode("utf-8", "replace").strip()
    if not value or "\n" in value or len(data) > SECRET_BYTES:
        raise MonitorError(where, f"{path} does not contain a secret", expected="one line of text")
    return value
