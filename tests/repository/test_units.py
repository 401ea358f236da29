"""The systemd units as they are installed: accepted by systemd itself, and hardened, in each variant."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import click
import pytest

from monitor.cli import cli
from tests.cli.command import monitor

UNITS = Path(__file__).parents[2] / "systemd"
VARIANTS = {
    "as it is": ([], 1.4),
    "gpu": (["--gpu", "--home-logs", "/home/a/_logs", "--credential", "hook"], 1.7),
    "plain": (["--plain"], 1.2),
}
"""What `service install` is told, and the most exposure that `systemd-analyze security` may see (0 is best)."""


@pytest.fixture
def installed(tmp_path: Path, require, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for the system's root; systemd-analyze finds its units."""
    require("systemd-analyze")
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", f"{tmp_path}/etc/systemd/system:")
    return tmp_path


def install(root: Path, *options: str) -> None:
    program = str(Path(sys.executable).parent / "monitor")
    with mock.patch("monitor.cli.service.own_command", lambda: program):
        assert monitor("service", "install", "x", "--root", str(root), *options).code == 0


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("options", "most"), VARIANTS.values(), ids=VARIANTS)
def test_systemd_finds_nothing_to_complain_of(installed: Path, options: list[str], most: float):
    del most
    install(installed, *options)
    done = analyze("verify", "monitor@x.service", "monitor-failure@x.service", "monitor-serve.service")
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_takes_the_unit_of_a_training(installed: Path):
    unit = UNITS.parent / "deploy/systemd/training@.service"
    program = str(Path(sys.executable).parent / "monitor")
    folder = installed / "etc/systemd/system"
    folder.mkdir(parents=True)
    (folder / unit.name).write_text(unit.read_text(encoding="utf-8").replace("/usr/local/bin/monitor", program))
    done = analyze("verify", "training@x.service")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("options", "most"), VARIANTS.values(), ids=VARIANTS)
def test_every_variant_is_hardened(installed: Path, options: list[str], most: float):
    install(installed, *options)
    for unit in ("monitor@x.service", "monitor-failure@x.service", "monitor-serve.service"):
        told = analyze("security", "--offline=true", unit).stdout
        exposure = re.search(r"Overall exposure level for \S+ ([0-9.]+)", told)
        assert exposure is not None
        assert float(exposure[1]) <= most, unit


@pytest.mark.parametrize("unit", ["monitor@.service", "monitor-failure@.service", "monitor-serve.service"])
def test_the_units_command_line_is_one_that_the_monitor_takes(unit: str):
    line = re.search(r"^ExecStart=\S+ (.*)$", (UNITS / unit).read_text(encoding="utf-8"), re.MULTILINE)
    assert line is not None
    words = shlex.split(line[1].replace("%i", "run-1").replace("${STATE_DIRECTORY}", "/var/lib/trainwarden/run-1"))
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        command, words = command.get_command(context, words[0]) or cli, words[1:]
    assert command.make_context("monitor", words, **cli.context_settings)
