"""The evidence itself: which rules can fire in time, and the alert for an expected line that does not come."""

from io import BytesIO
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.conditions import Outcome
from monitor.conditions.compare import Compare
from monitor.conditions.line_cadence import Coverage
from monitor.conditions.threshold import Threshold
from monitor.conditions.trend import Trend
from monitor.conditions.values import Span
from monitor.grammar import Checkpoint, Config, EncoderGrad, GuardCheck, Intent, RunEnd, RunStart
from monitor.reader.signals import CATALOGUE
from monitor.rules import Rule, load_rules
from monitor.rules.armed import Armed, coverage_of
from monitor.tail import read_lines
from tests.lines import START, ask, at, epoch_end, pipeline, report, rule, run_of, setting, story, train, watch

FOLDER = Path(__file__).parents[2] / "rules"
RULES = {each.alert: each for each in load_rules(sorted(FOLDER.glob("*.yaml")))}
GAP = Coverage.model_validate({"kind": "coverage", "expects": {"train.loss": "300s", "grad.l2": "300s"}})


def paced(step_s: float, *, steps: int = 10, cadence: int | None = 200) -> list[bytes]:
    """Return a run's start: a gradient report at step 0 and a progress line at each step."""
    declared = [] if cadence is None else [at(0, Intent(cadence_grad=cadence))]
    return [*declared, at(0, report(0, gat=1.0)), *(at(n * step_s, train(n)) for n in range(1, steps + 1))]


def said(log: list[bytes], tag: str = "GRAD-MONITOR") -> str:
    """Return the reading of one kind of line; empty if none is expected."""
    return next((each.outcome.value for each in ask(GAP, log) if ("tag", tag) in each.labels), "")


def probe(within_s: float = 300) -> Rule:
    """Return a rule on gradients with a promise."""
    return RULES["GradientNonfinite"].model_copy(update={"within": Span(within_s, "s")})


def covered(rule: Rule, log: list[bytes]):
    (found,) = coverage_of([rule], run_of(log), None)
    return found


# ---- the seed page's own run


