"""Read one log to its end, with the facts that a live watch recorded beside it; long files a piece ahead."""

from __future__ import annotations

import gc
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO, NamedTuple

from monitor.alert import Alert
from monitor.pipeline import Pipeline
from monitor.run.columns import ByteSpan
from monitor.store.facts import FactKind, FactsError, read_facts
from monitor.tail import STRETCH_BYTES, Ending, Line, Stretch, read_lines, read_pieces
from monitor.tail.opening import opened

Advance = Callable[[int], object]
"""Called with the number of bytes read so far."""
Progress = Callable[[BinaryIO], AbstractContextManager[Advance]]
"""Shows how far an open log was read, within the block."""


def replay(
    pipeline: Pipeline,
    *,
    facts: Path | None = None,
    progress: Progress | None = None,
) -> list[Alert]:
    """Read the pipeline's log to its end and return the transitions. Raises LogError and FactsError."""
    transitions: list[Alert] = []
    with opened(pipeline.log) as stream, _rare_garbage_collection(), (progress or _no_progress)(stream) as advance:
        recorded = _RecordedFacts(facts)
        for part, spans in _parts(stream, pipeline, line_by_line=facts is not None):
            transitions += recorded.tell_due(pipeline)
            if facts and isinstance(part, Line) and part.ending is Ending.END and not recorded.has_more(pipeline):
                # The live watch was still waiting for this line to be completed.
                continue
            if isinstance(part, Stretch):
                transitions += pipeline.take_all(part, spans=spans)
                advance(part.end)
            else:
                transitions += pipeline.take(part)
                advance(part.offset)
        transitions += recorded.tell_due(pipeline)
        recorded.check_all_told(pipeline)
    if facts is None:
        # With facts, the watch that recorded them has waited as long as it lived.
        transitions += pipeline.finish()
    return transitions


def _no_progress(stream: BinaryIO) -> AbstractContextManager[Advance]:
    del stream
    return nullcontext(lambda num_bytes: None)


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Collect garbage rarely: lines make no reference cycles, and the search for some takes a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Searched(NamedTuple):
    """A part of a log."""

    part: Line | Stretch
    spans: Sequence[ByteSpan] | None
    """Where a stretch has lines whose text may matter to a rule; None for a single line."""


def read_searched(stream: BinaryIO, pipeline: Pipeline) -> Iterator[Searched]:
    """Read a pipeline's log to its end, as `read_stretches` does; at most two pieces are held. Raises LogError."""
    pieces = _pieces(stream, pipeline)
    for piece in _ahead(pieces) if _is_long_file(stream) else pieces:
        yield from piece


def _parts(stream: BinaryIO, pipeline: Pipeline, *, line_by_line: bool) -> Iterable[Searched]:
    """Facts belong between certain lines; without facts, whole stretches are folded at once."""
    if line_by_line:
        return (Searched(line, None) for line in read_lines(stream))
    return read_searched(stream, pipeline)


def _pieces(stream: BinaryIO, pipeline: Pipeline) -> Iterator[list[Searched]]:
    for parts in read_pieces(stream):
        yield [Searched(each, pipeline.speaking(each.data) if isinstance(each, Stretch) else None) for each in parts]


def _ahead(pieces: Iterator[list[Searched]]) -> Iterator[list[Searched]]:
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece


def _is_long_file(stream: BinaryIO) -> bool:
    """Whether it is worth a thread; a pipe is not, because a thread that waits for more could not be stopped."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, AttributeError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size > STRETCH_BYTES


class _RecordedFacts:
    """The facts of a live watch, each told before the line that it preceded."""

    def __init__(self, path: Path | None) -> None:
        """Read the file. Raises FactsError."""
        self._path = path
        self._facts = deque(read_facts(path) if path else ())

    def tell_due(self, pipeline: Pipeline) -> list[Alert]:
        """Tell the facts that preceded the next line; return the transitions."""
        transitions: list[Alert] = []
        while self._facts and self._facts[0].lines <= pipeline.run.lines:
            fact = self._facts.popleft()
            if fact.kind is FactKind.NAMED:
                pipeline.run.log, pipeline.run.generation = fact.text, fact.generation
            elif fact.kind is FactKind.LOST:
                transitions += pipeline.lose(fact.lost_bytes, fact.how, fact.at)
            elif fact.kind is FactKind.PROBED:
                transitions += pipeline.learn(fact.text, fact.at)
            elif fact.at is not None and fact.kind is FactKind.PASSED:
                transitions += pipeline.pass_time(fact.at)
            elif fact.at is not None:
                transitions += pipeline.hear(fact.at, has_moved=fact.kind is FactKind.MOVED)
        return transitions

    def has_more(self, pipeline: Pipeline) -> bool:
        """Whether the watch had read more lines when it recorded its last fact."""
        return bool(self._facts) and self._facts[-1].lines > pipeline.run.lines

    def check_all_told(self, pipeline: Pipeline) -> None:
        """Refuse a log that ends before its facts. Raises FactsError."""
        if self._facts:
            what = f"has a fact of line {self._facts[-1].lines:,}, but the log has {pipeline.run.lines:,} lines"
            raise FactsError(str(self._path), what, expected="the facts of this log, with all its rotated files")
