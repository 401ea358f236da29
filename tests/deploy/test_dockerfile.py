"""The Dockerfile, as a linter and a reader of its stages see it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

FILE = Path(__file__).parents[2] / "deploy" / "Dockerfile"


def test_the_linter_finds_nothing(require):
    require("hadolint")
    done = subprocess.run(["hadolint", FILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_that_is_copied_is_let_in_and_is_there():
    ignore = FILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", FILE.read_text(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert [name for name in names if not (FILE.parents[1] / name).exists()] == []
    assert {f"!{name}" for name in names} == {line for line in ignore if line.startswith("!")}


def test_what_runs_is_not_root_and_has_a_health_check():
    last = FILE.read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0|root)\S+$", last, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", last, re.MULTILINE)
