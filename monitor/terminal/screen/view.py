"""What a person has chosen to see, and what each key changes: a pure function of the key and of what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from monitor.alert import Alert

PAGE_LINES = 10
"""Lines that the page keys move by."""
FILTER_CHARACTERS = 40

KEYS = (
    ("↑ ↓  or  k j", "choose an alert; on a page that is longer than the screen, scroll"),
    ("PgUp PgDn", "by ten"),
    ("Home", "back to the newest alert, or to the top"),
    ("Enter", "open the chosen alert: why it matters, what to do, its lines of the log"),
    ("Esc", "back; also clears the filter"),
    ("Tab", "show the next log, where there are several"),
    ("/", "show only alerts that contain a text: a rule, a label, words of the summary"),
    ("a", "acknowledge the chosen alert: it is not repeated, its end is still told"),
    ("s", "silence the rule of the chosen alert for 1 hour"),
    ("u", "end the silence and the acknowledgement of the chosen alert"),
    ("?", "this page"),
    ("q q  or  Ctrl-C", "end the watch, and sum up"),
)
"""The keys of the live view, and what each does."""


class Page(Enum):
    """What fills the screen."""

    RUN = "the run"
    ALERT = "one alert"
    HELP = "the keys"


class Verb(Enum):
    """What a key asks of the watch."""

    ACK = "ack"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    QUIT = "quit"


class Wish(NamedTuple):
    """Something that a key asks for beyond the picture."""

    verb: Verb
    alert: Alert | None = None
    """Whom it is about; None for the watch itself."""


@dataclass(frozen=True)
class View:
    """What a person has chosen."""

    page: Page = Page.RUN
    log: str = ""
    """The log that is shown; empty for the one that the watch chooses: the newest run."""
    cursor: int | None = None
    """Place of the chosen alert among those listed; None while none is chosen."""
    opened: str = ""
    """Id of the alert that is open."""
    top: int = 0
    """First line shown of a page that scrolls."""
    filter: str = ""
    is_typing: bool = False
    """Whether keys are letters of the filter."""
    message: str = ""
    """The answer to the last key."""
    is_leaving: bool = False
    """Whether the last key was q, so that another one ends the watch."""


def press(view: View, key: str, alerts: Sequence[Alert], logs: Sequence[str], shown: str) -> tuple[View, Wish | None]:
    """Return the view after a key, and what the key asks of the watch.

    ``alerts`` are those listed, ``logs`` all followed logs, ``shown`` the log on the screen.
    """
    was_leaving = view.is_leaving
    view = replace(view, message="", is_leaving=False)
    if view.is_typing:
        return _typed(view, key), None
    if key == "q" and view.page is Page.RUN:
        if was_leaving:
            return view, Wish(Verb.QUIT)
        return replace(view, message="press q again to end the watch", is_leaving=True), None
    if key in ("esc", "q"):
        return _back(view), None
    if key in ("?", "h"):
        return replace(view, page=Page.HELP, top=0), None
    if key == "tab":
        return _next_log(view, logs, shown), None
    if view.page is Page.HELP:
        return _scrolled(view, key), None
    if key in _VERBS:
        return _asked(view, _VERBS[key], alerts)
    if view.page is Page.ALERT:
        return _scrolled(view, key), None
    if key == "/":
        return replace(view, is_typing=True, cursor=None), None
    if key == "enter" and alerts:
        chosen = alerts[min(view.cursor or 0, len(alerts) - 1)]
        return replace(view, page=Page.ALERT, opened=chosen.id, cursor=view.cursor or 0, top=0), None
    return _moved(view, key, len(alerts)), None


_VERBS = {"a": Verb.ACK, "s": Verb.SILENCE, "u": Verb.UNSILENCE}
_STEPS = {"down": 1, "j": 1, "up": -1, "k": -1, "pgdn": PAGE_LINES, "pgup": -PAGE_LINES}


def _typed(view: View, key: str) -> View:
    if key == "enter":
        return replace(view, is_typing=False)
    if key == "esc":
        return replace(view, is_typing=False, filter="")
    if key == "backspace":
        return replace(view, filter=view.filter[:-1])
    return replace(view, filter=(view.filter + key)[:FILTER_CHARACTERS]) if len(key) == 1 else view


def _back(view: View) -> View:
    if view.page is not Page.RUN:
        return replace(view, page=Page.RUN, top=0, opened="")
    return replace(view, filter="", cursor=None)


def _next_log(view: View, logs: Sequence[str], shown: str) -> View:
    if len(logs) < 2:
        return replace(view, message="there is one log only")
    place = logs.index(shown) if shown in logs else -1
    return View(log=logs[(place + 1) % len(logs)])


def _asked(view: View, verb: Verb, alerts: Sequence[Alert]) -> tuple[View, Wish | None]:
    """Pass on what is asked for the open alert, else for the chosen one."""
    if view.page is Page.ALERT:
        chosen = next((each for each in alerts if each.id == view.opened), None)
    else:
        chosen = alerts[min(view.cursor, len(alerts) - 1)] if view.cursor is not None and alerts else None
    if chosen is None:
        return replace(view, message="choose an alert first, with ↓"), None
    return view, Wish(verb, chosen)


def _moved(view: View, key: str, num_alerts: int) -> View:
    if key == "home":
        return replace(view, cursor=None)
    step = _STEPS.get(key)
    if step is None:
        return replace(view, message="? shows the keys")
    if num_alerts == 0:
        return replace(view, message="no alert to choose")
    begun = 0 if view.cursor is None else min(num_alerts - 1, max(0, view.cursor + step))
    return replace(view, cursor=begun)


def _scrolled(view: View, key: str) -> View:
    return replace(view, top=0 if key == "home" else max(0, view.top + _STEPS.get(key, 0)))
