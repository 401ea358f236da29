"""Write a page, and the charts of a Markdown page into a folder next to it; each file completely or not at all."""

from __future__ import annotations

from pathlib import Path

from monitor.base.atomicfile import prepared, write_atomically
from monitor.base.errors import ReportError
from monitor.report import drawing
from monitor.report.model import Page


def publish(out: Path, page: Page, format: str, template: Path | None = None, *, full: bool = False) -> None:
    """Write the charts, then the page, so that the page never links to a missing chart.

    Raises ReportError and leaves the old page untouched, and its charts too if the page cannot be written.
    """
    folder = out.with_name(f"{out.stem}.charts")
    has_charts = format == "md" and bool(page.charts) and drawing.can_draw()
    text = render(page, format, template=template, pictures=folder.name if has_charts else "", full=full)
    with prepared(out, text):
        if has_charts:
            _write_charts(folder, page)
    if has_charts:
        _remove_old_charts(folder, page)


def _write_charts(folder: Path, page: Page) -> None:
    try:
        folder.mkdir(exist_ok=True)
        for chart in page.charts:
            write_atomically(folder / f"{chart.name}.svg", drawing.draw_file(chart))
    except OSError as error:
        raise _no_folder(folder, error) from None


def _remove_old_charts(folder: Path, page: Page) -> None:
    """Remove what only an earlier page showed (its run had a GPU, say), once no page links to it."""
    try:
        for name in drawing.NAMES - {chart.name for chart in page.charts}:
            (folder / f"{name}.svg").unlink(missing_ok=True)
    except OSError as error:
        raise _no_folder(folder, error) from None


def _no_folder(folder: Path, error: OSError) -> ReportError:
    return ReportError(str(folder), f"cannot be made ({error.strerror})", expected="a folder for charts")


FORMATS = ("md", "html", "json")


_BY_SUFFIX = {".md": "md", ".html": "html", ".htm": "html", ".json": "json"}


def format_by_name(page: Path) -> str | None:
    """Return the format by the suffix of a page; None for another suffix."""
    return _BY_SUFFIX.get(page.suffix.lower())


def render(page: Page, format: str, *, template: Path | None = None, pictures: str = "", full: bool = False) -> str:
    """Return the page as Markdown, as one HTML file, or as JSON. Raises ReportError.

    ``template`` is the user's own, rendered in a sandbox; ``pictures`` is the folder with the charts of a Markdown
    page, empty for none. ``full`` adds what each rule found, and the parts that the log has nothing for; JSON has all.
    """
    match format:
        case "html":
            from monitor.report.html import render_html

            return render_html(page, template, full=full)
        case "json":
            from monitor.report.json_page import render_json

            return render_json(page)
    from monitor.report.markdown import render_markdown

    return render_markdown(page, template, pictures=pictures, full=full)
