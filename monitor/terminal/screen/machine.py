"""The process and the GPUs of a training, as a section of rows."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from monitor.base.wording import span
from monitor.grammar import Gpu, Process
from monitor.run.attempt import Attempt
from monitor.terminal.screen.layout import Row, Section
from monitor.terminal.screen.text import foreign, size, sparkline

MEGABYTE = 1_000_000
USE_CELLS = 12
"""Points of a GPU's use."""
FULL = 60
"""Width from which temperature, power and model are shown."""


def machine(attempt: Attempt, width: int) -> Section:
    """Return a row for the process and one for each GPU; no row for what was not seen."""
    rows = [Row(line, rank=2 - bool(number)) for number, line in enumerate(_lines(attempt, width))]
    return Section(Text("process and GPUs", "bold"), rows)


def _lines(attempt: Attempt, width: int) -> Iterator[Text]:
    if stated := attempt.stated(Process):
        seen = stated[0]
        line = Text.assemble("   ", ("process ", "bright_black"), str(seen.pid))
        if seen.cpu_pct is not None:
            line.append(f" · CPU {seen.cpu_pct:.0f} %")
        if seen.rss_mb is not None:
            of = f" of {size(int(seen.ram_total_mb * MEGABYTE))}" if seen.ram_total_mb else ""
            line.append(f" · {size(int(seen.rss_mb * MEGABYTE))}{of}")
        if seen.etime_s is not None and width >= FULL:
            line.append(f" · for {span(seen.etime_s)}", "bright_black")
        yield line
    for card, _ in attempt.all_stated(Gpu):
        yield _card(attempt, card, width)


def _card(attempt: Attempt, card: Gpu, width: int) -> Text:
    line = Text.assemble("   ", ("GPU ", "bright_black"), "" if card.index is None else str(card.index))
    if card.util_pct is not None:
        labels = () if card.index is None else (("index", str(card.index)),)
        series = attempt.of("gpu.util_pct").get(labels)
        values = [point.value for point in series.recent] if series else []
        line.append(f" {card.util_pct:>3.0f} %").append(f" {sparkline(values, USE_CELLS)}", "cyan")
    if card.used_mb is not None:
        of = f" of {size(int(card.total_mb * MEGABYTE))}" if card.total_mb else ""
        line.append(f" · {size(int(card.used_mb * MEGABYTE))}{of}")
    if width >= FULL:
        if card.temp_c is not None:
            line.append(f" · {card.temp_c:.0f} °C", "bright_black")
        if card.power_w is not None:
            line.append(f" · {card.power_w:.0f} W", "bright_black")
        if card.name:
            line.append(" ").append_text(foreign(card.name, "bright_black"))
    return line
