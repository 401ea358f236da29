"""Rule files: valid rules are read, and all problems are reported at once, each with its line."""

from pathlib import Path

import pytest

from monitor.alert import Severity
from monitor.base.errors import Problems
from monitor.conditions import KINDS
from monitor.conditions.count import Count
from monitor.conditions.stall import Stall
from monitor.conditions.threshold import Threshold
from monitor.conditions.values import Span
from monitor.rules import load_rules

HEAD = "groups:\n  - name: probe\n    rules:\n"
THRESHOLD = "kind: threshold\nsignal: train.loss\nabove: 10"


def entry(own: str = THRESHOLD, *, name: str = "Probe", more: str = "", without: str = "") -> str:
    """Return one rule, as lines of a file; ``more`` adds or replaces lines, ``without`` leaves a key out."""
    common = {
        "alert": name,
        "fault": "probe",
        "severity": "warning",
        "summary": '"it is {value}"',
        "why": "to see it",
        "action": "look",
        "source": "the test",
    }
    pairs = [line.split(": ", 1) for text in (own, more) for line in text.splitlines()]
    keys = {**common, **dict(pairs)}
    keys.pop(without, None)
    lines = [f"{key}: {value}" for key, value in keys.items()]
    return "".join(f"      {'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines))


def write(folder: Path, text: str, *, name: str = "probe.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    """Return the problems of a file, as ``line: what``."""
    path = write(folder, text)
    with pytest.raises(Problems) as caught:
        load_rules([path])
    told = [str(problem) for problem in caught.value.problems]
    assert all(problem.startswith(f"{path}:") for problem in told)
    assert str(caught.value) == "\n".join(told)
    return [problem.removeprefix(f"{path}:").strip() for problem in told]


def one(folder: Path, text: str) -> str:
    (problem,) = problems(folder, text)
    return problem


# ---- valid rules


def test_a_rule_is_read_with_its_place(tmp_path):
    path = write(tmp_path, HEAD + entry(more="for: 5m\nexpected: below 10"))
    (rule,) = load_rules([path])
    assert rule.condition == Threshold(kind="threshold", signal="train.loss", above=10.0)
    assert (rule.alert, rule.group, rule.severity, rule.hold) == ("Probe", "probe", Severity.WARNING, Span(300.0, "s"))
    assert (rule.place, rule.expected, rule.needs, rule.tests) == (f"{path}:4", "below 10", "", ())


def test_every_kind_is_read(tmp_path):
    count = "kind: count\nsignal: guard.reset\nabove: 10\nper: epoch\nheartbeat: guard.check"
    stall = "kind: stall\nsilence: 300s"
    path = write(tmp_path, HEAD + entry(name="A") + entry(count, name="B") + entry(stall, name="C"))
    assert [type(rule.condition) for rule in load_rules([path])] == [Threshold, Count, Stall]


def test_a_later_file_replaces_a_rule_by_its_name(tmp_path):
    first = write(tmp_path, HEAD + entry(name="A") + entry(name="B"), name="1.yaml")
    second = write(tmp_path, HEAD + entry(name="B", more="severity: critical"), name="2.yaml")
    rules = load_rules([first, second])
    assert [(rule.alert, rule.severity.value) for rule in rules] == [("A", "warning"), ("B", "critical")]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("300s", 300), ("5m", 300), ("2h", 7_200), ("1d", 86_400), ("0s", 0), ("1.5m", 90), ('"5m"', 300)],
)
def test_a_duration_is_a_number_and_a_unit(tmp_path, written, seconds):
    (rule,) = load_rules([write(tmp_path, HEAD + entry(more=f"for: {written}"))])
    assert rule.hold == Span(seconds, "s")


def test_without_files_there_are_no_rules():
    assert load_rules([]) == []


# ---- one mistake, one problem

MISTAKES = {
    "unknown key": (
        entry(more="severty: info"),
        "14: rule \"Probe\": unknown key 'severty'; expected a known key (did you mean 'severity'?)",
    ),
    "unknown key of the kind": (
        entry(more="abov: 3"),
        "14: rule \"Probe\": unknown key 'abov'; expected a known key (did you mean 'above'?)",
    ),
    "key of another kind": (entry(more="per: epoch"), "14: rule \"Probe\": unknown key 'per'; expected a known key"),
    "unknown signal": (
        entry("kind: threshold\nsignal: train.los\nabove: 10"),
        "12: rule \"Probe\": signal: unknown signal 'train.los'; expected a signal of the catalogue "
        "(did you mean 'train.loss'?)",
    ),
    "unknown kind": (
        entry("kind: treshold\nsignal: train.loss\nabove: 10"),
        f"11: rule \"Probe\": kind: unknown kind 'treshold'; expected one of {', '.join(KINDS)} "
        "(did you mean 'threshold'?)",
    ),
    "no kind": (entry(without="kind"), f'4: rule "Probe": has no kind; expected one of {", ".join(KINDS)}'),
    "no name": (entry(without="alert"), "4: "),
    "no action": (entry(without="action"), '4: rule "Probe": action: is missing; expected a value'),
    "empty why": (entry(more='why: ""'), '8: rule "Probe": why: is empty; expected some text'),
    "name in another case": (
        entry(name="probe_rule"),
        "4: rule \"probe_rule\": alert: invalid value 'probe_rule'; expected a name in CamelCase, such as LossSpike",
    ),
    "fault in another case": (
        entry(more="fault: Loss-Spike"),
        "5: rule \"Probe\": fault: invalid value 'Loss-Spike'; "
        "expected lower-case letters, digits and _, such as loss_spike",
    ),
    "unit in full": (entry(more="for: 5 minutes"), "s, m, h, d (did you mean '5m'?)"),
    "unit of steps misspelt": (entry(more="after: 20 stpes"), "s, m, h, d (did you mean '20 steps'?)"),
    "keep_firing_for without unit": (
        entry(more="keep_firing_for: 5"),
        '14: rule "Probe": keep_firing_for: 5 has no unit',
    ),
    "after without unit": (entry(more="after: 1.5"), '14: rule "Probe": after: 1.5 has no unit; expected '),
    "within in reports": (
        entry(more="within: 3 reports"),
        "14: rule \"Probe\": within: '3 reports' is not a duration; ",
    ),
    "phase that is not a list": (
        entry(more="phase: train"),
        "14: rule \"Probe\": phase: invalid value 'train'; expected a list",
    ),
    "unknown word of INTENT": (
        entry(more="unless: [acumulate]"),
        "14: rule \"Probe\": unless.0: unknown word of INTENT: 'acumulate'; expected one of ",
    ),
    "by a label that the signal lacks": (
        entry(more="by: [group]"),
        "14: rule \"Probe\": by: its signal has no label 'group'; expected none",
    ),
    "by together with clear": (
        entry("kind: threshold\nsignal: grad.l2\nbelow: 1e-7\nclear: 1e-6", more="by: [group]"),
        '15: rule "Probe": by: cannot be combined with clear; expected by or clear, not both',
    ),
    "inhibits an unknown rule": (
        entry(more="inhibits: [Prob]"),
        "4: rule \"Probe\": inhibits: unknown rule 'Prob'; expected a rule (did you mean 'Probe'?)",
    ),
    "inhibits itself": (
        entry(more="inhibits: [Probe]"),
        '14: rule "Probe": inhibits: names the rule itself; expected ',
    ),
    "enabled perhaps": (
        entry(more="enabled: perhaps"),
        "14: rule \"Probe\": enabled: invalid value 'perhaps'; expected true",
    ),
    "unknown need": (entry(more="needs: fact"), "'' or 'facts' (did you mean 'facts'?)"),
    "level of an unknown severity": (
        entry("kind: threshold\nsignal: train.loss\nlevels: [{severity: warnin, above: 5}]"),
        "13: rule \"Probe\": levels.0.severity: invalid value 'warnin'; expected 'info', 'warning' or 'critical' "
        "(did you mean 'warning'?)",
    ),
    "unknown key of a level": (
        entry("kind: threshold\nsignal: train.loss\nlevels: [{severity: warning, abov: 5, above: 5}]"),
        "13: rule \"Probe\": levels.0.abov: unknown key 'abov'; expected a known key (did you mean 'above'?)",
    ),
    "level without a side": (
        entry("kind: threshold\nsignal: train.loss\nlevels: [{severity: warning}]"),
        '13: rule "Probe": levels.0: none of them is given; expected exactly one of above, below, equals',
    ),
    "count that is a word": (
        entry(more="consecutive: twice"),
        "14: rule \"Probe\": consecutive: invalid value 'twice'; expected a whole number",
    ),
    "on_nan misspelt": (entry(more="on_nan: unknwon"), "(did you mean 'unknown'?)"),
    "unknown key of a test": (
        entry(more="tests: [{name: x, lines: y, then: fires, wiat: 5s}]"),
        "14: rule \"Probe\": tests.0.wiat: unknown key 'wiat'; expected a known key (did you mean 'wait'?)",
    ),
    "band without bounds": (
        entry(more="tests: [{name: x, lines: y, then: fires, bands: {epoch.val_loss: [{epoch: 1}]}}]"),
        '14: rule "Probe": tests.0.bands.epoch.val_loss.0: has no bounds; expected least, most or both',
    ),
    "band of an unknown signal": (
        entry(more="tests: [{name: x, lines: y, then: fires, bands: {epoch.val_los: [{epoch: 1, most: 2}]}}]"),
        "unknown signal 'epoch.val_los'; expected a signal of the catalogue (did you mean 'epoch.val_loss'?)",
    ),
    "wait without unit": (
        entry(more="tests: [{name: x, lines: y, then: fires, wait: 5}]"),
        '14: rule "Probe": tests.0.wait: 5 has no unit; expected a number and one of s, m, h, d',
    ),
    "unknown severity": (
        entry(more="severity: critcal"),
        "6: rule \"Probe\": severity: invalid value 'critcal'; expected 'info', 'warning' or 'critical' "
        "(did you mean 'critical'?)",
    ),
    "for without unit": (
        entry(more="for: 5"),
        '14: rule "Probe": for: 5 has no unit; expected a number and one of steps, epochs, s, m, h, d',
    ),
    "for with an unknown unit": (
        entry(more="for: 5 apples"),
        "14: rule \"Probe\": for: '5 apples' is not a duration; expected a number and one of steps, epochs, s, m, h, d",
    ),
    "negative duration": (
        entry(more="for: -5s"),
        "14: rule \"Probe\": for: '-5s' is negative; expected a number and one of steps, epochs, s, m, h, d",
    ),
    "not a duration": (entry(more="for: nans"), "14: rule \"Probe\": for: 'nans' is not a duration; expected "),
    "level that is not a number": (
        entry("kind: threshold\nsignal: train.loss\nabove: high"),
        "13: rule \"Probe\": above: not a level: 'high'; expected ",
    ),
    "level nan": (entry("kind: threshold\nsignal: train.loss\nabove: nan"), '13: rule "Probe": above: '),
    "level inf": (entry("kind: threshold\nsignal: train.loss\nabove: inf"), '13: rule "Probe": above: '),
    "level true": (entry("kind: threshold\nsignal: train.loss\nabove: true"), '13: rule "Probe": above: '),
    "setting without default": (
        entry("kind: threshold\nsignal: train.loss\nabove: {config: X}"),
        '13: rule "Probe": above: ',
    ),
    "two tests": (
        entry(more="below: 3"),
        '14: rule "Probe": below: conflicts with above; expected exactly one of above, below, equals, levels, '
        "nonfinite: true",
    ),
    "no test": (
        entry("kind: threshold\nsignal: train.loss"),
        '4: rule "Probe": none of them is given; expected exactly one of above, below, equals, levels, nonfinite: true',
    ),
    "consecutive 0": (entry(more="consecutive: 0"), '14: rule "Probe": consecutive: '),
    "consecutive 65": (entry(more="consecutive: 65"), '14: rule "Probe": consecutive: '),
    "clear on the wrong side": (entry(more="clear: 20"), '14: rule "Probe": clear: would fire the alert; '),
    "unknown label": (
        entry("kind: threshold\nsignal: grad.l2\nbelow: 1e-7\nwhere: {grup: gat}"),
        "14: rule \"Probe\": where: grad.l2 has no label 'grup'; expected one of group (did you mean 'group'?)",
    ),
    "unknown slot": (
        entry(more='summary: "it is {vlaue}"'),
        "7: rule \"Probe\": summary: unknown slot 'vlaue'; expected one of value, threshold, reason, "
        "epoch, step (did you mean 'value'?)",
    ),
    "slot that looks inside": (entry(more='summary: "{value.__class__}"'), "summary: "),
    "broken slot": (entry(more='summary: "{value"'), "summary: "),
    "count without heartbeat": (
        entry("kind: count\nsignal: guard.reset\nabove: 10\nper: epoch"),
        '4: rule "Probe": heartbeat: is missing; expected a value',
    ),
    "count below 0": (
        entry("kind: count\nsignal: guard.reset\nabove: -1\nper: run\nheartbeat: guard.check"),
        '13: rule "Probe": above: ',
    ),
    "count per hour": (
        entry("kind: count\nsignal: guard.reset\nabove: 1\nper: hour\nheartbeat: guard.check"),
        '14: rule "Probe": per: ',
    ),
    "stall without silence": (entry("kind: stall"), '4: rule "Probe": silence: is missing; expected a value'),
    "test without expectation": (
        entry(more="tests: [{name: x, lines: y}]"),
        '14: rule "Probe": tests.0.then: is missing; expected a value',
    ),
    "test with an unknown end": (
        entry(more="tests: [{name: x, lines: y, then: burns}]"),
        '14: rule "Probe": tests.0.then: ',
    ),
    "tests that are no list": (entry(more="tests: yes"), '14: rule "Probe": tests: '),
    "duplicate name": (entry() + entry(), '14: rule "Probe": is declared twice, first at '),
    "repeated key": (entry() + "        above: 11\n", "14: key 'above' appears twice; expected each key once"),
    "rule that is not a mapping": (
        entry() + "      - word\n",
        "14: not an entry of rules: 'word'; expected key: value lines",
    ),
    "unknown key next to the rules": (
        entry() + "    rule: x\n",
        "14: unknown key 'rule'; expected a known key (did you mean 'rules'?)",
    ),
    "unknown key next to the groups": (
        entry() + "group: x\n",
        "14: unknown key 'group'; expected a known key (did you mean 'groups'?)",
    ),
}


@pytest.mark.parametrize(("rules", "told"), MISTAKES.values(), ids=MISTAKES)
def test_one_mistake_is_one_problem(tmp_path, rules, told):
    problem = one(tmp_path, HEAD + rules)
    assert told in problem
    assert problem[0].isdigit()
    assert "pydantic" not in problem


def test_a_group_without_a_name_is_reported(tmp_path):
    assert one(tmp_path, "groups:\n  - rules:\n" + entry()) == "2: a group has no name; expected name: a word"


@pytest.mark.parametrize("kind", ["[threshold]", "{threshold: 1}", "3", "null", '""'])
def test_a_kind_that_is_not_a_word_is_refused(tmp_path, kind):
    assert one(tmp_path, HEAD + entry(f"kind: {kind}\nsignal: train.loss\nabove: 10")).startswith('11: rule "Probe": ')


def test_an_unknown_kind_does_not_hide_other_problems(tmp_path):
    text = HEAD + entry("kind: treshold\nsignal: train.loss\nabove: 10", more="severity: sever\nfor: 5")
    assert [problem.partition(":")[0] for problem in problems(tmp_path, text)] == ["11", "6", "14"]


def test_ten_mistakes_are_ten_problems(tmp_path):
    rules = (
        entry(name="A", more="severity: sever")
        + entry(name="B", more="for: -5s")
        + entry(name="C", more="for: 5")
        + entry("kind: threshold\nsignal: train.los\nabove: 10", name="D")
        + entry(name="E", more="abov: 3")
        + entry("kind: treshold\nsignal: train.loss\nabove: 10", name="F")
        + entry("kind: threshold\nsignal: train.loss\nabove: high", name="G")
        + entry(name="H", without="action")
        + entry(name="I")
        + entry(name="I")
        + entry(name="J")
        + "        above: 11\n"
    )
    told = problems(tmp_path, HEAD + rules)
    assert len(told) == 10
    assert sorted(int(problem.partition(":")[0]) for problem in told) == [6, 24, 35, 44, 56, 64, 76, 77, 96, 116]


def test_the_problems_of_several_files_are_reported_together(tmp_path):
    first = write(tmp_path, HEAD + entry(more="for: 5"), name="1.yaml")
    second = write(tmp_path, HEAD + entry(more="severity: sever"), name="2.yaml")
    with pytest.raises(Problems) as caught:
        load_rules([first, tmp_path / "missing.yaml", second])
    assert [Path(problem.where.split(":")[0]).name for problem in caught.value.problems] == [
        "1.yaml",
        "missing.yaml",
        "2.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no list of groups"),
        ("# nothing\n", "no list of groups"),
        ("just a word\n", "no list of groups"),
        ("- a\n- b\n", "no list of groups"),
        ("groups: 3\n", "no list of groups"),
        ("groups:\n  - 3\n", "not an entry of groups: 3"),
        ("groups:\n  - name: x\n", "no list of rules"),
        ("groups:\n  - name: x\n    rules: {}\n", "no list of rules"),
        ("groups: []\n", "no list of groups"),
        ("groups:\n  - name: x\n    rules: []\n", "no list of rules"),
    ],
)
def test_a_file_of_another_shape_or_without_any_rule_is_refused(tmp_path, text, told):
    """An empty file must not look like an all-clear."""
    assert told in one(tmp_path, text)


# ---- a file that is read again


def test_an_unchanged_file_is_not_read_again_and_a_changed_one_is(tmp_path):
    path = write(tmp_path, HEAD + entry())
    first, second = load_rules([path]), load_rules([path])
    assert first[0] is second[0]
    write(tmp_path, HEAD + entry(THRESHOLD.replace("10", "11")))
    assert load_rules([path])[0] != first[0]


def test_the_problems_of_an_unchanged_file_are_told_each_time(tmp_path):
    text = HEAD + entry(more="severity: loud")
    assert problems(tmp_path, text) == problems(tmp_path, text)
