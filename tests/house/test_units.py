"""The systemd unit: accepted by systemd itself, and hardened."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "monitor@.service"
MOST_EXPOSED = 1.2
"""Exposure by `systemd-analyze security` that the plain unit may have; 0 is best, packaged monitors have about 9."""


@pytest.fixture
def unit(tmp_path, require) -> Path:
    """The unit with a command that exists on this machine."""
    require("systemd-analyze")
    path = tmp_path / UNIT.name
    command = Path(sys.executable).parent / "monitor"
    path.write_text(UNIT.read_text(encoding="utf-8").replace("/usr/local/bin/monitor", str(command)), encoding="utf-8")
    return path


def test_systemd_finds_nothing_to_complain_of(unit):
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_hardened(unit):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", unit]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    exposure = re.search(r"Overall exposure level for \S+ ([0-9.]+)", told)
    assert exposure is not None
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_units_command_line_is_one_that_the_monitor_takes():
    from monitor.cli.watch import command

    line = re.search(r"^ExecStart=\S+ watch (.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert line is not None
    context = command.make_context("watch", line[1].split())
    assert context.params["wait"] is True
