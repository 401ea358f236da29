"""Reports behind a bar that is drawn ten times a second at most: each has its own step or none, never another's."""

import random
from typing import NamedTuple

import pytest

from monitor.reader.lines import read_line
from monitor.reader.state import ReadState


class Bar:
    """A bar as tqdm draws it: with a step, where a tenth of a second has gone by since the drawing before."""

    def __init__(self, total: int, interval: float):
        self.total, self.interval = total, interval
        self.drawn_at, self.done, self.pace = 0.0, 0, 0.0
        self.lines = [f"  0%|          | 0/{total} [00:00<?, ?it/s]"]

    def draw(self, done: int, at: float) -> None:
        """Draw it, with the smoothed pace."""
        if done > self.done:
            pace = (at - self.drawn_at) / (done - self.done)
            self.pace = pace if not self.pace else 0.3 * pace + 0.7 * self.pace
        self.drawn_at, self.done = at, done
        speed = f"{1 / self.pace:5.2f}it/s" if self.pace < 1 else f"{self.pace:5.2f}s/it"
        share = 100 * done // self.total
        self.lines.append(f"{share:3d}%|#         | {done}/{self.total} [00:01<00:09, {speed}]")

    def update(self, done: int, at: float) -> None:
        """Draw it where it is time."""
        if at - self.drawn_at >= self.interval or done == self.total:
            self.draw(done, at)


def log_of(dice: random.Random) -> tuple[list[str], dict[str, int], bool]:
    """Return the lines of a training, the step of each loss, and whether its bars are always fresh."""
    epochs, per_epoch = dice.randint(1, 6), dice.choice([7, 16, 50, 123, 400, 1500])
    total = epochs * per_epoch - dice.choice([0, 0, 0, per_epoch // 3])  # a limit on steps may end it within an epoch
    every, seconds = dice.choice([1, 2, 4, 10, 25, per_epoch]), dice.choice([0.001, 0.02, 0.04, 0.09, 0.3, 2.0])
    digits, is_redrawn, has_epoch = dice.choice([2, 4]), dice.random() < 0.6, dice.random() < 0.8
    bar, at, steps, lags = Bar(total, dice.choice([0.0, 0.1, 0.1])), 0.0, {}, False
    for step in range(1, min(total, 600) + 1):
        at += seconds * dice.uniform(0.8, 1.2) * (20 if dice.random() < 0.02 else 1)
        bar.update(step, at)
        if step % every == 0:
            loss = f"{5 + step / 10_000:.4f}"
            steps[loss] = step
            lags |= seconds <= 0.125
            epoch = f", 'epoch': '{round(step / per_epoch, digits):g}'" if has_epoch else ""
            bar.lines.append(f"{{'loss': '{loss}', 'learning_rate': '0.002'{epoch}}}")
            if is_redrawn:
                bar.draw(step, at)
    return bar.lines, steps, not lags


def steps_in(lines: list[str]) -> dict[str, int | None]:
    """Return the step that was read for each loss."""
    state, found = ReadState(), {}
    for line in lines:
        for report in read_line(line, state).reports:
            found |= {f"{value.number:.4f}": report.place.step for value in report.values if value.quantity == "loss"}
    return found


class Score(NamedTuple):
    """Losses of all trainings, and how many have a step."""

    wrong: int
    read: int
    fresh: int
    """Losses behind bars that keep up."""
    read_of_fresh: int


def score(seeds: range) -> Score:
    """Read many trainings."""
    wrong = read = fresh = read_of_fresh = 0
    for seed in seeds:
        lines, steps, is_fresh = log_of(random.Random(seed))
        found = steps_in(lines)
        right = sum(found.get(loss) == step for loss, step in steps.items())
        wrong += sum(found.get(loss) not in (None, step) for loss, step in steps.items())
        read += right
        if is_fresh:
            fresh, read_of_fresh = fresh + len(steps), read_of_fresh + right
    return Score(wrong, read, fresh, read_of_fresh)


def test_a_report_behind_a_bar_has_its_own_step_or_none():
    found = score(range(60))
    assert found.wrong == 0
    assert found.read_of_fresh >= 0.75 * found.fresh > 0


@pytest.mark.slow
def test_a_report_behind_a_bar_has_its_own_step_or_none_in_many_trainings():
    found = score(range(60, 1500))
    # Steps of chance length, just below a tenth of a second, may each be drawn four times in a row.
    assert found.wrong <= found.read / 50_000
    assert found.read_of_fresh >= 0.85 * found.fresh > 0
