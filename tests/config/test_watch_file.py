"""A watch file is read whole or refused whole, with every mistake and its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.base.errors import Problems
from monitor.conditions.reading import Band
from monitor.config import Config, ConfigError, load_config, sample_text
from monitor.config.expression import AllOf, AnyOf, EpochHasEnded, FaultIsAbsent, Figure, RuleIsOk, SignalSeen, StatusIs
from monitor.config.model import FileSetting

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


@pytest.fixture
def load(tmp_path):
    """Return a function that reads a text as a watch file."""

    def load(text: str) -> Config:
        path = tmp_path / "watch.yaml"
        path.write_text(text, encoding="utf-8")
        return load_config(path)

    return load


def problems(load, text: str) -> list[str]:
    """Return what is wrong with a text, each line from the line number on."""
    with pytest.raises((Problems, ConfigError)) as caught:
        load(text)
    found = getattr(caught.value, "problems", [caught.value])
    return [str(each).partition("watch.yaml:")[2] for each in found]


def test_an_empty_file_is_the_same_as_none(load):
    assert load("").model_dump() == Config().model_dump()


def test_the_sample_loads_and_shows_every_key(tmp_path):
    path = tmp_path / "watch.yaml"
    path.write_text(sample_text(), encoding="utf-8")
    config = load_config(path)
    assert (config.title, config.expected[0].target) == ("Production Validation Run", 0.849)
    shown = set(re.findall(r"^(?:# )?(\w+):", sample_text(), re.MULTILINE))
    assert set(Config.model_fields) - shown == set()


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_load(path):
    assert load_config(path).title


def test_all_mistakes_of_a_file_are_shown_at_once_in_the_order_of_its_lines(load):
    found = problems(
        load,
        """\
titel: x
notify: {group_wait: 30}
time_zone: Europe/Berlim
set: {foo: 3}
objectives:
  - title: a
    when: [A, {signal: metric.sharp, at_least: 3}]
  - {title: b, wen: A}
expected:
  - {signal: metric.sharpe, by_epoch: {5: [0.2, 0.1]}}
environment: {A: [1]}
""",
    )
    assert [each.partition(":")[0] for each in found] == ["1", "2", "3", "4", "7", "8", "10", "11"]
    assert "did you mean 'title'?" in found[0]
    assert "30 has no unit; expected a number and one of s, m, h, d" in found[1]
    assert "did you mean 'metric.sharpe'?" in found[4]
    assert "did you mean 'when'?" in found[5]
    assert "is below least" in found[6]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a [x]\nb: *a\n", "anchor or alias"),
        ("title: " + "[" * 40 + "]" * 40, "nested too deeply"),
        ("title: a\ntitle: b\n", "appears twice"),
        ("- a list\n", "not a watch file"),
        ("title: !!python/object:os.system x\n", "has the tag"),
        ("title: [unclosed\n", "expected plain YAML"),
    ],
    ids=["bomb", "deep", "twice", "list", "tag", "broken"],
)
def test_what_no_configuration_needs_is_refused_in_one_line(load, text, said):
    assert any(said in each for each in problems(load, text))


def test_a_file_of_megabytes_is_refused_unread(load):
    with pytest.raises(ConfigError, match="bytes; expected at most"):
        load("notes: [" + "x, " * 200_000 + "]")


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{seen: run.start}", SignalSeen("run.start")),
        ("{epoch: 5}", EpochHasEnded(5)),
        ("{status: completed}", StatusIs("completed")),
        ("{signal: gpu.util_pct, of: p95, at_least: 60, where: {index: 0}}",
         Figure("gpu.util_pct", (("index", "0"),), "p95", None, (("at_least", 60.0),))),
        ("{seen: [metric.ic, metric.sharpe]}", AllOf((SignalSeen("metric.ic"), SignalSeen("metric.sharpe")))),
        ("{any: [{epoch: 1}, {epoch: 2}]}", AnyOf((EpochHasEnded(1), EpochHasEnded(2)))),
    ],
)  # fmt: skip
def test_a_condition_is_read(load, text, expected):
    assert load(f"objectives: [{{title: x, when: {text}}}]").objectives[0].when == expected


def test_rules_in_conditions_know_their_line(load):
    config = load("objectives:\n  - title: x\n    when:\n      - LossSpike\n      - {fault: grad_zero}\n")
    whole = config.objectives[0].when
    assert isinstance(whole, AllOf)
    rule, fault = whole.parts
    assert isinstance(rule, RuleIsOk) and rule.place.endswith("watch.yaml:4")
    assert isinstance(fault, FaultIsAbsent) and fault.place.endswith("watch.yaml:5")


@pytest.mark.parametrize(
    "text",
    [
        "{}", "3", "[]", "{all: []}", "{epoch: 0}", "{epoch: true}", "{status: done}", "{signal: train.loss}",
        "{signal: train.loss, epoch: 3, below: 1}", "{signal: train.loss, below: .inf}",
        "{signal: grad.l2, where: {h: 1}, above: 0}",
        "{signal: epoch.val_loss, epoch: 3, of: p95, below: 1}", "{fault: []}", "{seen: []}", "{seen: nothing.here}",
        "{epoch: 3, status: completed}", "{signal: train.loss, of: mean, below: 1}",
    ],
)  # fmt: skip
def test_a_condition_that_is_none_is_refused(load, text):
    assert problems(load, f"objectives: [{{title: x, when: {text}}}]")


def test_bands_are_given_by_a_number_with_its_tolerance_or_by_their_ends(load):
    config = load(
        """\
