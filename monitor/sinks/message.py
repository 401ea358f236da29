"""Alerts → messages for people, from the templates in ``templates/`` or the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.alert import Alert, State
from monitor.base import escape
from monitor.base.bounded import BoundedError, Limits, run_bounded
from monitor.base.errors import MonitorError, SinkError
from monitor.base.resources import template_path
from monitor.base.wording import log_name
from monitor.sinks.story import lasted, sign_of, story_of, title_of

if TYPE_CHECKING:
    from jinja2 import Template

SHOWN = 20
"""Alerts shown in full in one message; further ones are only counted. Chosen by hand."""

SUBJECT = 200
"""Most characters of a subject."""


def slack(text: str) -> str:
    """Return the text as plain words of Slack's markup."""
    return escape.terminal(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_ESCAPES: dict[str, Callable[[str], str]] = {
    "text": escape.terminal,
    "html": escape.html,
    "markdown": escape.markdown,
    "slack": slack,
}
"""How to escape a log's text, by the language of the template."""


OWN_LIMITS = Limits(seconds=5.0, characters=100_000)
"""Of a user's own template for messages; chosen by hand, 2026-11."""


def subject_of(alerts: Sequence[Alert]) -> str:
    """Return one line: a coloured dot, the log, the host, what is wrong, and the number of others."""
    return f"{sign_of(worst_of(alerts))} {headline_of(alerts)}"


def headline_of(alerts: Sequence[Alert]) -> str:
    """Return the subject without its dot, for texts that escape it."""
    worst = worst_of(alerts)
    others = f" (+{len(alerts) - 1})" if len(alerts) > 1 else ""
    who = f"{who_of(worst)}: " if worst.log else ""
    return escape.terminal(f"{who}{escape.redact(title_of(worst))}{others}", SUBJECT)


def who_of(alert: Alert) -> str:
    """Return the log that an alert is about, and the host that read it."""
    return f"{log_name(alert.log)}{f' @{alert.host}' if alert.host else ''}" if alert.log else ""


def worst_of(alerts: Sequence[Alert]) -> Alert:
    """Return the alert that a notice is named after: one that fires, if any, of the highest severity."""
    return max(alerts, key=lambda alert: (alert.state is State.FIRING, alert.severity.rank))


def write_message(alerts: Sequence[Alert], *, template: str, language: str, own: Path | None = None) -> str:
    """Render alerts with the shipped template of that name, or with the user's file ``own`` instead.

    Raises SinkError if the template fails.
    """
    from jinja2 import TemplateError

    def render() -> str:
        return _template(template, language, own).render(
            alerts=alerts[:SHOWN],
            num_more=max(0, len(alerts) - SHOWN),
            sign=sign_of(worst_of(alerts)),
            subject=headline_of(alerts),
            run=alerts[0].run,
            log=alerts[0].log,
            host=alerts[0].host,
        )

    try:
        return run_bounded(render, OWN_LIMITS) if own else render()
    except (TemplateError, BoundedError, OSError) as error:
        where = str(own or template)
        raise SinkError(where, f"the template fails ({error})", expected="a template", permanent=True) from None


def check_template(own: Path, where: str) -> None:
    """Check that a template can be read. Raises MonitorError."""
    try:
        own.read_text(encoding="utf-8")
        # Reading computes what is constant, which takes as much as a template wants.
        run_bounded(lambda: str(_template("", "text", own).name), OWN_LIMITS)
    except (OSError, UnicodeDecodeError) as error:
        what = f"{own} cannot be read ({getattr(error, 'strerror', None) or error})"
        raise MonitorError(where, what, expected="a Jinja2 template") from None
    except BoundedError as error:
        raise MonitorError(where, f"{own} is not a valid template ({error})", expected="a Jinja2 template") from None


@cache
def _template(name: str, language: str, own: Path | None) -> Template:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    escaped = _ESCAPES[language]
    environment.filters |= {"esc": lambda text: escaped(escape.redact(str(text)))}
    environment.globals |= {"sign_of": sign_of, "lasted": lasted, "story_of": story_of}
    return environment.from_string((own or template_path(name)).read_text(encoding="utf-8"))
