"""Evidence that is lost is an alert of its own: bytes destroyed before they were read, and lines that were cut."""

import os
from pathlib import Path

from monitor.alert import iso_time
from monitor.grammar import RunStart
from tests.cli.command import monitor
from tests.cli.watching import Watching
from tests.lines import at, report, story, train


def lost(watching: Watching) -> list[tuple[str, str]]:
    """Return the life of the alert: state, and the lines it rests on."""
    return [
        (alert.state.value, " | ".join(line.text for line in alert.evidence))
        for alert in watching.heard.alerts
        if alert.rule == "EvidenceLost"
    ]


def truncate(watching: Watching) -> None:
    """Empty the log in place, as `: > run.log` does."""
    os.truncate(watching.log, 0)


def test_a_log_emptied_before_it_was_read_is_reported_with_the_lost_bytes(tmp_path: Path):
    watching = Watching(tmp_path / "run.log", poll_bytes=2_000)
    with watching.tail:
        watching.turn([at(0, RunStart(run="fit-1")), at(1, train(1))] + [at(2, train(2))] * 100)
        assert watching.tail.is_behind
        unread = watching.log.stat().st_size - watching.tail.counters.bytes_read
        truncate(watching)
        watching.turn([at(3, train(3))])
        ((state, lines),) = lost(watching)
        assert state == "firing"
        assert lines.endswith(f"WARNING [LOG] lost bytes={unread} how=truncated")
        (alert,) = [alert for alert in watching.heard.alerts if alert.rule == "EvidenceLost"]
        assert alert.needs == "facts"


def test_a_log_that_is_emptied_after_all_of_it_was_read_has_lost_nothing(tmp_path: Path):
    watching = Watching(tmp_path / "run.log")
    with watching.tail:
        watching.turn([at(0, RunStart(run="fit-1")), at(1, train(1))])
        truncate(watching)
        watching.turn([at(3, train(3))])
        assert lost(watching) == []


def test_a_line_beyond_64_kib_is_reported_as_cut_once(tmp_path: Path):
    watching = Watching(tmp_path / "run.log")
    with watching.tail:
        watching.turn([at(0, RunStart(run="fit-1")), at(1, train(1)), b"x" * 70_000, at(2, train(2))])
        watching.turn([b"y" * 70_000, at(3, train(3))])
        ((state, lines),) = lost(watching)
        assert (state, lines[:3]) == ("firing", "xxx")


def test_the_next_start_of_the_trainer_closes_it(tmp_path: Path):
    watching = Watching(tmp_path / "run.log")
    with watching.tail:
        watching.turn([at(0, RunStart(run="fit-1")), at(1, train(1)), b"x" * 70_000])
        watching.turn([at(5, RunStart(run="fit-1", attempt=2)), at(6, train(2))])
        assert [each for each in story(watching.heard.alerts) if each[0] == "EvidenceLost"] == [
            ("EvidenceLost", "firing", 1),
            ("EvidenceLost", "closed", 5),
        ]


def test_dropped_samples_are_reported_live_and_by_a_replay(tmp_path: Path):
    """What the monitor keeps of a run is bounded: a group beyond that is not judged, so the run is not all clear."""
    groups = [at(2 + number / 1_000, report(1, **{f"group_{number}": 1.0})) for number in range(500)]
    log = [at(0, RunStart(run="fit-1")), at(1, train(1)), *groups, at(9, report(2, group_499=0.0))]
    watching = Watching(tmp_path / "run.log")
    with watching.tail:
        for begin in range(0, len(log), 50):
            watching.turn(log[begin : begin + 50])
    ((state, lines),) = lost(watching)
    assert (state, "group_" in lines) == ("firing", True)
    live = [(each.id, iso_time(each.at)) for each in watching.heard.alerts if each.rule == "EvidenceLost"]
    told = monitor("replay", tmp_path / "run.log", "--json").objects()
    assert [(each["id"], each["at"]) for each in told if each["alert"] == "EvidenceLost"] == live


def test_a_log_with_as_many_names_as_are_kept_has_lost_nothing(tmp_path: Path):
    groups = [at(2 + number / 1_000, report(1, **{f"group_{number}": 1.0})) for number in range(100)]
    watching = Watching(tmp_path / "run.log")
    with watching.tail:
        watching.turn([at(0, RunStart(run="fit-1")), at(1, train(1)), *groups])
    assert lost(watching) == []
