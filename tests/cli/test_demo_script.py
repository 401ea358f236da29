"""The demo's script, as far as it can be judged without running it for minutes."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest

from monitor.cli import cli
from trainer.cli import main as trainer

DEMO = Path(__file__).parents[1] / "demo/run"
PROGRAMS: dict[str, click.Group] = {"monitor": cli, "trainer": trainer}
_END_OF_COMMAND = re.compile(r"\s+(?:\|\|?|&&?|[12]?>|\d>&)")


def calls() -> list[tuple[str, list[str]]]:
    """Return each call of a program of ours in the script: its name and its words, variables unexpanded."""
    lines = DEMO.read_text().replace("\\\n", " ").splitlines()
    found = [re.search(r'"\$bin/(monitor|trainer)"\s+(.*)', line) for line in lines if not line.startswith("#")]
    return [(match[1], shlex.split(_END_OF_COMMAND.split(match[2])[0])) for match in found if match]


def test_it_can_be_executed():
    assert os.access(DEMO, os.X_OK)


def test_bash_finds_no_mistake_in_it():
    done = subprocess.run(["bash", "-n", str(DEMO)], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_trains_watches_and_replays():
    assert [(name, words[0]) for name, words in calls()] == [
        ("trainer", "synth"),
        ("trainer", "fit"),
        ("monitor", "watch"),
        ("monitor", "replay"),
    ]


@pytest.mark.parametrize(("name", "words"), calls(), ids=lambda value: value if isinstance(value, str) else value[0])
def test_every_option_that_it_uses_exists(name: str, words: list[str]):
    program = PROGRAMS[name]
    context = program.make_context(name, list(words))
    subcommand, command, rest = program.resolve_command(context, words)
    assert command is not None
    assert command.make_context(subcommand, rest, parent=context).params
