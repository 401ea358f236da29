"""The wheel: built, installed in a fresh environment and used there, away from the checkout, offline."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from monitor import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT], cwd=out)
    return out / f"trainwarden-{__version__}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """An environment that holds the wheel; it borrows the dependencies of the one that runs the tests."""
    home = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], cwd=home)
    python = home / "venv" / "bin" / "python"
    install = ["install", "--quiet", "--no-index", "--no-deps", wheel]
    run([sys.executable, "-m", "pip", "--python", python, *install], cwd=home)
    (site_packages,) = (home / "venv" / "lib").glob("python*/site-packages")
    # Appended to sys.path, and not read for .pth files of its own: the checkout stays out of reach.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home


def test_the_wheel_holds_every_rule_template_and_unit_of_the_checkout(wheel):
    shipped = {
        f"monitor/_data/{file.relative_to(ROOT)}"
        for folder in ("rules", "templates", "systemd")
        for file in (ROOT / folder).rglob("*")
        if file.is_file()
    }
    assert shipped != set()
    assert {name for name in names(wheel) if name.startswith("monitor/_data/")} == shipped


def test_the_wheel_holds_the_two_packages_and_its_own_description_and_nothing_else(wheel):
    info = f"trainwarden-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names(wheel)} == {"monitor", "trainer", info}


def test_the_installed_code_is_the_wheels_and_not_the_checkouts(installed):
    found = run([installed / "venv/bin/python", "-c", "import monitor; print(monitor.__file__)"], cwd=installed)
    assert Path(found.strip()).is_relative_to(installed)


@pytest.mark.parametrize("command", [["monitor"], ["trainwarden"], ["python", "-m", "monitor"]])
def test_every_name_of_the_monitor_prints_the_same_help(installed, command):
    program, *rest = command
    said = run([installed / "venv/bin" / program, *rest, "--help"], cwd=installed)
    assert said.startswith("Usage: ")
    assert said.partition("\n")[2] == run([installed / "venv/bin/monitor", "--help"], cwd=installed).partition("\n")[2]


def test_the_installed_monitor_lists_the_rules_that_the_checkout_lists(installed):
    there = run([installed / "venv/bin/monitor", "rules", "list"], cwd=installed)
    here = run([sys.executable, "-m", "monitor", "rules", "list"], cwd=ROOT)
    assert there != ""
    assert there == here


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def run(command: list[object], *, cwd: Path) -> str:
    """Run a command without our import path and return what it printed; fail with all it said."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
