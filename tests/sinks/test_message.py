"""What a person reads first of an alert: which log, on which host, what, since when; nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alert import Alert, State
from monitor.base.evidence import Evidence
from monitor.sinks.message import subject_of, write_message
from monitor.sinks.webhook import FORMATS
from tests.notify.receivers import alert

LOG, HOST = "/runs/lr1e-4/train.log", "gpu03"
BEGAN_AT = 1_761_867_651.0
"""2025-10-30 23:40:51 UTC."""


def one(state: State = State.FIRING, **others: object) -> Alert:
    line = Evidence("train.log", 2811, 99, BEGAN_AT, "step 370 loss nan")
    made = replace(alert(1), log=LOG, host=HOST, state=state, starts_at=BEGAN_AT, evidence=(line,), step=370)
    made = replace(
        made, at=BEGAN_AT, summary="the loss is nan", checkpoint="last checkpoint before it: step 300, L2700"
    )
    if state is not State.FIRING:
        made = replace(made, at=BEGAN_AT + 840, ends_at=BEGAN_AT + 840, reason="the run ended while it fired")
    return replace(made, **others)


def test_the_subject_names_log_host_and_trouble():
    assert subject_of([one()])[2:] == "lr1e-4/train.log @gpu03: the loss is nan, since step 370"
    told_late = one(at=BEGAN_AT + 840)
    assert subject_of([told_late]).endswith("the loss is nan, since step 370 (14 min)")
    assert subject_of([one(), alert(2)]).endswith(" (+1)")


def test_two_runs_of_one_trainer_have_two_subjects():
    assert subject_of([one()]) != subject_of([one(log="/runs/lr3e-4/train.log")])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.RESOLVED, "over after 14 min: the loss is nan"),
        (State.CLOSED, "the run ended while it fired: the loss is nan, since step 370 (14 min)"),
    ],
)
def test_an_alert_that_is_over_says_so_and_how_long_it_lasted(state: State, words: str):
    assert words in subject_of([one(state)])
    assert "14 min" in write_message([one(state)], template="message.txt.j2", language="text")


def test_the_end_of_a_run_that_still_fires_is_no_calm_dot():
    assert subject_of([one(State.CLOSED)])[0] == subject_of([one()])[0]
    assert subject_of([one(State.RESOLVED)])[0] == "🟢"


def texts(document: object) -> list[str]:
    """Return every text of a document, in order."""
    if isinstance(document, dict):
        return [text for value in document.values() for text in texts(value)]
    if isinstance(document, list):
        return [text for value in document for text in texts(value)]
    return [document] if isinstance(document, str) else []


def shown(form: str, alerts: list[Alert]) -> str:
    """Return what a person sees of a notice: without Slack's text for notifications, which repeats the header."""
    if form in ("text", "html"):
        return write_message(alerts, template=f"message.{form.replace('text', 'txt')}.j2", language=form)
    document = dict(FORMATS[form](alerts, None, "topic"))
    if form == "slack":
        document.pop("text")
    return "\n".join(texts(document)).replace("\\", "").replace("\u2060", "")


@pytest.mark.parametrize("form", ["text", "slack", "discord", "ntfy"])
def test_nothing_is_said_twice(form: str):
    text = shown(form, [one()])
    for words in ("the loss is nan", "step 370 loss nan", "look at it", "step 300", "since 2025-10-30 23:40:51"):
        assert text.count(words) == 1, (words, text)


@pytest.mark.parametrize("form", ["text", "html", "slack", "discord", "ntfy"])
def test_a_fatal_alert_says_what_to_do_and_where_to_go_back_to(form: str):
    text = shown(form, [one()])
    assert "look at it" in text
    assert "last checkpoint before it: step 300, L2700" in text
    assert "last checkpoint" not in shown(form, [one(State.RESOLVED)])


@pytest.mark.parametrize("form", ["slack", "discord", "ntfy"])
def test_a_notice_stays_within_the_limits_of_its_service(form: str):
    line = Evidence("train.log", 1, 0, BEGAN_AT, "&" * 2_000)
    document = FORMATS[form]([one(summary="&<" * 150, evidence=(line,) * 3)] * 30, None, "topic")
    if form == "slack":
        assert len(document["blocks"]) <= 50
        assert max(map(len, texts(document["blocks"]))) <= 3_000
        assert len(document["blocks"][0]["text"]["text"]) <= 150
    elif form == "discord":
        assert len(document["embeds"]) <= 10
        assert sum(map(len, texts(document["embeds"]))) <= 6_000
        assert len(document["content"]) <= 2_000
    else:
        assert len(document["message"].encode()) <= 4_096


def test_the_dot_of_the_subject_is_shown_where_the_logs_own_are_not():
    content = str(FORMATS["discord"]([one(summary="✅ all is well")], None, "")["content"])
    assert content[0] in "🔴🟠⚪"
    assert "✅" not in content
