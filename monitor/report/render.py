"""Page → text, in one of the formats; each renderer is loaded only when it is asked for."""

from __future__ import annotations

from pathlib import Path

from monitor.report.model import Page

FORMATS = ("md", "html", "json")
_BY_SUFFIX = {".md": "md", ".html": "html", ".htm": "html", ".json": "json"}


def format_by_name(page: Path) -> str | None:
    """Return the format that a page's file name says; None where it says none."""
    return _BY_SUFFIX.get(page.suffix.lower())


def render(page: Page, format: str, *, template: Path | None = None, pictures: str = "") -> str:
    """Return the page as Markdown, as one HTML file, or as JSON. Raises ReportError.

    ``template`` is one of the user's, rendered in a sandbox; ``pictures`` the folder beside a Markdown page that holds
    its charts, empty for none.
    """
    match format:
        case "html":
            from monitor.report.html import render_html

            return render_html(page, template)
        case "json":
            from monitor.report.json_page import render_json

            return render_json(page)
    from monitor.report.markdown import render_markdown

    return render_markdown(page, template, pictures=pictures)
