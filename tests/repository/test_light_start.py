"""The monitor starts light: what its help imports, and that it lives without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "numpy",
    "pandas",
    "psutil",
    "pyarrow",
    "pydantic",
    "pynvml",
    "rich",
    "sqlite3",
    "torch",
    "torch_geometric",
}

RUN_WITHOUT_TORCH = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torch_geometric", "trainer"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NoTorch())
import monitor.cli

sys.argv = ["monitor", *sys.argv[1:]]
monitor.cli.main()
"""


def test_help_imports_nothing_heavy():
    assert imported("-m", "monitor", "--help") & HEAVY == set()


def test_importing_the_command_line_imports_nothing_heavy():
    assert imported("-c", "import monitor.cli") & HEAVY == set()


def test_the_list_of_imports_is_really_read():
    assert {"json", "monitor", "click"} <= imported("-c", "import json, monitor.cli")


@pytest.mark.parametrize("arguments", [["--help"], ["rules", "list"]])
def test_the_monitor_works_where_torch_cannot_be_imported(arguments):
    ended = python("-c", RUN_WITHOUT_TORCH, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout != ""


def test_the_block_on_torch_really_blocks():
    ended = python("-c", RUN_WITHOUT_TORCH.replace("import monitor.cli", "import torch"))
    assert "No module named 'torch'" in ended.stderr


def imported(*arguments: str) -> set[str]:
    """Return the top-level names of all modules that a Python started with these arguments imports."""
    ended = python("-X", "importtime", *arguments)
    assert ended.returncode == 0, ended.stderr
    rows = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    return {row.rpartition("|")[2].strip().split(".")[0] for row in rows}


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60)
