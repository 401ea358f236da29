"""Page → Markdown. Whatever a template prints is escaped, unless a filter here has already made it safe."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from monitor import escape, resources
from monitor.errors import ReportError
from monitor.evidence import Evidence
from monitor.report.figures import moment
from monitor.report.model import Mark, Page

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "status.md.j2"
NOT_SEEN = "❔ not seen"
LINES_CITED = 4
"""Lines cited behind one statement."""


def render_markdown(page: Page) -> str:
    """Return the page as Markdown. Raises ReportError for a template that cannot be rendered."""
    import jinja2  # loaded here: no other command needs it

    path = resources.template_path(TEMPLATE)
    try:
        text = path.read_text(encoding="utf-8")
        rendered = _environment(page).from_string(text).render(page=page, Mark=Mark)
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(str(path), f"cannot be read ({error})", expected="a template in UTF-8") from None
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f"{path}:{line}" if line else str(path)
        raise ReportError(where, f"cannot be rendered ({error})", expected="a Jinja2 template") from None
    lines = "\n".join(line.rstrip() for line in rendered.split("\n")).strip("\n")
    return re.sub("\n{3,}", "\n\n", lines) + "\n"


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
        return _cited(lines, page.log)

    environment.filters.update(
        cite=cite,
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
    )
    return environment


def _finalize(value: object) -> str:
    """Escape what a template prints."""
    if isinstance(value, Mark):
        return value.value
    if isinstance(value, _Safe):
        return value
    if value is None:
        return NOT_SEEN
    return escape.markdown(_foreign(str(value)))


def _foreign(text: str) -> str:
    """Redact a text once its terminal codes, which could hide a secret, are gone."""
    return escape.redact(escape.terminal(text))


def _cited(lines: tuple[Evidence, ...], log: str) -> _Safe:
    places = list(dict.fromkeys(f"L{line.line}" if line.path == log else _place(line) for line in lines))
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
        return _Safe(NOT_SEEN)
    if isinstance(value, float) and not math.isfinite(value):
        return _Safe(f"{value} {Mark.BREACH.value}")
    return _Safe(format(value, spec))
