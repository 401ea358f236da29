"""``match``: lines that contain a text, found by RE2 in linear time."""

import pytest
from pydantic import ValidationError

from monitor.alert import State
from monitor.conditions import Outcome
from monitor.conditions.combine import All
from monitor.conditions.match import PATTERN_LIMIT, Match, Patterns
from monitor.grammar import RunStart
from tests.lines import Line, at, numbered, pipeline, rule, story, take, train, watch


def match(**fields) -> Match:
    return Match.model_validate({"kind": "match", **fields})


def said(condition: Match, log: list[bytes]):
    """Return the last readings of a watch of these lines: a watch searches for patterns, a run does not."""
    watching, _ = watch([rule(condition)], log)
    ((_, (reading,)),) = watching.snapshot(watching.run.now, is_following=True).readings
    return reading


FELL_BACK = match(pattern="falling back to .* loop", heartbeat="train.loss")


# ---- what is found


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("falling back", b"worker pool failed; falling back to the simple loop"),
        ("(?i)FALLING BACK", b"worker pool failed; falling back to the simple loop"),
        ("^worker", b"worker pool failed"),
        ("failed$", b"worker pool failed"),
        ("größe", "die größe fehlt".encode()),
        ("a.b", b"a\xffb"),
        (r"loss=0\.0\b", b"2025-10-30T23:40:51.123Z INFO [TRAIN] epoch=1/20 batch=1/500 step=1 loss=0.0 lr=0.1"),
        ("x", b"y" * 60_000 + b"x"),
    ],
)
def test_a_line_with_the_pattern_is_a_breach_and_its_evidence(pattern, line):
    reading = said(match(pattern=pattern), [b"hello", line])
    assert (reading.outcome, reading.value, [each.line for each in reading.evidence]) == (Outcome.BREACH, 1, [2])


@pytest.mark.parametrize("line", [b"falling back", b"FALLING BACK TO THE LOOP", b"falling\nback to a loop"])
def test_a_line_without_the_pattern_does_not_count(line):
    assert said(FELL_BACK, [at(0, train(1)), line]).outcome is Outcome.OK


def test_a_text_that_every_dialect_knows_can_replace_a_pattern():
    log = [at(0, train(1)), b"Traceback (most recent call last):"]
    assert story(watch([rule(match(signal="text.traceback"))], log)[1]) == [("Probe", "firing", 0)]


def test_two_rules_with_one_pattern_and_a_third_with_another_count_for_themselves():
    rules = [
        rule(match(pattern="a+"), name="First"),
        rule(match(pattern="a+", above=1), name="Second"),
        rule(match(pattern="b"), name="Third"),
    ]
    _, changes = watch(rules, [b"aaa", b"ab"])
    assert [(each.rule, each.evidence[-1].line) for each in changes] == [("First", 1), ("Second", 2), ("Third", 2)]


def test_a_line_counts_once_however_often_it_contains_the_pattern():
    assert said(match(pattern="a", above=5), [b"a a a a a a a a"]).value == 1


def test_counts_are_kept_per_period_and_per_attempt():
    condition = match(pattern="retry", per="5m", above=2)
    log = [at(0, train(1)), b"retry", b"retry", at(300, train(2)), b"retry"]
    assert story(watch([rule(condition)], log)[1]) == []
    log = [at(0, train(1)), b"retry", b"retry", at(299, train(2)), b"retry"]
    assert story(watch([rule(condition)], log)[1]) == [("Probe", "firing", 299)]
    restarted = [at(0, RunStart(run="a")), at(0, train(1)), b"retry", b"retry"]
    assert story(watch([rule(condition)], [*restarted, *restarted])[1]) == []


def test_the_same_lines_one_by_one_and_from_the_start_give_the_same_alerts():
    log = numbered([at(0, train(1)), b"falling back to the loop", at(1, train(2)), b"falling back to the loop"])
    whole, piecewise = pipeline([rule(FELL_BACK)]), pipeline([rule(FELL_BACK)])
    assert take(whole, log) == [change for line in log for change in take(piecewise, [line])]


# ---- nothing found


def test_nothing_found_is_unknown_without_a_sign_that_the_text_would_be_written():
    """``grep -c`` of a text that no code writes prints 0 forever."""
    reading = said(match(pattern="DEGENERACY-GUARD.*reset applied"), [at(0, train(n)) for n in range(3)])
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == "no /DEGENERACY-GUARD.*reset applied/ in 3 lines, and no heartbeat is declared"


def test_nothing_found_with_a_fresh_heartbeat_is_ok_and_cites_the_heartbeat():
    reading = said(FELL_BACK, [at(0, train(1)), b"hello"])
    assert (reading.outcome, [each.line for each in reading.evidence]) == (Outcome.OK, [1])


# ---- patterns


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(a)\1", "invalid escape sequence"),
        ("(?=x)a", "invalid perl operator"),
        ("(?<!x)a", "invalid perl operator"),
        ("[", "missing ]"),
        ("(", "missing )"),
        ("a{2000}", "invalid repetition size"),
        ("x*", "matches every line"),
        ("", "at least 1 character"),
        ("x" * (PATTERN_LIMIT + 1), f"at most {PATTERN_LIMIT} characters"),
    ],
)
def test_a_pattern_that_is_not_re2_or_matches_everything_is_refused_in_words(pattern, why):
    with pytest.raises(ValidationError) as caught:
        match(pattern=pattern)
    assert why in str(caught.value)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*a){20}b"])
def test_a_catastrophic_pattern_takes_linear_time(pattern):
    """An engine that backtracks would take hours; the limit is the timeout of the test suite."""
    lines = [Line(n, 0, b"a" * 60_000 + b"!") for n in range(1, 20)]
    take(pipeline([rule(match(pattern=pattern))]), lines)


def test_a_hundred_patterns_are_found_like_one():
    patterns = [f"needle-{n} [a-z]+" for n in range(100)]
    found = Patterns([match(pattern=pattern) for pattern in patterns])
    assert [sample.labels for sample in found.samples(b"a needle-42 here, needle-7 there")] == [
        (("pattern", patterns[7]),),
        (("pattern", patterns[42]),),
    ]
    assert list(found.samples(b"a needle-100 here")) == []


def test_patterns_that_are_too_large_together_are_found_one_by_one():
    patterns = [f"needle-{n} (?:[a-zé]{{100}}x?){{1,10}}" for n in range(300)]
    found = Patterns([match(pattern=pattern) for pattern in patterns])
    assert found._any is None
    assert [sample.labels for sample in found.samples(b"needle-42 " + b"a" * 100)] == [(("pattern", patterns[42]),)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected exactly one of pattern, signal"),
        ({"pattern": "a", "signal": "text.killed"}, "expected exactly one of pattern, signal"),
        ({"signal": "train.loss"}, "signal: not a text: train.loss"),
        ({"pattern": "a", "by": ["pattern"]}, "by: a text has no labels"),
        ({"pattern": "a", "per": "5m", "above": 64}, "only the last 64 events are kept"),
    ],
)
def test_an_invalid_match_is_refused_in_words(fields, message):
    with pytest.raises(ValidationError) as caught:
        match(**fields)
    assert message in str(caught.value)


def test_a_match_within_a_combination_is_searched_for_too():
    low = {"kind": "threshold", "signal": "train.loss", "below": 0.1}
    condition = All.model_validate({"kind": "all", "of": [{"kind": "match", "pattern": "no grad"}, low]})
    log = [b"loss has no grad; skipping backward", at(0, train(1, loss=0.0))]
    assert [each.state for each in watch([rule(condition)], log)[1]] == [State.FIRING]
