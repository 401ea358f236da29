"""When a watched run is over, and what a watch says of a log that it cannot read."""

from pathlib import Path

import pytest

from monitor import api
from tests.cli.command import monitor
from tests.cli.watching import Watching
from tests.lines import at, train

OUT_OF_MEMORY = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n"
TIME_LIMIT = b"slurmstepd: error: *** JOB 8 ON n CANCELLED AT 2025-03-04T09:00:30 DUE TO TIME LIMIT ***\n"
UNREAD = b"".join(b"Zyklus %d ist vorbei, alles gut\n" % n for n in range(30))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "run.log"


def rules(watching: Watching) -> list[str]:
    return [alert.rule for alert in watching.heard.alerts if alert.state is api.State.FIRING and not alert.inhibited_by]


def test_a_death_ends_the_watch_at_its_deadline_and_not_before(log: Path):
    watching = Watching(log, until_end=True)
    with watching.tail:
        watching.turn([at(0, train(1)), at(1, train(2))])
        watching.turn(OUT_OF_MEMORY)
        watching.rest(55)
        assert not watching.follower.is_over
        watching.rest(10)
        assert watching.follower.is_over
        assert watching.follower.why_over.startswith("the run died: out of GPU memory")


def test_the_end_of_a_log_gives_the_alert_that_a_watch_gave(log: Path):
    watching = Watching(log)
    with watching.tail:
        watching.turn([at(0, train(1)), at(1, train(2))])
        watching.turn(OUT_OF_MEMORY)
        watching.rest(70)
    live = [alert.to_json() for alert in watching.heard.alerts if alert.rule == "Crash"]
    read = [alert.to_json() for alert in api.read(log).transitions if alert.rule == "Crash"]
    assert live == read != []


def test_silence_of_half_an_hour_ends_the_watch(log: Path):
    watching = Watching(log, until_end=True)
    with watching.tail:
        watching.turn([at(0, train(1))])
        watching.turn(after_s=1_790)
        assert not watching.follower.is_over
        watching.turn(after_s=20)
        assert watching.follower.why_over == "nothing was written for 1,800 s"


def test_a_log_of_which_nothing_is_read_still_dies_by_its_words(log: Path):
    watching = Watching(log)
    with watching.tail:
        watching.turn(UNREAD)
        watching.turn(after_s=5)
        watching.turn(b"Killed\n")
        watching.rest(59)
        assert rules(watching) == []
        watching.rest(5)
    assert rules(watching) == ["Crash"]


def test_a_log_of_which_nothing_is_read_still_falls_silent(log: Path):
    watching = Watching(log)
    with watching.tail:
        watching.turn(UNREAD)
        watching.turn(b"weiter\n", after_s=5)
        watching.turn(after_s=1_799)
        assert rules(watching) == []
        watching.turn(after_s=2)
    assert rules(watching) == ["TrainingStall"]


@pytest.mark.parametrize(("state", "words"), [("Tl", "is stopped (state T"), ("D", "(state D)"), ("Z", "(state Z)")])
def test_a_stopped_process_is_named_as_the_cause_of_a_stall(log: Path, state: str, words: str):
    watching = Watching(log)
    with watching.tail:
        watching.turn([at(0, train(1)), at(1, train(2))])
        watching.turn(after_s=290)
        now = watching.follower.now()
        watching.pipeline.learn(f"INFO [PROC] pid=7 stat={state} cpu_pct=0.0 etime_s=300.0", now)
        watching.turn(after_s=20)
    (alert,) = [each for each in watching.heard.alerts if each.rule == "TrainingStall"]
    assert words in alert.summary
    assert alert.evidence[-1].text.endswith("etime_s=300.0")


STEPS = b"".join(b"step=%d loss=2.%d lr=0.001\n" % (n, n) for n in range(1, 30))


@pytest.mark.parametrize(
    ("last", "code", "finished", "ended", "cause"),
    [
        (OUT_OF_MEMORY, 1, 1, "failed", "out_of_memory_gpu"),
        (b"Killed\n", 1, 1, "killed", "killed"),
        (b"KeyboardInterrupt\n", 0, 1, "cancelled", "interrupted"),
        (TIME_LIMIT, 1, 1, "time_limit", "time_limit"),
        (b"Training completed\n", 0, 0, "completed", None),
        (b"", 0, 1, "no_end", None),
    ],
)
def test_check_says_how_a_run_ended(log: Path, last: bytes, code: int, finished: int, ended: str, cause: str | None):
    log.write_bytes(STEPS + last)
    said = monitor("check", str(log), "--json")
    (found,) = said.objects()
    assert (said.code, found["ended"], found.get("cause")) == (code, ended, cause)
    assert monitor("check", str(log), "--finished").code == finished
    words = {"no_end": "no end seen", "failed": "DIED", "time_limit": "ended by its time limit"}.get(ended, ended)
    assert f" · {words}" in monitor("check", str(log)).out.splitlines()[0].replace("KILLED", "killed")


def test_no_page_of_a_log_without_an_end_says_that_all_passed(log: Path):
    log.write_bytes(STEPS)
    monitor("report", str(log), "--out", str(log.with_suffix(".md")))
    page = log.with_suffix(".md").read_text()
    assert "no end seen" in page
    assert "All checks passed" not in page
