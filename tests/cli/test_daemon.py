"""The loop of a live watch, turn by turn, on a clock that is moved by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from monitor.grammar import RunEnd, RunStart
from monitor.pipeline import Pipeline
from monitor.snapshot import Snapshot
from monitor.tail import read_lines
from monitor.tail.source import FileChange
from monitor.tail.waker import Waker
from tests.cli.logs import COMPLETED, EPOCH_1, FAILED, START_LINE, TROUBLED, joined
from tests.cli.watching import ByHand, Watching
from tests.lines import START, at, story, train

HOUR_S = 3600.0
TRAINING = [START_LINE, at(10, train(1, epochs=2))]
"""A run that is training, last heard of 10 s after `START`."""
TIMELESS = [b"iter %d: loss 2.3000, time 10.00ms, mfu 12.00%%" % step for step in (0, 10)]
"""Lines of nanoGPT: none has a time."""
START_LINE_2 = RunStart(run="fit-1", attempt=2)


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    """Return a watch of a log that does not exist yet."""
    made = Watching(tmp_path / "run.log")
    with made.tail:
        yield made


# ---- silence


def test_a_stall_fires_300_s_after_the_last_line_and_not_before(watching: Watching):
    watching.turn(TRAINING)
    watching.turn(after_s=299.9)
    watching.turn(after_s=0.1)
    assert watching.stalls() == []
    watching.turn(after_s=0.001)
    assert watching.stalls() == [("firing", 310)]


@pytest.mark.parametrize("late_s", [300.5, 317.0, 2 * HOUR_S])
def test_a_stall_is_dated_at_its_deadline_however_late_the_turn(watching: Watching, late_s: float):
    watching.turn(TRAINING)
    watching.turn(after_s=late_s)
    assert watching.stalls() == [("firing", 310)]


def test_a_stall_is_reported_once_and_resolved_by_the_next_line(watching: Watching):
    watching.write(TRAINING)
    for _ in range(10):
        watching.turn(after_s=100)
    watching.turn([at(1_000, train(2))])
    watching.turn(after_s=100)
    assert watching.stalls() == [("firing", 310), ("resolved", 1_000)]


def test_each_line_starts_the_silence_anew(watching: Watching):
    for step in range(1, 6):
        watching.turn([at(200 * step, train(step))], after_s=200)
    watching.turn(after_s=300)
    assert watching.stalls() == []
    watching.turn(after_s=1)
    assert watching.stalls() == [("firing", 5 * 200 + 300)]


def test_a_refresh_of_a_progress_bar_postpones_a_stall(watching: Watching):
    watching.turn(TRAINING)
    for percent in range(10, 60, 10):
        watching.turn(b"\r %d%%|#    |" % percent, after_s=1)
        watching.rest(99)
    assert watching.stalls() == []
    watching.rest(202)
    assert watching.stalls() == [("firing", 10 + 401 + 300)]


def test_a_partial_line_postpones_a_stall(watching: Watching):
    watching.turn(TRAINING)
    watching.turn(b"Epoch 1: 2it [00:09", after_s=200)
    watching.rest(300)
    assert watching.stalls() == []
    watching.rest(1)
    assert watching.stalls() == [("firing", 10 + 200 + 300)]


def test_dots_that_never_rest_postpone_a_stall(watching: Watching):
    """A byte every other second, and no line end in ten minutes: bytes end the silence."""
    watching.turn(TRAINING)
    for _ in range(300):
        watching.turn(b".", after_s=2)
    assert watching.stalls() == []


@pytest.mark.parametrize("bytes_without_time", [b"no head and no time\n", b"\n", b"   \r\n"])
def test_a_line_without_a_time_postpones_a_stall(watching: Watching, bytes_without_time: bytes):
    watching.turn(TRAINING)
    watching.turn(bytes_without_time, after_s=200)
    watching.turn(after_s=300)
    assert watching.stalls() == []
    watching.turn(after_s=1)
    assert watching.stalls() == [("firing", 10 + 200 + 300)]


@pytest.mark.parametrize("data", [b"no head and no time\n", b"Epoch 1: 2it", b"\r 10%\r 20%", b"\n"])
def test_bytes_without_a_time_end_a_stall_at_the_moment_they_come(watching: Watching, data: bytes):
    watching.turn(TRAINING)
    watching.rest(350)
    watching.turn(data, after_s=50)
    assert watching.stalls() == [("firing", 310), ("resolved", 10 + 350 + 50)]
    watching.rest(301)
    assert watching.stalls()[2:] == [("firing", 10 + 350 + 50 + 300)]


def test_the_time_of_day_may_jump(watching: Watching):
    watching.turn(TRAINING)
    for jump in (-HOUR_S, 5 * HOUR_S, -9 * HOUR_S):
        watching.clock.day += jump
        watching.turn(after_s=90)
    assert watching.stalls() == []
    assert watching.run_time() == 10 + 3 * 90


# ---- the first look at a log that was there before


def test_a_log_last_written_200_s_before_the_watch_began_fires_100_s_later(watching: Watching):
    watching.write(TRAINING, age_s=200)
    watching.turn()
    watching.turn(after_s=100)
    assert watching.stalls() == []
    watching.turn(after_s=0.001)
    assert watching.stalls() == [("firing", 310)]


def test_a_silence_that_is_already_too_long_is_reported_at_once(watching: Watching):
    watching.write(TRAINING, age_s=HOUR_S)
    watching.turn()
    assert (watching.stalls(), watching.heard.abandoned) == ([("firing", 310)], [])


def test_an_old_log_without_an_end_line_is_abandoned_and_its_silence_not_judged(watching: Watching):
    watching.write(TRAINING, age_s=HOUR_S + 1)
    watching.turn()
    watching.turn(after_s=HOUR_S)
    assert watching.heard.abandoned == [HOUR_S + 1]
    assert watching.stalls() == []
    assert not watching.follower.snapshot().is_following


def test_an_abandoned_log_that_goes_on_is_judged_again(watching: Watching):
    """The time between its lines is judged as in a replay."""
    watching.write(TRAINING, age_s=9 * HOUR_S)
    watching.turn()
    watching.turn([at(10 * HOUR_S, train(2))])
    assert watching.follower.snapshot().is_following
    assert watching.stalls() == [("firing", 310), ("resolved", 10 * HOUR_S)]
    watching.turn(after_s=301)
    assert watching.stalls()[2:] == [("firing", 10 * HOUR_S + 300)]


def test_an_old_log_that_ended_is_not_called_abandoned(watching: Watching):
    watching.write([*TRAINING, at(20, COMPLETED)], age_s=100 * HOUR_S)
    watching.turn()
    watching.turn(after_s=HOUR_S)
    assert (watching.heard.abandoned, watching.heard.alerts) == ([], [])


def test_a_log_that_comes_later_is_followed_from_its_first_line(watching: Watching):
    watching.turn()
    watching.turn(after_s=2 * HOUR_S)
    assert (watching.heard.alerts, watching.follower.now()) == ([], None)
    watching.turn(TRAINING)
    assert [notice.change for notice in watching.heard.notices] == [FileChange.APPEARED]
    watching.turn(after_s=301)
    assert watching.stalls() == [("firing", 310)]


def test_an_empty_log_is_a_run_that_has_not_begun(watching: Watching):
    watching.write(b"")
    watching.turn()
    watching.turn(after_s=2 * HOUR_S)
    assert (watching.heard.alerts, watching.heard.abandoned) == ([], [])
    assert str(watching.follower.snapshot().run.status) == "waiting"


def test_lines_without_a_time_stall_by_the_time_of_their_arrival(watching: Watching):
    watching.turn(TIMELESS)
    for step in (15, 16, 17):
        watching.turn(b"iter %d: loss 2.2000, time 10.00ms, mfu 12.00%%\n" % step, after_s=10)
    arrived = watching.clock.wall()
    watching.turn(after_s=300)
    assert watching.stalls() == []
    watching.turn(after_s=1)
    [stall] = watching.heard.alerts
    assert (stall.rule, stall.state, stall.at, stall.needs) == ("TrainingStall", "firing", arrived + 300, "facts")
    watching.turn(b"iter 20: loss 2.1000, time 10.00ms, mfu 12.00%\n", after_s=1)
    assert [each.state for each in watching.heard.alerts if each.rule == stall.rule] == ["firing", "resolved"]


def test_a_text_without_an_understood_line_stalls_after_half_an_hour_of_silence(watching: Watching):
    watching.turn(b"hello\nworld\n")
    watching.turn(after_s=HOUR_S / 2 - 1)
    assert watching.heard.alerts == []
    watching.turn(after_s=2)
    assert [alert.rule for alert in watching.heard.alerts] == ["TrainingStall"]


def test_an_old_log_without_times_is_abandoned(watching: Watching):
    watching.write(TIMELESS, age_s=HOUR_S + 1)
    watching.turn()
    watching.turn(after_s=HOUR_S)
    assert (watching.heard.abandoned, watching.stalls()) == ([HOUR_S + 1], [])


# ---- a backlog, and changes of the file


@pytest.mark.parametrize("poll_bytes", [1, 100, 1 << 20])
def test_a_backlog_gives_what_a_replay_gives_and_no_page_before_its_end(tmp_path: Path, poll_bytes: int):
    watching = Watching(tmp_path / "run.log", poll_bytes=poll_bytes)
    watching.write(TROUBLED)
    with watching.tail:
        watching.turn()
        while watching.tail.is_behind:
            assert watching.heard.pages == []
            watching.turn()
    replay = Pipeline(str(watching.log), watching.pipeline.engine)
    with watching.log.open("rb") as stream:
        changes = [change for line in read_lines(stream) for change in replay.take(line)]
    assert repr(watching.heard.alerts) == repr(changes)
    assert len(watching.heard.pages) == 1


def test_a_truncation_is_reported_with_the_lost_bytes(tmp_path: Path):
    watching = Watching(tmp_path / "run.log", poll_bytes=100)
    watching.write(TROUBLED)
    with watching.tail:
        watching.turn()
        unread_bytes = len(joined(TROUBLED)) - watching.tail.counters.bytes_read
        watching.log.write_bytes(b"")
        watching.turn()
        watching.turn(EPOCH_1)
    [notice] = watching.heard.notices
    assert (notice.change, notice.lost_bytes) == (FileChange.TRUNCATED, unread_bytes)
    assert unread_bytes > 1_000


def test_a_rotation_is_reported_and_the_new_file_followed(watching: Watching):
    watching.turn(TRAINING)
    watching.log.rename(watching.log.with_name("run.log.1"))
    watching.turn([at(20, train(2))])
    assert [notice.change for notice in watching.heard.notices] == [FileChange.ROTATED]
    assert watching.pipeline.run.attempt.step == 2


# ---- the page


def test_the_page_is_renewed_at_its_interval(watching: Watching):
    watching.turn(TRAINING)
    for _ in range(61):
        watching.turn(after_s=2)
    assert [_run_time(page) for page in watching.heard.pages] == [10, 10 + 60, 10 + 120]


def test_a_page_shows_the_silence_up_to_its_own_moment(watching: Watching):
    watching.turn(TRAINING)
    watching.turn(after_s=301)
    [_, page] = watching.heard.pages
    assert [alert.rule for alert in page.open] == ["TrainingStall"]


# ---- the end


class Script(ByHand):
    """A fake waker: instead of waiting, it makes the next thing happen."""

    def __init__(self, *happenings: Callable[[], object]) -> None:
        self._happenings = list(happenings)

    def wait(self, timeout_s: float) -> bool:
        assert self._happenings, "it waits for something that never comes"
        self._happenings.pop(0)()
        return True


@pytest.mark.parametrize(("end", "alerts"), [(COMPLETED, []), (FAILED, [("RunFailed", "firing", 20)])])
def test_until_end_stops_at_the_end_line_and_reads_it(tmp_path: Path, end: RunEnd, alerts: list[object]):
    watching = Watching(tmp_path / "run.log", until_end=True)
    script = Script(
        lambda: watching.write(TRAINING),
        lambda: watching.write(at(20, end)),
        lambda: watching.write(b"\n"),
    )
    with watching.tail:
        watching.daemon.run(cast(Waker, script))
    assert str(watching.pipeline.run.status) == end.status
    assert story(watching.heard.alerts) == alerts


def test_without_until_end_a_watch_goes_on_behind_the_end_line(watching: Watching):
    """The trainer may be started again into the same log."""
    watching.write([*TRAINING, at(20, COMPLETED)])
    script = Script(
        lambda: watching.write([at(30, START_LINE_2), at(31, train(1))]),
        watching.daemon.stop,
    )
    watching.daemon.run(cast(Waker, script))
    assert (watching.pipeline.run.attempt.number, watching.pipeline.run.attempt.step) == (2, 1)


def test_until_end_reads_a_finished_log_to_its_end_and_stops(tmp_path: Path):
    """A log of two attempts: the end line of the first one is not the end."""
    watching = Watching(tmp_path / "run.log", until_end=True, poll_bytes=64)
    watching.write([*TRAINING, at(20, COMPLETED), at(30, START_LINE_2), at(31, train(1)), at(40, COMPLETED)])
    with watching.tail:
        watching.daemon.run(cast(Waker, Script()))
    assert (watching.pipeline.run.attempt.number, str(watching.pipeline.run.status)) == (2, "completed")


def test_a_stop_ends_the_loop_after_its_turn(watching: Watching):
    watching.write(TRAINING)
    watching.daemon.run(cast(Waker, Script(watching.daemon.stop)))
    assert watching.pipeline.run.attempt.step == 1


def _run_time(page: Snapshot) -> float:
    assert page.now is not None
    return page.now - START
