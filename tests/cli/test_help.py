"""Help is the reference: every command has it, its examples parse, and a page lists every command."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from monitor.__main__ import main as main_of_module
from monitor.cli import COMMANDS, SECTIONS, cli, main
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, write
from tests.repository.reference_pages import COMMANDS as COMMANDS_PAGE
from tests.repository.reference_pages import commands_page

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Return every command below a group that does something itself, with the words that call it."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


LEAVES = dict(commands())


def parse(line: str) -> tuple[str, ...]:
    """Parse a line as the command line would, run nothing, and return the command's words. Raises UsageError."""
    command, words, path = cli, shlex.split(line.split(" | ")[0].split(" > ")[0], comments=True)[1:], ()
    context = command.make_context("monitor", words)
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert command is not None
        path = (*path, name)
        context = command.make_context(name, list(words), parent=context)
    return path


def examples(command: click.Command) -> list[str]:
    """Return the lines of a command's help that can be pasted."""
    return [line.strip() for line in (command.help or "").splitlines() if line.strip().startswith("monitor ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_and_each_commands_own_help_say_the_same(name: str):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example_of_itself_that_parses(path: tuple[str, ...]):
    assert examples(LEAVES[path]), "no line that begins with monitor"
    assert [parse(line) for line in examples(LEAVES[path])] == [path] * len(examples(LEAVES[path]))


def test_the_examples_of_the_whole_program_parse():
    assert examples(cli)
    assert {parse(line) for line in examples(cli)} <= set(LEAVES)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_has_a_help_text(path: tuple[str, ...]):
    options = [each for each in LEAVES[path].params if isinstance(each, click.Option)]
    assert [each.name for each in options if not each.help] == []


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_names_its_exit_codes(path: tuple[str, ...]):
    text = " ".join((LEAVES[path].help or "").split())
    codes = re.search(r"Exit code: (0\b|that of COMMAND;).*?\b2 ", text)
    assert codes, "no sentence that begins with Exit code:, or one without 0 and 2"


def test_commands_and_options_are_listed_by_what_they_are_for():
    titles = [line[:-1] for line in monitor("--help").out.splitlines() if re.fullmatch(r"[A-Z][^:]*:", line)]
    assert titles == ["Options", *SECTIONS]
    of_watch = monitor("watch", "--help").out
    assert of_watch.index("\nRules:") < of_watch.index("--disable RULE") < of_watch.index("\nHow the log is read:")
    assert of_watch.count("--pid INTEGER") == 1


@pytest.mark.parametrize("path", [(), ("rules",), *LEAVES], ids=" ".join)
def test_help_goes_to_standard_output_and_cuts_no_sentence_short(path: tuple[str, ...]):
    said = monitor(*path, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: {' '.join(['monitor', *path])} ")
    assert re.findall(r"^  .*\w\.\.\.$", said.out, re.MULTILINE) == []
    assert monitor(*path, "-h") == said


@pytest.mark.parametrize("path", [(), ("rules",)], ids=" ".join)
def test_a_command_without_its_subcommand_shows_the_help(path: tuple[str, ...]):
    said = monitor(*path)
    assert (said.code, said.out) == (2, "")
    assert said.err == monitor(*path, "--help").out


def test_three_names_are_one_command():
    scripts = {script.name: script.load() for script in entry_points(group="console_scripts", name="monitor")}
    scripts |= {script.name: script.load() for script in entry_points(group="console_scripts", name="trainwarden")}
    assert scripts == {"monitor": main, "trainwarden": main}
    assert main_of_module is main


def test_as_a_module_it_gives_the_same_help():
    done = subprocess.run(
        [sys.executable, "-m", "monitor", "--help"], capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == monitor("--help").out


def test_the_version_shows_where_it_is_installed():
    said = monitor("--version")
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(rf"trainwarden \S+ \({re.escape(str(ROOT / 'monitor'))}\)\n", said.out)


# ---- the pages


def test_the_page_of_commands_is_what_the_help_of_the_commands_gives():
    assert COMMANDS_PAGE.read_text() == commands_page(), "docs/commands.md is out of date; run make docs"


def test_every_monitor_command_line_of_the_readme_parses():
    quoted = re.findall(r"`(monitor [^`\n]+)`|^    (monitor .+)$", README, re.MULTILINE)
    lines = [line.replace("[", "").replace("]", "") for pair in quoted for line in pair if line]
    assert len(lines) > 4
    assert {parse(line) for line in lines} <= set(LEAVES)


def test_every_rule_file_of_the_page_on_writing_rules_is_one(folder: Path):
    files = re.findall(r"```yaml\n(groups:.+?)```", (ROOT / "docs/writing-rules.md").read_text(), re.DOTALL)
    assert files
    write(folder / "run.log", HEALTHY)
    for text in files:
        (folder / "mine.yaml").write_text(text)
        assert monitor("rules", "check", "mine.yaml").code == 0
        assert monitor("replay", "run.log", "--rules", "mine.yaml").code == 0
