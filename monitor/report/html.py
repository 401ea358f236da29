"""Page → one HTML file without scripts or requests: style and charts are inside.

Everything that a template prints is escaped, unless a filter here has already made it safe. The policy in the head of
the page allows only its own style sheet, by digest: even a hole in the escaping could run nothing.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.base import escape, resources
from monitor.base.errors import ReportError
from monitor.base.evidence import Evidence
from monitor.report import drawing
from monitor.report.figures import NOT_SEEN, moment
from monitor.report.model import Page
from monitor.report.statement import Mark
from monitor.report.template import LONG, alike, fill, foreign, others

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATE = "status.html.j2"
STYLE = "status.css"
LINES_CITED = 4
"""Most lines cited for one statement."""
LINES_QUOTED = 400
"""Most lines quoted at the end of the page."""
LINE_LIMIT = 600
"""Most characters of each quoted line."""
_ICON_COLOURS = {
    Mark.OK: "1a7f37",
    Mark.CAUTION: "bf8700",
    Mark.BREACH: "cf222e",
    Mark.UNKNOWN: "6e7781",
    Mark.NOT_APPLICABLE: "6e7781",
}


def render_html(page: Page, template: Path | None = None, *, full: bool = False) -> str:
    """Return the page as HTML, by the user's template if one is given. Raises ReportError.

    ``full`` adds the parts that the log has nothing for, and the rules that do not apply.
    """
    return fill(TEMPLATE, template, environment_of(page), {**variables_of(page), "full": full}).strip() + "\n"


def style() -> str:
    """Return the style of a page and its charts. Raises ReportError."""
    return f"\n{_style()}{drawing.CHART_CSS}\n"


def _style() -> str:
    path = resources.template_path(STYLE)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(str(path), f"cannot be read ({error})", expected="a style sheet in UTF-8") from None


def variables_of(page: Page) -> Mapping[str, object]:
    """Return the values that a template can print, by name."""
    from markupsafe import Markup

    css, can_draw = style(), drawing.can_draw()
    return {
        "page": page,
        "Mark": Mark,
        "style": Markup(css),
        "policy": _policy(css),
        "icon": icon(page.summary.mark),
        "charts": [(chart, Markup(drawing.draw_inline(chart))) for chart in page.charts] if can_draw else [],
        "charts_absence": drawing.ABSENCE if page.charts and not can_draw else "",
        "lines": _quoted_lines(page),
        "lines_left_out": max(0, len(_cited_lines(page)) - LINES_QUOTED),
    }


def _policy(style: str) -> str:
    """Return the content security policy: nothing loads or runs, except one style sheet, by its digest."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "script-src 'none'; base-uri 'none'; form-action 'none'"
    )


def icon(mark: Mark) -> str:
    """Return a dot in the colour of the verdict, for the browser's tab."""
    circle = f"%3Ccircle cx='8' cy='8' r='7' fill='%23{_ICON_COLOURS[mark]}'/%3E"
    return f"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E{circle}%3C/svg%3E"


