"""The recipes in CONTRIBUTING name files that exist, and worked examples need no other file."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_FILES = {
    "rule": 1,
    "dialect": 1,
    "kind of condition": 2,
    "receiver": 2,
    "section to the report": 2,
    "probe": 2,
    "command": 2,
}
RECIPES = {
    title: re.findall(r"`([\w./-]+)`", files)
    for title, files in re.findall(r"^### Add an? ([^\n]+)\n\nFiles: (.+?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
}


@pytest.mark.parametrize("title", RECIPES)
def test_every_file_of_a_recipe_exists(title: str):
    assert [name for name in RECIPES[title] if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("title", MOST_FILES)
def test_a_recipe_touches_few_files(title: str):
    assert len(RECIPES[title]) <= MOST_FILES[title]


def test_a_kind_of_condition_needs_its_own_file_and_one_line_of_the_table():
    table = (ROOT / "monitor/conditions/__init__.py").read_text(encoding="utf-8")
    kind = next(iter(re.findall(r'^    "(\w+)": (\w+),$', table, re.MULTILINE)))
    elsewhere = [
        path
        for path in (ROOT / "monitor").rglob("*.py")
        if re.search(rf"\b{kind[1]}\b", path.read_text(encoding="utf-8")) and path.parent.name != "conditions"
    ]
    assert elsewhere == []


def test_a_receiver_needs_its_own_file_and_one_line_of_the_table():
    from monitor.sinks import KINDS

    for word, name in KINDS.items():
        users = [
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "monitor").rglob("*.py")
            if re.search(rf"\b{name}\(|import {name}\b", path.read_text(encoding="utf-8")) and path.stem != word
        ]
        assert users in ([], ["monitor/cli/unwatched.py"], ["monitor/live/committer.py"]), f"{name}: {users}"


def test_a_command_needs_its_own_file_and_one_line_of_the_table(monkeypatch: pytest.MonkeyPatch):
    import sys
    from types import ModuleType

    from monitor import cli

    @click.command("hello")
    def command() -> int:
        """Say hello."""
        return 0

    module = ModuleType("monitor.cli.hello")
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "monitor.cli.hello", module)
    monkeypatch.setitem(cli.COMMANDS, "hello", "Say hello.")
    context = click.Context(cli.cli)
    assert "hello" in cli.cli.list_commands(context)
    assert cli.cli.get_command(context, "hello") is command
