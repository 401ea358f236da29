"""Alert → what a person is told of it: one title, the lines that prove it, what to do; each thing once."""

from __future__ import annotations

from typing import NamedTuple

from monitor.alert import Alert, Severity, State, iso_time, place_of
from monitor.base.escape import redact
from monitor.base.wording import cut, span

LINES_SHOWN = 3
"""Most lines of evidence in a message."""
TEXT_SHOWN = 300
"""Most characters of one of them. Chosen by hand, 2026-11."""
_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "⚪"}
STILL = "while it fired"
"""How the reason of an end reads that shows nothing: the run, or its attempt, ended before."""


class Story(NamedTuple):
    """One alert in words, not yet escaped and without secrets."""

    sign: str
    """Its coloured dot: green only where evidence shows that it is over."""
    title: str
    """What is wrong, since which step, and whether that is over."""
    about: str
    """Rule, severity, state, and since when or how long."""
    reason: str
    """Why it is over; empty while it fires."""
    lines: tuple[str, ...]
    """The lines that prove it, with their places."""
    advice: tuple[str, ...]
    """What to do, and where to go back to; empty where it is over."""


def story_of(alert: Alert) -> Story:
    """Return what a person is told of an alert."""
    is_firing = alert.state is State.FIRING
    return Story(
        sign=sign_of(alert),
        title=redact(title_of(alert)),
        about=_about(alert),
        reason="" if is_firing or alert.reason.endswith(STILL) else redact(alert.reason),
        lines=tuple(_line(alert, number) for number in range(min(LINES_SHOWN, len(alert.evidence)))),
        advice=tuple(redact(each) for each in (alert.action, alert.checkpoint) if each) if is_firing else (),
    )


def _about(alert: Alert) -> str:
    # The title says how long an alert lasted that is over.
    since = lasted(alert) if alert.state is State.FIRING else ""
    parts = (alert.rule, alert.severity.value, alert.state.value, since)
    return " · ".join(part for part in parts if part)


def title_of(alert: Alert) -> str:
    """Return what is wrong and since which step; what is over says so first."""
    if alert.state is State.RESOLVED:
        seconds = _lasted_s(alert)
        return f"over{f' after {span(seconds)}' if seconds else ''}: {alert.summary}"
    place = place_of(alert, alert.at)
    words = f"{alert.summary}{f', {place}' if place else ''}"
    return f"{alert.reason}: {words}" if alert.reason.endswith(STILL) else words


def sign_of(alert: Alert) -> str:
    """Return a coloured dot for an alert."""
    return "🟢" if alert.state is State.RESOLVED else _SIGNS[alert.severity]


def lasted(alert: Alert) -> str:
    """Return since when an alert fires, or how long it fired; empty for a log without times."""
    if alert.starts_at is None:
        return ""
    if alert.state is State.FIRING:
        return f"since {_moment(alert.starts_at)}"
    return f"lasted {span(_lasted_s(alert))}" if alert.ends_at is not None else ""


def _moment(at: float) -> str:
    """Return a time as ``2026-03-02 09:05:10 UTC``."""
    return f"{(iso_time(at) or 'an unknown time').replace('T', ' ')[:19]} UTC"


def _lasted_s(alert: Alert) -> float:
    if alert.starts_at is None or alert.ends_at is None:
        return 0.0
    return max(0.0, alert.ends_at - alert.starts_at)


def _line(alert: Alert, number: int) -> str:
    line = alert.evidence[number]
    file = "" if alert.log.endswith(line.path) and alert.log else f"{line.path}:"
    return f"{file}L{line.line}: {cut(redact(line.text.strip()), TEXT_SHOWN)}"