def test_on_the_seed_pages_own_run_the_evidence_gap_fires():
    """GRAD-MONITOR at step 0 and ENCODER-GRAD once per process, and then 1,410 steps of progress."""
    head = b"2025-10-30T23:41:00.000Z INFO "
    log = [
        head + b"[ENCODER-GRAD] normalized_features grad_norm=1.547e-02 max=3.204e-04",
        head + b"[ENCODER-GRAD] projected_features grad_norm=6.317e-03 max=1.354e-04",
        at(9, report(0, backbone_projection=0.199, variable_selection=0.757)),
        *(at(10 + 2 * step, train(step, 1 + step // 500)) for step in range(12, 1_411, 2)),
    ]
    watching, changes = watch([RULES["EvidenceGap"]], log)
    assert {(each.labels, each.state.value, each.summary) for each in changes} == {
        (
            (("tag", "GRAD-MONITOR"),),
            "firing",
            "no GRAD-MONITOR line since step 0; expected every 200 steps; now step 402",
        ),
        (
            (("tag", "ENCODER-GRAD"),),
            "firing",
            "no ENCODER-GRAD line since step 0; expected every 200 steps; now step 402",
        ),
    }
    found = {each.rule.alert: each for each in coverage_of(RULES.values(), watching.run, watching.run.now)}
    assert {found[name].state for name in ("GradientVanishing", "EncoderGradientZero")} == {Armed.BLIND}
    assert found["TrainLossNonfinite"].state is Armed.ARMED


def test_the_arithmetic_of_the_seed_pages_settings():
    """GRAD_MONITOR_EVERY=200 at 2 s per batch is one line per 400 s."""
    log = [at(0, setting("GRAD_MONITOR_EVERY", "200")), *paced(2.0, cadence=None)]
    found = covered(probe(300), log)
    assert (found.state, found.reason, found.advice) == (
        Armed.LATE,
        "GRAD-MONITOR every 200 steps × 2 s = 400 s; GradientNonfinite promises 300 s",
        "set GRAD_MONITOR_EVERY to at most 150",
    )
    assert [line.line for line in found.evidence] == [2]


# ---- the alert


@pytest.mark.parametrize(("step_s", "expected"), [(1.5, "ok"), (1.6, "breach"), (2.0, "breach")])
def test_reports_further_apart_than_promised_fire(step_s, expected):
    """200 steps of 1.5 s are exactly the 300 s that are promised."""
    assert said(paced(step_s)) == expected


def test_the_message_names_the_sum_and_what_to_change():
    reading = next(each for each in ask(GAP, paced(2.0)) if each.outcome is Outcome.BREACH)
    assert reading.reason == (
        "GRAD-MONITOR every 200 steps × 2 s = 400 s; promised within 300 s; set GRAD_MONITOR_EVERY to at most 150"
    )
    assert (reading.value, reading.threshold) == (400, 300)


def test_a_step_longer_than_the_promise_has_no_cadence_that_helps():
    reading = next(each for each in ask(GAP, paced(400.0, cadence=10)) if ("tag", "GRAD-MONITOR") in each.labels)
    assert reading.reason.endswith("a single step takes longer than that; promise a longer time")


@pytest.mark.parametrize(("step", "expected"), [(20, "ok"), (21, "breach")])
def test_silence_of_two_cadences_is_quiet_and_a_step_more_fires(step, expected):
    assert said([at(0, Intent(cadence_grad=10)), at(0, report(0, gat=1.0)), at(1, train(step))]) == expected


def test_a_past_gap_is_forgotten_and_the_usual_cadence_applies():
    log = [*(at(n, train(n)) for n in range(100)), *(at(100 + n, report(n, gat=1.0)) for n in range(0, 100, 10))]
    gap = [at(300, train(300)), at(300, report(300, gat=1.0)), at(310, report(310, gat=1.0))]
    assert said([*log, *gap]) == "ok"


def test_each_kind_of_line_has_its_own_alert_and_resolves_with_its_next_line():
    log = [at(0, Intent(cadence_grad=10, cadence_train=5)), at(0, report(0, gat=1.0)), at(0, train(0))]
    log += [at(1, train(21)), at(2, report(30, gat=1.0)), at(3, train(31))]
    assert story(watch([rule(GAP)], log)[1]) == [("Probe", "firing", 1), ("Probe", "resolved", 2)]


def test_lines_that_were_never_seen_or_declared_are_not_expected():
    assert said([at(n, train(n)) for n in range(0, 5_000, 100)]) == ""


def test_lines_that_the_run_declares_are_expected_from_its_first_step():
    log = [at(0, setting("ENABLE_GRAD_MONITOR", "1")), at(0, Intent(cadence_grad=10)), at(0, train(1_000))]
    assert said([*log, at(1, train(1_020))]) == "unknown"
    assert said([*log, at(1, train(1_021))]) == "breach"


def test_an_undeclared_checkpoint_makes_nothing_overdue_before_the_first_step():
    loaded = [at(0, Checkpoint(action="load", path="old.ckpt", epoch=3, step=900)), at(1, Intent(cadence_train=10))]
    assert said(loaded, "TRAIN") == "unknown"
    assert said([*loaded, at(2, report(921, gat=1.0))], "TRAIN") == "breach"


def test_a_switched_off_kind_of_line_is_not_applicable_and_cites_the_setting():
    log = [at(0, setting("ENABLE_GRAD_MONITOR", "0")), *(at(n, train(n)) for n in range(0, 5_000, 100))]
    assert said(log) == "not_applicable"


def test_nothing_to_expect_is_unknown():
    assert [each.outcome for each in ask(GAP, [b"hello"])] == [Outcome.UNKNOWN]


def test_a_healthy_run_with_its_validations_and_checkpoints_is_quiet():
    log = [at(0, RunStart(run="a")), at(0, Intent(cadence_grad=10, cadence_train=5))]
    for step in range(0, 500, 5):
        epoch, when = 1 + step // 100, step + 40 * (step // 100)
        log.append(at(when, train(step, epoch)))
        if step % 10 == 0:
            log += [at(when, report(step, epoch, gat=0.5)), at(when, GuardCheck(h=1, step=step, std=0.5))]
            log += [at(when, EncoderGrad(tensor="projected_features", norm=1e-3, max=1e-4, step=step))]
        if step % 100 == 95:
            log.append(at(when + 30, epoch_end(epoch)))
    log.append(at(1_000, RunEnd(status="completed")))
    assert story(watch([RULES["EvidenceGap"]], log)[1]) == []


def test_no_shipped_rule_promises_more_than_the_alert_watches_over():
    condition = RULES["EvidenceGap"].condition
    assert isinstance(condition, Coverage)
    watched_s = {CATALOGUE[name].tag: promise_s for name, promise_s in condition.expects.items()}
    broken = {
        (each.alert, tag)
        for each in RULES.values()
        if each.within is not None
        and each.within.unit == "s"
        and isinstance(each.condition, Threshold | Trend | Compare)
        for tag in {CATALOGUE[name].tag for name in each.condition.watches & CATALOGUE.keys()}
        if each.within.amount < watched_s.get(tag, 0)
    }
    assert broken == set()


@pytest.mark.parametrize(
    ("expects", "message"),
    [
        ({"text.killed": "5m"}, "expects: text.killed belongs to lines without a tag"),
        ({"grad.l2": "5m", "grad.max": "5m"}, "expects: GRAD-MONITOR is given twice"),
        ({}, "at least 1 item"),
    ],
)
def test_an_invalid_coverage_is_refused_in_words(expects, message):
    with pytest.raises(ValidationError) as caught:
        Coverage.model_validate({"kind": "coverage", "expects": expects})
    assert message in str(caught.value)


# ---- for each rule: what the doctor reports


def test_a_rule_whose_lines_come_often_enough_is_armed_by_the_newest_of_them():
    found = covered(probe(300), [*paced(1.0, cadence=200), at(11, report(200, gat=1.0))])
    assert (found.state, found.advice) == (Armed.ARMED, "")
    assert [line.line for line in found.evidence] == [13]


def test_a_rule_whose_lines_are_switched_off_is_off_and_cites_the_setting():
    found = covered(probe(), [at(0, setting("ENABLE_GRAD_MONITOR", "0")), at(0, train(900))])
    assert (found.state, found.reason) == (Armed.OFF, "switched off: ENABLE_GRAD_MONITOR=0")
    assert [line.line for line in found.evidence] == [1]


def test_a_rule_waits_for_its_first_line_for_two_cadences_and_is_blind_after_them():
    log = [at(0, Intent(cadence_grad=10)), at(0, train(0))]
    assert covered(probe(), [*log, at(1, train(20))]).state is Armed.WAITING
    found = covered(probe(), [*log, at(1, train(21))])
    assert found.state is Armed.BLIND
    assert "ENABLE_GRAD_MONITOR=1" in found.advice


def test_a_count_needs_its_heartbeat_and_not_its_events():
    resets = RULES["ExcessiveResets"]
    assert covered(resets, [at(0, train(1)), at(0, GuardCheck(h=1, step=1))]).state is Armed.ARMED
    assert covered(resets, [at(0, train(1)), at(1, train(5_000))]).state is Armed.BLIND


def test_an_event_fires_at_once_however_rarely_its_heartbeat_comes():
    prompt = RULES["RunFailed"].model_copy(update={"within": Span(2, "s")})
    assert covered(prompt, [at(20 * n, train(5 * n)) for n in range(9)]).state is Armed.ARMED


def test_a_rule_about_time_is_blind_if_lines_carry_no_times():
    assert covered(RULES["TrainingStall"], [b"loss 0.5"]).state is Armed.BLIND
    assert covered(RULES["TrainingStall"], [at(0, train(1))]).state is Armed.ARMED


def test_every_shipped_rule_is_judged_on_any_log():
    for log in (
        [],
        [b"hello"],
        paced(2.0),
        [at(0, Config(key="a", value="b")), at(1, epoch_end(1)), at(2, epoch_end(9))],
    ):
        found = coverage_of(RULES.values(), run_of(log), None)
        assert [each.rule.alert for each in found] == list(RULES)
        assert all(each.reason for each in found)


# ---- evidence that is lost


LOST = RULES["EvidenceLost"]


def test_bytes_that_were_destroyed_unread_fire_at_once_with_their_number():
    watching, changes = watch([LOST], [at(0, train(1))])
    changes += watching.lose(4_096, "truncated", START + 7.5)
    assert [(each.state.value, each.at, each.needs) for each in changes] == [("firing", START + 7.5, "facts")]
    assert "[LOG] lost bytes=4096 how=truncated" in changes[0].evidence[0].text


def test_lost_bytes_are_not_a_line_of_the_log_and_do_not_end_a_silence():
    watching, _ = watch([RULES["TrainingStall"]], [at(0, train(1))])
    before = (watching.run.lines, watching.run.last, watching.run.heard_at, watching.run.now)
    watching.lose(4_096, "truncated", START + 100)
    assert (watching.run.lines, watching.run.last, watching.run.heard_at, watching.run.now) == before
    assert story(watching.pass_time(START + 301)) == [("TrainingStall", "firing", 300)]


def test_silence_before_the_loss_is_reported_first():
    watching, _ = watch([RULES["TrainingStall"], LOST], [at(0, train(1))])
    assert story(watching.lose(1, "truncated", START + 400)) == [
        ("TrainingStall", "firing", 300),
        ("EvidenceLost", "firing", 400),
    ]


@pytest.mark.parametrize(("length", "expected"), [(65_536, []), (65_537, ["firing"])])
def test_a_line_that_was_cut_is_an_alert_in_a_replay_too(length, expected):
    """The line buffer keeps 64 KiB of a line."""
    watching = pipeline([LOST])
    data = at(0, train(1)) + b"\n" + b"x" * length + b"\n"
    changes = [change for line in read_lines(BytesIO(data)) for change in watching.take(line)]
    assert [each.state.value for each in changes] == expected


def test_a_log_that_was_read_whole_is_ok_by_its_newest_progress_line():
    watching, _ = watch([LOST], [at(0, train(1)), at(1, train(2))])
    ((_, (reading,)),) = watching.snapshot(watching.run.now, is_following=True).readings
    assert (reading.outcome, [line.line for line in reading.evidence]) == (Outcome.OK, [2])
