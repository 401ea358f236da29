"""The stored state of a run stays small for any log: usually half a MiB, at most 8 MiB."""

import pickle
from collections.abc import Iterable, Iterator

import pytest

from monitor import grammar
from monitor.base.evidence import Evidence
from monitor.grammar import Record, Share
from monitor.run.attempt import LABEL_LIMIT
from monitor.run.run import Run
from tests.lines import at, report, run_of

MOST_BYTES = 8 << 20
USUAL_BYTES = 1 << 19
NUM_LINES = 12_000
PAD = (("pad", "y" * 1_800),)
FIRE = "\U0001f525"


def stored_bytes(run: Run) -> int:
    """Return how many bytes a run takes when it is pickled: what a store would write."""
    return len(pickle.dumps(run, protocol=5))


def _long_labels(number: int) -> Record:
    return grammar.EncoderGrad(
        tensor=f"{number % 1_500:04d}" + "x" * (LABEL_LIMIT - 4), norm=0.1 + number, max=1.0, step=number, extra=PAD
    )


def _longest_labels(number: int) -> Record:
    return grammar.EncoderGrad(tensor=f"{number % 1_500:04d}" + "x" * 1_990, norm=0.1, max=1.0, step=number)


def _wide_characters(number: int) -> Record:
    return grammar.WeightReport(group=f"{number % 1_500}" + FIRE * 400, step=number, l2=1.0, update=1.0, ratio=0.1)


def _many_epochs(number: int) -> Record:
    return grammar.HorizonMetrics(epoch=number // 100 + 1, h=number % 200, sharpe=float(number), ic=0.1, extra=PAD)


def _resets_of_many_horizons(number: int) -> Record:
    return grammar.GuardReset(h=number % 1_500, scale=0.1, epoch=number // 1_500 + 1, extra=PAD)


def _long_settings(number: int) -> Record:
    return grammar.Config(key=f"k{number % 1_500}" + "k" * 1_500, value="v" * 1_999, source=FIRE * 1_999)


def _errors(number: int) -> Record:
    return grammar.Error(type=f"{number % 1_500}" + "t" * 400, message="m" * 1_990, step=number)


def _many_words(number: int) -> Record:
    return grammar.Intent(frozen=tuple(f"{number}_{place}" for place in range(4_000)))


HOSTILE = [
    *(_long_labels, _longest_labels, _wide_characters, _many_epochs, _resets_of_many_horizons, _long_settings),
    *(_errors, _many_words),
]
ALIKE = (_long_labels, _wide_characters, _long_settings, _errors)
"""Costly ones that fill the state in the way of another."""
CASES = [pytest.param(each, marks=pytest.mark.slow) if each in ALIKE else each for each in HOSTILE]


@pytest.mark.parametrize("hostile", CASES)
def test_no_log_makes_a_state_of_more_than_8_mib(hostile):
    num_lines = 200 if hostile is _many_words else NUM_LINES
    run = run_of(at(number, hostile(number)) for number in range(num_lines))
    assert stored_bytes(run) < MOST_BYTES


def test_a_log_that_is_hostile_in_every_way_stays_within_8_mib_too():
    run = run_of(at(number, HOSTILE[number % 7](number)) for number in range(2 * NUM_LINES))
    assert stored_bytes(run) < MOST_BYTES


def _usual_log(epochs: int) -> Iterator[bytes]:
    groups = {f"group_{number}": 0.1 for number in range(8)}
    for step in range(epochs * 250):
        yield at(
            step, grammar.Train(epoch=Share(step // 250 + 1, epochs), batch=Share(1, 250), step=step, loss=0.5, lr=1e-4)
        )
        if step % 50 == 0:
            yield at(step, report(step, step // 250 + 1, **groups))
            for group in groups:
                yield at(step, grammar.WeightReport(group=group, step=step, l2=9.0, update=0.1, ratio=0.01))
            for h in (1, 5, 10, 20):
                yield at(step, grammar.GuardCheck(h=h, step=step, std=0.3, target_std=1.0, ratio=0.3))
        if step % 250 == 249:
            epoch = step // 250 + 1
            yield at(step, grammar.Epoch(epoch=Share(epoch, epochs), train_loss=0.5, val_loss=0.5, lr=1e-4))
            for h in (1, 5, 10, 20):
                yield at(step, grammar.HorizonMetrics(epoch=epoch, h=h, sharpe=1.0, ic=0.1, ratio=0.3))


def test_a_usual_run_of_20_epochs_takes_less_than_half_a_mib():
    assert stored_bytes(run_of(_usual_log(20))) < USUAL_BYTES


def test_the_newest_and_the_first_line_keep_their_words():
    line = at(1, report(0, **{f"group_{number}": 0.1 for number in range(8)}))
    run = run_of([line, at(2, grammar.GuardReset(h=5, scale=0.05, epoch=1, step=3, recover_within_steps=20))])
    assert _texts(run, "grad.l2") == {line.decode()}
    assert all("reset applied" in text for text in _texts(run, "guard.reset"))


def test_an_old_epoch_keeps_the_places_of_its_lines():
    run = run_of(at(epoch, grammar.Metrics(epoch=epoch, sharpe=1.0)) for epoch in range(1, 21))
    tallies = run.attempt.of("metric.sharpe")[()].epochs
    assert [bool(tally.first.evidence.text) for tally in tallies.values()] == [False] * 16 + [True] * 4
    assert [tally.first.evidence.line for tally in tallies.values()] == list(range(1, 21))


def _texts(run: Run, signal: str) -> set[str]:
    cited: Iterable[Evidence] = (
        point.evidence for series in run.attempt.of(signal).values() for point in (series.first, series.last) if point
    )
    return {evidence.text for evidence in cited}
