"""What each key does, without a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.terminal.keyboard import keys_of
from monitor.terminal.screen.view import KEYS, Page, Verb, View, press
from tests.terminal.draw import SCENES

ALERT = SCENES["failing"].snapshot.open[0]
ALERTS = [replace(ALERT, id=f"{number:016d}") for number in range(3)]
LOGS = ["a.log", "b.log"]


def pressed(*keys: str, view: View | None = None, alerts=ALERTS, logs=LOGS):
    """Press keys one after the other; return the last view, and what was asked for."""
    view, wishes = view or View(), []
    for key in keys:
        view, wish = press(view, key, alerts, logs, view.log or logs[0])
        wishes += [wish] if wish else []
    return view, wishes


@pytest.mark.parametrize(
    ("keys", "cursor"),
    [("", None), ("j", 0), ("jj", 1), ("jjjjjj", 2), ("jjk", 0), ("k", 0), ("jjkkkk", 0)],
)
def test_the_arrows_choose_an_alert_and_stop_at_the_ends(keys: str, cursor: int | None):
    assert pressed(*keys)[0].cursor == cursor


def test_enter_opens_the_chosen_alert_and_esc_goes_back_to_it():
    view, _ = pressed("down", "down", "enter")
    assert (view.page, view.opened) == (Page.ALERT, ALERTS[1].id)
    view, _ = pressed("esc", view=view)
    assert (view.page, view.cursor) == (Page.RUN, 1)


@pytest.mark.parametrize(("key", "verb"), [("a", Verb.ACK), ("s", Verb.SILENCE), ("u", Verb.UNSILENCE)])
def test_an_alert_is_acknowledged_and_silenced_in_the_list_and_on_its_page(key: str, verb: Verb):
    for keys in (["down", key], ["down", "enter", key]):
        [wish] = pressed(*keys)[1]
        assert (wish.verb, wish.alert) == (verb, ALERTS[0])


def test_nothing_is_silenced_while_no_alert_is_chosen():
    view, wishes = pressed("a")
    assert (wishes, view.message) == ([], "choose an alert first, with ↓")


def test_a_single_q_does_not_end_the_watch():
    assert pressed("q")[1] == []
    assert pressed("q", "j", "q")[1] == []
    [wish] = pressed("q", "q")[1]
    assert wish.verb is Verb.QUIT


def test_letters_belong_to_the_filter_while_it_is_typed():
    view, wishes = pressed("/", "q", "q", "a", "backspace", "enter")
    assert (view.filter, view.is_typing, wishes) == ("qq", False, [])
    assert pressed("esc", view=view)[0].filter == ""


def test_tab_goes_from_log_to_log_and_round():
    view, _ = pressed("tab")
    assert view.log == "b.log"
    assert pressed("tab", view=view)[0].log == "a.log"
    assert pressed("tab", logs=["a.log"])[0].message == "there is one log only"


def test_a_long_page_scrolls_and_does_not_choose_alerts():
    view, _ = pressed("?", "down", "pgdn", "up")
    assert (view.page, view.top, view.cursor) == (Page.HELP, 10, None)
    assert pressed("home", view=view)[0].top == 0


def test_a_key_without_a_meaning_leads_to_the_help():
    assert pressed("z")[0].message == "? shows the keys"


def test_every_key_has_a_line_of_help():
    words = " ".join(keys for keys, _ in KEYS)
    assert all(key in words for key in ("↑", "↓", "PgUp", "Home", "Enter", "Esc", "Tab", "/", "a", "s", "u", "?", "q"))


ANY_KEY = st.sampled_from([*"jkasuq?h/xy", "enter", "esc", "tab", "backspace", "pgdn", "pgup", "home"])


@given(st.lists(ANY_KEY, max_size=30))
def test_no_sequence_of_keys_breaks_the_view(keys: list[str]):
    for alerts in (ALERTS, []):
        view, _ = pressed(*keys, alerts=alerts)
        assert view.top >= 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"j", ["j"]),
        (b"\x1b[A\x1b[B", ["up", "down"]),
        (b"\x1bOA", ["up"]),
        (b"\x1b[5~\x1b[6~", ["pgup", "pgdn"]),
        (b"\x1b", ["esc"]),
        (b"\r", ["enter"]),
        (b"\t\x7f", ["tab", "backspace"]),
        ("ü".encode(), ["ü"]),
        (b"\x1b[15~\x01\xff", []),
        (b"\x1b[1;5C", []),
    ],
)
def test_what_a_terminal_sends_becomes_keys(data: bytes, expected: list[str]):
    assert keys_of(data) == expected
