"""Pictures of what people see, for a person to look at: ``python -m tests.report.pictures`` writes build/pictures.

The chat services draw our documents themselves; their pictures here follow the services' own layout of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from monitor import api
from monitor.alert import Alert, State
from monitor.config import Config
from monitor.report.build import build
from monitor.report.html import render_html
from monitor.sinks.chat import discord_document, ntfy_document, slack_document
from monitor.sinks.message import write_message
from tests.report.browser import PICTURES, screenshot
from tests.report.faulty_run import AFTER_S, alerts_of, log_in

PHONE, DESK = 500, 1200
"""Widths of a phone and a desk, in pixels; Chromium opens no narrower window."""


def pages(folder: Path) -> Iterator[tuple[str, str, tuple[int, int], bool]]:
    """Yield name, HTML, size and whether it is dark, of each picture."""
    log = log_in(folder)
    page = render_html(build(api.read(str(log)).snapshot, Config()))
    yield "page-light", page, (DESK, 1800), False
    yield "page-dark", page, (DESK, 1800), True
    yield "page-phone", page, (PHONE, 2400), False
    firing = alerts_of(log)
    over = [_over(each, State.RESOLVED) for each in firing]
    closed = [_over(each, State.CLOSED) for each in firing]
    several = [firing[0], *(replace(each, rule="GradientSkipped", id="x") for each in over)]
    for name, alerts in (("firing", firing), ("over", over), ("closed", closed), ("several", several)):
        yield f"slack-{name}", _framed(_slack(slack_document(alerts, None))), (700, 420), False
        yield (
            f"discord-{name}",
            _framed(_discord(discord_document(alerts, None)), "#313338", "#dbdee1"),
            (700, 420),
            True,
        )
        yield f"ntfy-{name}", _framed(_ntfy(ntfy_document(alerts, None, "topic"))), (500, 380), False
        yield f"mail-{name}", write_message(alerts, template="message.html.j2", language="html"), (700, 420), False
        text = write_message(alerts, template="message.txt.j2", language="text")
        yield f"mail-text-{name}", _framed(f"<pre style='white-space:pre-wrap'>{escape(text)}</pre>"), (700, 420), False


def _over(alert: Alert, state: State) -> Alert:
    ends_at = (alert.starts_at or 0.0) + AFTER_S
    reason = "the loss is finite again" if state is State.RESOLVED else "the run ended (failed) while it fired"
    return alert.ended(state, ends_at, reason)


_DOTS = {"🔴": "#d22", "🟠": "#e80", "🟢": "#2a4", "⚪": "#999"}


def _dotted(html: str) -> str:
    """Draw the coloured dots, for a machine without a font for them."""
    for dot, colour in _DOTS.items():
        html = html.replace(dot, f"<span style='color:{colour}'>●</span>")
    return html


def _framed(body: str, paper: str = "#ffffff", ink: str = "#1d1c1d") -> str:
    style = f"margin:16px;background:{paper};color:{ink};font:15px/1.46 sans-serif;overflow-wrap:anywhere"
    return f"<!doctype html><meta charset='utf-8'><body style='{style}'>{body}</body>"


def _slack(document: Mapping[str, Any]) -> str:
    return "".join(_slack_block(block) for block in document["blocks"])


def _slack_block(block: Mapping[str, Any]) -> str:
    if block["type"] == "header":
        return f"<h3 style='margin:8px 0'>{escape(block['text']['text'])}</h3>"
    if block["type"] == "section":
        return f"<div>{_marked(block['text']['text'])}</div>"
    texts = " ".join(_marked(each["text"]) for each in block["elements"])
    return f"<div style='color:#616061;font-size:13px;margin:4px 0 8px'>{texts}</div>"


def _marked(text: str) -> str:
    """Draw Slack's code blocks; its text is escaped already."""
    parts = text.split("```")
    code = (
        "<pre style='background:#f8f8f8;border:1px solid #ddd;padding:8px;white-space:pre-wrap;margin:4px 0'>{}</pre>"
    )
    return "".join(code.format(part) if place % 2 else part.replace("\n", "<br>") for place, part in enumerate(parts))


def _discord(document: Mapping[str, Any]) -> str:
    return f"<p>{_plain(document['content'])}</p>" + "".join(_embed(each) for each in document["embeds"])


def _embed(embed: Mapping[str, Any]) -> str:
    title = f"<b>{escape(embed['title'])}</b><br>" if "title" in embed else ""
    foot = f"<div style='font-size:12px'>{escape(embed['footer']['text'])}</div>" if "footer" in embed else ""
    body = "".join(
        f"<pre style='background:#1e1f22;padding:8px;white-space:pre-wrap'>{escape(part.strip())}</pre>"
        if place % 2
        else _plain(part).replace("\n", "<br>").replace("-# ", "")
        for place, part in enumerate(embed["description"].split("```"))
    )
    return (
        f"<div style='background:#2b2d31;border-left:4px solid #{embed['color']:06x};border-radius:4px;padding:12px;"
        f"margin:8px 0'>{title}{body}{foot}</div>"
    )


def _plain(text: str) -> str:
    """Take Markdown's escapes away, as a reader does."""
    return escape(text.replace("\\", "").replace("\u2060", ""), quote=False).replace("&amp;", "&")


def _ntfy(document: Mapping[str, Any]) -> str:
    title = f"<b>{escape(document['title'])}</b> {'▲' * max(0, document['priority'] - 3)}"
    text = f"<div style='white-space:pre-wrap'>{escape(document['message'])}</div>"
    return f"<div style='border:1px solid #ddd;border-radius:8px;padding:12px'>{title}{text}</div>"


def main(wanted: Sequence[str] = ()) -> None:
    """Write the pictures, all of them or those whose names begin with one of ``wanted``."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, html, size, is_dark in pages(folder):
            if not wanted or title.startswith(tuple(wanted)):
                path = folder / "page.html"
                path.write_text(_dotted(html), encoding="utf-8")
                screenshot(path, folder / "profile", title, size=size, is_dark=is_dark)
    print(PICTURES)


if __name__ == "__main__":
    main()
