"""A log in which nearly every line has a shape of its own: memory stays bounded, and what is beyond is told."""

import json
import random
from pathlib import Path

import pytest

from monitor.api import read
from monitor.reader.lines import read_line
from monitor.reader.state import MOST_REFUSED, MOST_SHAPES, ReadState
from monitor.run.run import Run
from monitor.store.codec import StateCodec
from tests.cli.command import monitor

MOST_STATE_BYTES = 8 << 20


def ever_new(num_bytes: int, every: int = 20_000) -> str:
    """Write a log of prose with numbers, no two lines alike, and a report after every so many lines."""
    dice, lines, size = random.Random(7), ["step 0 loss=2.5000"], 0
    while size < num_bytes:
        words = ("".join(dice.choices("abcdefghijklmnop", k=dice.randint(3, 9))) for _ in range(dice.randint(2, 7)))
        lines.append(" ".join(f"{word} {dice.random():.3f}" for word in words))
        if len(lines) % every == 0:
            lines.append(f"step {len(lines)} loss={2.5 - len(lines) * 1e-7:.6f}")
        size += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shapes") / "train.log"
    path.write_text(ever_new(120_000, every=2000))
    return path


def test_the_surplus_of_shapes_is_counted_and_told(log: Path):
    assert "lines of ever new shapes were counted, not read" in monitor("check", log).out
    assert "lines of ever new shapes were counted, not read" in monitor("report", log).out
    assert "counted, not read" in json.loads(monitor("check", log, "--json").out)["unread"]


@pytest.mark.parametrize("every", [pytest.param(20, marks=pytest.mark.slow), 10**9])
def test_a_log_three_times_as_long_keeps_no_more(every: int):
    lines, state, kept = ever_new(600_000, every).splitlines(), ReadState(), []
    for number, line in enumerate(lines):
        read_line(line, state)
        if number in (len(lines) // 3, len(lines) - 1):
            kept.append(len(state.seen) + len(state.planned) + len(state.refused) + len(state.empties))
    assert kept[1] <= kept[0] + MOST_REFUSED
    assert kept[1] <= 2 * MOST_SHAPES + MOST_REFUSED + 256
    assert state.surplus > len(lines) // 2


def test_the_state_of_such_a_log_stays_small(log: Path):
    assert len(StateCodec(Run).dumps(read(log).snapshot.run)) < MOST_STATE_BYTES / 8
