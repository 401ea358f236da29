"""Alerts → words for people, by the templates of ``templates/`` or the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.alert import Alert, Severity, State
from monitor.base import escape
from monitor.base.errors import MonitorError, SinkError
from monitor.base.resources import template_path

if TYPE_CHECKING:
    from jinja2 import Template

SHOWN = 20
"""Alerts of one message that are told in full; the others are counted. Chosen by hand."""

_SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "⚪"}
_ESCAPES: dict[str, Callable[[str], str]] = {
    "text": escape.terminal,
    "html": escape.html,
    "markdown": escape.markdown,
    "slack": lambda text: escape.terminal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
}
"""What makes a log's text harmless, by the language of a template."""


def subject_of(alerts: Sequence[Alert]) -> str:
    """Return one line that says the most important thing: the worst alert, and how many others there are."""
    worst = max(alerts, key=lambda alert: (alert.state is State.FIRING, alert.severity.rank))
    others = f" (+{len(alerts) - 1})" if len(alerts) > 1 else ""
    state = worst.state.value.upper() if worst.state is State.FIRING else worst.state.value
    return escape.terminal(f"{sign_of(worst)} {state}: {worst.rule}: {escape.redact(worst.summary)}{others}", 200)


def sign_of(alert: Alert) -> str:
    """Return a coloured sign for an alert."""
    return _SIGNS[alert.severity] if alert.state is State.FIRING else "🟢" if alert.state is State.RESOLVED else "⚪"


def write_message(alerts: Sequence[Alert], *, template: str, language: str, own: Path | None = None) -> str:
    """Render alerts with the shipped template of that name, or the user's file in its place.

    Raises SinkError for a template that breaks.
    """
    from jinja2 import TemplateError

    try:
        return _template(template, language, own).render(
            alerts=alerts[:SHOWN], num_more=max(0, len(alerts) - SHOWN), subject=subject_of(alerts), run=alerts[0].run
        )
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        where = str(own or template)
        raise SinkError(where, f"the template breaks ({error})", expected="a template", permanent=True) from None


def check_template(own: Path, where: str) -> None:
    """Refuse a template that cannot be read. Raises MonitorError."""
    from jinja2 import TemplateError

    try:
        _template("", "text", own)
    except (OSError, UnicodeDecodeError) as error:
        what = f"{own} cannot be read ({getattr(error, 'strerror', None) or error})"
        raise MonitorError(where, what, expected="a Jinja2 template") from None
    except TemplateError as error:
        raise MonitorError(where, f"{own} is no template ({error})", expected="a Jinja2 template") from None


@cache
def _template(name: str, language: str, own: Path | None) -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    escaped = _ESCAPES[language]
    environment.filters |= {"esc": lambda text: escaped(escape.redact(str(text)))}
    environment.globals |= {"sign_of": sign_of}
    return environment.from_string((own or template_path(name)).read_text(encoding="utf-8"))