expected:
  - signal: metric.sharpe
    by_epoch: {20: {least: 0.15}, 5: 0.08, 10: [0.10, 0.15]}
    tolerance: 0.25
  - {signal: horizon.ic, where: {h: 5}, by_epoch: {1: 0.1}}
"""
    )
    assert config.bands == {
        "metric.sharpe": (Band(5, 0.06, 0.1), Band(10, 0.10, 0.15), Band(20, 0.15, None)),
        "horizon.ic": (Band(1, pytest.approx(0.09), pytest.approx(0.11), (("h", "5"),)),),
    }


def test_unknown_rules_are_shown_with_a_suggestion(load):
    config = load("disable: [LossSpik]\nsigns: [Stal]\nobjectives:\n  - {title: x, when: {fault: grad_zer}}\n")
    found = [str(each).partition("watch.yaml:")[2] for each in config.unknown_rules({"LossSpike"}, {"grad_zero"})]
    assert sorted(each[0] for each in found) == ["1", "2", "4"]
    assert any("did you mean 'LossSpike'?" in each for each in found)
    assert any("did you mean 'grad_zero'?" in each for each in found)


def test_a_change_to_a_rule_knows_its_place(load):
    (setting,) = load("set:\n  LossSpike.level: 3\n").settings
    assert isinstance(setting, FileSetting)
    assert (setting.rule, setting.field, setting.value) == ("LossSpike", "level", 3)
    assert setting.where.endswith("watch.yaml:2: set LossSpike.level")


def test_timelines_and_stages_name_their_epochs(load):
    config = load("timeline: [{epochs: 2-5, takes: 2m-3m}, {epochs: 6+, takes: 90s}, {total: 45m-60m}]")
    assert [(each.epochs, each.range_s) for each in config.timeline] == [
        ((2, 5), (120.0, 180.0)),
        ((6, None), (90.0, 90.0)),
        (None, (2700.0, 3600.0)),
    ]


def test_a_setting_s_wanted_value_is_written_as_a_log_would(load):
    config = load("environment: {A: true, B: null, C: 0.05, D: 1e-7}")
    assert config.environment == {"A": "true", "B": None, "C": "0.05", "D": "1e-07"}
