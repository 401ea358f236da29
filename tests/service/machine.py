"""A small Debian booted in a container with systemd as process 1 and the monitor installed as a user would."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

from tests.notify.receivers import until

CHECKOUT = Path(__file__).parents[2]
PROGRAMS = ("systemd-nspawn", "mmdebstrap", "nsenter")
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))
BOOT_S = 60.0
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Machine:
    """A booted machine: its files, and commands run in it by root."""

    def __init__(self, root: Path, pid: int) -> None:
        self.root, self._pid = root, pid

    def run(self, *words: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._pid), "-a", "--", *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        )
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """Return a unit's journal, each line with its priority."""
        lines = self.run("journalctl", "-q", "-o", "json", "-u", unit).stdout.splitlines()
        return "\n".join(f"<{each['PRIORITY']}>{each['MESSAGE']}" for each in map(json.loads, lines))

    def write(self, path: str, text: str, *, mode: int = 0o644) -> Path:
        """Write a file in it."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return place


@contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """Boot the machine whose files are in a folder; switch it off afterwards."""
    command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "-b"]
    with (
        (root.parent / "boot.log").open("w") as log,
        subprocess.Popen(
            [*command, "-D", str(root), f"--machine=trainwarden-{os.getpid()}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as nspawn,
    ):
        try:
            until(lambda: _is_up(nspawn), BOOT_S)
            yield Machine(root, _first_child(nspawn))
        finally:
            # Its first process takes this for "switch off, at once".
            if pid := _first_child(nspawn):
                os.kill(pid, signal.SIGRTMIN + 14)
            try:
                nspawn.wait(30)
            except subprocess.TimeoutExpired:
                nspawn.kill()


@contextmanager
def in_memory(folder: Path, *, size: str = "1g") -> Iterator[Path]:
    """Keep a folder in memory during the block: deleting ten thousand files from a disk takes longer."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def build(root: Path) -> None:
    """Make a Debian of this machine's release, and install the monitor in it."""
    bootstrap(root, "systemd-sysv,dbus,python3", without=("doc", "man", "locale"))
    _install_monitor(root)


def bootstrap(root: Path, packages: str, *, without: Sequence[str]) -> None:
    """Make a Debian of this machine's release, with these packages and without some folders of /usr/share."""
    excluded = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in without]
    release = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    assert release is not None, "no Debian"
    sources = [str(file) for file in SOURCES if file.is_file() and file.stat().st_size][:1]
    options = [
        "--quiet",
        "--variant=minbase",
        "--dpkgopt=force-unsafe-io",
        *excluded,
        f"--include={packages}",
    ]
    done = subprocess.run(
        ["mmdebstrap", *options, release[1], str(root), *sources], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def has_our_python(root: Path) -> bool:
    """Whether the machine's Python is of the version that runs the tests, whose packages are compiled for it."""
    return (root / "usr/bin" / PYTHON).exists()


def _install_monitor(root: Path) -> None:
    """Install the wheel, and the packages that it needs from the environment that runs the tests: no network."""
    site = root / "usr/local/lib" / PYTHON / "dist-packages"
    site.mkdir(parents=True, exist_ok=True)
    wheels = root.parent / "wheels"
    for command in (
        ["build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(CHECKOUT)],
        ["pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile", "--target", str(site)],
    ):
        words = [*command, *map(str, wheels.glob("*.whl"))] if command[0] == "pip" else command
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=root.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    ours = Path(sysconfig.get_path("purelib"))
    for name in _needed("trainwarden", extras=("", "serve")):
        for file in distribution(name).files or ():
            place = Path(str(file.locate())).resolve()
            if place.is_relative_to(ours) and place.is_file() and place.suffix != ".pyc":
                target = site / place.relative_to(ours)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(place, target)
    script = root / "usr/local/bin/monitor"
    script.write_text("#!/usr/bin/python3\nimport sys\nfrom monitor.cli import main\nsys.exit(main())\n")
    script.chmod(0o755)


def _needed(name: str, known: frozenset[str] = frozenset(), extras: tuple[str, ...] = ("",)) -> frozenset[str]:
    """Return the names of the packages that one needs, with some of its extras."""
    from packaging.requirements import Requirement

    found = set(known)
    for text in requires(name) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": each}) for each in extras):
            continue
        if requirement.name not in found:
            try:
                distribution(requirement.name)
            except PackageNotFoundError:
                continue
            found.add(requirement.name)
            found |= _needed(requirement.name, frozenset(found))
    return frozenset(found)


def _first_child(nspawn: subprocess.Popen[bytes]) -> int:
    """Return the process that is number 1 in the container; 0 while there is none."""
    try:
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def _is_up(nspawn: subprocess.Popen[bytes]) -> bool:
    assert nspawn.poll() is None, "the container ended while it booted"
    pid = _first_child(nspawn)
    if not pid:
        return False
    asked = ["nsenter", "-t", str(pid), "-a", "--", "systemctl", "is-system-running"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return told in ("running", "degraded")
