"""Clocks that jump: every stall fires exactly once, for any clock of the log or the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.run.run import CLOCK_LINES
from monitor.tail import Gathered
from tests.cli.command import LIMIT_S, monitor
from tests.cli.logs import TROUBLED, write
from tests.cli.watching import SHIPPED, Watching
from tests.lines import at, numbered, pipeline, story, take, train

HOUR_S = 3600.0
LOOK_S = 70.0
"""Time between two polls; an alert is dated at its deadline, however late the poll."""
STALL = [rule for rule in SHIPPED if rule.alert == "TrainingStall"]
Told = list[tuple[str, float | None]]


class Clocked:
    """A run, watched live, whose log has the times of a clock that can be set."""

    def __init__(self, folder: Path) -> None:
        self.watching = Watching(folder / "run.log", rules=STALL)
        self.written: list[bytes] = []
        self.passed_s = self.offset_s = 0.0
        self.line()

    def line(self, *, after_s: float = 0.0, step_s: float = 0.0) -> None:
        """Let time pass, set the log's clock forward or back, and write a line."""
        self.silence(after_s)
        self.offset_s += step_s
        self.written.append(at(self.passed_s + self.offset_s, train(len(self.written) + 1)))
        self.watching.turn(self.written[-1:])

    def lines(self, count: int, *, every_s: float = 100.0) -> None:
        """Go on as a healthy run does."""
        for _ in range(count):
            self.line(after_s=every_s)

    def silence(self, seconds: float) -> None:
        """Write nothing for some time; the watch polls now and then, the last time just before the next line."""
        self.passed_s += seconds
        while seconds > 0:
            self.watching.turn(after_s=min(seconds, LOOK_S))
            seconds -= LOOK_S

    @property
    def told(self) -> Told:
        """The live watch's stalls: state and seconds after the first line, by the run's time."""
        return self.watching.stalls()

    @property
    def replayed(self) -> Told:
        """The same from a replay of the same bytes."""
        return [(state, when) for _, state, when in story(take(pipeline(STALL), numbered(self.written)))]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Clocked]:
    """Return a run of one line."""
    made = Clocked(tmp_path)
    with made.watching.tail:
        yield made


@pytest.mark.parametrize("step_s", [-HOUR_S, -1.0, -10 * 365 * 24 * HOUR_S, 0.5], ids=["back 1 h", "1 s", "10 a", "on"])
def test_setting_the_clock_neither_raises_nor_hides_a_stall(run: Clocked, step_s: float) -> None:
    run.lines(5)
    run.line(after_s=100, step_s=step_s)
    run.lines(5)
    assert run.told == run.replayed == []
    run.silence(301)
    assert [state for state, _ in run.told] == ["firing"]
    run.silence(2_000)
    run.line()
    assert [state for state, _ in run.told] == ["firing", "resolved"]
    assert run.told == run.replayed


def test_setting_the_clock_forward_beyond_the_budget_looks_like_one_silence(run: Clocked) -> None:
    """The log itself looks like that, in a replay too: one stall, which ends with the same line."""
    run.lines(2)
    run.line(after_s=100, step_s=HOUR_S)
    run.lines(5)
    assert run.told == run.replayed == [("firing", 500), ("resolved", 200 + 100 + HOUR_S)]


def test_a_clock_step_forward_does_not_repeat_a_firing_stall(run: Clocked) -> None:
    run.line(after_s=100)
    run.silence(400)
    assert run.told == [("firing", 400)]
    run.line(step_s=HOUR_S)
    assert run.told == run.replayed == [("firing", 400), ("resolved", 500 + HOUR_S)]


def test_a_line_from_the_past_ends_a_stall_and_the_next_stall_fires(run: Clocked) -> None:
    run.line(after_s=100)
    run.silence(400)
    run.line(step_s=-HOUR_S)
    assert [state for state, _ in run.told] == ["firing", "resolved"]
    run.lines(3)
    run.silence(301)
    assert [state for state, _ in run.told] == ["firing", "resolved", "firing"]


def test_a_machine_that_starts_in_1970_and_gets_the_time_later_shows_no_jump(run: Clocked) -> None:
    """Its correct clock is remembered in the meantime."""
    run.line(after_s=10, step_s=-50 * 365 * 24 * HOUR_S)
    run.lines(2)
    run.line(after_s=10, step_s=50 * 365 * 24 * HOUR_S)
    run.lines(3)
    assert run.told == run.replayed == []


