"""Difficult rule files: conditions within conditions, hostile patterns, and far too many mistakes."""

import time
from pathlib import Path

import pytest

from monitor.base.errors import MonitorError, Problems
from monitor.base.yamlfile import SIZE_LIMIT_BYTES
from monitor.conditions import KINDS
from monitor.rules import load_rules

RULE = """groups:
  - name: probe
    rules:
      - alert: Probe
        fault: probe
        severity: warning
        summary: "{reason}"
        why: to see it
        action: look
        source: the test
"""
"""A rule of 10 lines to which a condition is appended, from line 11 on."""


def problems(folder: Path, text: str) -> list[str]:
    """Return the problems of a file, as ``line: what``."""
    path = folder / "probe.yaml"
    path.write_text(text)
    with pytest.raises(MonitorError) as caught:
        load_rules([path])
    assert "Traceback" not in str(caught.value)
    return [line.removeprefix(f"{path}:").strip() for line in str(caught.value).splitlines()]


def of(*lines: str) -> str:
    """Return a rule with this condition."""
    return RULE + "".join(f"        {line}\n" for line in lines)


def test_each_part_of_a_combination_has_its_own_lines(tmp_path):
    text = of(
        "kind: all",
        "of:",
        "  - kind: threshold",
        "    signal: grad.l22",
        "    above: 0",
        "  - kind: treshold",
        "    signal: grad.l2",
        "    above: 0",
        "  - kind: threshold",
        "    signal: grad.l2",
        "    abov: 0",
        "  - word",
        "  - kind: any",
        "    of:",
        "      - {kind: threshold, signal: grad.l2, above: high}",
        "      - kind: stall",
        "        silence: -5s",
    )
    assert problems(tmp_path, text) == [
        "14: rule \"Probe\": of.0.signal: unknown signal 'grad.l22'; expected a signal of the catalogue "
        "(did you mean 'grad.l2'?)",
        f"16: rule \"Probe\": of.1.kind: unknown kind 'treshold'; expected one of {', '.join(KINDS)} "
        "(did you mean 'threshold'?)",
        '19: rule "Probe": of.2: none of them is given; expected exactly one of above, below, equals, levels, '
        "nonfinite: true",
        "21: rule \"Probe\": of.2: unknown key 'abov'; expected a known key (did you mean 'above'?)",
        "25: rule \"Probe\": of.4.of.0.above: not a level: 'high'; expected a finite number, or "
        "{config: NAME, default: number}",
        "27: rule \"Probe\": of.4.of.1.silence: not a duration: '-5s'; expected a finite number that is not negative",
        "22: rule \"Probe\": of.3: not a condition: 'word'; expected key: value lines, kind first",
    ]


def test_a_combination_without_parts_is_reported_at_its_own_line(tmp_path):
    assert problems(tmp_path, of("kind: any", "of: []")) == ['12: rule "Probe": of: has 0 entries; expected at least 2']
    assert problems(tmp_path, of("kind: any")) == ['4: rule "Probe": of: is missing; expected a value']
    (told,) = problems(tmp_path, of("kind: any", "of: threshold"))
    assert told.startswith("12: rule \"Probe\": of: invalid value 'threshold'; expected ")


def test_a_label_that_not_every_part_has_is_reported(tmp_path):
    parts = "[{kind: threshold, signal: grad.l2, above: 0}, {kind: threshold, signal: weight.update, equals: 0}]"
    (told,) = problems(tmp_path, of("kind: all", f"of: {parts}", "on: [grup]"))
    assert told.startswith("13: rule \"Probe\": on: not every part with labels has 'grup'; expected one of group")
    assert told.endswith("(did you mean 'group'?)")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (["kind: match", r"pattern: '(a)\1'"], '12: rule "Probe": pattern: '),
        (["kind: match", "pattern: '(?=a)b'"], '12: rule "Probe": pattern: '),
        (["kind: match", "pattern: '((('"], '12: rule "Probe": pattern: '),
        (["kind: match", "pattern: '(x{1000}){1000}'"], '12: rule "Probe": pattern: '),
        (["kind: match", "pattern: 'a*'"], '12: rule "Probe": pattern: '),
        (["kind: match", f"pattern: '{'(a+)+' * 200}'"], '12: rule "Probe": pattern: '),
        (["kind: match", "pattern: [a]"], '12: rule "Probe": pattern: '),
    ],
)
def test_a_pattern_that_cannot_be_searched_for_in_linear_time_is_refused(tmp_path, condition, told):
    found = problems(tmp_path, of(*condition))
    assert len(found) == 1
    assert found[0].startswith(told)


def test_a_pattern_that_would_ruin_another_engine_is_searched_for_in_linear_time(tmp_path):
    path = tmp_path / "probe.yaml"
    path.write_text(of("kind: match", "pattern: '(a+)+$'", "heartbeat: train.loss"))
    assert [rule.alert for rule in load_rules([path])] == ["Probe"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("".join(f"k{number}: 1\n" for number in range(20_000)), id="keys of a file"),
        pytest.param(RULE + "".join(f"        k{number}: 1\n" for number in range(14_000)), id="keys of a rule"),
        pytest.param("a: 1\n" * 45_000, id="one key", marks=pytest.mark.slow),
        pytest.param(RULE + "      - {alert: X}\n" * 10_000, id="rules without anything", marks=pytest.mark.slow),
        pytest.param(of("kind: all", "of:", *["  - {kind: threshold}"] * 7_000), id="parts of a condition"),
        pytest.param(RULE + "        tests: [" + "{name: 1}, " * 20_000 + "]\n", id="tests", marks=pytest.mark.slow),
        pytest.param(RULE + f"        kind: {'t' * 200_000}\n", id="a long kind"),
        pytest.param(RULE + f"        {'k' * 900}: 1\n" * 200, id="long keys"),
        pytest.param(of("kind: threshold", f"signal: {'s' * 200_000}"), id="a long signal"),
        pytest.param(of("kind: threshold", "signal: train.loss", f"above: {'9' * 200_000}"), id="a long number"),
        pytest.param(RULE.replace("Probe", "P" * 200_000), id="a long name"),
    ],
)
def test_a_file_of_mistakes_is_refused_in_bounded_time_and_lines(tmp_path, text):
    assert len(text) < SIZE_LIMIT_BYTES
    began = time.process_time()
    told = problems(tmp_path, text)
    assert time.process_time() - began < 20
    assert 1 <= len(told) <= 101
    assert all(len(line) < 1_000 for line in told), max(told, key=len)


def test_problems_beyond_the_limit_are_counted(tmp_path):
    told = problems(tmp_path, RULE + "      - {alert: X}\n" * 500)
    assert len(told) == 101
    assert " more problems; expected a rule file" in told[-1]


def test_only_the_first_of_two_equal_names_is_kept_and_both_places_are_shown(tmp_path):
    rule = RULE + "        kind: stall\n        silence: 5m\n"
    (told,) = problems(tmp_path, rule + rule.partition("rules:\n")[2])
    assert told == f'13: rule "Probe": is declared twice, first at {tmp_path / "probe.yaml"}:4; expected each name once'


def test_the_problems_of_a_file_come_as_one_list(tmp_path):
    path = tmp_path / "probe.yaml"
    path.write_text(of("kind: stall") + "    extra: 1\nmore: 2\n")
    with pytest.raises(Problems) as caught:
        load_rules([path])
    assert len(caught.value.problems) == 3
