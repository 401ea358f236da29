"""Template and values → text: what the Markdown and the HTML page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.base import escape, resources
from monitor.base.bounded import BoundedError, run_bounded
from monitor.base.errors import ReportError
from monitor.report.sections.timeline import AlertLine

if TYPE_CHECKING:
    from types import CodeType

    from jinja2 import Environment

LONG = 2_000
"""Most characters of a text of the first screen, which is never cut in the middle of what it says."""
OTHERS_NAMED = 8
"""Most labels named where alerts differ only in their labels."""


def fill(shipped: str, own: Path | None, environment: Environment, known: Mapping[str, object]) -> str:
    """Render the shipped template of that name, or the user's own, with the known values.

    Raises ReportError for a template that cannot be read or rendered.
    """
    import jinja2  # loaded here: no other command needs it

    path = own or resources.template_path(shipped)
    try:
        text = path.read_text(encoding="utf-8")
        if own:
            return run_bounded(lambda: environment.from_string(text).render(known))
        # A watch renews its page every minute, and compiling a template takes longer than rendering it.
        code = _code(text, environment.linked_to or environment)
        return jinja2.Template.from_code(environment, code, environment.make_globals(None)).render(known)
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(str(path), f"cannot be read ({error})", expected="a template in UTF-8") from None
    except (jinja2.TemplateError, BoundedError) as error:
        line = error.line if isinstance(error, BoundedError) else getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        raise ReportError(where, f"cannot be rendered ({error})", expected="a Jinja2 template") from None


@lru_cache(maxsize=4)
def _code(text: str, environment: Environment) -> CodeType:
    return environment.compile(text)


def alike(alerts: Sequence[AlertLine]) -> list[tuple[AlertLine, tuple[AlertLine, ...]]]:
    """Group transitions that differ only in their labels: the first of each group, and the whole group."""
    found: dict[tuple[object, ...], list[AlertLine]] = {}
    for alert in alerts:
        found.setdefault((alert.rule, alert.state, alert.at, alert.explained_by), []).append(alert)
    return [(same[0], tuple(same)) for same in found.values()]


def others(same: Sequence[AlertLine]) -> str:
    """Name the labels of all but the first alert."""
    named = [", ".join(alert.quoted) for alert in same[1:] if alert.quoted]
    more = f" and {len(named) - OTHERS_NAMED} more" if len(named) > OTHERS_NAMED else ""
    return f"; also {', '.join(named[:OTHERS_NAMED])}{more}" if named else ""


def foreign(text: str) -> str:
    """Redact a text after removing terminal codes, which could hide a secret."""
    return escape.redact(escape.terminal(text))
