"""What counts as detected, rightly named, early and late."""

from dataclasses import replace
from pathlib import Path

import pytest

from monitor import grammar
from monitor.grammar import Share, format_line
from tests.scoreboard.judge import Finding
from tests.scoreboard.kinds import GRAD, KINDS, Bound, Kind, Since
from tests.scoreboard.logs import RunLog
from tests.scoreboard.verdicts import verdict

STEPS, EPOCHS = 20, 6
EVEN_SEED = 2
"""Its faults begin in epoch 3."""
ONSET = 2 * STEPS
KIND = Kind(4, "grad_zero", "", GRAD)


@pytest.fixture
def log(tmp_path: Path) -> RunLog:
    return told(tmp_path, [1.0] * (STEPS * EPOCHS))


def told(folder: Path, losses: list[float], val_losses: list[float] | None = None) -> RunLog:
    """Write a run that reports every step, a second each, and read it."""
    lines = []
    for epoch in range(1, EPOCHS + 1):
        done = (epoch - 1) * STEPS
        lines.append((done, grammar.Phase(name="train", epoch=epoch, step=done)))
        for batch in range(1, STEPS + 1):
            share, step = Share(batch, STEPS), done + batch
            train = grammar.Train(epoch=Share(epoch, EPOCHS), batch=share, step=step, loss=losses[step - 1])
            lines.append((step, train))
        lines.append((done + STEPS, grammar.Phase(name="validate", epoch=epoch, step=done + STEPS)))
        val_loss = 1.0 if val_losses is None else val_losses[epoch - 1]
        end = grammar.Epoch(epoch=Share(epoch, EPOCHS), train_loss=1.0, val_loss=val_loss, lr=0.1)
        lines.append((done + STEPS, end))
    path = folder / "run.log"
    path.write_text("".join(f"{format_line(1e9 + at, record)}\n" for at, record in lines))
    return RunLog(path)


def finding(step: int, fault: str, *, line: int = 10_000) -> Finding:
    return Finding(1e9 + step, line, step, 1, fault, fault.title(), "")


def test_the_first_alert_after_the_onset_that_bears_the_kinds_name_is_right(log: RunLog):
    said = verdict(KIND, log, [finding(ONSET + 6, "grad_zero"), finding(ONSET + 8, "overfit")], seed=EVEN_SEED)
    assert (said.is_shown, said.is_detected, said.is_first_right, said.early) == (True, True, True, ())
    assert (said.delay, said.over) == (6, 6 - GRAD.steps)


def test_another_name_first_is_wrong_though_the_right_one_follows(log: RunLog):
    said = verdict(KIND, log, [finding(ONSET + 5, "grad_drop"), finding(ONSET + 6, "grad_zero")], seed=EVEN_SEED)
    assert (said.is_detected, said.is_first_right, said.first) == (True, False, "grad_drop")


def test_a_name_that_the_kind_lists_as_the_same_fault_is_right(log: RunLog):
    kind = replace(KIND, same_as=frozenset({"grad_drop"}))
    assert verdict(kind, log, [finding(ONSET + 5, "grad_drop")], seed=EVEN_SEED).is_first_right


def test_what_fired_before_the_onset_spoils_the_first_label(log: RunLog):
    said = verdict(KIND, log, [finding(ONSET - 1, "overfit"), finding(ONSET + 6, "grad_zero")], seed=EVEN_SEED)
    assert (said.is_detected, said.is_first_right, said.early) == (True, False, ("Overfit",))


def test_at_the_moment_of_the_onset_the_line_decides(log: RunLog):
    _, line = log.begin_of_epoch(3)
    assert verdict(KIND, log, [finding(ONSET, "overfit", line=line - 1)], seed=EVEN_SEED).early == ("Overfit",)
    assert verdict(KIND, log, [finding(ONSET, "grad_zero", line=line)], seed=EVEN_SEED).is_first_right


def test_silence_is_a_miss(log: RunLog):
    said = verdict(KIND, log, [], seed=EVEN_SEED)
    assert (said.is_detected, said.is_first_right, said.delay, said.over) == (False, False, None, None)


def test_a_bound_that_is_missed_is_told_by_how_much(log: RunLog):
    assert verdict(KIND, log, [finding(ONSET + GRAD.steps + 3, "grad_zero")], seed=EVEN_SEED).over == 3


def test_a_divergence_is_counted_from_the_interval_that_shows_it(tmp_path: Path):
    kind = Kind(20, "loss_diverge", "", Bound(steps=5, since=Since.DOUBLED))
    doubled = ONSET + 10
    losses = [1.0 if step < doubled else 2.5 for step in range(STEPS * EPOCHS)]
    said = verdict(kind, told(tmp_path, losses), [finding(doubled + 12, "loss_diverge")], seed=EVEN_SEED)
    # Five reports make an interval.
    assert (said.delay, said.over) == (22, 12 - 5 - 5)


def test_a_run_that_never_comes_to_its_fault_says_so(log: RunLog):
    kind = Kind(20, "loss_diverge", "", Bound(steps=5, since=Since.DOUBLED))
    assert not verdict(kind, log, [], seed=EVEN_SEED).is_shown


def test_overfitting_is_counted_from_the_third_validation_above_the_best(tmp_path: Path):
    kind = Kind(22, "overfit", "", Bound(since=Since.OVER_BEST), from_start=True)
    log = told(tmp_path, [1.0] * (STEPS * EPOCHS), [1.0, 1.3, 1.1, 1.3, 1.3, 1.3])
    said = verdict(kind, log, [finding(EPOCHS * STEPS, "overfit")], seed=EVEN_SEED)
    assert (said.is_shown, said.over) == (True, 0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_few_kinds_have_a_second_right_name(kind: Kind):
    assert kind.same_as <= {"grad_zero"}
