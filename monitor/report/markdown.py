"""Page → Markdown. Everything that a template prints is escaped, unless a filter here has made it safe."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from monitor.base import escape
from monitor.base.evidence import Evidence
from monitor.report import drawing
from monitor.report.figures import NOT_SEEN, moment
from monitor.report.model import Page
from monitor.report.problems import GLYPHS
from monitor.report.statement import Mark, Statement
from monitor.report.template import LONG, alike, fill, foreign, others

if TYPE_CHECKING:
    from jinja2 import Environment

BRIEF, FULL, FIRST_SCREEN = "brief.md.j2", "status.md.j2", "first_screen.md.j2"
LINES_CITED = 4
"""Most lines cited for one statement."""


def render_markdown(page: Page, template: Path | None = None, *, pictures: str = "", full: bool = False) -> str:
    """Return the page as Markdown, by the user's template if one is given.

    ``full`` adds what each rule found and every part that the log has nothing for. ``pictures`` is the folder with
    the charts, next to the page; empty for none. Raises ReportError for a template that cannot be rendered.
    """
    environment, absence = _environment(page), _charts_absence(page)
    known: dict[str, object] = {"page": page, "Mark": Mark, "pictures": quote(pictures), "charts_absence": absence}
    known["first_screen"] = _Safe(fill(FIRST_SCREEN, None, environment, known).strip("\n"))
    rendered = fill(FULL if full else BRIEF, template, environment, known)
    lines = "\n".join(line.rstrip() for line in rendered.split("\n")).strip("\n")
    return re.sub("\n{3,}", "\n\n", lines) + "\n"


def _charts_absence(page: Page) -> str:
    if not page.charts:
        return "Nothing to draw was seen."
    if not drawing.can_draw():
        return drawing.ABSENCE
    return "Charts are drawn only for a page that is written to a file."


_ABSENT = f"{Mark.UNKNOWN.value} {NOT_SEEN}"


class _Safe(str):
    """Text that needs no escaping."""


@lru_cache(maxsize=1)
def _bare_environment() -> Environment:
    """Return the environment that all pages share."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        finalize=_finalize,
        autoescape=False,  # it knows HTML only; `finalize` escapes for Markdown
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        **dict.fromkeys(("cite", "statement", "facts"), str),  # known to the compiler; `_environment` gives them a page
        code=lambda text: _Safe(escape.code_span(foreign(text))),
        cell=lambda text: _Safe(escape.code_span(foreign(text), in_table=True)),
        bash=lambda text: _Safe(escape.code_fence(text, "bash")),
        quote=_quote,
        long=lambda text: _Safe(escape.markdown(foreign(text), LONG)),
        place=_place,
        dec=lambda value, digits=4: _number(value, f".{digits}f"),
        sci=lambda value: _number(value, ".2e"),
        shown=_number,
        glyph=lambda text: _Safe(text) if text in GLYPHS else text,
        whole=lambda value: _number(value, ","),
        general=lambda value: _number(value, ".6g"),
        moment=lambda at: _Safe(moment(at)),
        alike=alike,
        others=others,
        capitalize_first=lambda text: text[:1].upper() + text[1:],
    )
    return environment


def _environment(page: Page) -> Environment:
    def cite(lines: tuple[Evidence, ...]) -> _Safe:
        """Return ``(L12, L341)``, the lines of evidence; with the path for a line of another file."""
        return _cited(lines, page)

    def statement(stated: Statement) -> _Safe:
        """Return ``✅ **Subject**: text (L12)``."""
        parts = [
            stated.mark.value if stated.mark else "",
            f"**{_finalize(stated.subject)}**:" if stated.subject else "",
        ]
        return _Safe(" ".join(part for part in (*parts, _finalize(stated.text), cite(stated.evidence)) if part))

    def facts(stated: Sequence[Statement]) -> _Safe:
        """Return one list entry for each; facts that were not seen share the last."""
        entries = [f"- {statement(each)}" for each in stated if each.text != NOT_SEEN]
        unseen = ", ".join(_finalize(each.subject) for each in stated if each.text == NOT_SEEN)
        return _Safe("\n".join([*entries, *([f"- {Mark.UNKNOWN.value} **Not seen**: {unseen}"] if unseen else [])]))

    environment = _bare_environment().overlay()
    environment.filters = {**environment.filters, "cite": cite, "statement": statement, "facts": facts}
    return environment


def _finalize(value: object) -> str:
    """Escape what a template prints."""
    if isinstance(value, Mark):
        return value.value
    if isinstance(value, _Safe):
        return value
    if value is None:
        return _ABSENT
    return escape.markdown(foreign(str(value)))


def _cited(lines: tuple[Evidence, ...], page: Page) -> _Safe:
    places = list(dict.fromkeys(f"L{line.line}" if page.is_of_log(line) else _place(line) for line in lines))
    more = "" if len(places) <= LINES_CITED else f" and {len(places) - LINES_CITED} more"
    return _Safe(f"({', '.join(places[:LINES_CITED])}{more})" if places else "")


def _place(line: Evidence) -> _Safe:
    return _Safe(escape.code_span(foreign(f"{line.path}:{line.line}"), in_table=True))


def _quote(line: Evidence, around: tuple[str, ...] = (), limit: int = escape.CELL_LIMIT) -> _Safe:
    """Quote at most ``limit`` characters of a line; a long one from the first of the words ``around``."""
    text = foreign(line.text)
    found = [place for place in (text.find(word) for word in around if word) if place >= 0]
    if len(text) > limit and found and found[0] > limit // 2:
        head = text[: text.find("]") + 1] if "]" in text[:80] else ""
        text = f"{head} … {text[found[0] :]}"
    return _Safe(escape.code_span(text, limit))


def _number(value: float | None, spec: str) -> _Safe:
    if value is None:
        return _Safe(_ABSENT)
    if isinstance(value, float) and not math.isfinite(value):
        return _Safe(f"{value} {Mark.BREACH.value}")
    return _Safe(format(value, spec))
