"""All followed logs in one table, where there are several."""

from __future__ import annotations

from pathlib import PurePath

from rich.text import Text

from monitor.alert import Severity
from monitor.base.wording import span
from monitor.terminal.screen.layout import Row, Section
from monitor.terminal.screen.scene import FollowedLog, Scene
from monitor.terminal.screen.text import foreign, number

SIGNS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}
STYLES = {Severity.CRITICAL: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
LEAST_NAME_CELLS, NAME_CELLS = 16, 28
"""Least and most room for a name; the end of a longer one is kept, for it tells apart."""
OTHER_CELLS = 46
"""Room for the other columns of a wide table."""


def logs(scene: Scene, width: int) -> Section:
    """Return a row for each log, in the order in which they were found; where not all fit, those with alerts stay."""
    followed = scene.logs
    if len(followed) < 2:
        return Section(None, [])
    room = max(LEAST_NAME_CELLS, width - 5 - OTHER_CELLS)
    name_cells = min(NAME_CELLS, room, max(len(_name(each)) for each in followed))
    rows = [Row(_line(each, width, name_cells), rank=_rank(each)) for each in followed]
    firing = sum(each.num_firing > 0 for each in followed)
    title = Text.assemble(("logs", "bold"), f"  {len(followed):,}", f", {firing:,} with problems" if firing else "")
    return Section(title, rows, share=2)


def _rank(log: FollowedLog) -> int:
    return 10 if log.is_shown else log.worst.rank + 1 if log.worst else 0


def _name(log: FollowedLog) -> str:
    path = PurePath(log.log)
    return f"{path.parent.name}/{path.name}" if log.has_twin and path.parent.name else path.name


def _line(log: FollowedLog, width: int, name_cells: int) -> Text:
    sign, style = (SIGNS[log.worst], STYLES[log.worst]) if log.worst else ("  ", "")
    name = foreign(_name(log), "bold" if log.is_shown else style)
    if name.cell_len > name_cells:
        name = Text.assemble("…", name[name.cell_len - name_cells + 1 :])
    name.pad_right(max(0, name_cells - name.cell_len))
    line = Text.assemble(" ", ("▸" if log.is_shown else " ", "bold"), f"{sign} ", name, " ")
    firing = f"{log.num_firing} firing" if log.num_firing else ""
    cells = [
        (f"{log.status:<9}", "" if log.status == "running" else "bright_black"),
        (f"{firing:<9}", style),
        ("–" if log.step is None else f"step {log.step:,}", ""),
        ("" if log.loss is None else f"loss {number(log.loss)}", ""),
        ("" if log.silent_s is None else f"{span(log.silent_s)} ago", "bright_black"),
    ]
    for (text, colour), least in zip(cells, (0, 12, 13, 14, 0), strict=True):
        padded = f"{text:<{least}}"
        if line.cell_len + len(text) > width:
            break
        line.append(padded, colour)
    return line
