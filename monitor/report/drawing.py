"""Chart → SVG, drawn by pygal (the extra ``charts``); the same chart gives the same bytes.

Only the shapes of pygal's picture are kept; `CHART_CSS` styles them, with colours for light and dark.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Iterator, Sequence
from html import unescape
from importlib import import_module
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from monitor.base import escape
from monitor.report.chart import Chart, Curve, Dot, Shape
from monitor.report.scales import FARTHEST, MOST_LABELS, EvenScale, LogScale, Scale, apart, even_ticks

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WIDTH, HEIGHT, LEGEND_ROW = 640, 330, 21
NAME_LIMIT = 48
"""Most characters of a curve's name; the log decides how long it is."""
NAMES = frozenset({"loss", "sharpe", "correlation", "gradients", "resets", "gpu"})
"""All charts that a page can have."""
ABSENCE = "Charts are not drawn: pygal is not installed (pip install 'trainwarden[charts]')."

_COLOURS = (
    *("#1f6feb", "#d1601b", "#1a8a4f", "#a64bd6", "#c9302c", "#0d8f9c"),
    *("#8a6d00", "#d63384", "#5b6b7b", "#3f7d20", "#7a4a2b", "#4b4fd1"),
)
_DARK_COLOURS = (
    *("#58a6ff", "#f0883e", "#3fb950", "#bc8cff", "#ff7b72", "#39c5cf"),
    *("#d4b106", "#ff7eb6", "#9fb0c3", "#8ddb5f", "#d39b6f", "#9a9dff"),
)
_DASHES = ("none", "7 3")


def _colours(colours: Sequence[str], prefix: str) -> Iterator[str]:
    for index, colour in enumerate(colours):
        yield f"{prefix}.tw-chart .color-{index}{{stroke:{colour};fill:{colour}}}"


def _css() -> str:
    """Return the style of every chart; the HTML page contains it, as does each SVG file of a Markdown page."""
    dashes = (f".tw-chart .color-{i} .line{{stroke-dasharray:{_DASHES[i // 6]}}}" for i in range(6, len(_COLOURS)))
    return "\n".join(
        (
            ".tw-chart{--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;--paper:#fff;font:12px system-ui,sans-serif}",
            "@media (prefers-color-scheme:dark){"
            ".tw-chart{--ink:#e6edf3;--soft:#9198a1;--grid:#343b44;--paper:#0d1117}}",
            ".tw-chart .background{fill:var(--paper)}",
            ".tw-chart text{fill:var(--soft);stroke:none}",
            ".tw-chart .title{fill:var(--ink);font-size:14px;font-weight:600;text-anchor:middle}",
            ".tw-chart .axis.x text,.tw-chart .axis.x_title,.tw-chart .axis.y_title{text-anchor:middle}",
            ".tw-chart .axis.y text{text-anchor:end}",
            ".tw-chart .axis text{font-variant-numeric:tabular-nums}",
            ".tw-chart .guide{stroke:var(--grid);stroke-width:.7;fill:none}",
            ".tw-chart .axis.x .guide{stroke:none}",
            ".tw-chart .axis>.line{stroke:var(--soft);fill:none}",
            ".tw-chart .legend text{fill:var(--ink)}",
            *_colours(_COLOURS, ""),
            "@media (prefers-color-scheme:dark){",
            *_colours(_DARK_COLOURS, ""),
            "}",
            ".tw-chart path.line{fill:none;stroke-width:1.8;stroke-linejoin:round}",
            *dashes,
            ".tw-chart .dot{stroke:none}",
            ".tw-chart .rect{stroke:none}",
        )
    )


CHART_CSS = _css()


def can_draw() -> bool:
    """Whether the drawing library is installed."""
    return importlib.util.find_spec("pygal") is not None


def draw_file(chart: Chart) -> str:
    """Return a chart as the text of an SVG file."""
    tree = _drawn(chart)
    tree.insert(0, element("style", CHART_CSS))
    return '<?xml version="1.0" encoding="utf-8"?>\n' + _text(tree)


def draw_inline(chart: Chart) -> str:
    """Return a chart as an element for an HTML page that contains `CHART_CSS`."""
    return _text(_drawn(chart))


def _text(tree: Element) -> str:
    return ElementTree.tostring(tree, encoding="unicode")


def _drawn(chart: Chart) -> Element:
    tree: Element = (_bars if chart.shape is Shape.BARS else _lines)(chart).render_tree()
    return cleaned(tree, chart)


def _settings(chart: Chart) -> dict[str, Any]:
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "css": (),
        "js": (),
        "classes": ("tw-chart",),
        "title": chart.title,
        "x_title": chart.x_title,
        "y_title": chart.y_title,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": legend_columns(len(chart.curves)),
        "truncate_legend": -1,
        "truncate_label": -1,
        "show_legend": len(chart.curves) > 1,
        "legend_box_size": 10,
        "margin": 8,
        "spacing": 8,
        "dots_size": 2.2,
        "allow_interruptions": True,
        "disable_xml_declaration": True,
    }


def _pygal() -> Any:
    """Return pygal, without the import hook for plug-ins that it would leave in this process."""
    pygal: Any = import_module("pygal")  # it has no annotations
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != "pygal"]
    return pygal


