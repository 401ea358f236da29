"""One log, watched or replayed: the same lines give the same alerts, however often time is checked in between."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import grammar
from monitor.alert import Alert, Severity, State
from monitor.conditions.stall import Stall
from monitor.conditions.threshold import Threshold
from monitor.grammar import GuardCheck, Intent, Phase, RunEnd, RunStart
from monitor.rules import Rule, load_rules
from monitor.snapshot import HISTORY_LIMIT
from monitor.tail.linebuffer import LineBuffer
from tests.lines import (
    START,
    Line,
    at,
    epoch_end,
    numbered,
    pipeline,
    report,
    reset,
    rule,
    setting,
    story,
    take,
    train,
    watch,
)

SHIPPED = load_rules(sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")))
LASTING = [
    rule(Threshold(kind="threshold", signal="train.loss", above=10, clear=5), name="Lasting", hold=120),
    rule(Stall.model_validate({"kind": "stall", "silence": "30s"}), name="Quiet", hold=45),
]
RULES: list[Rule] = [*SHIPPED, *LASTING]

NOTHING, BAD = 0.0, float("nan")
VOCABULARY = [
    RunStart(run="a"),
    RunEnd(status="completed"),
    RunEnd(status="failed"),
    *(
        train(step, epoch, loss=loss)
        for step, epoch in [(1, 1), (200, 1), (700, 2), (1_410, 3)]
        for loss in (0.5, 11.0, BAD)
    ),
    *(
        report(step, epoch, gat=norm, adaptive_norm=1.0)
        for step, epoch in [(0, 1), (400, 1), (800, 2)]
        for norm in (NOTHING, 1e-7, 1.0)
    ),
    grammar.GradBelow(group="gat", norm=NOTHING, threshold=1e-7, step=400),
    grammar.EncoderGrad(tensor="projected_features", norm=NOTHING, max=NOTHING, step=0),
    reset(),
    reset(epoch=1),
    GuardCheck(h=1, step=200, std=0.5),
    epoch_end(1),
    epoch_end(2, val_loss=BAD),
    *(Phase(name=name) for name in ("load", "train", "validate")),
    Intent(frozen=("gat",)),
    Intent(pause="validate", expected_s=100.0),
    setting("GRAD_MONITOR_WARN_NORM", "1e-3"),
]
GAPS = [
    0.0,
    0.001,
    1.0,
    29.999,
    30.0,
    30.001,
    75.0,
    120.0,
    121.0,
    299.999,
    300.0,
    300.001,
    301.0,
    1_000.0,
    40_000.0,
    -50.0,
]

untimed = st.sampled_from([b"Traceback (most recent call last):", b"Epoch 1: 2it [00:09]", b"", b"\xff\x00"])
entries = st.tuples(st.sampled_from(GAPS), st.sampled_from(VOCABULARY))


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Return a log of random records and gaps, with occasional runs of resets and lines outside the grammar."""
    log, now = [], 0.0
    for gap, record in draw(st.lists(entries, min_size=1, max_size=25)):
        now += gap
        times = draw(st.sampled_from([1, 1, 1, 11])) if isinstance(record, grammar.GuardReset) else 1
        log += [at(now, record)] * times
        if draw(st.integers(0, 9)) == 0:
            log.append(draw(untimed))
    return log


def replayed(log: list[bytes]) -> list[Alert]:
    return take(pipeline(RULES), numbered(log))


def watched(log: list[bytes], shares: list[float]) -> list[Alert]:
    """Watch live: between two lines, time advances to these shares of the gap, in order, never past the next line."""
    watching = pipeline(RULES)
    changes: list[Alert] = []
    for line in numbered(log):
        before, after = watching.run.now, _time_at(watching, line)
        if before is not None and after is not None:
            for share in sorted(shares):
                changes += watching.pass_time(before + share * (after - before))
        changes += take(watching, [line])
    return changes


def _time_at(watching, line: Line) -> float | None:
    parsed = grammar.parse_line(line.data)
    return watching.run.time_of(parsed.at if parsed else None)


@given(logs(), st.lists(st.floats(0, 1), max_size=4))
def test_replay_equals_live(log, shares):
    """Every transition, with id, time, labels, value and evidence."""
    assert repr(watched(log, shares)) == repr(replayed(log))


@given(logs(), st.lists(st.integers(0, 4_000), max_size=12))
def test_alerts_do_not_depend_on_how_the_bytes_arrive(log, cuts):
    """With a progress bar's refreshes among the lines."""
    data = b"".join(line + (b"\r" if line.startswith(b"Epoch") else b"\n") for line in log)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert repr(fed(data, edges)) == repr(fed(data, [0, len(data)]))


