"""From a fresh clone to the verdict on another trainer's log, in the three commands that the README names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.demo.readme import example_log

ROOT = Path(__file__).parents[2]
NEEDED = ("monitor", "trainer", "rules", "templates", "systemd", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of what an installation needs, with another trainer's log in it."""
    for name in NEEDED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).is_file():
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "train.log").write_text(example_log())
    return tmp_path


def commands() -> list[str]:
    """Return the commands as the README has them."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- three commands: [^\n]*-->\n(.*?)<!-- three commands end -->", text, re.DOTALL)
    assert block is not None
    return [line.strip() for line in block[1].splitlines() if line.strip()]


def test_the_three_commands_of_the_readme_lead_to_the_verdict(clone: Path):
    """The registry is left out: dependencies and the build tool come from the environment of the tests."""
    make, install, check = commands()
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_CONFIG_FILE": os.devnull}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**{key: value for key, value in os.environ.items() if key != "PYTHONPATH"}, **offline, "PATH": path}

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, shell=True, cwd=clone, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    made = run(make)
    assert made.returncode == 0, made.stderr
    (site_packages,) = (clone / ".venv" / "lib").glob("python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    installed = run(install)
    assert installed.returncode == 0, installed.stderr
    said = run(check)
    assert said.returncode == 1, said.stderr
    assert said.stdout.startswith("❌ ")
    assert "🔴 TrainLossNonfinite: the training loss is nan, since step 310 (8 min)" in said.stdout
    assert "last checkpoint before it: out/ckpt.pt (step 250), L27" in said.stdout
