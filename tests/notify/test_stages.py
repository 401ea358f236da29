"""What people are told, and when: with a clock that the test sets, and a sink that records what it gets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monitor.alert import Alert, State
from monitor.base.errors import SinkError
from monitor.notify import Delivery, Paces
from tests.notify.receivers import alert, critical, ended

START = 1_000.0
WALL = 1_700_000_000.0


class Notes:
    """A sink that records each notice; it can be told to fail."""

    is_slow = False

    def __init__(self, *, is_for_people: bool = True) -> None:
        self.is_for_people = is_for_people
        self.notices: list[list[tuple[str, str, bool]]] = []
        self.error: SinkError | None = None

    def send(self, alerts: Sequence[Alert]) -> None:
        if self.error is not None:
            raise self.error
        self.notices.append([(each.rule, each.state.value, each.resent) for each in alerts])

    @property
    def texts(self) -> list[list[str]]:
        return [
            [f"{rule} {state}{' again' if resent else ''}" for rule, state, resent in each] for each in self.notices
        ]


class Post:
    """A delivery to people, on a clock that only moves when asked."""

    def __init__(self, *, silent: Sequence[str] = (), paces: Paces = Paces()) -> None:  # noqa: B008
        self.notes, self.silent, self.passed_s = Notes(), set(silent), 0.0
        self.delivery = Delivery(
            {"notes": self.notes}, paces=paces, is_silenced=lambda each, wall: each.rule in self.silent
        )
        self.delivery.send(START, WALL)

    def at(self, passed_s: float, *alerts: Alert) -> list[list[str]]:
        """Advance to so many seconds after the start, add alerts, and return all notices so far."""
        self.passed_s = passed_s
        self.delivery.send(START + passed_s, WALL + passed_s)
        self.delivery.add(alerts)
        self.delivery.send(START + passed_s, WALL + passed_s)
        return self.notes.texts


TIMELINES = {
    "a first warning waits half a minute for others": (
        [(0, [alert(1)], []), (29.9, [alert(2)], []), (30, [], ["Rule1 firing, Rule2 firing"])]
    ),
    "a critical alert goes out at once and takes along what waits": (
        [(0, [alert(1)], []), (1, [critical(2)], ["Rule1 firing, Rule2 firing"])]
    ),
    "after a notice there is none for five minutes": [
        (0, [critical(1)], ["Rule1 firing"]),
        (10, [alert(2)], ["Rule1 firing"]),
        (299, [], ["Rule1 firing"]),
        (300, [], ["Rule1 firing", "Rule2 firing"]),
    ],
    "the end of an alert that was told is told": [
        (0, [critical(1)], ["Rule1 firing"]),
        (10, [ended(critical(1))], ["Rule1 firing"]),
        (300, [], ["Rule1 firing", "Rule1 resolved"]),
    ],
    "an alert that ends before it was told is told once, as ended": (
        [(0, [alert(1)], []), (5, [ended(alert(1))], []), (35, [], ["Rule1 resolved"])]
    ),
    "the end of an alert that was never told is not told": [(0, [ended(alert(1))], []), (3_600, [], [])],
    "an explained alert is not told": (
        [(0, [alert(1), alert(2, inhibited_by="Rule1")], []), (30, [], ["Rule1 firing"])]
    ),
    "a firing alert is repeated every four hours until it ends": [
        (0, [critical(1)], ["Rule1 firing"]),
        (14_399, [], ["Rule1 firing"]),
        (14_400, [], ["Rule1 firing", "Rule1 firing again"]),
        (14_500, [ended(critical(1))], ["Rule1 firing", "Rule1 firing again"]),
        (14_800, [], ["Rule1 firing", "Rule1 firing again", "Rule1 resolved"]),
        (100_000, [], ["Rule1 firing", "Rule1 firing again", "Rule1 resolved"]),
    ],
    "an attempt that ends while it fires is one notice and is not repeated": [
        (0, [critical(1)], ["Rule1 firing"]),
        (400, [critical(1, state=State.CLOSED, at=1e9 + 400)], ["Rule1 firing"]),
        (800, [], ["Rule1 firing", "Rule1 closed"]),
        (100_000, [], ["Rule1 firing", "Rule1 closed"]),
    ],
    "each run is told of separately, at its own pace": (
        [(0, [critical(1), alert(2, run="run-2")], ["Rule1 firing"]), (30, [], ["Rule1 firing", "Rule2 firing"])]
    ),
    "without a transition an alert is never told as resolved": (
        [(0, [critical(1)], ["Rule1 firing"]), (14_399, [], ["Rule1 firing"])]
    ),
}
"""Seconds after the start, alerts that come then, and all notices so far."""


@pytest.mark.parametrize("timeline", TIMELINES.values(), ids=TIMELINES)
def test_people_are_told(timeline: list[tuple[float, list[Alert], list[str]]]):
    post = Post()
    for passed_s, alerts, notices in timeline:
        assert post.at(passed_s, *alerts) == [notice.split(", ") for notice in notices]
    assert post.delivery.num_waiting == 0


def test_a_silenced_alert_is_told_when_the_silence_ends_and_it_still_fires():
    post = Post(silent=["Rule1"])
    post.at(0, critical(1))
    assert post.at(3_600) == []
    post.silent.clear()
    assert post.at(3_601) == [["Rule1 firing"]]


def test_a_silenced_alert_that_ends_before_its_silence_is_never_told():
    post = Post(silent=["Rule1"])
    post.at(0, critical(1))
    post.at(100, ended(critical(1)))
    post.silent.clear()
    assert post.at(7_200) == []
    assert post.delivery.num_waiting == 0


def test_a_later_silence_stops_the_repetitions_but_not_the_end():
    post = Post()
    post.at(0, critical(1))
    post.silent.add("Rule1")
    assert post.at(20_000) == [["Rule1 firing"]]
    post.at(20_001, ended(critical(1)))
    assert post.at(20_301) == [["Rule1 firing"], ["Rule1 resolved"]]


def test_a_machine_gets_every_transition_at_once_even_explained_and_silenced_ones():
    notes = Notes(is_for_people=False)
    delivery = Delivery({"file": notes}, is_silenced=lambda each, wall: True)
    delivery.send(START, WALL)
    delivery.add([alert(1), alert(2, inhibited_by="Rule1"), ended(alert(1))])
    delivery.send(START, WALL)
    assert notes.texts == [["Rule1 firing", "Rule2 firing", "Rule1 resolved"]]


def test_a_failing_receiver_is_retried_at_growing_intervals_and_the_others_are_told():
    broken, fine = Notes(is_for_people=False), Notes(is_for_people=False)
    broken.error = SinkError("broken", "does not answer", permanent=False)
    delivery = Delivery({"broken": broken, "fine": fine})
    delivery.send(START, WALL)
    delivery.add([alert(1)])
    told = [delivery.send(START + second, WALL + second) for second in range(0, 200)]
    assert [str(error) for errors in told for error in errors] == ["broken: does not answer"]
    assert fine.texts == [["Rule1 firing"], ["ReceiverFailed firing"]]
    broken.error = None
    delivery.send(START + 400, WALL + 400)
    delivery.send(START + 401, WALL + 401)
    assert broken.texts == [["Rule1 firing again"]]
    assert fine.texts[2:] == [["ReceiverFailed resolved"]]


def test_an_alert_refused_for_good_is_dropped_and_the_others_are_told():
    broken, fine = Notes(is_for_people=False), Notes(is_for_people=False)
    broken.error = SinkError("broken", "answered 404", permanent=True)
    delivery = Delivery({"broken": broken, "fine": fine})
    delivery.send(START, WALL)
    delivery.add([alert(1)])
    assert [str(error) for error in delivery.send(START, WALL)] == ["broken: answered 404"]
    delivery.send(START + 1, WALL + 1)
    assert [words for notice in fine.texts for words in notice] == ["Rule1 firing", "ReceiverFailed closed"]
    assert delivery.num_waiting == 0


def test_the_end_of_the_watch_sends_alerts_that_still_wait_for_others():
    post = Post()
    post.at(0, alert(1))
    post.delivery.hurry()
    assert post.at(1) == [["Rule1 firing"]]
