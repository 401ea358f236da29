"""Summaries of runs: what they keep, and that they are read back unchanged."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.grammar import GuardReset, HorizonMetrics, Metrics, RunEnd, RunStart
from monitor.reader.signals import CATALOGUE
from monitor.run.attempt import Status
from monitor.run.summary import EPOCHS_KEPT, SERIES_KEPT, RunSummary, SummaryError, summarise
from tests.lines import at, epoch_end, report, run_of, train

LOG = [
    at(0, RunStart(run="good")),
    at(1, train(5, loss=0.6)),
    at(2, train(10, loss=0.5)),
    at(3, epoch_end(1, val_loss=0.55)),
    at(4, HorizonMetrics(epoch=1, h=5, ic=0.0125)),
    at(5, train(15, epoch=2, loss=0.4)),
    at(6, GuardReset(h=5, scale=0.05)),
    at(7, epoch_end(2, val_loss=math.nan)),
    at(8, RunEnd(status="completed")),
]


def test_a_summary_has_the_last_values_and_those_of_each_epoch():
    summary = summarise(run_of(LOG), "good.log")
    assert (summary.run, summary.log, summary.status) == ("good", "good.log", Status.COMPLETED)
    assert (summary.epochs_done, summary.step) == (2, 15)
    assert summary.last["train.loss", ()] == 0.4
    assert summary.by_epoch["horizon.ic", (("h", "5"),)] == {1: 0.0125}
    assert summary.by_epoch["epoch.val_loss", ()][1] == 0.55
    assert math.isnan(summary.by_epoch["epoch.val_loss", ()][2])


def test_events_are_not_measurements():
    assert all(not CATALOGUE[name].is_event for name, _ in summarise(run_of(LOG), "").last)


def test_only_the_current_attempt_counts():
    again = [*LOG, at(9, RunStart(run="good", attempt=2)), at(10, train(5, loss=0.9))]
    summary = summarise(run_of(again), "")
    assert summary.last["train.loss", ()] == 0.9
    assert ("epoch.val_loss", ()) not in summary.last


def test_a_summary_of_a_long_run_is_bounded():
    long = [at(n, Metrics(epoch=n, sharpe=0.1 * n)) for n in range(1, 400)]
    wide = [at(500, report(1, **{f"group_{n}": 1.0 for n in range(1000)}))]
    summary = summarise(run_of([*long, *wide]), "long.log")
    assert list(summary.by_epoch["metric.sharpe", ()]) == list(range(400 - EPOCHS_KEPT, 400))
    assert len(summary.last) <= SERIES_KEPT


def test_a_summary_is_strict_json_on_one_line():
    text = summarise(run_of(LOG), "good.log").to_json()
    assert "\n" not in text
    data = json.loads(text, parse_constant=pytest.fail)
    assert data["by_epoch"][0] == {"signal": "epoch.train_loss", "labels": {}, "epochs": {"1": 0.5, "2": 0.5}}


values = st.floats()
labels = st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=2, unique_by=lambda pair: pair[0])
keys = st.tuples(st.sampled_from(sorted(CATALOGUE)), labels.map(tuple))
summaries = st.builds(
    RunSummary,
    run=st.text(max_size=8),
    log=st.text(max_size=8),
    last=st.dictionaries(keys, values, max_size=5),
    by_epoch=st.dictionaries(keys, st.dictionaries(st.integers(0, 999), values, max_size=4), max_size=4),
    status=st.sampled_from(Status),
    epochs_done=st.integers(0, 10**9),
    step=st.none() | st.integers(0, 10**12),
)


@given(summaries)
def test_a_summary_is_read_back_unchanged(summary):
    again = RunSummary.from_json(summary.to_json(), "x.json")
    assert repr(again) == repr(summary)  # equality would not hold for nan


def broken(**changed: object) -> str:
    data = json.loads(summarise(run_of(LOG), "good.log").to_json())
    return json.dumps({**data, **changed})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "b.json: is not JSON; expected what `monitor baseline save` wrote"),
        ("[" * 100_000, "b.json: is not JSON; expected what `monitor baseline save` wrote"),
        ('{"format": NaN}', "b.json: is not JSON; expected what `monitor baseline save` wrote"),
        ("[]", "b.json: the whole is []; expected an object"),
        ("{}", "b.json: is not a summary that this version reads; expected format trainwarden-summary, version 1"),
        (
            broken(version=2),
            "b.json: is not a summary that this version reads; expected format trainwarden-summary, version 1",
        ),
        (broken(run=7), "b.json: run is 7; expected a text"),
        (broken(last={}), "b.json: last is {}; expected a list of at most 512 entries"),
        (broken(last=[1]), "b.json: an entry of last is 1; expected an object"),
        (broken(last=[{"signal": "x", "labels": 1, "value": 1}]), "b.json: labels is 1; expected an object"),
        (broken(last=[{"signal": "x", "labels": {"h": 1}, "value": 1}]), "b.json: h is 1; expected a text"),
        (
            broken(last=[{"signal": "x", "labels": {}, "value": True}]),
            "b.json: a value is True; expected a number, nan, inf or -inf",
        ),
        (
            broken(by_epoch=[{"signal": "x", "labels": {}, "epochs": {"one": 1}}]),
            "b.json: an epoch is 'one'; expected a number",
        ),
        (
            broken(status="fine"),
            "b.json: status is 'fine'; expected one of waiting, running, completed, stopped, failed",
        ),
        (broken(step=-1), "b.json: step is -1; expected a whole number that is not negative"),
        (broken(epochs_done=None), "b.json: epochs_done is None; expected a whole number that is not negative"),
    ],
)
def test_a_text_that_is_not_a_summary_is_refused_in_one_line(text, message):
    with pytest.raises(SummaryError) as caught:
        RunSummary.from_json(text, "b.json")
    assert str(caught.value) == message


def test_a_number_too_large_for_a_float_is_infinite():
    text = broken(last=[{"signal": "x", "labels": {}, "value": 10**400}])
    assert RunSummary.from_json(text, "b.json").last == {("x", ()): math.inf}
