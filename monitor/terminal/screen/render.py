"""Scene → rows: the whole picture for a terminal of a given size."""

from __future__ import annotations

from rich.text import Text

from monitor.report.judgement import judge
from monitor.report.summary import summary_of
from monitor.terminal.screen.header import header
from monitor.terminal.screen.layout import exactly, fit
from monitor.terminal.screen.scene import Scene
from monitor.terminal.screen.tables import gradients, metrics
from monitor.terminal.screen.text import foreign
from monitor.terminal.screen.verdicts import alerts, notices, others, rules

TWO_COLUMNS = 110
"""Width from which rules and alerts are shown to the right of the figures."""
SHORT = 14
"""Height below which the head has two rows instead of five."""
HINT = 20
"""Height from which the last row tells how to leave."""


def waiting(notices: tuple[str, ...], width: int, height: int) -> list[Text]:
    """Return the picture while there is no log to show."""
    words = [Text(" waiting for a log", "bold"), *(Text.assemble(" ! ", foreign(text)) for text in notices)]
    return exactly(words, width, height)


def render(scene: Scene, width: int, height: int) -> list[Text]:
    """Return exactly ``height`` rows of exactly ``width`` cells."""
    verdicts = judge(scene.snapshot)
    summary = summary_of(scene.snapshot, verdicts)
    rows = header(scene, summary, width, is_short=height < SHORT)
    hint = [Text(" Ctrl-C ends the watch and sums up; times are UTC", "bright_black")] if height >= HINT else []
    room = height - len(rows) - len(hint)
    if width >= TWO_COLUMNS:
        right = width // 2
        left = width - right - 1
        figures = [gradients(scene.snapshot, verdicts, left), metrics(scene.snapshot, left)]
        words = [rules(scene.snapshot, summary, verdicts, right), alerts(scene.snapshot), others(scene), notices(scene)]
        lefts = exactly(fit(figures, left, room), left, room)
        rights = exactly(fit(words, right, room), right, room)
        body = [Text.assemble(a, ("│", "bright_black"), b) for a, b in zip(lefts, rights, strict=True)]
    else:
        sections = [
            rules(scene.snapshot, summary, verdicts, width),
            gradients(scene.snapshot, verdicts, width),
            alerts(scene.snapshot),
            others(scene),
            metrics(scene.snapshot, width),
            notices(scene),
        ]
        body = exactly(fit(sections, width, room), width, room)
    return exactly([*rows, *body, *hint], width, height)
