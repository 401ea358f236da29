"""``threshold``: the four outcomes of a signal against a level."""

import math

import pytest

from monitor.conditions import Outcome, Reading
from monitor.conditions.threshold import Threshold
from monitor.grammar import EncoderGrad, GradBelow, GradNonfinite, Intent, RunEnd
from tests.lines import ask, at, epoch_end, report, rule, setting, story, train, watch

LEVEL = 1e-7
JUST_BELOW = math.nextafter(LEVEL, 0)
VANISHED = Threshold(kind="threshold", signal="grad.l2", below=LEVEL)


def outcomes(readings: list[Reading]) -> dict[str, str]:
    """Return each reading's outcome by its group or tensor."""
    return {",".join(value for _, value in reading.labels): reading.outcome.value for reading in readings}


def one(readings: list[Reading]) -> Reading:
    (reading,) = readings
    return reading


def norms(*values: float) -> list[bytes]:
    """Return reports of one group, 200 steps apart."""
    return [at(n, report(200 * n, gat=value)) for n, value in enumerate(values)]


# ---- the level itself


@pytest.mark.parametrize(
    ("value", "outcome"), [(LEVEL, "ok"), (JUST_BELOW, "breach"), (1.0, "ok"), (0.0, "breach"), (-0.0, "breach")]
)
def test_exactly_the_level_is_quiet_and_just_below_fires(value, outcome):
    assert outcomes(ask(VANISHED, norms(value))) == {"gat": outcome}


@pytest.mark.parametrize(("value", "outcome"), [(10, "ok"), (math.nextafter(10, 11), "breach"), (11, "breach")])
def test_above_is_strict(value, outcome):
    assert outcomes(ask(Threshold(kind="threshold", signal="grad.l2", above=10), norms(value))) == {"gat": outcome}


@pytest.mark.parametrize(("value", "outcome"), [(0.0, "breach"), (-0.0, "breach"), (5e-324, "ok")])
def test_equals_is_exact(value, outcome):
    assert outcomes(ask(Threshold(kind="threshold", signal="grad.l2", equals=0), norms(value))) == {"gat": outcome}


def test_each_group_has_its_own_reading_with_its_own_evidence():
    readings = ask(VANISHED, [at(0, report(0, gat=0.0, temporal_encoder=1.0))])
    assert outcomes(readings) == {"gat": "breach", "temporal_encoder": "ok"}
    assert [(each.value, each.threshold, each.step, each.evidence[0].line) for each in readings] == [
        (0.0, LEVEL, 0, 1),
        (1.0, LEVEL, 0, 1),
    ]


def test_where_selects_the_series():
    condition = Threshold(kind="threshold", signal="grad.l2", where={"group": "gat"}, below=LEVEL)
    assert outcomes(ask(condition, [at(0, report(0, gat=1.0, temporal_encoder=0.0))])) == {"gat": "ok"}
    assert outcomes(ask(condition, [at(0, report(0, temporal_encoder=0.0))])) == {"": "unknown"}


# ---- a level that comes from the run


def from_setting() -> Threshold:
    return Threshold.model_validate(
        {"kind": "threshold", "signal": "grad.l2", "below": {"config": "GRAD_MONITOR_WARN_NORM", "default": LEVEL}}
    )


@pytest.mark.parametrize(
    ("echoed", "value", "outcome"), [("1e-12", 1e-9, "ok"), ("1e-3", 1e-4, "breach"), ("1e-3", 1e-3, "ok")]
)
def test_the_runs_own_setting_is_the_level(echoed, value, outcome):
    log = [at(0, setting("GRAD_MONITOR_WARN_NORM", echoed)), *norms(value)]
    assert outcomes(ask(from_setting(), log)) == {"gat": outcome}


@pytest.mark.parametrize("echoed", ["none", "", "nan", "inf", "-inf"])
def test_a_setting_that_is_not_a_number_counts_as_not_echoed(echoed):
    """Nothing is below nan: with that as the level, every gradient would be healthy."""
    log = [at(0, setting("GRAD_MONITOR_WARN_NORM", echoed)), *norms(0.0)]
    reading = one(ask(from_setting(), log))
    assert (reading.outcome, reading.threshold) == (Outcome.BREACH, LEVEL)


# ---- numbers that are none


@pytest.mark.parametrize(("on_nan", "outcome"), [("breach", "breach"), ("unknown", "unknown")])
def test_a_nan_is_a_breach_by_default(on_nan, outcome):
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, on_nan=on_nan)
    assert outcomes(ask(condition, norms(1.0, math.nan))) == {"gat": outcome}