def test_a_clock_unused_for_long_is_forgotten(run: Clocked) -> None:
    run.line(after_s=10, step_s=-50 * 365 * 24 * HOUR_S)
    run.lines(CLOCK_LINES + 1, every_s=1.0)
    run.line(after_s=10, step_s=50 * 365 * 24 * HOUR_S)
    run.lines(3)
    assert [state for state, _ in run.told] == ["firing", "resolved"]
    assert run.told == run.replayed


@pytest.mark.parametrize("offsets_s", [(0.0, HOUR_S), (0.0, -7 * HOUR_S, 5.5 * HOUR_S), (0.0, 2.0, -2.0, HOUR_S)])
def test_writers_with_different_clocks_neither_raise_nor_hide_a_silence(
    run: Clocked, offsets_s: tuple[float, ...]
) -> None:
    """Mixed zones: each clock's first appearance may look like one silence; from then on only real ones count."""
    for _ in range(10):
        for offset_s in offsets_s:
            run.line(after_s=10, step_s=offset_s - run.offset_s)
    before = len(run.told)
    assert before <= 2 * (len(offsets_s) - 1)
    for offset_s in (*offsets_s, *offsets_s):
        run.line(after_s=700, step_s=offset_s - run.offset_s)
        run.line(after_s=10)
    assert [state for state, _ in run.told[before:]] == ["firing", "resolved"] * 2 * len(offsets_s)
    assert run.told == run.replayed


def test_blocks_and_single_lines_agree_on_the_writers_clocks() -> None:
    apart = [at(10.0 * number + HOUR_S * (number % 3 == 0), train(number + 1)) for number in range(100)]
    alone = [at(10.0 * number + 400.0 * (number > 700), train(number + 1)) for number in range(100, 1_000)]
    lines = [*apart, *alone]
    one, other = pipeline(STALL), pipeline(STALL)
    singly = take(one, numbered(lines))
    buffered = [Gathered.of(list(numbered(lines)))]
    together = [alert for stretch in buffered for alert in other.take_all(stretch)]
    assert story(singly) == story(together)
    assert (one.run.now, one.run.clocks) == (other.run.now, other.run.clocks)


def test_a_line_without_a_time_or_without_a_zone_ends_a_silence_when_it_comes(run: Clocked) -> None:
    run.line(after_s=100)
    for text in (b"no time at all\n", b"2025-10-30 03:00:00,123 INFO a local time\n", b"[03:00:00] and no date\n") * 3:
        run.silence(200)
        run.watching.turn(text)
    assert run.told == []
    run.silence(301)
    assert [state for state, _ in run.told] == ["firing"]


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S, -20 * 365 * 24 * HOUR_S, 20 * 365 * 24 * HOUR_S])
def test_the_machines_own_time_of_day_does_not_matter(run: Clocked, jump_s: float) -> None:
    run.lines(3)
    run.watching.clock.day += jump_s
    run.lines(3)
    assert run.told == []
    run.silence(150)
    run.watching.clock.day += jump_s
    run.silence(151)
    assert run.told == [("firing", 600 + 300)]
    run.watching.clock.day -= 3 * jump_s
    run.silence(1_000)
    assert len(run.told) == 1


