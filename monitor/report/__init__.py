"""Snapshot → status page: build the page, render it, write it."""

from monitor.base.atomicfile import write_atomically
from monitor.report.build import build
from monitor.report.markdown import render_markdown
from monitor.report.model import Page
from monitor.report.publish import FORMATS, format_by_name, publish, render

__all__ = ["FORMATS", "Page", "build", "format_by_name", "publish", "render", "render_markdown", "write_atomically"]
