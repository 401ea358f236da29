"""Turns the shipped systemd units into files to install, with the monitor's real path and an instance's drop-ins."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from monitor.base import resources
from monitor.base.errors import MonitorError

COMMAND = "/usr/local/bin/monitor"
"""Placeholder for the monitor in the shipped units."""
HOME_LOGS = "/home/alice/project/_logs"
"""Placeholder for a folder of logs in the shipped drop-in."""
_COMMON = (
    ("monitor@.service", "etc/systemd/system/monitor@.service"),
    ("monitor-failure@.service", "etc/systemd/system/monitor-failure@.service"),
    ("monitor-serve.service", "etc/systemd/system/monitor-serve.service"),
    ("monitor.tmpfiles", "etc/tmpfiles.d/trainwarden.conf"),
    ("trainwarden.sysusers", "etc/sysusers.d/trainwarden.conf"),
)
_SEAL = "# Written by monitor service install; what is above has the SHA-256 "


class Wanted(NamedTuple):
    """What one instance needs as well as the template; each item is a drop-in."""

    gpu: bool = False
    plain: bool = False
    home_logs: str | None = None
    """A folder below /home that stays visible."""
    credentials: tuple[str, ...] = ()
    """Names of secrets that systemd passes to the service."""


class UnitFile(NamedTuple):
    """One file to install."""

    path: str
    """Path below the root folder, without a leading slash."""
    text: str


def unit_files(command: str, name: str | None = None, wanted: Wanted = Wanted()) -> list[UnitFile]:  # noqa: B008
    """Return the files of the service and, if ``name`` is given, of that instance. Raises MonitorError."""
    files = [UnitFile(place, _shipped(unit).replace(COMMAND, command)) for unit, place in _COMMON]
    if name is not None:
        check_name(name)
        files += _drop_ins(name, wanted)
    return files


def check_name(name: str) -> None:
    """Check that ``name`` can be an instance's and a file's name. Raises MonitorError."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}", name):
        expected = "letters, digits and _ . : - (the watch file is /etc/trainwarden/NAME.yaml)"
        raise MonitorError("NAME", f"not a valid instance name: {name!r:.60}", expected=expected)


def sealed(text: str) -> str:
    """Return the text with a last line that shows later whether the file was edited."""
    return f"{text}{_SEAL}{_digest(text)}\n"


def is_unedited(found: str) -> bool:
    """Whether a file is unchanged since `sealed` made it."""
    text, seal, digest = found.rpartition(_SEAL)
    return bool(seal) and digest.strip() == _digest(text)


def escaped(command: str) -> str:
    """Return a path quoted for a unit, in which ``%`` and blanks have a meaning."""
    quoted = command.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"' if re.search(r"[\s\"\\']", command) else quoted


def _drop_ins(name: str, wanted: Wanted) -> Iterator[UnitFile]:
    folder = f"etc/systemd/system/monitor@{name}.service.d"
    if wanted.gpu:
        yield UnitFile(f"{folder}/gpu.conf", _shipped("gpu.conf"))
    if wanted.plain:
        yield UnitFile(f"{folder}/plain.conf", _shipped("plain.conf"))
    if wanted.home_logs is not None:
        yield UnitFile(f"{folder}/home-logs.conf", _shipped("home-logs.conf").replace(HOME_LOGS, wanted.home_logs))
    if wanted.credentials:
        *head, example = _shipped("secrets.conf").rstrip("\n").split("\n")
        lines = [example.replace("webhook", credential) for credential in wanted.credentials]
        text = "\n".join([*head, *lines, ""])
        # The unit that reports a failure needs them as well.
        yield UnitFile(f"{folder}/secrets.conf", text)
        yield UnitFile(f"etc/systemd/system/monitor-failure@{name}.service.d/secrets.conf", text)


def _shipped(name: str) -> str:
    return resources.unit_path(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
