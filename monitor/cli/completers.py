"""What the shell offers for the word at the cursor: rules, alerts, logs, folders. Loads only what it needs for that."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.base.errors import MonitorError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
    Words = Callable[[click.Context], Iterable[str | tuple[str, str]]]

SYSTEM_STATES = Path("/var/lib/trainwarden")
"""Where the systemd service keeps the state of each instance."""
MOST_ALERTS = 200
"""Newest transitions of each log to offer alerts from."""


def _offered(words: Words, otherwise: str = "") -> Completer:
    """Offer the words that begin as typed, each perhaps with a description; if none does, files or folders.

    A faulty file or an unreadable state offers nothing: the command itself will say what is wrong.
    """

    @wraps(words)
    def completer(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        try:
            known = [(word, None) if isinstance(word, str) else word for word in words(context)]
        except MonitorError:
            known = []
        items = [CompletionItem(word, help=text) for word, text in known if word.startswith(typed)]
        return items or ([CompletionItem(typed, type=otherwise)] if otherwise else [])

    return completer


def _rules(context: click.Context) -> list[str]:
    from monitor.rules.choice import RuleChoice

    return sorted(rule.alert for rule in RuleChoice(context.params.get("rule_paths") or (), (), ()).declared())


def _fields(context: click.Context) -> list[str]:
    # Several fields for each rule: a shell stops behind the dot, instead of adding a space.
    return [f"{rule}.{field}=" for rule in _rules(context) for field in ("enabled", "for", "level", "severity")]


def _state(context: click.Context) -> Path:
    from monitor.cli.other_run import default_directory

    return context.params.get("state") or default_directory(os.environ)


def _alerts(context: click.Context) -> list[tuple[str, str]]:
    from monitor.base.escape import redact, terminal
    from monitor.store.store import look

    _, logs = look(_state(context), history_limit=MOST_ALERTS)
    alerts = {
        alert.id: alert for seen in logs for alert in (*seen.saved.history, *seen.saved.states.open.values())
    }  # fmt: skip
    newest = sorted(alerts.values(), key=lambda alert: alert.starts_at or 0.0, reverse=True)
    return [(each.id, terminal(redact(f"{each.rule} {each.state.value}: {each.summary}"), 100)) for each in newest]


def _alerts_and_rules(context: click.Context) -> list[str | tuple[str, str]]:
    try:
        alerts = _alerts(context)
    except MonitorError:
        alerts = []
    return [*alerts, *_rules(context)]


def _silenced(context: click.Context) -> list[str]:
    from monitor.notify.silences import read_silences

    return [each.target for each in read_silences(_state(context))]


def _dialects(context: click.Context) -> list[tuple[str, str]]:
    from monitor.reader.dialects import NATIVE, shipped_dialects

    return [*((each.name, each.title) for each in shipped_dialects()), (NATIVE, "the grammar of trainwarden itself")]


def _baselines(context: click.Context) -> list[str]:
    from monitor.store.baselines import Baselines

    return [each.name for each in Baselines(_state(context)).stored()]


def _states(context: click.Context) -> list[str]:
    from monitor.store.store import FILE

    return sorted(str(each.parent) for each in SYSTEM_STATES.glob(f"*/{FILE}"))


def _receivers(context: click.Context) -> list[str]:
    from monitor.sinks import KINDS

    return [f"{each}:" for each in KINDS]


def _time_zones(context: click.Context) -> list[str]:
    from zoneinfo import available_timezones

    return sorted(available_timezones())


def _no_words(context: click.Context) -> list[str]:
    return []


files = _offered(_no_words, "file")
rules = _offered(_rules)
rule_fields = _offered(_fields)
alerts = _offered(_alerts)
alerts_and_rules = _offered(_alerts_and_rules)
silenced = _offered(_silenced)
dialects = _offered(_dialects, "file")
baselines = _offered(_baselines)
baselines_or_logs = _offered(_baselines, "file")
state_folders = _offered(_states, "dir")
receivers = _offered(_receivers)
time_zones = _offered(_time_zones)