@lru_cache(maxsize=1)
def bare_environment() -> Environment:
    """Return the environment that all pages share: it escapes what a template prints."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=_finalize, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        **dict.fromkeys(("cite", "anchor", "place"), str),  # known to the compiler; `environment_of` gives them a page
        code=lambda text: Markup(f"<code>{escape.html(foreign(text), escape.CELL_LIMIT) or '(empty)'}</code>"),
        script=lambda text: Markup("\n".join(escape.html(foreign(each)) for each in _bounded(text).split("\n"))),
        long=lambda text: Markup(escape.html(foreign(text), LONG)),
        quote=lambda line: Markup(f"<code>{escape.html(foreign(line.text), LINE_LIMIT)}</code>"),
        dec=lambda value, digits=4: _number(value, f".{digits}f"),
        sci=lambda value: _number(value, ".2e"),
        shown=_number,
        whole=lambda value: _number(value, ","),
        general=lambda value: _number(value, ".6g"),
        percent=lambda value: _number(value * 100, ".0f"),
        moment=moment,
        alike=alike,
        others=others,
        capitalize_first=lambda text: text[:1].upper() + text[1:],
    )
    return environment


def environment_of(page: Page) -> Environment:
    """Return the environment of one page: its filters know which lines the page quotes."""
    from markupsafe import Markup

    anchors = {_place(line): _anchor(line, page.log) for line in _cited_lines(page)[:LINES_QUOTED]}

    def cite(lines: Sequence[Evidence]) -> Markup:
        """Name the lines of evidence, each as a link to its text."""
        found = list(dict.fromkeys(lines))
        links = [_link(line, anchors.get(_place(line)), page.log) for line in found[:LINES_CITED]]
        more = f" <small>+{len(found) - LINES_CITED}</small>" if len(found) > LINES_CITED else ""
        return Markup(f'<span class="cite">{" ".join(links)}{more}</span>' if links else "")

    environment = bare_environment().overlay()
    environment.filters = {
        **environment.filters,
        "cite": cite,
        "anchor": lambda line: _anchor(line, page.log),
        "place": lambda line: f"L{line.line:,}" if _is_of(line, page.log) else f"{line.path}:{line.line}",
    }
    return environment


def _finalize(value: object) -> Markup:
    """Escape what a template prints."""
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    if isinstance(value, Mark):
        word = value.name.lower().replace("_", " ")
        css = word.replace(" ", "-")
        return Markup(f'<span class="mark {css}" role="img" aria-label="{word}" title="{word}">{value.value}</span>')
    if value is None:
        return Markup(f'<span class="unseen">{NOT_SEEN}</span>')
    return Markup(escape.html(foreign(str(value)), escape.CELL_LIMIT))


def _number(value: float | None, spec: str) -> Markup:
    from markupsafe import Markup

    if value is None:
        return _finalize(None)
    is_odd = isinstance(value, float) and not math.isfinite(value)
    return Markup(f'<span class="odd">{value}</span>' if is_odd else format(value, spec))


def _bounded(text: str) -> str:
    return text[: escape.FENCE_LIMIT]


LineKey = tuple[str, int, int]
"""Identifies a line: its file, number and offset."""


def _place(line: Evidence) -> LineKey:
    return line.path, line.line, line.offset


def _anchor(line: Evidence, log: str) -> str:
    """Return the anchor of a quoted line."""
    if _is_of(line, log):
        return f"L{line.line}"
    digest = hashlib.sha256(line.path.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"F{digest}-L{line.line}"


def _is_of(line: Evidence, log: str) -> bool:
    """Whether a line is of the page's log, by its full path or by the path that the watch was given."""
    return line.path == log or log.endswith(f"/{line.path}")


def _link(line: Evidence, anchor: str | None, log: str) -> str:
    name = f"L{line.line}" if _is_of(line, log) else escape.html(foreign(f"{line.path}:{line.line}"), 80)
    if anchor is None:
        return name
    return f'<a href="#{anchor}" title="{escape.html(foreign(line.text), escape.CELL_LIMIT)}">{name}</a>'


def _quoted_lines(page: Page) -> list[Evidence]:
    """Return the lines that the page quotes, in the order of the log."""
    found = _cited_lines(page)[:LINES_QUOTED]
    return sorted(found, key=lambda line: (not page.is_of_log(line), line.path, line.line))


def _cited_lines(page: Page) -> list[Evidence]:
    """Return every line of evidence once, in the order of citation."""
    known: dict[LineKey, Evidence] = {}
    for line in _lines_in([getattr(page, each.name) for each in fields(page) if each.name != "charts"]):
        before = known.get(_place(line))
        if before is None or len(line.text) > len(before.text):
            known[_place(line)] = line
    return list(known.values())


def _lines_in(value: Any) -> Iterator[Evidence]:
    if isinstance(value, Evidence):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _lines_in(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _lines_in(getattr(value, field.name))
