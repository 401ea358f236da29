"""Settings in YAML: what is written is read back, and every form that a person types means what it says."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.cli import main
from trainer.config import SECTIONS, SettingError, TrainerConfig
from trainer.config_file import as_yaml, read_settings
from trainer.settings import _convert, resolve
from trainer.settings import settings as rows

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
VALUES = {
    bool: st.booleans(),
    int: st.integers(0, 2**40),
    float: st.floats(0, 1e300) | st.just(float("inf")),
    str: TEXTS | st.sampled_from(["null", "yes", "012", "1e3", "- a: b", "# x", '"', "\\", "2024-01-01"]),
    tuple: st.lists(TEXTS.filter(lambda text: text and "," not in text), max_size=3).map(tuple),
}


@st.composite
def sections(draw: st.DrawFn) -> TrainerConfig:
    """Any values of the right types, without the checks of a section: the file must keep them all."""
    config = TrainerConfig()
    for name, section_type in SECTIONS.items():
        section = object.__new__(section_type)
        for entry in fields(section_type):
            numbers = entry.name == "horizons"
            value = draw(st.just((1, 5)) if numbers else VALUES[type(entry.default)])
            object.__setattr__(section, entry.name, value)
        config = replace(config, **{name: section})
    return config


@settings(max_examples=25, deadline=None)
@given(sections())
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, config: TrainerConfig):
    file = tmp_path_factory.mktemp("yaml") / "run.yaml"
    file.write_text(as_yaml(config), encoding="utf-8")
    found = read_settings(file)
    for row in rows():
        if row.name in found[row.section]:
            value = _convert(found[row.section][row.name], row, "file")
            assert value == getattr(getattr(config, row.section), row.name), row.name
        else:
            assert config.data.data
            assert row.name in ("codes", "days", "data_seed")


@pytest.mark.parametrize(
    ("text", "section", "name", "value"),
    [
        ("optim: {base_lr: 5e-4}", "optim", "base_lr", 5e-4),
        ("optim:\n  compile: on", "optim", "compile", True),
        ("data:\n  horizons: [1, 5]", "data", "horizons", (1, 5)),
        ("data:\n  horizons: 1,5", "data", "horizons", (1, 5)),
        ("data:\n  exclude:\n  - volume\n  - mom_*", "data", "exclude", ("volume", "mom_*")),
        ("run: {name: 0012}", "run", "name", "0012"),
        ("run: {name: 2024-01-01}", "run", "name", "2024-01-01"),
        ("data: {price_column: null}", "data", "price_column", ""),
        ("run: {resume: ~, inject: null}", "run", "inject", ()),
        ("run:\nmodel:\n  # hidden: 8\n", "model", "hidden", 64),
        ("", "model", "hidden", 64),
    ],
)
def test_what_a_person_types_means_what_it_says(tmp_path: Path, text: str, section: str, name: str, value: object):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    assert getattr(getattr(resolve(file=file).config, section), name) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optim: {epochs: 3.5}", "epochs cannot be used; expected a whole number, got '3.5'"),
        ("optim: {epochs: true}", "epochs cannot be used; expected a whole number, got 'true'"),
        ("optim: {epochs: null}", "epochs cannot be used; expected a whole number, got None"),
        ("run: {name: [a, b]}", "name cannot be used; expected text"),
        ("optim:\n  seed: 1\n  seed: 2", "run.yaml:3: seed is given twice"),
        ("optim: 3", "section optim has no settings"),
        ("epochs", "no sections; expected run, data, model"),
        ("optim: {epoch: 3}", "unknown setting 'epoch' in [optim]"),
        ("optim: [", "not YAML; expected sections"),
    ],
)
def test_what_would_be_misread_is_refused(tmp_path: Path, text: str, message: str):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(SettingError) as found:
        resolve(file=file)
    assert message in str(found.value)


@pytest.mark.parametrize(("value", "kind"), [(3.5, "a whole number"), (True, "a whole number"), (None, "a whole")])
def test_a_call_does_not_round_a_number(value: object, kind: str):
    with pytest.raises(SettingError, match=f"call: epochs cannot be used; expected {kind}"):
        resolve(call={"optim": {"epochs": value}})


def test_the_command_writes_the_settings_in_force(tmp_path: Path):
    file = tmp_path / "run.yaml"
    words = ["fit", "--epochs", "9", "--data", "p.parquet", "--horizons", "1,5", "--write-config", str(file)]
    done = CliRunner().invoke(main, words, env={"GRAD_MONITOR_EVERY": "7"})
    assert (done.exit_code, done.output) == (0, "")
    again = resolve(file=file)
    assert (again.config.optim.epochs, again.config.monitors.grad_monitor_every) == (9, 7)
    assert again.config.data.horizons == (1, 5)
    asked = {each.key for each in again.effective if each.source == "file"}
    assert not {"codes", "days", "data_seed"} & asked


def test_the_help_of_fit_lists_settings_under_their_section():
    text = CliRunner().invoke(main, ["fit", "--help"]).output
    heads = [f"\n{name} - " for name in SECTIONS]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert places[4] < text.index("--base-lr") < places[5]
