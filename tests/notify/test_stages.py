"""What people are told, and when: a clock that the test turns, and a sink that writes down what it gets."""

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
    """A receiver that takes down each notice; it can be told to fail."""

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
    def said(self) -> list[list[str]]:
        return [
            [f"{rule} {state}{' again' if resent else ''}" for rule, state, resent in each] for each in self.notices
        ]


class Post:
    """A delivery to people, at a time that only moves when asked."""

    def __init__(self, *, silent: Sequence[str] = (), paces: Paces = Paces()) -> None:  # noqa: B008
        self.notes, self.silent, self.passed_s = Notes(), set(silent), 0.0
        self.delivery = Delivery(
            {"notes": self.notes}, paces=paces, is_silenced=lambda each, wall: each.rule in self.silent
        )
        self.delivery.send(START, WALL)

    def at(self, passed_s: float, *alerts: Alert) -> list[list[str]]:
        """Let time pass to so many seconds after the start, hand over alerts, and return all that was said so far."""
        self.passed_s = passed_s
        self.delivery.send(START + passed_s, WALL + passed_s)
        self.delivery.add(alerts)
        self.delivery.send(START + passed_s, WALL + passed_s)
        return self.notes.said


@pytest.fixture
def post() -> Post:
    return Post()


def test_a_first_warning_waits_half_a_minute_for_others(post: Post):
    post.at(0, alert(1))
    assert post.at(29.9, alert(2)) == []
    assert post.at(30) == [["Rule1 firing", "Rule2 firing"]]


def test_what_is_critical_goes_out_at_once_and_takes_along_what_waits(post: Post):
    post.at(0, alert(1))
    assert post.at(1, critical(2)) == [["Rule1 firing", "Rule2 firing"]]


def test_after_a_notice_there_is_none_for_five_minutes(post: Post):
    post.at(0, critical(1))
    post.at(10, alert(2))
    assert post.at(299) == [["Rule1 firing"]]
    assert post.at(300) == [["Rule1 firing"], ["Rule2 firing"]]


def test_the_end_of_what_was_told_is_told(post: Post):
    post.at(0, critical(1))
    post.at(10, ended(critical(1)))
    assert post.at(300) == [["Rule1 firing"], ["Rule1 resolved"]]


def test_what_is_over_before_it_was_told_is_told_once_as_over(post: Post):
    post.at(0, alert(1))
    post.at(5, ended(alert(1)))
    assert post.at(35) == [["Rule1 resolved"]]


def test_the_end_of_what_nobody_was_told_of_is_not_told(post: Post):
    post.at(0, ended(alert(1)))
    assert post.at(3600) == []
    assert post.delivery.num_waiting == 0


def test_what_another_alert_explains_is_not_told(post: Post):
    post.at(0, alert(1), alert(2, inhibited_by="Rule1"))
    assert post.at(30) == [["Rule1 firing"]]


def test_what_fires_on_is_told_again_every_four_hours_and_no_longer_when_it_is_over(post: Post):
    post.at(0, critical(1))
    assert post.at(14_399) == [["Rule1 firing"]]
    assert post.at(14_400) == [["Rule1 firing"], ["Rule1 firing again"]]
    post.at(14_500, ended(critical(1)))
    assert post.at(14_800)[2:] == [["Rule1 resolved"]]
    assert len(post.at(100_000)) == 3


def test_an_attempt_that_ends_while_it_fires_is_one_notice_and_no_repetition(post: Post):
    post.at(0, critical(1))
    post.at(400, critical(1, state=State.CLOSED, at=1e9 + 400))
    assert post.at(800) == [["Rule1 firing"], ["Rule1 closed"]]
    assert len(post.at(100_000)) == 2


def test_runs_are_told_of_one_by_one_each_at_its_own_pace(post: Post):
    post.at(0, critical(1), alert(2, run="run-2"))
    assert post.at(0) == [["Rule1 firing"]]
    assert post.at(30) == [["Rule1 firing"], ["Rule2 firing"]]


def test_what_is_silenced_is_told_when_the_silence_ends_and_it_still_fires():
    post = Post(silent=["Rule1"])
    post.at(0, critical(1))
    assert post.at(3_600) == []
    post.silent.clear()
    assert post.at(3_601) == [["Rule1 firing"]]


def test_what_is_over_before_its_silence_ends_is_never_told():
    post = Post(silent=["Rule1"])
    post.at(0, critical(1))
    post.at(100, ended(critical(1)))
    post.silent.clear()
    assert post.at(7_200) == []
    assert post.delivery.num_waiting == 0


def test_a_silence_that_comes_later_stops_the_repetitions_and_not_the_end():
    post = Post()
    post.at(0, critical(1))
    post.silent.add("Rule1")
    assert post.at(20_000) == [["Rule1 firing"]]
    post.at(20_001, ended(critical(1)))
    assert post.at(20_301) == [["Rule1 firing"], ["Rule1 resolved"]]


def test_unknown_never_comes_to_people_as_resolved():
    """Nothing but a transition to resolved or closed ends an alert here; silence of the engine is no end."""
    post = Post()
    post.at(0, critical(1))
    assert post.at(14_399) == [["Rule1 firing"]]


def test_a_machine_gets_every_transition_at_once_the_explained_and_silenced_ones_too():
    notes = Notes(is_for_people=False)
    delivery = Delivery({"file": notes}, is_silenced=lambda each, wall: True)
    delivery.send(START, WALL)
    delivery.add([alert(1), alert(2, inhibited_by="Rule1"), ended(alert(1))])
    delivery.send(START, WALL)
    assert notes.said == [["Rule1 firing", "Rule2 firing", "Rule1 resolved"]]


def test_a_receiver_that_fails_is_tried_again_later_and_later_and_the_others_learn_of_it():
    broken, fine = Notes(is_for_people=False), Notes(is_for_people=False)
    broken.error = SinkError("broken", "does not answer", permanent=False)
    delivery = Delivery({"broken": broken, "fine": fine})
    delivery.send(START, WALL)
    delivery.add([alert(1)])
    told = [delivery.send(START + second, WALL + second) for second in range(0, 200)]
    assert [str(error) for errors in told for error in errors] == ["broken: does not answer"]
    assert fine.said == [["Rule1 firing"], ["ReceiverFailed firing"]]
    broken.error = None
    delivery.send(START + 400, WALL + 400)
    delivery.send(START + 401, WALL + 401)
    assert broken.said == [["Rule1 firing again"]]
    assert fine.said[2:] == [["ReceiverFailed resolved"]]


def test_what_a_receiver_refuses_for_good_is_dropped_and_told_to_the_others():
    broken, fine = Notes(is_for_people=False), Notes(is_for_people=False)
    broken.error = SinkError("broken", "answered 404", permanent=True)
    delivery = Delivery({"broken": broken, "fine": fine})
    delivery.send(START, WALL)
    delivery.add([alert(1)])
    assert [str(error) for error in delivery.send(START, WALL)] == ["broken: answered 404"]
    delivery.send(START + 1, WALL + 1)
    assert [words for notice in fine.said for words in notice] == ["Rule1 firing", "ReceiverFailed closed"]
    assert delivery.num_waiting == 0


def test_the_end_of_the_watch_tells_what_still_waits_for_others(post: Post):
    post.at(0, alert(1))
    post.delivery.hurry()
    assert post.at(1) == [["Rule1 firing"]]
