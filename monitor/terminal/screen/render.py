"""Scene → rows: the whole picture for a terminal of a given size."""

from __future__ import annotations

from rich.text import Text

from monitor.report.judgement import judge
from monitor.report.summary import summary_of
from monitor.terminal.screen.chart import loss
from monitor.terminal.screen.header import header
from monitor.terminal.screen.layout import exactly, fit, needed
from monitor.terminal.screen.logs import logs
from monitor.terminal.screen.machine import machine
from monitor.terminal.screen.pages import alert_page, gone_page, help_page
from monitor.terminal.screen.scene import Scene
from monitor.terminal.screen.tables import gradients, metrics
from monitor.terminal.screen.text import foreign
from monitor.terminal.screen.verdicts import alerts, notices, rules
from monitor.terminal.screen.view import Page

TWO_COLUMNS = 110
"""Width from which problems and alerts are shown to the right of the figures."""
SHORT = 14
"""Height below which the head has two rows instead of five."""
HINT = 20
"""Height from which the last row tells the keys."""
_KEYS = (
    ("↑↓", "alert"), ("Enter", "open"), ("a", "ack"), ("s", "silence"), ("/", "filter"), ("Tab", "log"),
    ("?", "help"), ("q", "quit"),
)  # fmt: skip


def waiting(notices: tuple[str, ...], width: int, height: int) -> list[Text]:
    """Return the picture while there is no log to show."""
    words = [Text(" waiting for a log", "bold"), *(Text.assemble(" ! ", foreign(text)) for text in notices)]
    return exactly(words, width, height)


def render(scene: Scene, width: int, height: int) -> list[Text]:
    """Return exactly ``height`` rows of exactly ``width`` cells."""
    view = scene.view
    foot = [_foot(scene, width)] if height >= HINT or view.message or view.is_typing else []
    room = height - len(foot)
    if view.page is Page.HELP:
        return exactly([*help_page(width, room, view.top), *foot], width, height)
    if view.page is Page.ALERT:
        return exactly([*_alert(scene, width, room), *foot], width, height)
    verdicts = judge(scene.snapshot)
    summary = summary_of(scene.snapshot, verdicts)
    rows = header(scene, summary, width, is_short=height < SHORT)
    room -= len(rows)
    attempt = scene.snapshot.run.attempt
    if width >= TWO_COLUMNS:
        right = width // 2
        left = width - right - 1
        figures = [
            metrics(scene.snapshot, left),
            gradients(scene.snapshot, verdicts, left),
            machine(attempt, left),
        ]
        figures.insert(0, loss(scene.course, left, height, room - needed(figures, left)))
        words = [logs(scene, right), rules(scene.snapshot, summary, verdicts, right), alerts(scene), notices(scene)]
        lefts = exactly(fit(figures, left, room), left, room)
        rights = exactly(fit(words, right, room), right, room)
        body = [Text.assemble(a, ("│", "bright_black"), b) for a, b in zip(lefts, rights, strict=True)]
    else:
        sections = [
            logs(scene, width),
            rules(scene.snapshot, summary, verdicts, width),
            gradients(scene.snapshot, verdicts, width),
            alerts(scene),
            metrics(scene.snapshot, width),
            machine(attempt, width),
            notices(scene),
        ]
        sections.insert(2, loss(scene.course, width, height, room - needed(sections, width)))
        body = exactly(fit(sections, width, room), width, room)
    return exactly([*rows, *body, *foot], width, height)


def _alert(scene: Scene, width: int, height: int) -> list[Text]:
    snapshot, view = scene.snapshot, scene.view
    known = (*snapshot.open, *reversed(snapshot.history))
    alert = next((each for each in known if each.id == view.opened), None)
    if alert is None:
        return gone_page(width, height)
    return alert_page(snapshot, alert, scene.silenced.get(alert.id, ""), width, height, view.top)


def _foot(scene: Scene, width: int) -> Text:
    """Return the last row: the filter that is typed, the answer to the last key, or the keys as far as they fit."""
    view = scene.view
    if view.is_typing:
        return Text.assemble(" show alerts with: ", foreign(view.filter, "bold"), "▏  Enter keeps it, Esc clears it")
    if view.message:
        return Text.assemble(" ", foreign(view.message, "bold yellow"))
    if not scene.has_keys:
        return Text(" Ctrl-C ends the watch and sums up; times are UTC", "bright_black")
    line = Text(" ")
    shown = [each for each in _KEYS if each[0] != "Tab" or len(scene.logs) > 1]
    for key, what in shown if view.page is Page.RUN else (("↑↓", "scroll"), ("Esc", "back"), *_KEYS[2:4]):
        line.append(key, "bold").append(f" {what}  ", "bright_black")
    end = "times are UTC "
    room = width - line.cell_len - len(end)
    return line.append(" " * room + end, "bright_black") if room > 0 else line
