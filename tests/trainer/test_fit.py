"""`trainer.fit` is the command `trainer fit`: the same weights, the same figures, the same log."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

import trainer
from tests.trainer.runs import SMALL, make_panel, same_weights
from trainer.checkpoint import read_checkpoint
from trainer.cli import main
from trainer.config import SettingError
from trainer.settings import resolve, settings
from trainer.training.fit import resolve_call

OWN = r"^\S+ |pid=\d+|run=\S+|host=\S+|cmd=\"[^\"]*\"|cmd=\S+|sha256=\S+"
OWN += r"|(seconds|s_per_batch|load_s|samples_per_s|run_delay_s)=\S+"
OWN += r"|source=(cli|call|file)|\S*\.(log|checkpoints)\S*|bytes=\d+"


def told(log: Path) -> list[str]:
    """Return a log's lines without what differs from run to run: times, names of processes and of files."""
    lines = [re.sub(OWN, "", line) for line in log.read_text().splitlines()]
    return [line for line in lines if not any(tag in line for tag in ("[PHASE]", "[PROC]", "[CONFIG]"))]


class Command(NamedTuple):
    """A run of the command."""

    settings: dict[str, Any]
    words: list[str]
    log: Path


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    folder = tmp_path_factory.mktemp("command")
    small = {**SMALL, "data": str(make_panel(folder)), "epochs": 1}
    words = [word for name, value in small.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    log = folder / "command.log"
    done = CliRunner().invoke(main, ["fit", *words, "--log", str(log)])
    assert done.exit_code == 0, done.stderr
    return Command(small, words, log)


@pytest.mark.parametrize("form", ["mapping", "file and changes", "config"])
def test_a_call_equals_the_command_bit_for_bit(form: str, command: Command, tmp_path: Path):
    log = tmp_path / "call.log"
    if form == "config":
        result = trainer.fit(resolve_call(None, {**command.settings, "log": str(log)}).config)
    elif form == "mapping":
        sections: dict[str, dict[str, Any]] = {"run": {"log": log}}
        section_of = {row.name: row.section for row in settings()}
        for name, value in command.settings.items():
            sections.setdefault(section_of[name], {})[name] = value
        result = trainer.fit(sections)
    else:
        file = tmp_path / "run.yaml"
        written = CliRunner().invoke(main, ["fit", *command.words, "--write-config", str(file)])
        assert (written.exit_code, written.output) == (0, "")
        result = trainer.fit(file, log=log)
    assert (result.status, result.log) == ("completed", log)
    left, right = (read_checkpoint(each.with_suffix(".checkpoints")) for each in (command.log, log))
    assert same_weights(left["model"], right["model"])
    assert left["progress"] == right["progress"]
    assert told(command.log) == told(log)


def test_a_call_names_its_settings_as_such_and_the_environment_counts_only_where_it_is_given():
    asked = resolve_call({"optim": {"epochs": 2, "seed": 3}}, {"seed": 4}, env={"TRAINER_CLIP": "2"})
    found = {each.key: (each.value, each.source) for each in asked.effective if each.source != "default"}
    assert found == {"epochs": (2, "call"), "seed": (4, "call"), "clip": (2.0, "env")}
    assert resolve_call(None, {}, env=None).config == resolve().config


@pytest.mark.parametrize(
    ("config", "changes", "message"),
    [
        (None, {"epoch": 3}, "call: unknown setting 'epoch'; expected one such as epochs"),
        ({"optimiser": {}}, {}, "call: unknown section 'optimiser'"),
        ({"optim": {"lr": 1}}, {}, "call: unknown setting 'lr' in"),
        ("none.yaml", {}, "none.yaml: cannot be read"),
        ("none.json", {}, "none.json: unknown kind of file"),
    ],
)
def test_a_call_with_a_mistake_is_refused(config: object, changes: dict[str, object], message: str):
    with pytest.raises(SettingError) as found:
        trainer.fit(config, **changes)  # type: ignore[arg-type]
    assert message in str(found.value)
