"""Files of records that are not a text log → lines: a trainer's state, a list or table in JSON, TensorBoard's events.

Each record becomes one line of JSON and is read as any other line; the number of the line is that of the record.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import BinaryIO

from monitor.base.errors import LogError
from monitor.tail.tfevents import Scalar, event_records, is_tfevents

MOST_BYTES = 256 * 1024 * 1024
"""A document of JSON must be read whole; a larger one is not a log. Chosen by hand, 2026-11."""


LONGEST_HEAD = 64 * 1024
"""Most bytes of a first line that is looked at."""


def record_lines(path: str, stream: BinaryIO) -> BinaryIO | None:
    """Return the lines of a file of records; None for any other file, whose stream is then where it was.

    Raises LogError for events of TensorBoard that cannot be read.
    """
    name = PurePath(path).name
    if is_tfevents(name):
        scalars = (scalar for record in event_records(path, stream) for scalar in record.scalars)
        return io.BytesIO(b"".join(by_step(scalars)))
    if not name.endswith(".json") or not stream.seekable():
        return None
    text = stream.read(MOST_BYTES)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    records = None if document is None else _records(document)
    if records is None:
        stream.seek(0)
        return None
    return _joined(records)


def is_of_records(path: str) -> bool:
    """Whether a file may be one of records, by its name."""
    name = PurePath(path).name
    return name.endswith(".json") or is_tfevents(name)


def holds_figures(path: Path) -> bool:
    """Whether a file that is named like one of records holds any now: records, a table, or lines of JSON."""
    try:
        with path.open("rb") as stream:
            if is_of_records(str(path)) and record_lines(str(path), stream) is not None:
                return True
            stream.seek(0)
            first = stream.readline(LONGEST_HEAD)
    except (OSError, LogError):
        return False
    if path.suffix not in (".json", ".jsonl"):
        return b"," in first or b"\t" in first or b";" in first
    try:
        return isinstance(json.loads(first), Mapping) and first.endswith(b"\n")
    except (ValueError, RecursionError):
        return False


def _records(document: object) -> list[Mapping[str, object]] | None:
    """Return the records of a document; None where it has none."""
    if isinstance(document, Mapping) and isinstance(document.get("log_history"), list):
        return _mappings(document["log_history"])
    if isinstance(document, list):
        return _mappings(document) or None
    if isinstance(document, Mapping):
        return _rows(document)
    return None


def _mappings(values: list[object]) -> list[Mapping[str, object]]:
    return [each for each in values if isinstance(each, Mapping)]


def _rows(table: Mapping[str, object]) -> list[Mapping[str, object]] | None:
    """Return the rows of a table that is written by columns: Keras' history has one value per epoch in each.

    The columns may be grouped by what they were measured on, as in XGBoost's and LightGBM's ``evals_result``.
    """
    columns = dict(_columns(table))
    lengths = {len(value) for value in columns.values()}
    if len(lengths) != 1 or lengths == {0}:
        return None
    place = {} if any(key in columns for key in ("epoch", "step")) else {"epoch": 0}
    return [
        {**({"epoch": number + 1} if place else {}), **{key: value[number] for key, value in columns.items()}}
        for number in range(lengths.pop())
    ]


def _columns(table: Mapping[str, object]) -> Iterator[tuple[str, list[object]]]:
    """Yield the columns of a table with their names; one without values, so that it is none, where it holds others."""
    for key, value in table.items():
        if isinstance(value, list) and value:
            yield key, value
        elif isinstance(value, Mapping) and value and all(isinstance(each, list) and each for each in value.values()):
            yield from ((f"{key}-{name}", column) for name, column in value.items())
        else:
            yield key, []


class StepRecord:
    """The figures of one step, as they come: TensorBoard writes an event for each of them."""

    def __init__(self) -> None:
        self._figures: dict[str, object] = {}

    def add(self, scalar: Scalar) -> bytes:
        """Take a further figure; return the line of the step before it, if it begins another one."""
        figures = self._figures
        done = self.end() if figures and (figures["step"] != scalar.step or scalar.tag in figures) else b""
        self._figures.setdefault("step", scalar.step)
        self._figures[scalar.tag] = scalar.value
        return done

    def end(self) -> bytes:
        """Return the line of the step, and begin another one; nothing without figures."""
        figures, self._figures = self._figures, {}
        return _line(figures) if figures else b""


def by_step(scalars: Iterable[Scalar]) -> Iterator[bytes]:
    """Yield a line for each step."""
    record = StepRecord()
    for scalar in scalars:
        if line := record.add(scalar):
            yield line
    if line := record.end():
        yield line


def _joined(records: list[Mapping[str, object]]) -> BinaryIO:
    return io.BytesIO(b"".join(_line(record) for record in records))


def _line(record: Mapping[str, object]) -> bytes:
    """Return a record as one line. Numbers that are not finite stay as Python writes them: NaN, Infinity."""
    return json.dumps(record, ensure_ascii=False).replace("\n", " ").encode("utf-8", "replace") + b"\n"
