"""A report counts as evidence for the usual distance between reports, never for the whole run."""

from __future__ import annotations

import pytest

from monitor.conditions.reach import Reach, reach_of
from monitor.grammar import Epoch, Floor, Intent, Process, RunEnd, Share, Train
from monitor.reader.signals import CATALOGUE
from tests.lines import at, report, run_of


def step(number: int, *, epochs: int = 20, batches: int = 100) -> Train:
    epoch, batch = divmod(number - 1, batches)
    return Train(epoch=Share(epoch + 1, epochs), batch=Share(batch + 1, batches), step=number, loss=0.5)


def reach(log: list[bytes], name: str = "grad.l2") -> Reach | None:
    attempt = run_of(log).attempt
    (series,) = attempt.of(name).values()
    return reach_of(attempt, CATALOGUE[name], series)


def covers(log: list[bytes], name: str = "grad.l2") -> bool:
    found = reach(log, name)
    return found is None or found.covers


@pytest.mark.parametrize("declared", [None, 50, 100, 200, 5_000])
@pytest.mark.parametrize(("epochs", "batches"), [(1, 30), (2, 30), (20, 70), (1, 4_000), (3, 10)])
def test_one_report_at_step_0_never_covers_a_run_whatever_was_declared(declared, epochs, batches):
    last = epochs * batches
    log = [
        at(0, Intent(cadence_grad=declared, cadence_train=max(1, min(10, batches // 10)))),
        at(1, report(0, gat=1.0)),
    ]
    log += [at(2 + n, step(n, epochs=epochs, batches=batches)) for n in range(1, last + 1, 5)]
    log += [at(9_000, step(last, epochs=epochs, batches=batches)), at(9_001, RunEnd(status="completed"))]
    assert not covers(log)


def test_one_report_at_the_very_end_covers_it():
    log = [at(n, step(n)) for n in range(10, 2_001, 10)] + [at(3_000, report(2_000, gat=1.0))]
    assert covers([*log, at(3_001, RunEnd(status="completed"))])


def test_the_largest_of_the_last_five_distances_counts():
    steps = [0, 500, 510, 520, 530, 540, 550]
    log = [at(n, report(n, gat=1.0)) for n in steps]
    assert covers([*log, at(600, step(564))])
    assert not covers([*log, at(600, step(565))])
    assert covers([*log[:-1], at(600, step(1_289))])


def test_a_stopped_run_is_judged_by_the_step_it_reached():
    log = [at(0, Intent(cadence_train=10)), at(1, report(0, gat=1.0)), at(2, step(60))]
    assert covers(log)
    assert not covers([*log, at(3, RunEnd(status="stopped"))])


def test_what_is_sampled_by_the_clock_grows_old_by_the_clock():
    log = [at(30 * n, Process(pid=7, rss_mb=1.0)) for n in range(4)]
    assert covers([*log, at(149, step(100_000, batches=200_000))], "process.rss_mb")
    assert not covers([*log, at(151, step(2))], "process.rss_mb")


def test_what_is_stated_once_holds_to_the_end():
    assert covers([at(0, Floor(loss_floor=0.5)), at(1, step(2_000))], "floor.loss_floor")


def test_no_measurement_but_the_floor_of_the_loss_is_stated_once():
    tags = {signal.tag for signal in CATALOGUE.values() if signal.kind == "once"}
    assert tags <= {"RUN", "CONFIG", "DATA", "TARGET", "MODEL", "FLOOR", "CHECKPOINT", "TRAIN"}
    once = {name for name, signal in CATALOGUE.items() if signal.kind == "once" and signal.tag == "TRAIN"}
    assert once == {"run.steps_lost"}


def test_without_steps_epochs_count():
    log = [at(n, Epoch(epoch=Share(n, 9), train_loss=1.0, val_loss=1.0, lr=0.1)) for n in range(1, 10)]
    early = b"2025-10-30T23:40:51.000Z INFO [ENCODER-GRAD] features grad_norm=1.547e-02 max=3.204e-04"
    assert not covers([early, *log], "encoder_grad.norm")
    found = reach([early, *log], "encoder_grad.norm")
    assert found is not None
    assert found.words("encoder_grad.norm").startswith("encoder_grad.norm: 1 report, at epoch 1 of 9")
    assert found.share < 0.2