MOST_BARS = 500
"""Most places of a bar chart, the newest: a log may name an epoch 999,999,999. Chosen by hand, 2026-11."""


def _bars(chart: Chart) -> Any:
    pygal = _pygal()
    found = {int(dot.x): dot for curve in chart.curves for dot in curve.dots}
    places = range(max(min(found), max(found) + 1 - MOST_BARS), max(found) + 1)
    dots = {place: dot for place, dot in found.items() if math.isfinite(dot.y)}
    most = min(max((dot.y for dot in dots.values()), default=0), FARTHEST)
    picture = pygal.Bar(
        **_settings(chart),
        x_labels=[str(place) for place in places],
        x_labels_major_every=max(1, math.ceil(len(places) / MOST_LABELS)),
        show_minor_x_labels=False,
        range=(0, max(most, 1)),
        y_labels=even_ticks(0, max(most, 1), whole=True),
        value_formatter=lambda value: f"{value:g}",
    )
    values = [
        _told(dots[place], min(max(dots[place].y, 0), FARTHEST), chart) if place in dots else None for place in places
    ]
    picture.add(_safe(chart.curves[0].name), values)
    picture.uuid = f"tw-{chart.name}"
    return picture


def _lines(chart: Chart) -> Any:
    pygal = _pygal()
    values = [dot.y for curve in chart.curves for dot in curve.dots if math.isfinite(dot.y)]
    scale = LogScale(values) if chart.is_log else EvenScale(values, chart.y_range)
    places = [dot.x for curve in chart.curves for dot in curve.dots]
    first, last = min(places), max(places)
    if first == last:
        first, last = first - 1, last + 1
    first, last = apart(first, last)
    picture = pygal.XY(
        **_settings(chart),
        xrange=(first, last),
        range=scale.range,
        x_labels=even_ticks(first, last, whole=True),
        y_labels=[{"label": label, "value": height} for label, height in scale.ticks],
        x_value_formatter=lambda value: f"{value:,.0f}",
        show_x_guides=False,
    )
    for curve in chart.curves:
        picture.add(_safe(curve.name), _placed(curve, scale, chart), show_dots=len(curve.dots) <= 80)
    picture.uuid = f"tw-{chart.name}"
    return picture


def _placed(curve: Curve, scale: Scale, chart: Chart) -> list[dict[str, object] | None]:
    """Return the dots of a curve for pygal; a value without a height interrupts the line."""
    return [
        _told(dot, (dot.x, scale.height(dot.y)), chart) if math.isfinite(dot.y) else None for dot in curve.dots
    ]  # fmt: skip


def _told(dot: Dot, value: object, chart: Chart) -> dict[str, object]:
    """Return a value with its tooltip."""
    lines = ", ".join(f"L{line.line}" for line in dot.evidence[-1:])
    return {"value": value, "label": f"{chart.x_title} {dot.x:,g}: {dot.y:.6g} ({lines})"}


def _safe(text: str) -> str:
    """Return a name from a log as one short line without our own marks; the XML writer escapes its markup."""
    return unescape(escape.html(escape.redact(escape.terminal(text)), NAME_LIMIT)) or "(empty)"


def legend_columns(num_curves: int) -> int:
    """Return the number of curve names in one row of the legend."""
    return min(3, num_curves)


def cleaned(tree: Element, chart: Chart) -> Element:
    """Keep only the shapes, and give each dot a title, which shows without a script."""
    for parent in list(tree.iter()):
        parent.attrib.pop("id", None)  # two charts of a page would share an id
        for child in list(parent):
            if _is_idle(child) or (child.tag == "title" and parent.get("class", "").endswith("guides")):
                parent.remove(child)
    for group in tree.iter("g"):
        _name_dots(group)
    _make_room_for_legend(tree, len(chart.curves))
    for child in list(tree):
        if child.tag == "title":
            child.text = chart.title
    tree.set("role", "img")
    tree.set("aria-label", f"{chart.title}, by {chart.x_title}")
    return tree


def _is_idle(each: Element) -> bool:
    """Whether an element is useless without pygal's script, or is not part of the picture."""
    # The tag of a comment is a function.
    return (
        not isinstance(each.tag, str)
        or each.tag in ("script", "style", "defs")
        or "tooltip-overlay" in each.get("class", "")
        or (each.tag == "g" and len(each) == 0)
    )


def _make_room_for_legend(tree: Element, num_curves: int) -> None:
    """Make the picture higher where pygal leaves no room for an incomplete last row of the legend."""
    columns = legend_columns(num_curves)
    height = HEIGHT + 6 + LEGEND_ROW * (num_curves > columns and num_curves % columns > 0)
    tree.set("viewBox", f"0 0 {WIDTH} {height}")
    for each in tree.iter("rect"):
        if each.get("class") == "background" and each.get("height") == str(HEIGHT):
            each.set("height", str(height))


def _name_dots(group: Element) -> None:
    """Turn the descriptions for pygal's script into a title."""
    words = ""
    for child in list(group):
        if child.tag == "desc":
            words = child.text or "" if child.get("class") == "label" else words
            group.remove(child)
    if words:
        group.insert(0, element("title", words))


def element(name: str, text: str) -> Element:
    """Return an element with a text."""
    made = ElementTree.Element(name)
    made.text = text
    return made
