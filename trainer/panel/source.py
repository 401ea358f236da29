"""The files of a panel: one file, a folder or a pattern in; their schema, columns, rows and fingerprint out.

Interface:
    source = open_source(path)                                   # PanelError for what cannot be read
    with ExitStack() as stack:
        rows = source.rows(stack, text_columns=("code",))        # .schema, .num_rows, .read(...), .batches(...)

Parquet is read in batches of rows. CSV is read whole, once, and its code column stays text: 000001 is not 1.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from trainer.panel.panel import PanelError

_ROWS_PER_BATCH = 65_536
_KINDS = {"parquet": (".parquet", ".pq"), "CSV": (".csv", ".csv.gz")}
_EXPECTED = "expected a parquet or CSV file, a folder of them, or a pattern"


class Rows(Protocol):
    """The rows of all files, one after another."""

    schema: pa.Schema
    num_rows: int

    def read(self, columns: list[str]) -> pa.Table:
        """Return some columns of all rows."""
        ...

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns, some rows at a time."""
        ...


@dataclass(frozen=True)
class PanelFiles:
    """The files of a panel, in order of their paths."""

    files: tuple[Path, ...]
    fingerprint: str
    """SHA-256 of the bytes of a single file; of the fingerprints of all files if there are several."""
    mtime_s: float
    """Modification time of the newest file, seconds since 1970."""

    @property
    def kind(self) -> str:
        """parquet or CSV; a single file without such an ending is taken for parquet."""
        return _kind(self.files[0]) or "parquet"

    def rows(self, stack: ExitStack, *, text_columns: tuple[str, ...]) -> Rows:
        """Open the files until the stack closes; `text_columns` stay text in CSV. Raises PanelError."""
        if self.kind == "CSV":
            return _CsvFiles(self.files, text_columns)
        return _ParquetFiles(self.files, stack)


def find_files(path: Path) -> tuple[Path, ...]:
    """Return the files that a path names: itself, those in a folder and its folders, or those that fit a pattern.

    Raises PanelError if there are none, or some of both kinds.
    """
    if path.is_file():
        return (path,)
    if path.is_dir():
        found = [each for each in path.rglob("*") if each.is_file() and _is_shown(each.relative_to(path))]
        got = f"a folder without {' or '.join(suffix for kind in _KINDS.values() for suffix in kind)}"
    elif glob.has_magic(str(path)):
        # Path.glob takes no absolute pattern.
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207
        found = [Path(each) for each in matches if Path(each).is_file()]
        got = "a pattern that fits none"
    else:
        found, got = [], "no such file"
    files = tuple(sorted(each for each in found if _kind(each)))
    if not files:
        raise PanelError(f"{path}: cannot be read; {_EXPECTED}, got {got}")
    if len({_kind(each) for each in files}) > 1:
        raise PanelError(f"{path}: has parquet and CSV files; expected one kind, or a pattern such as *.parquet")
    return files


def open_source(path: Path) -> PanelFiles:
    """Find and fingerprint the files of a panel. Raises PanelError."""
    files = find_files(path)
    digests = []
    try:
        for each in files:
            with each.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        mtime_s = max(each.stat().st_mtime for each in files)
    except OSError as error:
        raise PanelError(f"{path}: cannot be read; {_EXPECTED}, got {error.strerror}") from error
    whole = digests[0] if len(files) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return PanelFiles(files, whole, mtime_s)


def source_name(path: Path) -> str:
    """Return a name for files that are made from this source."""
    return re.sub(r"[*?\[\]]+", "_", path.stem) or "panel"


class _ParquetFiles:
    """Parquet files with the same columns."""

    def __init__(self, files: tuple[Path, ...], stack: ExitStack) -> None:
        self._files = [stack.enter_context(_open_parquet(each)) for each in files]
        self.schema = self._files[0].schema_arrow
        self.num_rows = sum(file.metadata.num_rows for file in self._files)
        for path, file in zip(files, self._files, strict=True):
            _check_columns(path, file.schema_arrow, files[0], self.schema)

    def read(self, columns: list[str]) -> pa.Table:
        tables = [file.read(columns=columns) for file in self._files]
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        for file in self._files:
            yield from file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=columns)


class _CsvFiles:
    """CSV files with the same columns."""

    def __init__(self, files: tuple[Path, ...], text_columns: tuple[str, ...]) -> None:
        convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(text_columns, pa.string()))
        tables = []
        for path in files:
            try:
                tables.append(pyarrow.csv.read_csv(path, convert_options=convert))
            except pa.ArrowInvalid as error:
                raise PanelError(
                    f"{path}: not a readable CSV file; expected a head line and rows, got {error}"
                ) from error
            _check_columns(path, tables[-1].schema, files[0], tables[0].schema)
        self._table = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
        self.schema, self.num_rows = self._table.schema, self._table.num_rows

    def read(self, columns: list[str]) -> pa.Table:
        return self._table.select(columns)

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from self._table.select(columns).to_batches(max_chunksize=_ROWS_PER_BATCH)


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise PanelError(f"{path}: not a readable parquet file; expected a parquet panel, got {error}") from error


def _check_columns(path: Path, schema: pa.Schema, first: Path, expected: pa.Schema) -> None:
    if set(schema.names) != set(expected.names):
        differ = sorted(set(schema.names) ^ set(expected.names))
        raise PanelError(
            f"{path}: other columns than {first}; expected the same, got a difference in {', '.join(differ)}"
        )


def _kind(path: Path) -> str:
    """Return parquet or CSV by the name; empty for other files."""
    name = path.name.lower()
    return next((kind for kind, suffixes in _KINDS.items() if name.endswith(suffixes)), "")


def _is_shown(path: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)