@pytest.mark.parametrize("side", ["above", "below", "equals"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_non_finite_value_is_a_breach_on_either_side(side, value):
    condition = Threshold.model_validate({"kind": "threshold", "signal": "grad.l2", side: 5.0})
    assert outcomes(ask(condition, norms(value))) == {"gat": "breach"}


@pytest.mark.parametrize(
    ("value", "outcome"), [(math.nan, "breach"), (math.inf, "breach"), (-math.inf, "breach"), (0.0, "ok")]
)
def test_nonfinite_breaches_on_nan_and_infinities_alone(value, outcome):
    assert outcomes(ask(Threshold(kind="threshold", signal="grad.l2", nonfinite=True), norms(value))) == {
        "gat": outcome
    }


def test_an_ignored_nan_is_as_if_it_were_not_there():
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, on_nan="ignore")
    assert outcomes(ask(condition, norms(1.0, math.nan))) == {"gat": "ok"}
    assert outcomes(ask(condition, norms(0.0, math.nan))) == {"gat": "breach"}


def test_ignored_nans_alone_are_not_evidence():
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, on_nan="ignore")
    assert outcomes(ask(condition, norms(math.nan))) == {"gat": "unknown"}


def test_an_ignored_nan_resolves_nothing():
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, on_nan="ignore")
    _, changes = watch([rule(condition)], norms(0.0, math.nan))
    assert story(changes) == [("Probe", "firing", 0)]


@pytest.mark.parametrize("on_nan", ["ignore", "unknown"])
def test_an_ignored_nan_does_not_count_as_a_breach_in_a_row(on_nan):
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, on_nan=on_nan, consecutive=2)
    assert outcomes(ask(condition, norms(1.0, math.nan, 0.0)))["gat"] != "breach"


# ---- how often, and when it is over


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ((0.0, 0.0), "unknown"),
        ((0.0, 0.0, 0.0), "breach"),
        ((1.0, 0.0, 0.0), "ok"),
        ((0.0, 1.0, 0.0, 0.0), "ok"),
        ((1.0, 0.0, 0.0, 0.0), "breach"),
    ],
)
def test_consecutive_asks_for_so_many_reports_in_a_row(values, outcome):
    """Too few reports are neither: what was never seen on the quiet side is not ok."""
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, consecutive=3)
    reading = one(ask(condition, norms(*values)))
    assert reading.outcome == outcome
    if outcome == "breach":
        assert [each.line for each in reading.evidence] == list(range(len(values) - 2, len(values) + 1))


def test_an_alert_resolves_at_its_clear_level_and_not_before():
    condition = Threshold(kind="threshold", signal="train.loss", above=10, clear=5)
    losses = [11.0, 7.0, 5.1, 5.0, 7.0, 10.0, 10.1]
    _, changes = watch([rule(condition)], [at(n, train(n, loss=loss)) for n, loss in enumerate(losses)])
    assert story(changes) == [("Probe", "firing", 0), ("Probe", "resolved", 3), ("Probe", "firing", 6)]


def test_a_report_and_the_warning_for_the_same_step_are_one_reading():
    condition = Threshold(kind="threshold", signal="grad.l2", below=LEVEL, consecutive=2)
    log = [at(0, report(200, gat=0.0)), at(0, GradBelow(group="gat", norm=0.0, threshold=LEVEL, step=200))]
    assert outcomes(ask(condition, log)) == {"gat": "unknown"}
    assert "1 of the 2 in a row" in one(ask(condition, log)).reason


def test_a_rounded_warning_does_not_outdo_the_exact_report():
    """9.999999e-08 is shown as 1.00e-07, which is not below 1e-07; the line itself shows that it is."""
    warning = b"2025-10-30T23:40:52.000Z WARNING [GRAD-MONITOR] gat: norm 1.00e-07 < 1e-07 step=200"
    assert outcomes(ask(VANISHED, [at(0, report(200, gat=9.999999e-8)), warning])) == {"gat": "breach"}
    assert outcomes(ask(VANISHED, [warning])) == {"gat": "breach"}


# ---- evidence: never seen, switched off, declared, old


def test_a_signal_that_was_never_seen_is_unknown_with_a_reason():
    reading = one(ask(VANISHED, [at(0, train(1410, 3))]))
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == "no [GRAD-MONITOR] line with grad.l2 was seen up to step 1,410, epoch 3"


@pytest.mark.parametrize("value", ["0", "false", "False", "off", "no"])
def test_a_monitor_that_the_run_switched_off_is_not_applicable(value):
    reading = one(ask(VANISHED, [at(0, setting("ENABLE_GRAD_MONITOR", value)), at(1, train(5))]))
    assert (reading.outcome, [each.line for each in reading.evidence]) == (Outcome.NOT_APPLICABLE, [1])


def test_a_monitor_that_the_run_switched_on_and_never_showed_is_unknown():
    assert outcomes(ask(VANISHED, [at(0, setting("ENABLE_GRAD_MONITOR", "1")), at(1, train(5))])) == {"": "unknown"}


