"""Many lines at once: the fast path, which leaves the run exactly as folding the lines one by one would.

A stretch of lines is cut into blocks (`block`). Lines with a known template (`line_template`) are read column by column
(`rows`). `prepare` finds out what a block will bring, and `preview` shows that to the rules. If no rule could react,
`fold` folds the block. Anything unusual is left to the ordinary way, line by line.
"""

from monitor.run.columns.block import Block, ByteSpan, Rest, Stretch, blocks
from monitor.run.columns.fold import fold_block
from monitor.run.columns.one_line import LineAhead, line_ahead
from monitor.run.columns.prepare import Forecast, forecast
from monitor.run.columns.preview import Ahead, Range
from monitor.run.columns.rows import LineTemplates

__all__ = [
    "Ahead",
    "Block",
    "ByteSpan",
    "Forecast",
    "LineAhead",
    "LineTemplates",
    "Range",
    "Rest",
    "Stretch",
    "blocks",
    "fold_block",
    "forecast",
    "line_ahead",
]