def test_alerts_are_the_same_when_the_bytes_arrive_one_by_one():
    log = [at(n, reset()) for n in range(11)] + [b"Traceback", at(400, report(0, gat=NOTHING)), at(401, train(1))]
    data = b"\r\n".join(log)
    whole = fed(data, [0, len(data)])
    assert [change.rule for change in whole if change.state is State.FIRING] == [
        "ExcessiveResets",
        "Quiet",
        "TrainingStall",
        "GradientZero",
        "GradientVanishing",
    ]
    assert repr(fed(data, list(range(len(data) + 1)))) == repr(whole)


def fed(data: bytes, edges: list[int]) -> list[Alert]:
    buffer, watching = LineBuffer(), pipeline(RULES)
    changes = [
        change
        for start, end in itertools.pairwise(edges)
        for line in buffer.feed(data[start:end])
        for change in watching.take(line)
    ]
    rest = buffer.end()
    return changes if rest is None else changes + watching.take(rest)


@given(logs(), st.integers(0, 30))
def test_later_lines_do_not_change_earlier_alerts(log, cut):
    """The alerts of the first lines are the first alerts of all lines."""
    part = replayed(log[:cut])
    assert repr(replayed(log)[: len(part)]) == repr(part)


@given(logs())
def test_each_alert_fires_and_ends_at_most_once(log):
    """Per id: it fires once, ends at most once, later or at the same time, and never before it began."""
    lives: dict[str, list[Alert]] = {}
    for change in replayed(log):
        lives.setdefault(change.id, []).append(change)
    for life in lives.values():
        assert [each.state.value for each in life] in (["firing"], ["firing", "resolved"], ["firing", "closed"])
        assert len({(each.rule, each.labels, each.attempt, each.starts_at) for each in life}) == 1
        assert all(each.evidence for each in life)
        times = [each.at for each in life if each.at is not None]
        assert times == sorted(times)


@given(logs())
def test_transitions_are_in_order_of_time(log):
    times = [change.at for change in replayed(log) if change.at is not None]
    assert times == sorted(times)


@given(logs(), st.sampled_from([True, False]))
def test_every_rule_always_has_a_reading_and_ok_has_evidence(log, is_following):
    watching, _ = watch(RULES, log)
    snapshot = watching.snapshot(watching.run.now, is_following=is_following)
    assert [said for said, _ in snapshot.readings] == RULES
    for _, readings in snapshot.readings:
        assert readings
        assert len({reading.labels for reading in readings}) == len(readings)
        assert all(reading.reason for reading in readings)
        assert all(reading.evidence for reading in readings if reading.outcome in ("ok", "breach", "not_applicable"))


def test_deadlines_of_several_rules_run_in_order():
    _, changes = watch(LASTING, [at(0, train(1, loss=11.0))], wait=1_000)
    assert story(changes) == [("Quiet", "firing", 75), ("Lasting", "firing", 120)]


def test_deadlines_before_a_line_run_before_it():
    _, changes = watch(LASTING, [at(0, train(1, loss=11.0)), at(500, train(2, loss=1.0))])
    assert story(changes) == [
        ("Quiet", "firing", 75),
        ("Lasting", "firing", 120),
        ("Lasting", "resolved", 500),
        ("Quiet", "resolved", 500),
    ]


def test_a_blank_line_is_ignored():
    watching, changes = watch(RULES, [b"", b"  "])
    assert (changes, watching.run.lines) == ([], 0)


def test_only_alarming_alerts_count_as_fired():
    calm = rule(Threshold(kind="threshold", signal="train.loss", above=10), name="Calm").model_copy(
        update={"severity": Severity.INFO}
    )
    watching, changes = watch([calm], [at(0, train(1, loss=11.0))])
    assert (len(changes), watching.fired) == (1, 0)


def test_the_history_is_bounded_but_the_count_is_not():
    loud = rule(Threshold(kind="threshold", signal="train.loss", above=10))
    watching, _ = watch([loud], [at(n, train(n, loss=11.0 if n % 2 else 1.0)) for n in range(1_500)])
    assert (len(watching.history), watching.fired) == (HISTORY_LIMIT, 750)


def test_a_snapshot_has_the_firing_alerts():
    watching, _ = watch(SHIPPED, [at(0, report(0, gat=0.0))])
    snapshot = watching.snapshot(START, is_following=True)
    assert [alert.rule for alert in snapshot.open] == ["GradientZero", "GradientVanishing"]
    assert (snapshot.log, snapshot.now, snapshot.is_following) == ("run.log", START, True)


@pytest.mark.parametrize("log", [[], [b"no line of ours"], [b"\x00\x01\x02"]])
def test_a_log_without_readable_content_is_not_healthy(log):
    watching, _ = watch(SHIPPED, log)
    outcomes = {
        reading.outcome.value for _, said in watching.snapshot(None, is_following=False).readings for reading in said
    }
    assert outcomes == {"unknown"}
