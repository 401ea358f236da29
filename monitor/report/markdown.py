"""Page → Markdown. Whatever a template prints is escaped, unless a filter here has already made it safe."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from monitor import escape, resources
from monitor.errors import ReportError
from monitor.evidence import Evidence
from monitor.report import drawing
from monitor.report.figures import NOT_SEEN, moment
from monitor.report.model import AlertLine, Mark, Page, Statement

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "status.md.j2"
_MISTAKES = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
"""What a template of the user's can raise besides jinja2's own errors."""
OTHERS_NAMED = 8
"""Labels named where several alerts differ in nothing else."""
LINES_CITED = 4
"""Lines cited behind one statement."""


def render_markdown(page: Page, template: Path | None = None, *, pictures: str = "") -> str:
    """Return the page as Markdown, by a template of the user's where one is named.

    ``pictures`` is the folder beside the page that holds its charts, empty for none. Raises ReportError for a template
    that cannot be rendered.
    """
    import jinja2  # loaded here: no other command needs it

    mistakes = (jinja2.TemplateError, *(_MISTAKES if template else ()))
    path = template or resources.template_path(TEMPLATE)
    try:
        text = path.read_text(encoding="utf-8")
        known = {"page": page, "Mark": Mark, "pictures": quote(pictures), "charts_absence": _charts_absence(page)}
        rendered = _environment(page).from_string(text).render(known)
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(str(path), f"cannot be read ({error})", expected="a template in UTF-8") from None
    except mistakes as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        raise ReportError(where, f"cannot be rendered ({error})", expected="a Jinja2 template") from None
    lines = "\n".join(line.rstrip() for line in rendered.split("\n")).strip("\n")
    return re.sub("\n{3,}", "\n\n", lines) + "\n"


def _charts_absence(page: Page) -> str:
    if not page.charts:
        return "Nothing to draw was seen."
    if not drawing.can_draw():
        return drawing.ABSENCE
    return "Charts are drawn beside a page that is written to a file."


_ABSENT = f"{Mark.UNKNOWN.value} {NOT_SEEN}"


class _Safe(str):
    """Text that may stand in the page as it is."""


def _environment(page: Page) -> Environment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_finalize,
        autoescape=False,  # it knows HTML only; `finalize` escapes for Markdown
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def cite(lines: tuple[Evidence, ...]) -> _Safe:
        """``(L12, L341)``: the lines a statement rests on; with the path where it is another file's."""
        return _cited(lines, page)

    def statement(said: Statement) -> _Safe:
        """``✅ **Subject**: text (L12)``."""
        parts = [said.mark.value if said.mark else "", f"**{_finalize(said.subject)}**:" if said.subject else ""]
        return _Safe(" ".join(part for part in (*parts, _finalize(said.text), cite(said.evidence)) if part))

    def facts(said: Sequence[Statement]) -> _Safe:
        """One entry of a list for each; those that were not seen share the last."""
        entries = [f"- {statement(each)}" for each in said if each.text != NOT_SEEN]
        unseen = ", ".join(_finalize(each.subject) for each in said if each.text == NOT_SEEN)
        return _Safe("\n".join([*entries, *([f"- {Mark.UNKNOWN.value} **Not seen**: {unseen}"] if unseen else [])]))

    environment.filters.update(
        cite=cite,
        statement=statement,
        facts=facts,
        code=lambda text: _Safe(escape.code_span(_foreign(text))),
        cell=lambda text: _Safe(escape.code_span(_foreign(text), in_table=True)),
        bash=lambda text: _Safe(escape.code_fence(text, "bash")),
        quote=_quote,
        place=_place,
        dec=lambda value, digits=4: _number(value, f".{digits}f"),
        sci=lambda value: _number(value, ".2e"),
        whole=lambda value: _number(value, ","),
        general=lambda value: _number(value, ".6g"),
        moment=lambda at: _Safe(moment(at)),
        alike=_alike,
        others=_others,
        capitalize_first=lambda text: text[:1].upper() + text[1:],
    )
    return environment


def _alike(alerts: Sequence[AlertLine]) -> list[tuple[AlertLine, tuple[AlertLine, ...]]]:
    """Gather transitions that differ in their labels alone: the first of each kind, and all of them."""
    found: dict[tuple[object, ...], list[AlertLine]] = {}
    for alert in alerts:
        found.setdefault((alert.rule, alert.state, alert.at, alert.explained_by), []).append(alert)
    return [(same[0], tuple(same)) for same in found.values()]


def _others(same: Sequence[AlertLine]) -> str:
    """Name the labels of all but the first of some alerts."""
    named = [", ".join(alert.quoted) for alert in same[1:] if alert.quoted]
    more = f" and {len(named) - OTHERS_NAMED} more" if len(named) > OTHERS_NAMED else ""
    return f"; also {', '.join(named[:OTHERS_NAMED])}{more}" if named else ""


def _finalize(value: object) -> str:
    """Escape what a template prints."""
    if isinstance(value, Mark):
        return value.value
    if isinstance(value, _Safe):
        return value
    if value is None:
        return _ABSENT
    return escape.markdown(_foreign(str(value)))


def _foreign(text: str) -> str:
    """Redact a text once its terminal codes, which could hide a secret, are gone."""
    return escape.redact(escape.terminal(text))


def _cited(lines: tuple[Evidence, ...], page: Page) -> _Safe:
    places = list(dict.fromkeys(f"L{line.line}" if page.is_of_log(line) else _place(line) for line in lines))
    more = "" if len(places) <= LINES_CITED else f" and {len(places) - LINES_CITED} more"
    return _Safe(f"({', '.join(places[:LINES_CITED])}{more})" if places else "")


def _place(line: Evidence) -> _Safe:
    return _Safe(escape.code_span(_foreign(f"{line.path}:{line.line}"), in_table=True))


def _quote(line: Evidence, around: tuple[str, ...] = ()) -> _Safe:
    """Quote a line; a long one from a little before the first of the words it is quoted for."""
    text, limit = _foreign(line.text), escape.CELL_LIMIT
    found = [place for place in (text.find(word) for word in around if word) if place >= 0]
    if len(text) > limit and found and found[0] > limit // 2:
        head = text[: text.find("]") + 1] if "]" in text[:80] else ""
        text = f"{head} … {text[found[0] :]}"
    return _Safe(escape.code_span(text))


def _number(value: float | None, spec: str) -> _Safe:
    if value is None:
        return _Safe(_ABSENT)
    if isinstance(value, float) and not math.isfinite(value):
        return _Safe(f"{value} {Mark.BREACH.value}")
    return _Safe(format(value, spec))