def test_a_group_that_was_declared_frozen_is_not_applicable_and_the_others_are_judged():
    log = [at(0, Intent(frozen=("gat",))), at(1, report(0, gat=0.0, temporal_encoder=0.0))]
    assert outcomes(ask(VANISHED, log)) == {"gat": "not_applicable", "temporal_encoder": "breach"}


@pytest.mark.parametrize(("step", "outcome"), [(299, "ok"), (300, "unknown")])
def test_a_report_is_too_old_half_a_declared_cadence_after_the_next_was_due(step, outcome):
    log = [at(0, Intent(cadence_grad=200)), at(1, report(0, gat=1.0)), at(2, train(step))]
    assert outcomes(ask(VANISHED, log)) == {"gat": outcome}


def test_an_old_report_is_unknown_in_words():
    reading = one(ask(VANISHED, [at(0, report(0, gat=1.0)), at(1, train(1410))]))
    assert reading.reason == "grad.l2: 1 report, at step 0 of 1,410; expected every 500 steps"


def test_an_old_breach_is_also_unknown_and_its_alert_stays():
    watching, changes = watch(
        [rule(VANISHED)], [at(0, report(0, gat=0.0)), at(1, train(1410)), at(2, report(1420, gat=0.0))]
    )
    assert story(changes) == [("Probe", "firing", 0)]
    assert len(watching.states.open) == 1


def test_without_a_declared_cadence_the_observed_one_counts():
    log = [at(0, report(0, gat=1.0)), at(1, report(50, gat=1.0))]
    assert outcomes(ask(VANISHED, [*log, at(2, train(124))])) == {"gat": "ok"}
    assert outcomes(ask(VANISHED, [*log, at(2, train(125))])) == {"gat": "unknown"}


def test_a_report_at_step_0_proves_nothing_about_a_run_that_ended_at_step_1410():
    """The seed page's false all-clear: one line at the start, read as active throughout 20 epochs."""
    log = [at(0, report(0, gat=1.0)), at(1, train(1410, 20)), at(2, RunEnd(status="completed"))]
    assert outcomes(ask(VANISHED, log)) == {"gat": "unknown"}
    assert outcomes(ask(VANISHED, log, is_following=False)) == {"gat": "unknown"}


def test_a_line_without_a_step_also_grows_old():
    """The seed page's own ENCODER-GRAD lines have no step; the original trainer wrote them once per process."""
    line = b"2025-10-30T23:40:51.000Z INFO [ENCODER-GRAD] normalized_features grad_norm=1.547e-02 max=3.204e-04"
    condition = Threshold(kind="threshold", signal="encoder_grad.norm", equals=0)
    assert outcomes(ask(condition, [at(0, train(1)), line])) == {"normalized_features": "ok"}
    assert outcomes(ask(condition, [at(0, train(1)), line, at(1, train(1410, 3))])) == {
        "normalized_features": "unknown"
    }


def test_without_steps_the_epochs_show_that_a_report_is_old():
    line = b"2025-10-30T23:40:51.000Z INFO [ENCODER-GRAD] normalized_features grad_norm=1.547e-02 max=3.204e-04"
    condition = Threshold(kind="threshold", signal="encoder_grad.norm", equals=0)
    epochs = [at(60 * n, epoch_end(n)) for n in range(1, 21)]
    assert outcomes(ask(condition, [line, epochs[0]])) == {"normalized_features": "ok"}
    assert outcomes(ask(condition, [line, *epochs])) == {"normalized_features": "unknown"}


def test_a_metric_of_the_epochs_is_old_after_two_epochs_without():
    condition = Threshold(kind="threshold", signal="epoch.val_loss", above=10)
    metrics = [at(0, epoch_end(1))]
    later = [at(n, train(100 * n, n)) for n in range(2, 6)]
    assert outcomes(ask(condition, [*metrics, *later[:2]])) == {"": "ok"}
    assert outcomes(ask(condition, [*metrics, *later])) == {"": "unknown"}


@pytest.mark.parametrize("tensor", ["normalized_features", "projected_features"])
def test_no_gradient_at_the_encoder_is_a_breach_for_that_tensor(tensor):
    condition = Threshold(kind="threshold", signal="encoder_grad.norm", equals=0)
    log = [at(0, EncoderGrad(tensor=tensor, norm=0.0, max=0.0, step=0))]
    assert outcomes(ask(condition, log)) == {tensor: "breach"}


def test_a_warning_that_a_gradient_is_nan_is_a_breach():
    condition = Threshold(kind="threshold", signal="grad.l2", nonfinite=True)
    assert outcomes(ask(condition, [at(0, GradNonfinite(group="gat", norm=math.nan, step=12))])) == {"gat": "breach"}
