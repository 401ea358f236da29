"""``compare``: a signal against a baseline, a band, and another signal of the same run."""

import math

import pytest
from pydantic import ValidationError

from monitor.conditions import Background, Context, Outcome, Reading
from monitor.conditions.compare import Compare
from monitor.conditions.reading import Band
from monitor.grammar import Floor, HorizonMetrics, InputReport, Metrics, RunStart
from monitor.run.summary import summarise
from tests.lines import ask, at, epoch_end, run_of, train


def compare(**fields: object) -> Compare:
    return Compare.model_validate({"kind": "compare", **fields})


def one(readings: list[Reading]) -> Reading:
    (reading,) = readings
    return reading


def sharpes(*values: float) -> list[bytes]:
    return [at(n, Metrics(epoch=n + 1, sharpe=value)) for n, value in enumerate(values)]


# ---- another signal of the same run

FLOOR = compare(signal="epoch.val_loss", against={"signal": "floor.loss_floor", "times": 0.5}, figure="ratio", above=1)


@pytest.mark.parametrize(("loss", "outcome"), [(0.25, "ok"), (math.nextafter(0.25, 1), "breach"), (0.2, "ok")])
def test_exactly_the_floor_is_quiet(loss, outcome):
    reading = one(ask(FLOOR, [at(0, Floor(loss_floor=0.5)), at(1, epoch_end(1, val_loss=loss))]))
    assert (reading.outcome, reading.value, reading.threshold) == (outcome, loss, 0.25)
    assert [line.line for line in reading.evidence] == [1, 2]


def test_a_value_is_compared_with_what_was_known_when_it_was_written():
    log = [at(0, Floor(loss_floor=1.0)), at(1, epoch_end(1, val_loss=0.4)), at(2, Floor(loss_floor=0.5))]
    assert one(ask(FLOOR, log)).outcome is Outcome.OK
    assert one(ask(FLOOR, [*log, at(3, epoch_end(2, val_loss=0.4))])).outcome is Outcome.BREACH


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ([at(1, epoch_end(1))], "no [FLOOR] line with floor.loss_floor was seen in 1 lines"),
        ([at(1, epoch_end(1)), at(2, Floor(loss_floor=1.0))], "no floor.loss_floor was seen before"),
        ([at(1, Floor(loss_floor=math.nan)), at(2, epoch_end(1))], "floor.loss_floor is nan"),
        (
            [at(1, Floor(loss_floor=0.0)), at(2, epoch_end(1))],
            "floor.loss_floor × 0.5 is 0, so a ratio to it means nothing",
        ),
        ([at(1, Floor(loss_floor=1.0))], "no [EPOCH] line with epoch.val_loss was seen in 1 lines"),
    ],
)
def test_without_both_values_it_is_unknown(log, reason):
    reading = one(ask(FLOOR, log))
    assert (reading.outcome, reading.reason) == (Outcome.UNKNOWN, reason)


def inputs(*pairs: tuple[float, float]) -> list[bytes]:
    return [
        at(n, InputReport(step=10 * n, mean=mean, std=std, declared_mean=0.0, declared_std=1.0))
        for n, (mean, std) in enumerate(pairs)
    ]


@pytest.mark.parametrize(
    ("mean", "outcome"), [(0.2, "ok"), (-0.2, "ok"), (0.21, "breach"), (-0.21, "breach"), (math.nan, "breach")]
)
def test_a_distance_has_no_side(mean, outcome):
    shift = compare(signal="input.mean", against={"signal": "input.declared_mean"}, figure="distance", above=0.2)
    assert one(ask(shift, inputs((mean, 1.0)))).outcome == outcome


@pytest.mark.parametrize(
    ("std", "outcome"), [(2.0, "ok"), (0.5, "ok"), (2.1, "breach"), (0.49, "breach"), (0.0, "breach"), (-1.0, "breach")]
)
def test_a_factor_has_no_side(std, outcome):
    scale = compare(signal="input.std", against={"signal": "input.declared_std"}, figure="factor", above=2)
    assert one(ask(scale, inputs((0.0, std)))).outcome == outcome


def test_several_reports_in_a_row_must_breach():
    shift = compare(
        signal="input.mean", against={"signal": "input.declared_mean"}, figure="distance", above=0.2, consecutive=2
    )
    assert one(ask(shift, inputs((0.3, 1)))).outcome is Outcome.UNKNOWN, "never seen where it should be"
    assert one(ask(shift, inputs((0.3, 1), (0.1, 1), (0.3, 1)))).outcome is Outcome.OK
    assert one(ask(shift, inputs((0.3, 1), (-0.3, 1)))).outcome is Outcome.BREACH


def test_series_with_equal_labels_are_compared():
    wide = compare(
        signal="horizon.pred_std", against={"signal": "horizon.target_std", "times": 2}, figure="difference", above=0
    )
    log = [
        at(0, HorizonMetrics(epoch=1, h=1, pred_std=0.3, target_std=0.1)),
        at(1, HorizonMetrics(epoch=1, h=5, pred_std=0.3, target_std=0.2)),
    ]
    assert [(each.labels, each.outcome.value) for each in ask(wide, log)] == [
        ((("h", "1"),), "breach"),
        ((("h", "5"),), "ok"),
    ]


