"""``constant``: values that stay the same within a run, or that two runs share."""

import math
from dataclasses import replace

import pytest
from pydantic import ValidationError

from monitor import api
from monitor.conditions import Background, Context, Outcome, Reading
from monitor.conditions.constant import Constant
from monitor.grammar import HorizonMetrics, Metrics, RunStart
from monitor.run.summary import RunSummary, summarise
from tests.lines import ask, at, epoch_end, run_of, train

STALE = 0.08177260619898637
"""The Sharpe ratio that runs weeks and architectures apart shared (incident 15)."""
METRIC = Constant(kind="constant", signal="metric.sharpe", over="3 epochs")
FROZEN = Constant(kind="constant", signal="train.loss", over="10 reports")
OTHERS = Constant(kind="constant", signal="metric.sharpe", across="runs", digits=6)


def one(readings: list[Reading]) -> Reading:
    (reading,) = readings
    return reading


def sharpes(*values: float) -> list[bytes]:
    return [at(n, Metrics(epoch=n + 1, sharpe=value)) for n, value in enumerate(values)]


def losses(*values: float) -> list[bytes]:
    return [at(n, train(5 * n, loss=value)) for n, value in enumerate(values)]


# ---- within a run


def test_a_metric_identical_in_three_epochs_is_a_breach():
    assert one(ask(METRIC, sharpes(STALE, STALE))).reason == "2 of 3 epochs seen"
    reading = one(ask(METRIC, sharpes(0.1, STALE, STALE, STALE)))
    assert (reading.outcome, reading.value, reading.epoch) == (Outcome.BREACH, STALE, 4)
    assert [line.line for line in reading.evidence] == [2, 4]


def test_a_metric_that_differs_in_its_last_digit_is_ok():
    assert one(ask(METRIC, sharpes(STALE, STALE, math.nextafter(STALE, 1)))).outcome is Outcome.OK


def test_a_report_repeated_within_its_epoch_counts_once():
    log = [at(n, Metrics(epoch=1, sharpe=STALE)) for n in range(5)]
    assert one(ask(METRIC, log)).reason == "1 of 3 epochs seen"


def test_a_loss_identical_at_ten_distinct_steps_is_a_breach():
    loss = 0.6931471824645996
    assert one(ask(FROZEN, losses(*[loss] * 9))).reason == "9 of 10 reports at distinct steps seen"
    assert one(ask(FROZEN, losses(*[loss] * 10))).outcome is Outcome.BREACH
    assert one(ask(FROZEN, losses(*[loss] * 9, 0.5))).outcome is Outcome.OK
    assert one(ask(FROZEN, [at(n, train(7, loss=loss)) for n in range(20)])).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("printed", "outcome"), [(0.001, "not_applicable"), (0.35, "not_applicable"), (0.6931, "breach")]
)
def test_a_log_that_rounds_proves_nothing(printed, outcome):
    """A loss of 0.0012 and one of 0.0008 are the same in three decimals."""
    assert one(ask(FROZEN, losses(*[printed] * 10))).outcome == outcome


def test_one_value_in_full_shows_that_the_log_does_not_round():
    assert one(ask(FROZEN, losses(0.123456, *[0.5] * 10))).outcome is Outcome.BREACH


@pytest.mark.parametrize("value", [0.0, -0.0])
def test_zeros_are_left_to_another_rule(value):
    assert one(ask(FROZEN, losses(*[value] * 10))).outcome is Outcome.OK


def test_all_nan_is_not_constant_unless_asked():
    log = sharpes(math.nan, math.nan, math.nan)
    assert one(ask(METRIC, log)).outcome is Outcome.UNKNOWN
    asked = Constant(kind="constant", signal="metric.sharpe", over="3 epochs", on_nan="breach")
    assert one(ask(asked, log)).outcome is Outcome.BREACH
    assert one(ask(asked, sharpes(0.1, math.nan, math.nan))).outcome is Outcome.UNKNOWN


def test_each_horizon_has_its_own_reading():
    ic = Constant(kind="constant", signal="horizon.ic", over="3 epochs")
    log = [
        at(epoch, HorizonMetrics(epoch=epoch, h=h, ic=0.0213451 + (h == 5) * epoch))
        for epoch in (1, 2, 3)
        for h in (1, 5)
    ]
    assert [(each.labels, each.outcome.value) for each in ask(ic, log)] == [
        ((("h", "1"),), "breach"),
        ((("h", "5"),), "ok"),
    ]


def test_a_signal_never_seen_is_unknown():
    assert one(ask(METRIC, losses(0.5))).outcome is Outcome.UNKNOWN


def test_a_signal_that_fell_silent_is_unknown():
    log = [*sharpes(STALE, STALE, STALE), *[at(9 + epoch, epoch_end(epoch)) for epoch in range(1, 8)]]
    assert one(ask(METRIC, log)).outcome is Outcome.UNKNOWN


# ---- across runs


