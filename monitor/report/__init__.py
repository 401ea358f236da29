"""Snapshot → status page: build the page, render it, write it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.base.atomicfile import write_atomically
    from monitor.report.build import build
    from monitor.report.markdown import render_markdown
    from monitor.report.model import Page
    from monitor.report.publish import FORMATS, format_by_name, publish, render

__all__ = ["FORMATS", "Page", "build", "format_by_name", "publish", "render", "render_markdown", "write_atomically"]

_HOMES = {
    "FORMATS": "monitor.report.publish",
    "Page": "monitor.report.model",
    "build": "monitor.report.build",
    "format_by_name": "monitor.report.publish",
    "publish": "monitor.report.publish",
    "render": "monitor.report.publish",
    "render_markdown": "monitor.report.markdown",
    "write_atomically": "monitor.base.atomicfile",
}


def __getattr__(name: str) -> object:
    """Import what is asked for: most commands use a page's parts, and few make one."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
