"""``coverage``: one alert for one declared cadence, whichever kinds of line it makes too rare."""

import pytest

from monitor.conditions import Outcome
from monitor.conditions.line_cadence import Coverage
from monitor.conditions.reading import Context
from monitor.grammar import ActivationReport, EncoderGrad, InputReport, Intent, WeightReport
from tests.lines import ask, at, report, train
from tests.reader.dialects.logs import watched

EXPECTS = {
    "train.loss": "5m",
    "grad.l2": "10m",
    "weight.l2": "10m",
    "encoder_grad.norm": "10m",
    "activation.mean": "10m",
    "input.mean": "10m",
}
COVERAGE = Coverage(kind="coverage", expects=EXPECTS)


def slow_run(step_s: float) -> list[bytes]:
    """Return a run with a monitor report every 200 steps."""
    reports = [
        report(0, gat=1.0),
        WeightReport(group="gat", step=0, l2=1.0),
        EncoderGrad(tensor="x", norm=1.0, max=1.0, step=0),
        ActivationReport(layer="gat", step=0, mean=0.0),
        InputReport(step=0, mean=0.0),
    ]
    return [
        at(0, Intent(cadence_train=1, cadence_grad=200)),
        *(at(0, each) for each in reports),
        *(at(step_s * step, train(step)) for step in range(1, 6)),
    ]


@pytest.mark.parametrize(("step_s", "breaches"), [(2.0, 0), (4.0, 1)])
def test_a_cadence_that_is_too_rare_for_five_kinds_of_line_is_one_breach(step_s: float, breaches: int):
    readings = ask(COVERAGE, slow_run(step_s))
    found = [reading for reading in readings if reading.outcome is Outcome.BREACH]
    assert len(found) == breaches
    if found:
        assert found[0].reason == (
            "GRAD-MONITOR every 200 steps × 4 s = 800 s; promised within 600 s; set GRAD_MONITOR_EVERY to at most 150"
        )
    assert [reading.reason for reading in readings].count("as rare as GRAD-MONITOR lines") == 4 * breaches


@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        (["step 200 val_loss: 0.5"], Outcome.UNKNOWN),
        ([f"step {200 + 4 * number} loss: {1 - number / 100}" for number in range(10)], Outcome.OK),
        ([f"step {1 + 4 * number} loss: {1 - number / 100}" for number in range(10)], Outcome.OK),
    ],
    ids=["no loss since", "steps go on", "steps begin anew"],
)
def test_numbers_that_we_gave_to_reports_tell_no_cadence_and_are_forgotten_with_their_attempt(
    own: list[str], outcome: Outcome
):
    counted = [f"loss: {2 - number / 100:.4f}" for number in range(100)]
    run = watched("".join(f"{line}\n" for line in (*counted, *own)))[0].run
    assert [each.outcome for each in COVERAGE.readings(run, Context(), run.now, frozenset())] == [outcome]
