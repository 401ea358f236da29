"""Write a page, and the charts of a Markdown page into a folder beside it; each file whole or not at all."""

from __future__ import annotations

from pathlib import Path

from monitor.errors import ReportError
from monitor.report import drawing
from monitor.report.model import Page
from monitor.report.render import render
from monitor.wholefile import write_atomically


def publish(out: Path, page: Page, format: str, template: Path | None = None) -> None:
    """Write the page; the charts first, so that it never names one that is not there. Raises ReportError."""
    pictures = _write_charts(out, page) if format == "md" else ""
    write_atomically(out, render(page, format, template=template, pictures=pictures))


def _write_charts(out: Path, page: Page) -> str:
    """Write the charts and return the name of their folder; empty where none are drawn."""
    folder = out.with_name(f"{out.stem}.charts")
    if not page.charts or not drawing.can_draw():
        return ""
    try:
        folder.mkdir(exist_ok=True)
        for chart in page.charts:
            write_atomically(folder / f"{chart.name}.svg", drawing.draw_file(chart))
        for name in drawing.NAMES - {chart.name for chart in page.charts}:
            # Of an earlier page of this file: the run before had a GPU, say.
            (folder / f"{name}.svg").unlink(missing_ok=True)
    except OSError as error:
        raise ReportError(str(folder), f"cannot be made ({error.strerror})", expected="a folder for charts") from None
    return folder.name
