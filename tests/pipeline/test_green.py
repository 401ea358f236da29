"""Green is hard to get wrong: what matters takes "all passed" from a healthy log; what does not matter leaves it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor import api
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline
from monitor.report.build import build
from monitor.report.verdict import verdict_of
from monitor.rules import load_rules
from monitor.rules.choice import rule_files
from monitor.tail import LineBuffer
from monitor.terminal.lines import summary_lines
from tests.pipeline.green import BATCHES, EPOCHS, GRAD_EVERY, TRAIN_EVERY, write_green_log

NUM_CASES, SAMPLED = 200, 20
CADENCES = {"TRAIN": TRAIN_EVERY, "GRAD-MONITOR": GRAD_EVERY, "WEIGHT-MONITOR": GRAD_EVERY,
            "ACTIVATION-MONITOR": GRAD_EVERY, "EPOCH": BATCHES}  # fmt: skip
"""The kinds of line that rules which are ok need, and how many steps they are apart."""
NANS = ("nan", "NaN", "NAN", "-nan", "nan(ind)", "inf", "-inf", "Infinity", "INF", "1.#QNAN", "-1.#IND", "None", "null",
        "****", "tensor(nan)", "")  # fmt: skip
TEXTS = (
    "worker 3: all is well",
    "INFO:root:prefetch queue is full",
    "  | layer | parameters |",
    "=" * 40,
    "héllo wörld",
)
RULES = load_rules(rule_files(()))


class Case(NamedTuple):
    """A change of the log."""

    name: str
    change: Callable[[list[bytes], random.Random], list[bytes]]


@pytest.fixture(scope="session")
def green(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("green") / "run.log"
    return write_green_log(path, train_every=TRAIN_EVERY, grad_every=GRAD_EVERY)


def place(line: bytes) -> int:
    found = re.search(rb" step=(\d+)", line)
    return int(found[1]) if found else -1


def index_of_step(lines: list[bytes], step: int) -> int:
    return next((number for number, line in enumerate(lines) if place(line) >= step), len(lines) - 1)


def some_point(lines: list[bytes], draw: random.Random, cadence: int) -> int:
    """Return a line at least three cadences before the end."""
    return index_of_step(lines, draw.randrange(cadence, EPOCHS * BATCHES - 3 * cadence))


def dropped(tag: str) -> Case:
    def change(lines: list[bytes], draw: random.Random) -> list[bytes]:
        begin = some_point(lines, draw, CADENCES[tag])
        return [line for number, line in enumerate(lines) if number < begin or f"[{tag}]".encode() not in line]

    return Case(f"drop {tag}", change)


def garbled(tag: str, fields: bytes, damage: bytes) -> Case:
    """Spoil a value in every line of a kind from a point on."""

    def change(lines: list[bytes], draw: random.Random) -> list[bytes]:
        begin = some_point(lines, draw, CADENCES[tag])
        head = f"[{tag}]".encode()
        return [
            re.sub(rb"\b(" + fields + rb")=[^ ]+", rb"\1=" + damage, line) if number >= begin and head in line else line
            for number, line in enumerate(lines)
        ]

    return Case(f"garble {tag} {fields.decode()}={damage.decode()}", change)


def nan_in(tag: str, field: str, spelling: str) -> Case:
    """Replace one value, in one line."""

    def change(lines: list[bytes], draw: random.Random) -> list[bytes]:
        head = f"[{tag}]".encode()
        chosen = draw.choice([number for number, line in enumerate(lines) if head in line])
        spoilt = re.sub(rb"\b" + field.encode() + rb"=[^ ]+", f"{field}={spelling}".encode(), lines[chosen], count=1)
        return [*lines[:chosen], spoilt, *lines[chosen + 1 :]]

    return Case(f"{tag} {field}={spelling}", change)


def cut(lines: list[bytes], draw: random.Random) -> list[bytes]:
    kept = lines[: draw.randrange(3, len(lines) - 1)]
    return kept if draw.random() < 0.5 else [*kept[:-1], kept[-1][: draw.randrange(1, len(kept[-1]))]]


def clock_stopped(lines: list[bytes], draw: random.Random) -> list[bytes]:
    begin = some_point(lines, draw, BATCHES)
    return [*lines[:begin], *(lines[begin][:24] + line[24:] for line in lines[begin:])]


def breaking() -> Iterator[Case]:
    """Yield changes that matter, in turn, without end."""
    while True:
        for tag in CADENCES:
            yield dropped(tag)
        yield from (garbled("TRAIN", rb"loss", damage) for damage in (b"0.5.1", b"?", b"0,5"))
        yield garbled("TRAIN", rb"step", b"x")
        yield garbled("EPOCH", rb"val_loss", b"0.5?")
        yield garbled("WEIGHT-MONITOR", rb"update", b"--")
        yield Case("cut", cut)
        yield Case("clock stopped", clock_stopped)
        yield from (nan_in("TRAIN", "loss", spelling) for spelling in NANS)
        yield from (nan_in("EPOCH", "val_loss", spelling) for spelling in NANS)
        yield Case("cut", cut)
        yield Case("clock stopped", clock_stopped)


def harmless() -> Iterator[Case]:
    """Yield changes that do not matter, in turn, without end."""

    def foreign(lines: list[bytes], draw: random.Random) -> list[bytes]:
        return [
            each for line in lines for each in ([draw.choice(TEXTS).encode()] if draw.random() < 0.2 else []) + [line]
        ]

    def blank(lines: list[bytes], draw: random.Random) -> list[bytes]:
        return [each for line in lines for each in ([b""] if draw.random() < 0.1 else []) + [line]]

    while True:
        yield Case("foreign lines", foreign)
        yield Case("CRLF", lambda lines, draw: [line + b"\r" for line in lines])
        yield Case("colours", lambda lines, draw: [b"\x1b[32m" + line + b"\x1b[0m" for line in lines])
        yield Case("blank lines", blank)
        yield Case("as it is", lambda lines, draw: lines)


def says_all_passed(log: Path) -> dict[str, bool]:
    """Return which of the commands say that all has passed."""
    read = api.read(log)
    return {
        "check, replay": "all passed" in "\n".join(summary_lines(read.snapshot)),
        "report": build(read.snapshot).footer.all_passed,
        "status, doctor": verdict_of(read.snapshot).all_passed,
    }


def cases(found: Iterator[Case]) -> list[object]:
    drawn = [next(found) for _ in range(NUM_CASES)]
    step = NUM_CASES // SAMPLED
    return [
        pytest.param(case, seed, id=f"{seed}-{case.name}", marks=() if seed % step == 0 else pytest.mark.slow)
        for seed, case in enumerate(drawn)
    ]


@pytest.mark.parametrize(("case", "seed"), cases(breaking()))
def test_what_matters_takes_the_all_clear_away(case: Case, seed: int, green: bytes, tmp_path: Path):
    broken = case.change(green.rstrip(b"\n").split(b"\n"), random.Random(seed))
    log = tmp_path / "run.log"
    log.write_bytes(b"\n".join(broken) + b"\n")
    assert log.read_bytes() != green
    assert set(says_all_passed(log).values()) == {False}


@pytest.mark.parametrize(("case", "seed"), cases(harmless()))
def test_what_does_not_matter_leaves_it(case: Case, seed: int, green: bytes, tmp_path: Path):
    log = tmp_path / "run.log"
    log.write_bytes(b"\n".join(case.change(green.rstrip(b"\n").split(b"\n"), random.Random(seed))) + b"\n")
    assert set(says_all_passed(log).values()) == {True}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_the_cuts_of_the_bytes_leave_it(seed: int, green: bytes):
    draw, buffer, start = random.Random(seed), LineBuffer(), 0
    watching = Pipeline("run.log", Engine(RULES))
    while start < len(green):
        end = start + draw.randrange(1, 4_000)
        for part in buffer.feed(green[start:end]):
            watching.take(part)
        start = end
    assert verdict_of(watching.snapshot(watching.run.now, is_following=False)).all_passed


@pytest.mark.parametrize(("epochs", "batches"), [(1, 30), (3, 10), (2, 70), (20, 5)])
def test_a_short_healthy_run_with_the_defaults_is_green(epochs: int, batches: int, tmp_path: Path):
    log = tmp_path / "run.log"
    write_green_log(log, epochs=epochs, batches=batches)
    assert set(says_all_passed(log).values()) == {True}
    assert api.read(log).exit_code == 0
