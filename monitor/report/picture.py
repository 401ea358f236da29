"""A picture of pygal's → the same picture without what needs its script, its style sheet or an id.

Of pygal's picture only the shapes are kept: its script, its style sheet and its comments (a date among them) go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

from monitor.report.chart import Chart

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

WIDTH, HEIGHT = 640, 330
LEGEND_ROW = 21


def legend_columns(num_curves: int) -> int:
    """Return how many names of curves stand beside each other."""
    return min(3, num_curves)


def cleaned(tree: Element, chart: Chart) -> Element:
    """Keep the shapes; give each dot its words as a title, which needs no script to be seen."""
    for parent in list(tree.iter()):
        parent.attrib.pop("id", None)  # two charts of a page would share it
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
    """Whether an element does nothing without pygal's script, or is none of the picture."""
    # A comment's tag is a function.
    return (
        not isinstance(each.tag, str)
        or each.tag in ("script", "style", "defs")
        or "tooltip-overlay" in each.get("class", "")
        or (each.tag == "g" and len(each) == 0)
    )


def _make_room_for_legend(tree: Element, num_curves: int) -> None:
    """Make the picture higher where pygal leaves no room for the legend's last, unfilled row."""
    columns = legend_columns(num_curves)
    height = HEIGHT + 6 + LEGEND_ROW * (num_curves > columns and num_curves % columns > 0)
    tree.set("viewBox", f"0 0 {WIDTH} {height}")
    for each in tree.iter("rect"):
        if each.get("class") == "background" and each.get("height") == str(HEIGHT):
            each.set("height", str(height))


def _name_dots(group: Element) -> None:
    """Turn the descriptions that pygal's script would show into a title."""
    words = ""
    for child in list(group):
        if child.tag == "desc":
            words = child.text or "" if child.get("class") == "label" else words
            group.remove(child)
    if words:
        group.insert(0, element("title", words))


def element(name: str, text: str) -> Element:
    """Return an element that holds a text."""
    made = ElementTree.Element(name)
    made.text = text
    return made
