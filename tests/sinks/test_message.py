"""What a person reads first of an alert: which log, on which host, what, since when; nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alert import Alert, State
from monitor.sinks.message import subject_of, write_message
from monitor.sinks.webhook import FORMATS
from tests.notify.receivers import alert

LOG, HOST = "/runs/lr1e-4/train.log", "gpu03"


def one(state: State = State.FIRING, **others: object) -> Alert:
    said = "the loss is nan at step 370"
    made = replace(alert(1), log=LOG, host=HOST, state=state, starts_at=1_761_867_651.0, summary=said)
    return replace(made, ends_at=None if state is State.FIRING else 1_761_868_491.0, **others)


def test_the_subject_names_log_host_and_trouble():
    assert subject_of([one()])[2:] == "lr1e-4/train.log @gpu03: the loss is nan at step 370"
    assert subject_of([one(), alert(2)]).endswith(" (+1)")


def test_two_runs_of_one_trainer_have_two_subjects():
    assert subject_of([one()]) != subject_of([one(log="/runs/lr3e-4/train.log")])


@pytest.mark.parametrize(
    ("state", "words"),
    [(State.RESOLVED, "over: the loss is nan"), (State.CLOSED, "its run ended while this was wrong: the loss is nan")],
)
def test_an_alert_that_is_over_says_so_and_how_long_it_lasted(state: State, words: str):
    assert words in subject_of([one(state)])
    assert "lasted 14 min" in write_message([one(state)], template="message.txt.j2", language="text")


@pytest.mark.parametrize("language", ["text", "markdown", "slack"])
def test_nothing_is_said_twice(language: str):
    text = write_message([one()], template="message.txt.j2", language=language)
    assert text.replace("\\", "").count("the loss is nan at step 370") == 1
    assert "since 2025-10-30T23:40:51" in text.replace("\\", "")


def test_the_dot_of_the_subject_is_shown_where_the_logs_own_are_not():
    content = str(FORMATS["discord"]([one(summary="✅ all is well")], None, "")["content"])
    assert content[0] in "🔴🟠⚪"
    assert "✅" not in content
