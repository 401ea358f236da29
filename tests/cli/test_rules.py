"""``monitor rules``: what the rules are, what is wrong with a rule file, and whether rules do what they say."""

import json
import re
import textwrap
from pathlib import Path

import pytest

from monitor.conditions import KINDS
from monitor.rules import Rule, load_rules
from monitor.rules.explain import as_written, explanation, fires_when
from tests.cli.command import monitor

FOLDER = Path(__file__).parents[2] / "rules"
RULES = {rule.alert: rule for rule in load_rules(sorted(FOLDER.glob("*.yaml")))}

OWN = """groups:
  - name: own
    rules:
      - alert: Own
        fault: loss_spike
        kind: threshold
        signal: train.loss
        above: 2.0
        severity: warning
        summary: high
        why: it is
        action: look
        source: chosen by hand
        inhibits: [TrainingStall]
        tests:
          - name: three is too much
            then: fires
            lines: |
              2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=12/500 step=12 loss=3.0 lr=0.0002
"""
TEN_MISTAKES = """groups:
  - name: own
    rules:
      - alert: high_loss
        fault: loss_spike
        kind: threshold
        signal: train.los
        abov: 2.0
        above: high
        severity: critcal
        for: 5
        after: -20s
        unless: [acumulate]
        summary: high
        why: ""
        source: chosen by hand
"""


@pytest.fixture(autouse=True)
def own(folder: Path) -> Path:
    """Return a rule file of one's own, in the current folder."""
    path = folder / "own.yaml"
    path.write_text(OWN)
    return path


def scenario(text: str) -> None:
    """Write a scenario file."""
    Path("scenarios.yaml").write_text(text)


# ---- check


def test_ten_mistakes_of_one_file_are_shown_at_once_each_with_line_and_suggestion():
    Path("bad.yaml").write_text(TEN_MISTAKES)
    said = monitor("rules", "check", "bad.yaml")
    assert (said.code, said.out) == (2, "")
    told = [line.removeprefix("monitor: bad.yaml:") for line in said.err.splitlines()]
    assert len(told) == 10
    assert {re.sub(r"one of .* \(did", "one of … (did", line) if "unless" in line else line for line in told} == {
        "4: rule \"high_loss\": alert: invalid value 'high_loss'; expected a name in CamelCase, such as LossSpike",
        '4: rule "high_loss": action: is missing; expected a value',
        "7: rule \"high_loss\": signal: unknown signal 'train.los'; expected a signal of the catalogue "
        "(did you mean 'train.loss'?)",
        "8: rule \"high_loss\": unknown key 'abov'; expected a known key (did you mean 'above'?)",
        "9: rule \"high_loss\": above: not a level: 'high'; expected a finite number, or "
        "{config: NAME, default: number}",
        "10: rule \"high_loss\": severity: invalid value 'critcal'; expected 'info', 'warning' or 'critical' "
        "(did you mean 'critical'?)",
        '11: rule "high_loss": for: 5 has no unit; expected a number and one of steps, epochs, s, m, h, d',
        "12: rule \"high_loss\": after: '-20s' is negative; expected a number and one of steps, epochs, s, m, h, d",
        "13: rule \"high_loss\": unless.0: unknown word of INTENT: 'acumulate'; expected one of … "
        "(did you mean 'accumulate'?)",
        '15: rule "high_loss": why: is empty; expected some text',
    }


def test_a_file_of_ones_own_may_refer_to_shipped_rules():
    assert monitor("rules", "check", "own.yaml") == (0, "1 rule, no problem found\n", "")
    Path("own.yaml").write_text(OWN.replace("[TrainingStall]", "[TrainingStal]"))
    said = monitor("rules", "check", "own.yaml")
    assert said.code == 2
    assert said.err == (
        "monitor: own.yaml:4: rule \"Own\": inhibits: unknown rule 'TrainingStal'; expected a rule "
        "(did you mean 'TrainingStall'?)\n"
    )


def test_the_shipped_rules_have_no_problem():
    said = monitor("rules", "check", *sorted(FOLDER.glob("*.yaml")))
    assert said == (0, f"{len(RULES)} rules, no problem found\n", "")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"a: &a [x]\nb: *a\n", "bad.yaml:1: has an anchor or alias; expected plain YAML"),
        (b"a: " + b"[" * 100_000, "bad.yaml:1: is nested too deeply; expected at most 32 levels"),
        (b"x" * 256_001, "bad.yaml: has 256,001 bytes; expected at most 256,000"),
        (b"groups:\n  - \xe9t\xe9: 1\n", "bad.yaml:2: byte 12 is not UTF-8; expected a YAML file in UTF-8"),
        (b"groups:\n\t- name: x\n", "bad.yaml:2: the line is indented with a tab; expected spaces"),
        (b"groups: [\n", "expected plain YAML"),
        (OWN.encode() + b"        why: again\n", "bad.yaml:20: key 'why' appears twice; expected each key once"),
    ],
    ids=["bomb", "depth", "size", "encoding", "tab", "broken", "double key"],
)
def test_a_file_that_is_not_plain_yaml_is_refused_in_one_line(data: bytes, told: str):
    Path("bad.yaml").write_bytes(data)
    said = monitor("rules", "check", "bad.yaml")
    assert (said.code, said.out) == (2, "")
    assert told in said.err
    assert len(said.err.splitlines()) == 1


