"""Completion by the tab key in the real bash, zsh and fish."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import LIMIT_S
from tests.cli.pseudo_terminal import program_in_terminal

pytestmark = pytest.mark.slow

PROGRAMS = ("monitor", "trainwarden", "trainer")
TYPED = {
    "monitor chec": "monitor check",
    "monitor rules expl": "monitor rules explain",
    "monitor rules explain GradientVan": "GradientVanishing",
    "monitor check train.log --fini": "--finished",
    "monitor check trai": "train.log",
    "monitor status --state stat": "state/",
    "trainwarden compa": "trainwarden compare",
    "trainer evalu": "trainer evaluate",
}
"""What is typed before the tab key, and what stands on the line afterwards."""
START = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}
LOAD = {"bash": "PS1='> ';", "zsh": "PS1='> '; autoload -U compinit; compinit -u -D;"}


def shown(written: str) -> str:
    """Return what a person sees of it: no colours, no bells."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x07", "", written)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with a log and a state folder."""
    (tmp_path / "train.log").write_text("step 1 loss 2\n")
    (tmp_path / "state").mkdir()
    return tmp_path


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put the programs of this environment first, and keep the user's own settings out."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("shell", START)
def test_the_tab_key_completes(require, place: Path, shell: str):
    require(shell)
    program = shutil.which(shell)
    assert program is not None
    scripts = " ".join(f'eval "$(monitor completion {shell} --program {each})";' for each in PROGRAMS)
    with program_in_terminal([program, *START[shell]], width=150, cwd=place, TERM="xterm") as made:
        made.type(f"{LOAD[shell]} {scripts} echo lo''aded\n")
        made.until(lambda seen: "loaded" in seen.written)
        for typed, expected in TYPED.items():
            before = len(made.written)
            made.type(f"{typed}\t")
            made.until(lambda seen, begun=before, wanted=expected: wanted in shown(seen.written[begun:]))
            made.type("\x15")  # clears the line
        before = len(made.written)
        made.type("monitor rep\t\t")
        made.until(lambda seen: {"replay", "report"} <= set(shown(seen.written[before:]).split()))


def test_fish_offers_the_same(require, place: Path):
    require("fish")
    loads = "; ".join(f"monitor completion fish --program {each} | source" for each in PROGRAMS)
    asks = "; ".join(f"complete -C '{typed}'; echo ---" for typed in TYPED)
    asked = subprocess.run(
        ["fish", "--no-config", "-c", f"{loads}; {asks}"],
        capture_output=True, text=True, check=True, timeout=LIMIT_S, cwd=place,
    )  # fmt: skip
    offered = [[row.split("\t")[0] for row in part.splitlines()] for part in asked.stdout.split("---\n")]
    for expected, words in zip(TYPED.values(), offered, strict=False):
        assert expected.split()[-1] in words, asked