def across(log: list[bytes], *others: RunSummary) -> Reading:
    run = run_of([at(-1, RunStart(run="now")), *log])
    return one(OTHERS.readings(run, Context(background=Background(peers=others)), run.now, frozenset()))


def other(log: list[bytes], name: str = "before") -> RunSummary:
    return summarise(run_of([at(-1, RunStart(run=name)), *log]), f"{name}.log")


def test_the_value_of_another_run_is_a_breach():
    reading = across(sharpes(0.2, STALE), other(sharpes(0.3, STALE)))
    assert reading.outcome is Outcome.BREACH
    assert reading.reason == (
        "metric.sharpe is 0.08177260619898637, as in run before (before.log); expected a value of its own"
    )


def test_the_value_that_another_run_had_in_any_epoch_is_a_breach():
    assert across(sharpes(STALE), other(sharpes(0.5, STALE, 0.7))).outcome is Outcome.BREACH


def test_a_value_that_no_other_run_had_is_ok():
    assert across(sharpes(STALE), other(sharpes(math.nextafter(STALE, 1)))).outcome is Outcome.OK


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_what_any_two_runs_can_share_proves_nothing(value):
    assert across(sharpes(value), other(sharpes(value))).outcome is Outcome.UNKNOWN


def test_few_digits_can_be_shared_by_chance():
    assert across(sharpes(0.0818), other(sharpes(0.0818))).outcome is Outcome.NOT_APPLICABLE


def test_a_run_that_repeats_another_shares_all_of_its_values():
    """The same seed and settings give the same losses, so an equal metric is not stale."""
    before = [at(0, epoch_end(1, val_loss=0.4123)), *sharpes(STALE)]
    assert across(before, other(before)).outcome is Outcome.OK
    moved = [at(0, epoch_end(1, val_loss=0.4124)), *sharpes(STALE)]
    assert across(moved, other(before)).outcome is Outcome.BREACH


def test_a_run_is_not_compared_with_itself():
    assert across(sharpes(STALE), other(sharpes(STALE), name="now")).outcome is Outcome.NOT_APPLICABLE


def test_without_another_run_there_is_nothing_to_compare():
    reading = across(sharpes(STALE))
    assert (reading.outcome, reading.reason) == (Outcome.NOT_APPLICABLE, "no other run was given to compare with")
    assert one(ask(OTHERS, sharpes(STALE))).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected exactly one of over, across: runs"),
        ({"over": "3 epochs", "across": "runs"}, "expected exactly one of over, across: runs"),
        ({"over": "300s"}, "over: 300s is not countable; expected a number of reports or epochs"),
        ({"over": "65 reports"}, "over: 65 reports is out of range; expected 2 to 24 reports or epochs"),
        ({"over": "1 epoch"}, "over: 1 epochs is out of range; expected 2 to 24 reports or epochs"),
        (
            {"across": "runs", "on_nan": "breach"},
            "on_nan: breach needs over, because nan in two runs proves nothing; expected ignore",
        ),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        Constant.model_validate({"kind": "constant", "signal": "train.loss", **fields})
    assert message in str(caught.value)


def test_an_event_is_refused_because_only_a_measurement_can_be_constant():
    with pytest.raises(ValidationError, match="expected a measurement"):
        Constant(kind="constant", signal="guard.reset", over="3 epochs")


def keras(losses: list[str], batches: int) -> bytes:
    lines = []
    for epoch, loss in enumerate(losses, 1):
        lines += [f"Epoch {epoch}/40", f"{batches}/{batches} - 1s - 12ms/step - loss: {loss} - val_loss: {loss}"]
    return "\n".join([*lines, ""]).encode()


@pytest.mark.parametrize(
    ("losses", "batches", "is_told"),
    [
        (["1.2000", "0.8000", "0.6123"] + ["0.5041"] * 12, 1, False),
        (["1.2000", "0.8000", "0.6123"] + ["0.5041"] * 12, 40, True),
        (["1.2041"] * 15, 1, True),
    ],
)
def test_a_training_without_noise_may_rest_at_a_minimum(losses, batches, is_told, tmp_path):
    log = tmp_path / "train.log"
    log.write_bytes(keras(losses, batches))
    fired = {each.rule for each in api.read(log).alerts}
    assert bool(fired & {"LossFrozen", "ValidationLossConstant"}) == is_told


def test_a_loss_that_stays_the_same_where_the_gradient_has_vanished_is_at_a_minimum():
    rest = FROZEN.model_copy(update={"unless_at_rest": "train.grad_norm"})
    for norm, outcome in ((1e-6, Outcome.OK), (0.5, Outcome.BREACH)):
        falling = [at(step, replace(train(step, loss=1 / step), grad_norm=1 / step)) for step in range(1, 5)]
        level = [at(step, replace(train(step, loss=0.2034), grad_norm=norm)) for step in range(5, 16)]
        assert one(ask(rest, [*falling, *level])).outcome is outcome