# ---- list, explain, schema


def test_the_list_has_a_row_for_every_rule_in_columns():
    said = monitor("rules", "list", "--rules", "own.yaml")
    assert (said.code, said.err) == (0, "")
    head, *rows = [line.split() for line in said.out.splitlines()]
    assert head == ["RULE", "SEVERITY", "KIND", "GROUP", "FAULT", "FIRES", "WHEN"]
    assert [row[0] for row in rows] == [*RULES, "Own"]
    assert rows[-1] == ["Own", "warning", "threshold", "own", "loss_spike", *["train.loss", "is", "above", "2"]]
    titles, *lines = said.out.splitlines()
    column = slice(titles.index("FAULT"), titles.index("FIRES"))
    assert [line[column].strip() for line in lines] == [row[4] for row in rows]


def test_a_rule_that_is_switched_off_is_listed_as_off():
    Path("own.yaml").write_text(OWN + "        enabled: false\n")
    said = monitor("rules", "list", "--rules", "own.yaml", "--disable", "TrainingStall")
    off = [line.split()[0] for line in said.out.splitlines() if line.split()[1] == "off"]
    assert off == ["TrainingStall", "Own"]


def test_the_list_as_json_has_all_fields_as_a_rule_file_writes_them():
    said = monitor("rules", "list", "--json", "--rules", "own.yaml", "--set", "TrainingStall.level=10m")
    rules = {each["alert"]: each for each in said.objects()}
    assert list(rules) == [*RULES, "Own"]
    stall, own = rules["TrainingStall"], rules["Own"]
    assert (stall["kind"], stall["silence"], stall["enabled"], stall["for"]) == ("stall", "600s", True, "0s")
    assert (own["above"], own["inhibits"], own["place"]) == (2.0, ["TrainingStall"], "own.yaml:4")
    assert own["fires_when"] == "train.loss is above 2"


@pytest.mark.parametrize("name", ["TrainingStall", "GradientVanishing", "ExcessiveResets"])
def test_an_explanation_has_everything_in_the_rule_file(name: str):
    rule = RULES[name]
    said = monitor("rules", "explain", name)
    assert (said.code, said.err) == (0, "")
    flat = " ".join(said.out.split())
    for text in (rule.why, rule.action, rule.source, rule.expected, rule.check, rule.place):
        assert " ".join(text.split()) in flat
    assert f"{name}: {rule.severity.value} {rule.fault}, kind {rule.kind}, " in said.out
    for test in rule.tests:
        assert f"{test.name} → {test.then}" in said.out
        assert f"  {test.lines.splitlines()[0]}" in said.out


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_shipped_rule_can_be_put_into_words(rule: Rule):
    lines = list(explanation(rule, RULES.values()))
    assert lines[0] == ("fires when", fires_when(rule))
    assert {"resolves", "watches", "one alert", "why", "action", "source"} <= {line.about for line in lines}
    assert json.loads(json.dumps(as_written(rule)))["alert"] == rule.alert


def test_every_kind_of_condition_has_its_words():
    assert [word for word, kind in KINDS.items() if kind.__abstractmethods__] == []


def test_an_explanation_names_the_level_and_where_it_comes_from():
    config = monitor("rules", "explain", "GradientVanishing").out
    assert "below: the run's GRAD_MONITOR_WARN_NORM (1e-07 where it is not echoed)" in " ".join(config.split())
    own = monitor("rules", "explain", "Own", "--rules", "own.yaml").out
    assert "above: 2; from own.yaml:4" in own
    changed = monitor("rules", "explain", "Own", "--rules", "own.yaml", "--set", "Own.level=5").out
    assert "above: 5; set on the command line, which overrides the run's own setting and the rule" in changed


def test_an_explanation_names_the_rules_it_explains_and_is_explained_by():
    own = monitor("rules", "explain", "Own", "--rules", "own.yaml").out
    stall = monitor("rules", "explain", "TrainingStall", "--rules", "own.yaml").out
    assert "explains       TrainingStall: while it fires, their alerts do not page anyone" in own
    assert re.search(r"^explained by +[\w, ]*\bOwn: while one of them fires, this rule", stall, re.MULTILINE)


def test_an_unknown_rule_cannot_be_explained():
    said = monitor("rules", "explain", "TraningStall")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "monitor rules explain: unknown rule 'TraningStall'; expected a rule of monitor rules list "
        "(did you mean 'TrainingStall'?)\n"
    )


def test_the_schema_is_one_json_document():
    said = monitor("rules", "schema")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


# ---- test


def test_the_tests_that_a_rule_carries_are_run():
    assert monitor("rules", "test", "own.yaml") == (0, "", "1 of 1 tests passed\n")
    Path("own.yaml").write_text(OWN.replace("loss=3.0", "loss=1.0"))
    said = monitor("rules", "test", "own.yaml")
    assert said.code == 1
    assert said.out == 'own.yaml:4: rule "Own": test "three is too much": quiet; expected fires\n'
    assert said.err == "0 of 1 tests passed\n"


