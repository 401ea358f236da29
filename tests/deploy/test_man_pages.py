"""The man pages: one for each command, without a warning of the formatter, with all that the help has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from deploy.man_pages import pages
from monitor.cli import COMMANDS, cli
from tests.cli.test_help import LEAVES, examples

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MANROFFSEQ": "", "PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of man pages, made as the make target makes it."""
    made = tmp_path_factory.mktemp("man")
    subprocess.run([sys.executable, "-m", "deploy.man_pages", made], cwd=ROOT, check=True, timeout=60)
    return made


def read(folder: Path, name: str) -> str:
    """Return a page as man shows it, found by its name, on one line."""
    shown = subprocess.run(
        ["man", "-M", folder, name], capture_output=True, text=True, check=True, timeout=60, env=ENVIRONMENT
    )
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|.\x08", "", shown.stdout).split())


def test_every_command_has_a_page():
    names = {name for name, _ in pages()}
    assert {f"monitor-{'-'.join(path)}.1" for path in LEAVES} < names
    assert {"monitor.1", "trainwarden.1", "trainer.1", "trainer-fit.1", "monitor-rules.1"} < names


@pytest.mark.slow
def test_no_page_has_a_warning(require, folder: Path):
    require("man")
    require("groff")
    for page in sorted(folder.glob("man1/*.1")):
        line = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page]
        ended = subprocess.run(
            line, capture_output=True, text=True, check=True, timeout=60, env=ENVIRONMENT, cwd=folder
        )
        assert ended.stderr == "", page.name


@pytest.mark.slow
def test_a_page_shows_every_option_every_example_and_the_exit_codes(require, folder: Path):
    require("man")
    for path, command in LEAVES.items():
        shown = read(folder, "-".join(("monitor", *path)))
        options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]
        missing = [
            each for each in (*options, *(" ".join(line.split()) for line in examples(command))) if each not in shown
        ]
        assert missing == [], path
        assert "EXIT STATUS" in shown, path


@pytest.mark.slow
def test_the_page_of_the_program_names_every_command_and_its_other_name_leads_to_it(require, folder: Path):
    require("man")
    shown = read(folder, "monitor")
    assert [each for each in COMMANDS if f"monitor-{each}(1)" not in shown] == []
    assert read(folder, "trainwarden") == shown


@pytest.mark.parametrize(
    "text",
    [".TH is no request here", "'quoted' at the start", r"a \ backslash and \fBno bold\fR", "-- `code` ^ ~", "…–×"],
)
def test_no_text_of_a_help_is_taken_for_a_request(require, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    require("man")
    monkeypatch.setattr(cli, "help", f"First sentence.\n\n{text}\n\n\b\n{text}\n")
    (tmp_path / "page.1").write_text(dict(pages())["monitor.1"])
    line = [shutil.which("man") or "man", "-l", tmp_path / "page.1"]
    shown = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60, env=ENVIRONMENT).stdout
    assert " ".join(shown.split()).count(" ".join(text.split())) == 2