@pytest.mark.parametrize(("on_nan", "outcome"), [("breach", "breach"), ("unknown", "unknown"), ("ignore", "ok")])
def test_what_a_nan_means(on_nan, outcome):
    shift = compare(
        signal="input.mean", against={"signal": "input.declared_mean"}, figure="distance", above=0.2, on_nan=on_nan
    )
    assert one(ask(shift, inputs((0.0, 1), (math.nan, 1)))).outcome == outcome


# ---- a baseline run

BASELINE = compare(signal="metric.sharpe", against="baseline", figure="difference", below=-0.5)


def against(condition: Compare, log: list[bytes], background: Background) -> Reading:
    run = run_of([at(-1, RunStart(run="now")), *log])
    return one(condition.readings(run, Context(background=background), run.now, frozenset()))


def baseline(*values: float) -> Background:
    return Background(baseline=summarise(run_of([at(-1, RunStart(run="good")), *sharpes(*values)]), "good.log"))


@pytest.mark.parametrize(("value", "outcome"), [(0.5, "ok"), (0.4999, "breach")])
def test_the_same_epoch_of_the_baseline(value, outcome):
    reading = against(BASELINE, sharpes(0.1, value), baseline(0.1, 1.0, 9.0))
    assert (reading.outcome, reading.threshold) == (outcome, 1.0)
    assert "1 in epoch 2 of run good (good.log)" in reading.reason


def test_an_epoch_that_the_baseline_does_not_have_is_unknown():
    reading = against(BASELINE, sharpes(0.1, 0.2), baseline(0.1))
    assert (reading.outcome, reading.value) == (Outcome.OK, 0.1)
    reading = against(BASELINE, sharpes(0.1), baseline(math.nan))
    assert (reading.outcome, reading.reason) == (Outcome.UNKNOWN, "run good has no metric.sharpe in epoch 1")


def test_without_a_baseline_it_is_not_applicable():
    reading = against(BASELINE, sharpes(0.1), Background())
    assert (reading.outcome, reading.reason) == (Outcome.NOT_APPLICABLE, "no baseline was given")
    assert [line.line for line in reading.evidence] == [1]
    assert one(ask(BASELINE, sharpes(0.1))).outcome is Outcome.UNKNOWN


# ---- bands

BANDS = compare(signal="metric.sharpe", against="bands", figure="outside", above=0, consecutive=2)


def bands(*known: Band) -> Background:
    return Background(bands={"metric.sharpe": known})


def test_a_metric_outside_its_band_twice_in_a_row_is_a_breach():
    background = bands(Band(1, 0.0, 0.2), Band(2, 0.1, 0.3), Band(4, 0.2, None))
    assert against(BANDS, sharpes(0.3, 0.1), background).outcome is Outcome.OK
    reading = against(BANDS, sharpes(0.3, 0.05), background)
    assert (reading.outcome, reading.value, reading.threshold) == (Outcome.BREACH, 0.05, 0.1)
    # Epoch 3 has no band, so the second one in a row is the fourth epoch's.
    assert against(BANDS, sharpes(0.1, 0.4, 0.3, 0.1), background).outcome is Outcome.BREACH
    assert against(BANDS, sharpes(0.1, 0.4, 0.1, 9.9), background).outcome is Outcome.OK


def test_exactly_the_edges_of_a_band_are_within():
    background = bands(Band(1, 0.1, 0.2), Band(2, 0.1, 0.2))
    assert against(BANDS, sharpes(0.1, 0.2), background).outcome is Outcome.OK


def test_an_epoch_without_a_band_is_unknown():
    reading = against(BANDS, sharpes(0.1), bands(Band(5, 0.0, 0.2)))
    assert (reading.outcome, reading.reason) == (Outcome.UNKNOWN, "no band of metric.sharpe is given for epoch 1")


def test_without_bands_it_is_not_applicable():
    assert against(BANDS, sharpes(0.1), Background()).reason == "no expected bands of metric.sharpe were given"


def test_a_nan_metric_is_outside_every_band():
    background = bands(Band(1, None, None), Band(2, 0.0, 1.0))
    assert against(BANDS, sharpes(math.nan, math.nan), background).outcome is Outcome.BREACH


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"against": "baseline", "figure": "ratio"}, "expected exactly one of above, below, equals, levels"),
        ({"against": "bands", "figure": "ratio", "above": 0}, "figure: outside belongs to bands"),
        ({"against": "baseline", "figure": "outside", "above": 0}, "figure: outside belongs to bands"),
        ({"against": {"signal": "no.such"}, "figure": "ratio", "above": 0}, "unknown signal 'no.such'"),
        (
            {"against": {"signal": "grad.l2", "where": {"h": "1"}}, "figure": "ratio", "above": 0},
            "where: grad.l2 has no label 'h'; expected one of group",
        ),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        compare(signal="train.loss", **fields)
    assert message in str(caught.value)


def test_both_signals_are_watched():
    assert FLOOR.watches == {"epoch.val_loss", "floor.loss_floor"}
    assert BANDS.watches == {"metric.sharpe"}
    assert one(ask(compare(signal="train.loss", against="baseline", figure="ratio", above=1), [at(0, train(1))]))
