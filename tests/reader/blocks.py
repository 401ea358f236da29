"""Reads lines in blocks of random sizes and line by line, and says where the two differ."""

import random

from monitor.reader.columns import BlockReader, Columns, values_in
from monitor.reader.lines import read_line
from monitor.reader.report import Read
from monitor.reader.state import ReadState


def blocks_equal_singles(lines: list[str], seed: int, largest: int = 600) -> int:
    """Assert that blocks give the reports, times and state of single lines; return how many lines came as columns."""
    single = ReadState()
    reads = [read_line(line, single) for line in lines]
    state, reader, dice = ReadState(), BlockReader(), random.Random(seed)
    seen: set[int] = set()
    start = num_in_columns = 0
    while start < len(lines):
        end = start + dice.randint(1, largest)
        block = reader.read([line.encode() for line in lines[start:end]], state)
        for index, read in block.singles.items():
            assert read.reports == reads[start + index].reports, lines[start + index]
            seen.add(start + index)
        for columns in block.columns:
            num_in_columns += len(columns.rows)
            for position, index in enumerate(columns.rows.tolist()):
                _assert_same(columns, position, reads[start + index], lines[start + index])
                seen.add(start + index)
        start = end
    assert len(seen) == len(lines)
    assert state.place == single.place
    assert state.clock == single.clock
    return num_in_columns


def _assert_same(columns: Columns, position: int, read: Read, line: str) -> None:
    [report] = read.reports
    # The number of decimal places is that of the last line of a block.
    ours = sorted(map(str, (value[:4] for value in values_in(columns, position))))
    assert ours == sorted(map(str, (value[:4] for value in report.values))), line
    assert (None if columns.at is None else float(columns.at[position])) == read.head.at, line
    assert (None if columns.step is None else int(columns.step[position])) == report.place.step, line