STALL = """scenarios:
  - name: five minutes of silence
    log: |
      2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=1/9 step=1 loss=0.7 lr=0.0002
    wait: 301s
    expect:
      - {alert: TrainingStall, state: firing, at: 300s, labels: {}, severity: critical}
    answers: {TrainingStall: breach, TrainLossNonfinite: ok, ExcessiveResets: unknown}
"""


def test_a_scenario_whose_alerts_come_as_expected_passes():
    scenario(STALL)
    assert monitor("rules", "test", "scenarios.yaml") == (0, "", "1 of 1 tests passed\n")
    scenario(STALL.replace("at: 300s", "at: 2025-10-30T23:45:51.123Z"))
    assert monitor("rules", "test", "scenarios.yaml", "own.yaml") == (0, "", "2 of 2 tests passed\n")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("wait: 301s", "wait: 300s"),
            [
                "- critical TrainingStall firing at 2025-10-30T23:45:51.123Z",
                "- answer TrainingStall: breach",
                "+ answer TrainingStall: ok",
            ],
        ),
        (
            ("at: 300s", "at: 299s"),
            [
                "- critical TrainingStall firing at 2025-10-30T23:45:50.123Z",
                "+ critical TrainingStall firing at 2025-10-30T23:45:51.123Z: nothing written for more than 300 s in "
                "phase train",
            ],
        ),
        (
            ("loss=0.7", "loss=nan"),
            [
                "+ critical TrainLossNonfinite firing at 2025-10-30T23:40:51.123Z: the training loss is nan",
                "- answer TrainLossNonfinite: ok",
                "+ answer TrainLossNonfinite: breach",
            ],
        ),
    ],
    ids=["nothing came", "at another time", "more came"],
)
def test_a_scenario_that_goes_another_way_shows_what_differs(change: tuple[str, str], told: list[str]):
    scenario(STALL.replace(*change))
    said = monitor("rules", "test", "scenarios.yaml")
    head = 'scenarios.yaml:2: scenario "five minutes of silence" failed; - expected, + found:'
    assert said == (1, "\n".join([head, *(f"  {line}" for line in told), ""]), "0 of 1 tests passed\n")


def test_the_scenario_of_the_help_passes():
    told = monitor("rules", "test", "--help").out
    example = told[told.index("  rules: [my_rules.yaml]") : told.index("  monitor rules test my_rules")]
    Path("my_rules.yaml").write_text(OWN)
    scenario(textwrap.dedent(example))
    assert monitor("rules", "test", "scenarios.yaml") == (0, "", "1 of 1 tests passed\n")


def test_a_scenario_file_finds_its_rules_next_to_it(folder: Path):
    (folder / "inner").mkdir()
    Path("own.yaml").rename("inner/own.yaml")
    Path("inner/scenarios.yaml").write_text(
        """rules: [own.yaml]
scenarios:
  - name: a high loss
    only: [Own]
    log: |
      2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=1/9 step=1 loss=3.0 lr=0.0002
      2025-10-30T23:40:52.123Z INFO [TRAIN] epoch=1/20 batch=2/9 step=2 loss=1.0 lr=0.0002
    expect:
      - {alert: Own}
      - {alert: Own, state: resolved, at: 1s}
"""
    )
    assert monitor("rules", "test", "inner/scenarios.yaml") == (0, "", "1 of 1 tests passed\n")


def test_every_mistake_of_a_scenario_file_is_shown_with_its_line():
    scenario(STALL.replace("state: firing", "stat: fires").replace("wait: 301s", "wait: 301") + "  - {name: x}\n")
    said = monitor("rules", "test", "scenarios.yaml")
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines() == [
        "monitor: scenarios.yaml:5: scenarios.0.wait: 301 has no unit; expected a number and one of s, m, h, d",
        "monitor: scenarios.yaml:7: scenarios.0.expect.0.stat: unknown key 'stat'; expected a known key "
        "(did you mean 'state'?)",
        "monitor: scenarios.yaml:9: scenarios.1.log: is missing; expected a value",
    ]


def test_a_scenario_with_an_unknown_rule_is_refused():
    scenario(STALL.replace("TrainingStall: breach", "TraningStall: breach"))
    said = monitor("rules", "test", "scenarios.yaml")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "monitor: scenarios.yaml:2: scenario \"five minutes of silence\": unknown rule 'TraningStall'; expected a rule "
        "(did you mean 'TrainingStall'?)\n"
    )


def test_lines_that_were_not_understood_are_pointed_at_where_a_scenario_fails():
    line = next(line for line in STALL.splitlines() if "[TRAIN]" in line)
    scenario(STALL.replace(line, "      it began yesterday"))
    said = monitor("rules", "test", "scenarios.yaml")
    assert said.code == 1
    assert "  ? 1 of 1 lines were not understood" in said.out.splitlines()
