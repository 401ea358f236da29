"""The pages that fill the screen: one alert with its evidence, and the keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from monitor.alert import Alert, iso_time
from monitor.snapshot import Snapshot
from monitor.terminal.screen.layout import exactly, folded
from monitor.terminal.screen.text import foreign
from monitor.terminal.screen.view import KEYS

NAME_CELLS = 12
"""Room for the name of a fact."""
MOST_FOLDS = 40


def alert_page(snapshot: Snapshot, alert: Alert, silenced: str, width: int, height: int, top: int) -> list[Text]:
    """Return one alert: what it found, why it matters, what to do, and the lines that prove it."""
    return _scrolled(list(_alert_lines(snapshot, alert, silenced, width)), width, height, top)


def gone_page(width: int, height: int) -> list[Text]:
    """Return what is shown where the open alert is known no longer."""
    return exactly([Text(" this alert is known no longer; Esc goes back", "yellow")], width, height)


def help_page(width: int, height: int, top: int) -> list[Text]:
    """Return the keys."""
    lines = [Text(" keys", "bold"), Text("")]
    for keys, what in KEYS:
        lines += _fact(keys, Text(what), width, name_cells=18)
    lines.append(Text(""))
    lines += folded(Text(" Times are UTC. Silences and acknowledgements need a state folder (--state)."), width, 4)
    return _scrolled(lines, width, height, top)


def _alert_lines(snapshot: Snapshot, alert: Alert, silenced: str, width: int) -> Iterator[Text]:
    yield Text.assemble(" ", foreign(f"{alert.rule} {alert.state.value}", "bold"), f" · {alert.severity.value}")
    yield from _prose(Text.assemble(" ", foreign(alert.summary)), width)
    yield Text("")
    why = next((rule.why for rule, _ in snapshot.readings if rule.alert == alert.rule), "")
    labels = ", ".join(f"{name}={value}" for name, value in alert.labels)
    place = "" if alert.step is None else f"step {alert.step:,}, epoch {alert.epoch}"
    facts = [
        ("id", alert.id),
        ("labels", labels),
        ("since", iso_time(alert.starts_at) or ""),
        ("until", iso_time(alert.ends_at) or ""),
        ("place", place),
        ("found", alert.reason),
        ("explained by", alert.inhibited_by),
        ("receivers", silenced),
        ("why", why),
        ("do", alert.action),
    ]
    for name, text in facts:
        if text:
            yield from _fact(name, foreign(text), width)
    for line in alert.evidence:
        yield Text("")
        yield Text.assemble(" ", foreign(f"{line.path}:{line.line}", "bright_black"))
        yield from _prose(Text.assemble(" ", foreign(line.text.strip())), width)


def _fact(name: str, text: Text, width: int, *, name_cells: int = NAME_CELLS) -> list[Text]:
    first, *rest = folded(text, max(20, width - name_cells - 2), MOST_FOLDS)
    indent = " " * (name_cells + 2)
    head = Text.assemble(" ", (f"{name:<{name_cells}} ", "bold cyan"), first)
    return [head, *(Text.assemble(indent, each.plain.strip()) for each in rest)]


def _prose(text: Text, width: int) -> list[Text]:
    return folded(text, width, MOST_FOLDS)


def _scrolled(lines: Sequence[Text], width: int, height: int, top: int) -> list[Text]:
    """Return the lines from ``top`` on; the last page stays full."""
    begun = max(0, min(top, len(lines) - height))
    shown = list(lines[begun : begun + height])
    left = len(lines) - begun - height
    if left > 0 and shown:
        shown[-1] = Text(f" … {left + 1} more lines: ↓", "bright_black")
    return exactly(shown, width, height)
