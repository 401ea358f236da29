"""Two builds give the same bytes, and nothing needs a network to start."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EPOCH = "1700000000"
"""A fixed date of all files in the archives, as SOURCE_DATE_EPOCH asks for."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_two_builds_give_the_same_bytes(tmp_path: Path, kind: str) -> None:
    digests = []
    for name in ("one", "two"):
        tree, out = tmp_path / name / "tree", tmp_path / name / "out"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".*_cache"))
        for number, path in enumerate(sorted(tree.rglob("*"))):
            os.utime(path, (number, number + (name == "two")))
        command = [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", out, tree]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH})
        (made,) = out.iterdir()
        digests.append(hashlib.sha256(made.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_nothing_needs_a_network_to_start(tmp_path: Path, require: Callable[[str], None]) -> None:
    require("unshare")
    (tmp_path / "run.log").write_text("step 1 loss 2.0\nstep 2 loss 1.9\n")
    offline = ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-m", "monitor"]
    if subprocess.run([*offline[:4], "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no network namespace")
    for words in (["--version"], ["check", "run.log"], ["rules", "list"], ["config", "sample"]):
        said = subprocess.run([*offline, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert said.returncode in (0, 1, 3), said.stderr
        assert "Traceback" not in said.stderr
