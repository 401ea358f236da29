"""``missing``: an expected signal that never came, or no longer comes."""

import pytest
from pydantic import ValidationError

from monitor.conditions import Outcome
from monitor.conditions.missing import Missing
from monitor.grammar import Gpu, Intent, RunEnd
from tests.lines import START, ask, at, epoch_end, report, rule, setting, story, train, watch


def missing(**fields) -> Missing:
    return Missing.model_validate({"kind": "missing", **fields})


GRADIENTS = missing(signal="grad.l2")


def outcome(condition: Missing, log: list[bytes], *, wait: float = 0) -> str:
    (reading,) = ask(condition, log, wait=wait)
    return reading.outcome.value


# ---- overdue by its own cadence


@pytest.mark.parametrize(("step", "expected"), [(20, "ok"), (21, "breach"), (5_000, "breach")])
def test_silence_of_two_declared_cadences_is_quiet_and_a_step_more_fires(step, expected):
    log = [at(0, Intent(cadence_grad=10)), at(1, report(0, gat=1.0)), at(2, train(step))]
    assert outcome(GRADIENTS, log) == expected


@pytest.mark.parametrize(("step", "expected"), [(90, "ok"), (91, "breach")])
def test_an_undeclared_cadence_is_the_longest_observed(step, expected):
    log = [*(at(n, report(n, gat=1.0)) for n in (0, 10, 20, 50)), at(60, train(step + 20))]
    assert outcome(GRADIENTS, log) == expected


def test_one_report_without_a_declared_cadence_lasts_for_two_default_cadences_of_the_trainer():
    log = [at(0, report(0, gat=1.0))]
    assert outcome(GRADIENTS, [*log, at(1, train(400))]) == "ok"
    (reading,) = ask(GRADIENTS, [*log, at(1, train(401))])
    assert reading.reason == "no [GRAD-MONITOR] line with grad.l2 since step 0; expected every 200 steps; now step 401"
    assert [line.line for line in reading.evidence] == [1]


def test_the_setting_that_a_run_echoes_declares_its_cadence():
    log = [at(0, setting("GRAD_MONITOR_EVERY", "20")), at(0, report(0, gat=1.0))]
    assert outcome(GRADIENTS, [*log, at(1, train(40))]) == "ok"
    assert outcome(GRADIENTS, [*log, at(1, train(41))]) == "breach"


def test_the_freshest_series_counts():
    log = [at(0, Intent(cadence_grad=10)), at(0, report(0, gat=1.0)), at(1, report(100, head=1.0)), at(2, train(110))]
    assert outcome(GRADIENTS, log) == "ok"
    assert outcome(missing(signal="grad.l2", where={"group": "gat"}), log) == "breach"


def test_the_next_report_ends_the_alert():
    log = [at(0, Intent(cadence_grad=10)), at(0, report(0, gat=1.0)), at(2, train(21)), at(3, report(30, gat=1.0))]
    assert story(watch([rule(GRADIENTS)], log)[1]) == [("Probe", "firing", 2), ("Probe", "resolved", 3)]


def test_a_signal_that_comes_once_per_epoch_is_overdue_after_two_epochs():
    log = [at(0, epoch_end(1)), at(1, train(1, 2))]
    condition = missing(signal="epoch.val_loss")
    assert outcome(condition, [*log, at(2, train(900, 4))]) == "ok"
    assert outcome(condition, [*log, at(2, train(900, 5))]) == "breach"


@pytest.mark.parametrize(("wait", "expected"), [(60, "ok"), (60.001, "breach")])
def test_a_signal_without_steps_is_overdue_after_two_intervals_and_at_least_a_minute(wait, expected):
    log = [at(0, train(1)), *(at(10 * n, Gpu(index=0, util_pct=80.0)) for n in range(5))]
    assert outcome(missing(signal="gpu.util_pct"), log, wait=wait) == expected


def test_an_overdue_signal_without_steps_is_dated_at_its_deadline():
    log = [at(0, train(1)), *(at(100 * n, Gpu(index=0, util_pct=80.0)) for n in range(5))]
    assert story(watch([rule(missing(signal="gpu.util_pct"))], log, wait=900)[1]) == [("Probe", "firing", 600)]


def test_after_the_end_of_the_run_no_signal_becomes_overdue():
    log = [*(at(100 * n, Gpu(index=0, util_pct=80.0)) for n in range(5)), at(401, RunEnd(status="completed"))]
    assert story(watch([rule(missing(signal="gpu.util_pct"))], log, wait=9_000)[1]) == []


# ---- never seen


def test_a_signal_that_was_never_seen_is_unknown_unless_a_limit_is_given():
    assert outcome(GRADIENTS, [at(0, train(5_000, 9))]) == "unknown"


@pytest.mark.parametrize(("step", "expected"), [(300, "unknown"), (301, "breach")])
def test_a_signal_not_seen_within_200_steps_of_the_first_is_a_breach(step, expected):
    log = [at(0, train(100)), at(1, train(step))]
    assert outcome(missing(signal="grad.l2", first_by="200 steps"), log) == expected


def test_a_signal_not_seen_by_the_end_of_the_second_epoch_is_a_breach():
    condition = missing(signal="metric.sharpe", first_by="2 epochs")
    log = [at(0, train(1)), at(1, epoch_end(1)), at(2, train(9, 2))]
    assert outcome(condition, log) == "unknown"
    assert outcome(condition, [*log, at(3, epoch_end(2))]) == "breach"


def test_a_signal_not_seen_by_a_time_fires_at_that_time():
    condition = missing(signal="train.loss", first_by="10m")
    _, changes = watch([rule(condition)], [at(0, Intent(epochs=3))], wait=700)
    assert story(changes) == [("Probe", "firing", 600)]
    assert changes[0].at == START + 600


def test_a_switched_off_signal_is_not_applicable_and_cites_the_setting():
    condition = missing(signal="grad.l2", first_by="1 steps")
    (reading,) = ask(condition, [at(0, setting("ENABLE_GRAD_MONITOR", "0")), at(1, train(1)), at(2, train(99))])
    assert (reading.outcome, [line.line for line in reading.evidence]) == (Outcome.NOT_APPLICABLE, [1])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"signal": "grad.l2", "cadences": None}, "expected first_by, cadences or both"),
        ({"signal": "grad.l2", "where": {"h": "1"}}, "where: grad.l2 has no label 'h'"),
        ({"signal": "grad.l2", "cadences": 0.5}, "greater than or equal to 1"),
        ({"signal": "grad.l2", "first_by": "20 reports"}, "expected a number and one of steps, epochs, s, m, h, d"),
    ],
)
def test_an_invalid_missing_condition_is_refused_in_words(fields, message):
    with pytest.raises(ValidationError) as caught:
        missing(**fields)
    assert message in str(caught.value)


# ---- the clock


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (missing(signal="metric.ic", first_by="2 epochs"), False),
        (missing(signal="grad.l2"), False),
        (missing(signal="metric.ic", first_by="10m"), True),
        (missing(signal="gpu.util_pct"), True),
    ],
)
def test_only_a_limit_in_time_has_deadlines(condition: Missing, expected: bool):
    """A rule that time alone can change keeps whole blocks of lines from being folded at once."""
    assert condition.is_timed is expected
