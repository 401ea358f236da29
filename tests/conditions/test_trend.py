"""``trend``: shapes of a series, on real log lines; and the shapes themselves, on lists of numbers."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitor.conditions import Outcome, Reading, shapes
from monitor.conditions.trend import Trend
from monitor.grammar import Intent, Metrics, Process
from tests.lines import ask, at, epoch_end, report, rule, story, train, watch

WOBBLE = (0.50, 0.52, 0.48, 0.51, 0.49)
"""A calm loss: median 0.5, median absolute deviation 0.01."""


def losses(*values: float) -> list[bytes]:
    """Return TRAIN lines, five steps apart."""
    return [at(n, train(5 * n + 5, loss=value)) for n, value in enumerate(values)]


def calm(count: int) -> list[float]:
    return [WOBBLE[n % len(WOBBLE)] for n in range(count)]


def paces(*seconds: float) -> list[bytes]:
    """Return TRAIN lines whose batches took so long."""
    return [at(n, replace(train(5 * n), s_per_batch=each)) for n, each in enumerate(seconds)]


def norms(*values: float) -> list[bytes]:
    """Return reports of one group, 10 steps apart."""
    return [at(n, report(10 * n, gat=value)) for n, value in enumerate(values)]


def trend(**fields: object) -> Trend:
    return Trend.model_validate({"kind": "trend", "signal": "train.loss", **fields})


def one(readings: list[Reading]) -> Reading:
    (reading,) = readings
    return reading


SPIKES = trend(
    shape="spikes",
    over="50 reports",
    past=50,
    least=12,
    levels=[{"severity": "info", "above": 0}, {"severity": "warning", "above": 2}],
)

# ---- spikes


def test_one_spike_is_info_and_the_third_within_the_window_a_warning():
    log = losses(*calm(20), 5.0, *calm(5), 5.0, *calm(5), 5.0)
    _, changes = watch([rule(SPIKES)], log)
    assert [(each.state, each.severity, each.value) for each in changes] == [
        ("firing", "info", 1.0),
        ("firing", "warning", 3.0),
    ]
    assert [line.line for line in changes[-1].evidence] == [21, 27, 33]


def test_a_rise_that_does_not_come_back_is_one_spike_until_it_does():
    log = losses(*calm(20), 5.0, 5.5, 6.0, 6.5, *calm(1))
    _, changes = watch([rule(SPIKES)], log)
    assert [(each.severity, each.value, each.at) for each in changes] == [
        ("info", 1.0, changes[0].at),
        ("warning", 4.0, changes[0].at + 4),
    ]


def test_the_alert_resolves_when_the_spike_has_left_the_window():
    _, changes = watch([rule(SPIKES)], losses(*calm(20), 5.0, *calm(50)))
    assert story(changes) == [("Probe", "firing", 20.0), ("Probe", "resolved", 70.0)]


@pytest.mark.parametrize(("value", "outcome"), [(1.0, "ok"), (math.nextafter(1.0, 2), "breach")])
def test_exactly_twice_the_median_is_not_a_spike(value, outcome):
    assert one(ask(SPIKES, losses(*calm(20), value))).outcome == outcome


def test_a_value_far_above_a_noisy_past_is_not_a_spike():
    """It is three times the median, but the past spreads as widely."""
    noisy = [0.1, 1.0, 0.2, 0.9, 0.5, 1.4, 0.3, 0.6, 0.05, 1.1, 0.4, 0.7]
    assert one(ask(SPIKES, losses(*noisy, *noisy, 1.7))).outcome is Outcome.OK


def test_what_the_own_noise_explains_is_neither_a_spike_nor_an_explosion():
    """A quantity that quadruples and falls to a quarter from report to report reaches sixty times its median."""
    wild = [4.0 ** (n % 5 - 2) for n in range(30)]
    assert one(ask(SPIKES, losses(*wild, 60.0))).outcome is Outcome.OK
    exploding = trend(signal="grad.l2", shape="ratio", above=50, past=20, least=5)
    assert one(ask(exploding, norms(*wild, 60.0))).outcome is Outcome.OK
    assert one(ask(exploding, norms(*calm(30), 60.0))).outcome is Outcome.BREACH


def test_a_loss_that_falls_fast_at_first_has_no_spikes():
    falling = [2.3 * 0.8**n + 0.02 for n in range(60)]
    reading = one(ask(SPIKES, losses(*falling)))
    assert (reading.outcome, reading.value) == (Outcome.OK, 0.0)


def test_too_short_a_past_is_unknown():
    assert one(ask(SPIKES, losses(*calm(12)))).reason == "12 of 13 reports seen"
    assert one(ask(SPIKES, losses(*calm(13)))).outcome is Outcome.OK


def test_spikes_of_a_negative_loss_are_measured_by_its_size():
    below_zero = [value - 1.0 for value in calm(20)]
    assert one(ask(SPIKES, losses(*below_zero, 0.1))).outcome is Outcome.BREACH
    assert one(ask(SPIKES, losses(*below_zero, -0.3))).outcome is Outcome.OK


@pytest.mark.parametrize("word", ["data_change", "phase_change"])
def test_a_declared_change_is_not_a_spike(word):
    """Harder data were announced: the loss doubles at once, and is judged by itself from there on."""
    change = at(19.5, Intent.from_text(f"{word}=harder"))
    harder = [at(20 + n, train(105 + 5 * n, loss=4 * value)) for n, value in enumerate(calm(40))]
    log = [*losses(*calm(20)), change, *harder]
    reading = one(ask(SPIKES, log[:25]))
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == f"4 of 13 reports seen since the declared {word}=harder"
    assert [line.line for line in reading.evidence] == [21, 25]
    assert watch([rule(SPIKES)], log)[1] == []
    assert len(watch([rule(SPIKES)], [*log[:20], *log[21:]])[1]) > 0


# ---- ratios to the own past

DROP = trend(signal="grad.l2", shape="ratio", below=1e-3, past=20, least=5)


@pytest.mark.parametrize(("value", "outcome"), [(1e-3, "ok"), (math.nextafter(1e-3, 0), "breach")])
def test_exactly_a_thousandth_of_the_median_is_quiet(value, outcome):
    reading = one(ask(DROP, norms(*[1.0] * 20, value)))
    assert (reading.outcome, reading.threshold, reading.epoch, reading.step) == (outcome, 1e-3, 1, 200)


def test_a_drop_does_not_become_the_usual():
    """After 24 reports nothing but the drop is remembered; the alert stays until the norm is back."""
    _, changes = watch([rule(DROP)], norms(*[1.0] * 25, *[1e-5] * 100, 1.0))
    assert story(changes) == [("Probe", "firing", 25.0), ("Probe", "resolved", 125.0)]


def test_with_few_reports_the_safest_one_replaces_their_median():
    """Three reports of a gradient that grows as the weights leave zero have no median to speak of."""
    grown = trend(signal="grad.l2", shape="ratio", above=50, past=20, least=2)
    assert one(ask(grown, norms(0.0, 0.001, 0.04))).outcome is Outcome.OK
    assert one(ask(grown, norms(0.0, 0.001, 0.06))).outcome is Outcome.BREACH
    dropped = trend(signal="grad.l2", shape="ratio", below=1e-3, past=20, least=2)
    assert one(ask(dropped, norms(1.0, 0.01, 2e-5))).outcome is Outcome.OK
    assert one(ask(dropped, norms(1.0, 0.01, 0.9e-5))).outcome is Outcome.BREACH


def test_an_explosion_does_not_become_the_usual_before_there_is_a_whole_window():
    exploding = trend(signal="train.grad_norm", shape="ratio", above=10, clear=3, consecutive=2)

    def log(*values: float) -> list[bytes]:
        return [at(n, replace(train(5 * n), grad_norm=each)) for n, each in enumerate(values)]

    _, changes = watch([rule(exploding)], log(*[1.0] * 12, *[11.0] * 30, 1.0))
    assert story(changes) == [("Probe", "firing", 13.0), ("Probe", "resolved", 42.0)]


def test_a_spent_past_of_zero_is_unknown():
    reading = one(ask(DROP, norms(*[0.0] * 10)))
    assert reading.outcome is Outcome.UNKNOWN
    assert reading.reason == "the past of grad.l2 is 0, so a ratio to it means nothing"


def test_twice_in_a_row_needs_two_reports():
    twice = trend(signal="grad.l2", shape="ratio", above=10, past=20, least=5, consecutive=2)
    assert one(ask(twice, norms(*[1.0] * 9, 11.0))).outcome is Outcome.OK
    assert one(ask(twice, norms(*[1.0] * 9, 11.0, 1.0, 11.0))).outcome is Outcome.OK
    assert one(ask(twice, norms(*[1.0] * 9, 11.0, 10.5))).outcome is Outcome.BREACH
    assert one(ask(twice, norms(*[1.0] * 9, 11.0, 10.0))).outcome is Outcome.OK


def test_each_group_has_its_own_past():
    log = [at(n, report(10 * n, gat=1.0, head=1e-6)) for n in range(10)] + [at(10, report(100, gat=1e-6, head=1e-6))]
    assert [(dict(each.labels)["group"], each.outcome.value) for each in ask(DROP, log)] == [
        ("gat", "breach"),
        ("head", "ok"),
    ]


def test_a_group_that_was_declared_frozen_is_not_applicable():
    log = [at(0, Intent(frozen=("gat",))), *norms(*[1.0] * 10, 0.0)]
    assert one(ask(DROP, log)).outcome is Outcome.NOT_APPLICABLE


DIVERGE = trend(shape="ratio", over="10 reports", of="min", to="lowest", above=2, least_rise=0.1)


def test_a_loss_that_stays_above_twice_its_best_median_has_diverged():
    log = losses(*calm(60), *[1.1] * 10)
    assert one(ask(DIVERGE, log[:-1])).outcome is Outcome.OK
    reading = one(ask(DIVERGE, log))
    assert reading.outcome is Outcome.BREACH
    assert [line.line for line in reading.evidence] == [61, 70]


@pytest.mark.parametrize(("value", "outcome"), [(1.0, "ok"), (math.nextafter(1.0, 2), "breach")])
def test_exactly_twice_the_best_median_has_not_diverged(value, outcome):
    assert one(ask(DIVERGE, losses(*calm(60), *[value] * 10))).outcome == outcome


def test_one_low_report_disproves_divergence():
    assert one(ask(DIVERGE, losses(*calm(60), *[5.0] * 9, 0.4))).outcome is Outcome.OK


def test_a_loss_near_zero_may_double():
    """A loss that began at 2.3 does not diverge by going from 0.001 to 0.002."""
    learnt = [2.3 * 0.7**n + 0.001 for n in range(60)]
    reading = one(ask(DIVERGE, losses(*learnt, *[0.0025] * 10)))
    assert reading.outcome is Outcome.OK
    assert reading.reason.endswith("the change is too small to count")


def test_the_past_before_a_declared_change_does_not_count():
    change = at(60, Intent(data_change="harder"))
    harder = [at(60 + n, train(305 + 5 * n, loss=1.5)) for n in range(30)]
    assert one(ask(DIVERGE, [*losses(*calm(60)), change, *harder])).outcome is Outcome.OK
    assert one(ask(DIVERGE, [*losses(*calm(60)), *harder])).outcome is Outcome.BREACH


OVERFIT = trend(signal="epoch.val_loss", shape="ratio", to="minimum", above=1.2, consecutive=3, least=2)


@pytest.mark.parametrize(("value", "outcome"), [(0.6, "ok"), (math.nextafter(0.6, 1), "breach")])
def test_three_validations_above_the_own_best(value, outcome):
    log = [at(n, epoch_end(n + 1, val_loss=loss)) for n, loss in enumerate([0.9, 0.5, 0.7, 0.7, value])]
    assert one(ask(OVERFIT, log[:-1])).outcome is not Outcome.BREACH
    assert one(ask(OVERFIT, log)).outcome == outcome


def test_a_loss_is_measured_by_the_first_one():
    fallen = trend(signal="epoch.val_loss", shape="ratio", to="first", above=0.9, least=1)
    assert one(ask(fallen, epochs(0.5, 0.3, 0.46))).outcome is Outcome.BREACH
    assert one(ask(fallen, epochs(0.5, 0.3, 0.45))).outcome is Outcome.OK
    assert one(ask(fallen, epochs(0.5))).outcome is Outcome.UNKNOWN
    changed = [*epochs(0.5, 0.3), at(2, Intent(data_change="other")), at(3, epoch_end(3, val_loss=0.46))]
    assert one(ask(fallen, changed)).outcome is Outcome.UNKNOWN
    assert one(ask(fallen, [*changed, at(4, epoch_end(4, val_loss=0.3))])).outcome is Outcome.OK


def test_a_step_is_measured_by_the_first_ones():
    """Later slowness does not make itself the usual."""
    slow = trend(signal="train.s_per_batch", shape="ratio", over="5 reports", of="median", to="early", above=3)

    assert one(ask(slow, paces(9.0, *[1.0] * 100, *[3.0] * 5))).outcome is Outcome.OK
    assert one(ask(slow, paces(9.0, *[1.0] * 100, *[3.1] * 100))).outcome is Outcome.BREACH
    _, changes = watch([rule(slow)], paces(*[1.0] * 11, *[3.1] * 60))
    assert story(changes) == [("Probe", "firing", 14.0)]


# ---- runs, slopes, plateaus, growth


def epochs(*values: float) -> list[bytes]:
    return [at(n, epoch_end(n + 1, val_loss=value)) for n, value in enumerate(values)]


def test_a_loss_that_rises_three_times_in_a_row():
    rising = trend(signal="epoch.val_loss", shape="rising", above=2, least=2)
    assert one(ask(rising, epochs(0.5, 0.4, 0.45, 0.5))).outcome is Outcome.OK
    assert one(ask(rising, epochs(0.5, 0.4, 0.45, 0.5, 0.55))).outcome is Outcome.BREACH
    assert one(ask(rising, epochs(0.5, 0.4))).reason == "2 of 3 reports seen"


def test_a_sharpe_that_falls_three_times_in_a_row():
    falling = trend(signal="metric.sharpe", shape="falling", above=2, least=2)
    log = [at(n, Metrics(epoch=n + 1, sharpe=value)) for n, value in enumerate([1.0, 0.5, 0.1, -0.2])]
    assert one(ask(falling, log)).outcome is Outcome.BREACH


def test_a_plateau_is_counted_from_the_best_epoch():
    plateau = trend(signal="epoch.val_loss", shape="plateau", above=3, least=2, least_share=0.01)
    assert one(ask(plateau, epochs(0.5, 0.4, 0.41, 0.399, 0.42))).outcome is Outcome.OK
    assert one(ask(plateau, epochs(0.5, 0.4, 0.41, 0.399, 0.42, 0.399))).outcome is Outcome.BREACH


def test_one_outlier_does_not_change_a_slope():
    slope = trend(shape="slope", over="20 reports", below=0)
    fallen = [1.0 - 0.01 * n for n in range(20)]
    assert one(ask(slope, losses(*fallen[:19], 9.0))).outcome is Outcome.BREACH
    assert one(ask(slope, losses(*reversed(fallen)))).outcome is Outcome.OK


def memory(*megabytes: float) -> list[bytes]:
    return [at(n, Process(pid=1, rss_mb=value)) for n, value in enumerate(megabytes)]


def test_memory_that_grows_from_each_window_to_the_next():
    growth = trend(signal="process.rss_mb", shape="growth", over="40 reports", windows=10, is_share=True, above=0.05)
    assert one(ask(growth, memory(*[1000 + 2 * n for n in range(40)]))).outcome is Outcome.BREACH
    assert one(ask(growth, memory(*[1000 + n for n in range(40)]))).outcome is Outcome.OK
    sawtooth = [1000 + 20 * (n % 8) for n in range(40)]
    assert one(ask(growth, memory(*sawtooth))).outcome is Outcome.OK
    assert one(ask(growth, memory(*[1000.0] * 39))).outcome is Outcome.UNKNOWN


# ---- evidence


def test_a_signal_never_seen_is_unknown():
    assert one(ask(DROP, losses(0.5))).reason == "no [GRAD-MONITOR] line with grad.l2 was seen up to step 5, epoch 1"


def test_a_signal_that_fell_silent_is_unknown():
    log = [*norms(*[1.0] * 10), at(20, train(1000))]
    assert one(ask(DROP, log)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_nan_value_is_not_a_trend(value):
    assert one(ask(SPIKES, losses(*calm(30), value))).outcome is Outcome.UNKNOWN
    assert one(ask(SPIKES, losses(*calm(15), value, *calm(15)))).outcome is Outcome.OK
    ignored = SPIKES.model_copy(update={"on_nan": "ignore"})
    assert one(ask(ignored, losses(*calm(30), value))).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shape": "ratio"}, "expected exactly one of above, below, levels"),
        ({"shape": "ratio", "equals": 1}, "expected exactly one of above, below, levels"),
        ({"shape": "ratio", "above": 1, "sigmas": 3}, "sigmas: not used by shape ratio; expected one of"),
        ({"shape": "growth", "above": 1}, "over: is missing; expected it with"),
        ({"shape": "ratio", "above": 1, "over": "5 reports"}, "over: has no use here; expected"),
        (
            {"shape": "ratio", "above": 1, "over": "5 reports", "of": "min", "consecutive": 2},
            "consecutive: a window has a single figure; expected over or consecutive, not both",
        ),
        ({"shape": "ratio", "above": 1, "where": {"group": "gat"}}, "where: train.loss has no label 'group'"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields, message):
    with pytest.raises(ValidationError) as caught:
        trend(**fields)
    assert message in str(caught.value)


# ---- the shapes themselves

numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 6))
some = st.lists(numbers, min_size=3, max_size=64)
SPIKE = {"sigmas": 8.0, "times": 2.0, "past": 20, "least": 5}


@given(some, st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**30]))
def test_shapes_do_not_know_the_unit(values, scale):
    scaled = [scale * value for value in values]
    assert shapes.spikes(scaled, **SPIKE) == shapes.spikes(values, **SPIKE)
    assert shapes.run_up(scaled) == shapes.run_up(values)
    assert shapes.since_best(scaled, least_share=0.25) == shapes.since_best(values, least_share=0.25)
    assert shapes.rise(scaled) == pytest.approx(scale * shapes.rise(values), rel=1e-9, abs=1e-9 * scale)


@given(some)
def test_shapes_of_finite_numbers_are_finite(values):
    assert math.isfinite(shapes.rise(values))
    assert all(0 <= place < len(values) for place in shapes.spikes(values, **SPIKE))
    assert 0 <= shapes.since_best(values) < len(values)
    assert 0 <= shapes.run_up(values) < len(values)
    assert math.isfinite(shapes.growth(values, len(values) // 2 or 1))


@given(some)
def test_a_value_cannot_both_rise_and_fall(values):
    assert min(shapes.run_up(values), shapes.run_down(values)) == 0


@given(st.lists(st.floats(0.9, 1.1), min_size=12, max_size=60), st.data())
def test_one_outlier_is_the_only_spike(values, data):
    place = data.draw(st.integers(5, len(values) - 1))
    assert shapes.spikes(values, **SPIKE) == []
    assert shapes.spikes([*values[:place], 100.0, *values[place + 1 :]], **SPIKE) == [place]


@given(st.integers(8, 64), st.floats(-10, 10), st.data())
def test_one_outlier_does_not_turn_a_slope(count, slope, data):
    assume(abs(slope) > 1e-3)
    line = [slope * n for n in range(count)]
    line[data.draw(st.integers(0, count - 1))] = data.draw(st.floats(-1e9, 1e9))
    assert shapes.rise(line) == pytest.approx(slope * (count - 1), rel=0.35)


def test_noise_is_a_factor_that_grows_with_the_spread():
    calm_factor, wild_factor = shapes.noise_factor([0.9, 1.0, 1.1] * 5), shapes.noise_factor([0.25, 1.0, 4.0] * 5)
    assert 1.5 < calm_factor < 2.5
    assert wild_factor > 1_000


@given(some)
def test_noise_is_at_least_none_and_never_infinite(values):
    assert 1.0 <= shapes.noise_factor(values) < math.inf
    assert shapes.noise_factor([0.0, *map(abs, values)]) == 1.0


@given(st.lists(st.integers(0, 9), min_size=0, max_size=60), st.sampled_from(["min", "max"]))
def test_that_no_growth_comes_is_known_of_many_values_at_once(values: list[int], of: str):
    rising = sorted(values[:20]) + values[20:]
    grown = [shapes.growth(rising[:end][-8:], 4, shapes.FIGURES[of]) for end in range(8, len(rising) + 1)]
    assert shapes.may_grow(rising, 8, 4, of=of) == any(growth > 0 for growth in grown)


def test_growth_is_of_whole_windows():
    assert shapes.growth([9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3) == 4.0
    assert shapes.growth([1.0, 2.0, 3.0, 3.0, 2.0, 3.0], 3) == 0.0
