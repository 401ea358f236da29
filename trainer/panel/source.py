"""The files of a panel: one file, a folder or a pattern in; their schema, columns, rows and fingerprint out.

Interface:
    source = open_source(path)                                   # PanelError for what cannot be read
    with ExitStack() as stack:
        rows = source.rows(stack, text_columns=("code",))        # .schema, .num_rows, .read(...), .batches(...)

Parquet is read in batches of rows. CSV and feather are read whole, once. In CSV the code column stays text: 000001 is
not 1. Folders like `code=AAPL/` or `year=2024/` add a text column to the files in them (Hive partitions); it can be the
date, the code, a group or a category, never a feature by itself.
"""

from __future__ import annotations

import glob
import hashlib
import re
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq

from trainer.panel.panel import PanelError

_ROWS_PER_BATCH = 65_536
_KINDS = {"parquet": (".parquet", ".pq"), "CSV": (".csv", ".csv.gz"), "feather": (".feather", ".arrow", ".ipc")}
_EXPECTED = "expected a parquet, CSV or feather file, a folder of them, or a pattern"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""How Hive, Spark and pyarrow name the folder of rows whose partition column is null."""


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


Partition = tuple[tuple[str, str | None], ...]
"""The columns that the folders of a file give to each of its rows, with their value; None is a missing one."""


@dataclass(frozen=True)
class PanelFiles:
    """The files of a panel, in order of their paths."""

    files: tuple[Path, ...]
    fingerprint: str
    """SHA-256 of the bytes of a single file; of the fingerprints of all files if there are several."""
    mtime_s: float
    """Modification time of the newest file, seconds since 1970."""
    partitions: tuple[Partition, ...]
    """Of each file; all files have the same columns."""

    @property
    def kind(self) -> str:
        """parquet, CSV or feather; a single file without such an ending is taken for parquet."""
        return _kind(self.files[0]) or "parquet"

    def rows(self, stack: ExitStack, *, text_columns: tuple[str, ...]) -> Rows:
        """Open the files until the stack closes; `text_columns` stay text in CSV. Raises PanelError."""
        if self.kind == "parquet":
            return _ParquetFiles(self.files, self.partitions, stack)
        return _WholeFiles(self.files, self.partitions, text_columns, kind=self.kind)


def find_files(path: Path) -> tuple[Path, ...]:
    """Return the files that a path names: itself, those in a folder and its folders, or those that fit a pattern.

    Raises PanelError if there are none, or some of several kinds.
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
        kinds = " and ".join(sorted({_kind(each) for each in files}))
        raise PanelError(f"{path}: has {kinds} files; expected one kind, or a pattern such as *.parquet")
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
    partitions = tuple(_partition(each, path) for each in files)
    if len({tuple(name for name, _ in each) for each in partitions}) > 1:
        found = sorted({"/".join(name for name, _ in each) or "none" for each in partitions})
        raise PanelError(f"{path}: partitions differ; expected the same columns for each file, got {', '.join(found)}")
    if any(partitions):  # a file that is moved to another partition has other rows
        digests += [repr(each) for each in partitions]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    return PanelFiles(files, whole, mtime_s, partitions)


def source_name(path: Path) -> str:
    """Return a name for files that are made from this source."""
    return re.sub(r"[*?\[\]]+", "_", path.stem) or "panel"


class _ParquetFiles:
    """Parquet files with the same columns."""

    def __init__(self, files: tuple[Path, ...], partitions: tuple[Partition, ...], stack: ExitStack) -> None:
        self._files = [stack.enter_context(_open_parquet(each)) for each in files]
        self._partitions = partitions
        own = self._files[0].schema_arrow
        for path, file in zip(files, self._files, strict=True):
            _check_columns(path, file.schema_arrow, files[0], own)
        self.schema = _with_partition(own.empty_table(), partitions[0], files[0]).schema
        self.num_rows = sum(file.metadata.num_rows for file in self._files)

    def read(self, columns: list[str]) -> pa.Table:
        tables = []
        for file, partition in zip(self._files, self._partitions, strict=True):
            own = file.read(columns=_without(columns, partition))
            # A table without columns forgets its number of rows.
            own = own if own.num_columns else file.read(columns=file.schema_arrow.names[:1])
            tables.append(_add(own, partition).select(columns))
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        for file, partition in zip(self._files, self._partitions, strict=True):
            for batch in file.iter_batches(batch_size=_ROWS_PER_BATCH, columns=_without(columns, partition)):
                yield from _add(pa.Table.from_batches([batch]), partition).to_batches() if partition else [batch]


class _WholeFiles:
    """CSV or feather files with the same columns."""

    def __init__(
        self, files: tuple[Path, ...], partitions: tuple[Partition, ...], text_columns: tuple[str, ...], *, kind: str
    ) -> None:
        convert = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(text_columns, pa.string()))
        tables: list[pa.Table] = []
        for path, partition in zip(files, partitions, strict=True):
            try:
                if kind == "CSV":
                    table = pyarrow.csv.read_csv(path, convert_options=convert)
                else:
                    table = pyarrow.feather.read_table(path)
            except (pa.ArrowException, OSError) as error:
                raise PanelError(
                    f"{path}: not a readable {kind} file; expected named columns and rows, got {error}"
                ) from error
            table = _with_partition(table, partition, path)
            _check_columns(path, table.schema, files[0], tables[0].schema if tables else table.schema)
            tables.append(table)
        self._table = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive")
        self.schema, self.num_rows = self._table.schema, self._table.num_rows

    def read(self, columns: list[str]) -> pa.Table:
        return self._table.select(columns)

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        yield from self._table.select(columns).to_batches(max_chunksize=_ROWS_PER_BATCH)


def _partition(file: Path, source: Path) -> Partition:
    """Return the columns that the folders between a panel's folder and one of its files give to its rows."""
    if source.is_dir():
        folder = source
    else:  # one file, or a pattern: what comes before its first wildcard
        is_wild = [glob.has_magic(part) for part in source.parts]
        folder = Path(*source.parts[: is_wild.index(True) if any(is_wild) else -1])
    parts = file.relative_to(folder).parts[:-1]
    pairs = (part.partition("=") for part in parts if "=" in part and not part.startswith("="))
    return tuple(
        (urllib.parse.unquote(name), None if value == _NO_VALUE else urllib.parse.unquote(value))
        for name, _, value in pairs
    )


def _with_partition(table: pa.Table, partition: Partition, path: Path) -> pa.Table:
    """Return a table with its partition's columns. Raises PanelError for a column that it already has."""
    repeated = [name for name, _ in partition if name in table.schema.names]
    if repeated:
        raise PanelError(f"{path}: {repeated[0]} is a column and a partition; expected it once, got both")
    return _add(table, partition)


def _add(table: pa.Table, partition: Partition) -> pa.Table:
    for name, value in partition:
        table = table.append_column(name, pa.array([value] * len(table), pa.string()))
    return table


def _without(columns: list[str], partition: Partition) -> list[str]:
    return [name for name in columns if name not in dict(partition)]


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
    """Return parquet, CSV or feather by the name; empty for other files."""
    name = path.name.lower()
    return next((kind for kind, suffixes in _KINDS.items() if name.endswith(suffixes)), "")


def _is_shown(path: Path) -> bool:
    return not any(part.startswith((".", "_")) for part in path.parts)
