"""Many lines at once: the fast path, which leaves the run exactly as folding its lines one by one would.

A stretch of lines is cut into blocks (`block`). Lines whose form is known (`layout`) are read column by column
(`rows`). `forecast` says what a block will bring, `ahead` shows it to the rules, and where none of them could speak
of it `fold` takes it in. Whatever is out of the ordinary is left to the ordinary way, line by line.
"""

from monitor.run.columns.block import Block, ByteSpan, Rest, Stretch, blocks
from monitor.run.columns.fold import fold_block
from monitor.run.columns.prepare import Forecast, forecast
from monitor.run.columns.preview import Ahead, Range
from monitor.run.columns.rows import Layouts

__all__ = [
    "Ahead",
    "Block",
    "ByteSpan",
    "Forecast",
    "Layouts",
    "Range",
    "Rest",
    "Stretch",
    "blocks",
    "fold_block",
    "forecast",
]
