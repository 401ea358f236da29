"""docs/rules.md says what is so, the schema fits the shipped rule files, and the examples of the pages run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from monitor.base.errors import RuleError
from monitor.base.yamlfile import YamlFile
from monitor.conditions import KINDS
from monitor.rules import load_rules
from monitor.rules.rule import COMMON, OF_THE_LOADER, Rule, RuleTest, written
from monitor.rules.schema import rules_schema, sentences
from monitor.ruletests.inline import outcome_of
from monitor.ruletests.scenario import Expected, Scenario, play, read_scenarios
from tests.repository.rules_page import PAGE, ROOT, page, shipped

FILES = sorted((ROOT / "rules").glob("*.yaml"))
SCENARIOS = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
RULES = PAGE.read_text(encoding="utf-8")


def yaml_of(text: str, path: Path) -> Path:
    """Write a page's one block of YAML to a file."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    path.write_text(block, encoding="utf-8")
    return path


# ---- the pages


def test_the_page_of_rules_is_the_one_that_the_rule_files_and_models_give():
    assert page(shipped()) == RULES, "docs/rules.md is older than the rules; expected what make docs writes"


def test_the_rule_of_the_page_does_what_its_tests_say(tmp_path: Path):
    (rule,) = load_rules([yaml_of(RULES, tmp_path / "mine.yaml")])
    assert [(test.name, outcome_of(rule, test)) for test in rule.tests] == [
        (test.name, test.then) for test in rule.tests
    ]


def test_the_scenarios_of_the_page_come_out_as_it_says(tmp_path: Path):
    file = read_scenarios(yaml_of(SCENARIOS, tmp_path / "my_scenarios.yaml"))
    assert [play(each, load_rules(FILES)) for each, _ in file.scenarios] == [[], []]


@pytest.mark.parametrize("model", [Scenario, Expected])
def test_the_page_of_scenarios_has_every_field_and_no_other(model: type[Scenario | Expected]):
    title = "One scenario" if model is Scenario else "One expected transition"
    section = SCENARIOS.partition(f"## {title}\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(model.model_fields)


# ---- the sentences


@pytest.mark.parametrize("model", [Rule, RuleTest, Scenario, Expected, *KINDS.values()], ids=lambda each: each.__name__)
def test_every_field_has_a_sentence(model: Any):
    assert [name for name in model.model_fields if name != "kind" and not sentences(model).get(name)] == []


# ---- the schema


@pytest.fixture(scope="module")
def validator() -> Any:
    """Return a validator of rule files, itself checked against the dialect that it names."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = rules_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_rule_file_fits_the_schema(validator: Any, path: Path):
    found = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(YamlFile(path, RuleError).data)]
    assert found == []


def test_the_rule_of_the_page_fits_the_schema(validator: Any, tmp_path: Path):
    assert validator.is_valid(YamlFile(yaml_of(RULES, tmp_path / "mine.yaml"), RuleError).data)


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "loud"},
        {"above": "high"},
        {"above": None, "below": "low"},
        {"signal": "train.los"},
        {"kind": "treshold"},
        {"kind": ["threshold"]},
        {"abov": 1.0},
        {"for": 5},
        {"for": "5"},
        {"for": "5 apples"},
        {"for": "-5s"},
        {"after": "3 reports"},
        {"unless": ["acumulate"]},
        {"tests": [{"name": "x", "lines": "y", "then": "burns"}]},
        {"tests": [{"name": "x", "lines": "y", "then": "fires", "wait": 5}]},
        {"levels": [{"severity": "warning", "abov": 1}]},
        {"alert": "loss_spike"},
        {"why": ""},
        {"enabled": "perhaps"},
        {"consecutive": 0},
        {"kind": "all", "of": [{"kind": "threshold", "signal": "train.los", "above": 1}] * 2},
        {"kind": "all", "of": [{"kind": "threshold", "signal": "train.loss", "abov": 1}] * 2},
        {"kind": "stall"},
    ],
    ids=str,
)
def test_a_rule_that_the_loader_refuses_is_refused_by_the_schema(validator: Any, change: dict[str, Any]):
    good = {
        "alert": "Probe",
        "fault": "probe",
        "kind": "threshold",
        "signal": "train.loss",
        "above": 1.0,
        "severity": "warning",
        "summary": "high",
        "why": "it is",
        "action": "look",
        "source": "the test",
    }
    assert validator.is_valid({"groups": [{"name": "x", "rules": [good]}]})
    assert not validator.is_valid({"groups": [{"name": "x", "rules": [{**good, **change}]}]})


def test_the_schema_has_every_kind_with_all_its_fields():
    models = rules_schema()["$defs"]
    for word, kind in KINDS.items():
        rule = models[f"{kind.__name__}Rule"]
        assert rule["properties"]["kind"]["const"] == word
        assert set(rule["properties"]) == {*COMMON, *kind.model_fields}
        assert rule["additionalProperties"] is False
        needed = {written(name) for name, field in Rule.model_fields.items() if field.is_required()} - OF_THE_LOADER
        own = {name for name, field in kind.model_fields.items() if field.is_required()}
        assert set(rule["required"]) == {*needed, *own}
