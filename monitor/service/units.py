"""The shipped units of systemd → files with their places: the real path of the monitor, and what one instance wants."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from monitor.base import resources
from monitor.base.errors import MonitorError

COMMAND = "/usr/local/bin/monitor"
"""Stands for the monitor in the shipped units."""
HOME_LOGS = "/home/alice/project/_logs"
"""Stands for a folder of logs in the shipped drop-in."""
_COMMON = (
    ("monitor@.service", "etc/systemd/system/monitor@.service"),
    ("monitor-failure@.service", "etc/systemd/system/monitor-failure@.service"),
    ("monitor.tmpfiles", "etc/tmpfiles.d/trainwarden.conf"),
    ("trainwarden.sysusers", "etc/sysusers.d/trainwarden.conf"),
)
_MARK = "# Written by monitor service install; what is above has the SHA-256 "


class Wanted(NamedTuple):
    """What one instance wants beyond the template; each thing is a drop-in."""

    gpu: bool = False
    plain: bool = False
    home_logs: str | None = None
    """A folder below /home that stays in sight."""
    credentials: tuple[str, ...] = ()
    """Names of secrets that systemd hands over."""


class UnitFile(NamedTuple):
    """One file."""

    path: str
    """Below the root folder, without a leading slash."""
    text: str


def unit_files(command: str, name: str | None = None, wanted: Wanted = Wanted()) -> list[UnitFile]:  # noqa: B008
    """Return the files of the service, those of one instance included where one is named. Raises MonitorError."""
    files = [UnitFile(place, _shipped(unit).replace(COMMAND, command)) for unit, place in _COMMON]
    if name is not None:
        check_name(name)
        files += _drop_ins(name, wanted)
    return files


def check_name(name: str) -> None:
    """Refuse what cannot be an instance and a file's name at once. Raises MonitorError."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,99}", name):
        expected = "letters, digits and _ . : - (the watch file is /etc/trainwarden/NAME.yaml)"
        raise MonitorError("NAME", f"{name!r:.60} is no name for an instance", expected=expected)


def marked(text: str) -> str:
    """Return a file's text with a last line by which a later version knows that nobody has edited it."""
    return f"{text}{_MARK}{_digest(text)}\n"


def is_unedited(found: str) -> bool:
    """Whether a file is as `marked` made it."""
    text, mark, digest = found.rpartition(_MARK)
    return bool(mark) and digest.strip() == _digest(text)


def escaped(command: str) -> str:
    """Return a path as a unit must write it: systemd reads ``%`` and blanks as something else."""
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
        # Who tells that nobody watches needs them as well.
        yield UnitFile(f"{folder}/secrets.conf", text)
        yield UnitFile(f"etc/systemd/system/monitor-failure@{name}.service.d/secrets.conf", text)


def _shipped(name: str) -> str:
    return resources.unit_path(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