STEPS = st.sampled_from([0.0, 0.0, 0.0, -HOUR_S, HOUR_S, -1.0, 1.0, -86_400.0, 86_400.0])
SILENCES = st.sampled_from([0.5, 1.0, 100.0, 299.0, 302.0, 700.0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(SILENCES, STEPS), max_size=8))
def test_each_silence_fires_once_for_any_clock(tmp_path: Path, happenings: list[tuple[float, float]]) -> None:
    """Live: as many stalls as there were silences beyond 300 s, and at most one more for each jump forward."""
    (tmp_path / "run.log").unlink(missing_ok=True)
    run = Clocked(tmp_path)
    with run.watching.tail:
        for silence_s, step_s in happenings:
            run.line(after_s=silence_s, step_s=step_s)
    states = [state for state, _ in run.told]
    assert states == ["firing", "resolved"] * (len(states) // 2)
    num_silences = sum(silence_s > 300 for silence_s, _ in happenings)
    num_jumps = sum(silence_s <= 300 < silence_s + step_s for silence_s, step_s in happenings)
    assert num_silences <= len(states) // 2 <= num_silences + num_jumps
    if all(step_s >= 0 for _, step_s in happenings):
        assert run.told == run.replayed


def test_two_writers_with_clocks_an_hour_apart_raise_no_silence(run: Clocked) -> None:
    """Two time zones in one log: at most the first jump may look like a silence, as one step of a clock does."""
    for _ in range(5):
        run.line(after_s=10, step_s=HOUR_S)
        run.line(after_s=10, step_s=-HOUR_S)
    assert len(run.told) <= 2


@pytest.mark.parametrize(
    "zone",
    [
        "Asia/Kathmandu",
        *(pytest.param(zone, marks=pytest.mark.slow) for zone in ("America/New_York", "Europe/Berlin", "UTC")),
    ],
)
def test_the_time_zone_and_daylight_saving_of_the_machine_change_nothing(tmp_path: Path, zone: str) -> None:
    """The log's times are around the end of daylight saving time in Europe, 2025-10-26 01:00 UTC."""
    autumn_s = -4 * 86_400 - 22.7 * HOUR_S
    lines = [at(autumn_s + 900 * step, train(step)) for step in range(1, 20)]
    write(tmp_path / "run.log", [*lines, *TROUBLED])
    command = [sys.executable, "-m", "monitor", "replay", "run.log", "--json"]
    outputs = {
        subprocess.run(
            command, cwd=tmp_path, env={**os.environ, "TZ": each}, capture_output=True, check=False, timeout=LIMIT_S
        ).stdout
        for each in (zone, "Etc/UTC")
    }
    assert len(outputs) == 1
    assert b"2025-10-26T01:" in outputs.pop()


# ---- logs of a local time


BERLIN = ZoneInfo("Europe/Berlin")


def titan(first: datetime, *, minutes: int) -> list[bytes]:
    """Return a log in Berlin's time that does not name its zone, with a line every 30 s."""
    lines = []
    for number in range(2 * minutes):
        shown = (first + timedelta(seconds=30 * number)).astimezone(BERLIN).strftime("%Y-%m-%d %H:%M:%S,000")
        step = f"step: {number + 1}  loss: {9 - number / 1000:.4f}  grad_norm: 1.2  tps: 5,000  mfu: 30%"
        lines.append(f"[titan] {shown} - root - INFO - {step}".encode())
    return lines


SPRING, AUTUMN = datetime(2025, 3, 30, 0, 0, tzinfo=UTC), datetime(2025, 10, 25, 23, 0, tzinfo=UTC)
"""An hour and two before the clocks are changed."""


@pytest.mark.parametrize(("first", "leaps"), [(SPRING, True), (AUTUMN, False)])
def test_local_time_jumps_with_daylight_saving_unless_its_zone_is_named(
    tmp_path: Path, first: datetime, leaps: bool
) -> None:
    """In spring an hour is missing, which looks like a silence in the log alone; in autumn one occurs twice."""
    log = write(tmp_path / "run.log", titan(first, minutes=240))
    named = monitor("replay", log, "--time-zone", "Europe/Berlin", "--json")
    assert [alert for alert in named.objects() if alert["alert"] in ("TrainingStall", "SoftHang")] == []
    assumed = monitor("replay", log)
    assert "its times name no zone, so UTC is assumed" in assumed.out
    assert ("TrainingStall firing" in assumed.out) == leaps


@pytest.mark.parametrize(("first", "place"), [(SPRING, 118), (AUTUMN, 238)])
def test_a_silence_across_a_daylight_saving_change_has_its_true_length(
    tmp_path: Path, first: datetime, place: int
) -> None:
    lines = titan(first, minutes=240)
    del lines[place : place + 16]
    log = write(tmp_path / "run.log", lines)
    told = monitor("replay", log, "--time-zone", "Europe/Berlin", "--json").objects()
    (firing, resolved) = [alert for alert in told if alert["alert"] == "TrainingStall"]
    assert datetime.fromisoformat(firing["at"]) == first + timedelta(seconds=30 * (place - 1) + 300)
    assert datetime.fromisoformat(resolved["at"]) == first + timedelta(seconds=30 * (place + 16))


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "run.log", TROUBLED)
    for name in ("Europe/Berlim", "../etc/passwd", "Europe"):
        said = monitor("replay", log, "--time-zone", name)
        expected = f"monitor: --time-zone {name}: not a time zone; expected a name such as Europe/Berlin, or UTC\n"
        assert (said.code, said.err) == (2, expected)
