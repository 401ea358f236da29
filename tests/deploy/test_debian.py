"""The Debian package: built with Debian's tools, installed in a booted Debian, served, removed and purged."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.logs import EPOCH_1, TROUBLED, joined
from tests.notify.receivers import until
from tests.service.machine import PROGRAMS, Machine, booted, bootstrap, has_our_python, in_memory

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
PLACES = (
    "/etc/trainwarden",
    "/var/lib/trainwarden",
    "/usr/lib/trainwarden",
    "/usr/bin/monitor",
    "/usr/bin/trainwarden",
    "/lib/systemd/system/monitor@.service",
    "/usr/lib/sysusers.d/trainwarden.conf",
    "/usr/share/man/man1/monitor-check.1.gz",
    "/usr/share/bash-completion/completions/monitor",
    "/usr/share/zsh/vendor-completions/_monitor",
    "/usr/share/fish/vendor_completions.d/monitor.fish",
)
"""Where the package puts its parts."""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the package, built as the make target builds it."""
    from tests.conftest import require_installed

    for program in (*PROGRAMS, "dpkg-buildpackage", "dh"):
        require_installed(program)
    if os.geteuid() != 0:
        pytest.skip("only root boots a machine")
    made = tmp_path_factory.mktemp("deb")
    built = subprocess.run(["bash", ROOT / "deploy/build-deb", made], capture_output=True, text=True, timeout=900)
    assert built.returncode == 0, built.stderr[-4000:]
    [found] = made.glob("trainwarden_*.deb")
    return found


@pytest.fixture(scope="module")
def machine(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with in_memory(tmp_path_factory.mktemp("machine")) as folder:
        root = folder / "root"
        bootstrap(root, "systemd-sysv,dbus,python3,libstdc++6", without=("doc", "locale"))
        if not has_our_python(root):
            pytest.skip("the installed Debian has another Python than the one that built the package")
        (root / "srv/trainwarden.deb").write_bytes(package.read_bytes())
        with booted(root) as found:
            yield found


def test_it_installs_serves_and_purges_clean(machine: Machine):
    machine.run("dpkg", "--install", "/srv/trainwarden.deb")
    assert [place for place in PLACES if machine.run("test", "-e", place, check=False).returncode] == []
    assert machine.run("getent", "passwd", "trainwarden").stdout
    assert machine.run("stat", "-c", "%a %U %G", "/etc/trainwarden").stdout.split() == ["750", "root", "trainwarden"]
    assert machine.run("trainwarden", "--version").stdout.endswith("(/usr/lib/trainwarden/monitor)\n")

    log = machine.write("/srv/run.log", joined(TROUBLED).decode())
    assert machine.run("monitor", "check", "/srv/run.log", check=False).returncode == 1
    log.write_bytes(joined(EPOCH_1))
    machine.write("/etc/trainwarden/run.yaml", "logs: [/srv/run.log]\nsinks: [stderr]\n")
    machine.run("systemctl", "enable", "--now", "monitor@run")
    assert machine.property("monitor@run", "ActiveState") == "active"
    assert machine.property("monitor@run", "User") == "trainwarden"
    with log.open("ab") as file:
        file.write(joined(TROUBLED[len(EPOCH_1) :]))
    until(lambda: "GradientZero" in machine.journal("monitor@run"), PATIENCE_S)
    until(lambda: machine.run("monitor", "status", "--state", "/var/lib/trainwarden/run", check=False).returncode == 1,
          PATIENCE_S)  # fmt: skip

    machine.run("systemctl", "start", "monitor-serve")
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8377/api/runs').read().decode())"
    until(lambda: "run.log" in machine.run("python3", "-c", ask, check=False).stdout, PATIENCE_S)

    # The same version again, as an upgrade: the watch goes on with its state.
    machine.run("dpkg", "--install", "/srv/trainwarden.deb")
    until(lambda: machine.property("monitor@run", "ActiveState") == "active", PATIENCE_S)

    machine.run("dpkg", "--remove", "trainwarden")
    assert [machine.property(unit, "ActiveState") for unit in ("monitor@run", "monitor-serve")] == ["inactive"] * 2
    kept = machine.run("test", "-e", "/var/lib/trainwarden/run/state.db", check=False)
    assert kept.returncode == 0, "a package that is removed, and not purged, keeps the state"
    machine.run("dpkg", "--purge", "trainwarden")
    left = [place for place in PLACES if machine.run("test", "-e", place, check=False).returncode == 0]
    assert left == []
    assert machine.run("getent", "passwd", "trainwarden", check=False).returncode != 0
    assert machine.run("dpkg", "--list", "trainwarden", check=False).returncode != 0
