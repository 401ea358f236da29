"""Reading a long-format panel: files in, a `Panel` with facts about its reading out.

Interface:
    load_panel(path, schema, cache_dir=None) -> Panel
Memory: the arrays and one batch of rows; with a cache directory the arrays are memory-mapped files.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainer.panel.cache import NewArray, PanelArrays, PanelCache
from trainer.panel.columns import Columns, assign_columns
from trainer.panel.keys import RowKeys, read_keys
from trainer.panel.labels import forward_returns
from trainer.panel.moves import find_moves, last_known_returns
from trainer.panel.panel import CacheUse, LoadFacts, Panel, PanelError, PanelSchema
from trainer.panel.source import PanelFiles, Rows, open_source


def load_panel(path: Path, schema: PanelSchema, *, cache_dir: Path | None = None) -> Panel:
    """Read a panel. With `cache_dir` its arrays are kept there as memory-mapped files, and reused as long as the
    file's content and the schema stay the same.

    `path` is a parquet or CSV file, a folder of them, or a pattern. Raises PanelError for files that are missing,
    empty, not readable, or without the columns that the schema names.
    """
    source = open_source(path)
    cache_use = CacheUse.NONE
    if cache_dir is None:
        arrays = _read(path, source, schema, _new_in_memory)
    else:
        cache = PanelCache(cache_dir, path, schema)
        found, cache_use = cache.find(source.fingerprint)
        arrays = found or cache.build(source.fingerprint, lambda new_array: _read(path, source, schema, new_array))
    return Panel(
        source=path,
        source_mtime_s=source.mtime_s,
        files=source.files,
        fingerprint=source.fingerprint,
        horizons=schema.horizons,
        cache=cache_use,
        **arrays._asdict(),
    )


def _read(path: Path, source: PanelFiles, schema: PanelSchema, new_array: NewArray) -> PanelArrays:
    try:
        with ExitStack() as stack:
            table = source.rows(stack, text_columns=(schema.code,))
            if table.num_rows == 0:
                raise PanelError(f"{path}: the panel is empty; expected at least one row, got 0")
            columns = assign_columns(path, table.schema, schema)
            keys = read_keys(path, table, schema)
            return _fill(table, schema, columns, keys, new_array)
    except (pa.ArrowException, OSError) as error:
        raise PanelError(
            f"{path}: not a readable {source.kind} file; expected a {source.kind} panel, got {error}"
        ) from error


def _fill(table: Rows, schema: PanelSchema, columns: Columns, keys: RowKeys, new_array: NewArray) -> PanelArrays:
    codes, days, features = len(keys.codes), len(keys.dates), len(columns.features)
    features_CDF = _absent(new_array, "features_CDF", (codes, days, features))
    targets_DCH = _absent(new_array, "targets_DCH", (days, codes, len(schema.horizons)))
    returns_DC = _absent(new_array, "returns_DC", (days, codes))
    present_CD = new_array("present_CD", (codes, days), np.bool_)
    present_CD[...] = False
    price_DC = np.full((days, codes), np.nan)
    non_finite_F = np.zeros(features, dtype=np.int64)
    infinite_H = np.zeros(len(schema.horizons), dtype=np.int64)
    bad_prices = 0
    for first, batch in _row_batches(table, columns):
        rows = slice(first, first + batch.num_rows)
        placed = keys.date_of_row[rows] >= 0
        date_N, code_N = keys.date_of_row[rows][placed], keys.code_of_row[rows][placed]
        present_CD[code_N, date_N] = True
        value_NF = _matrix(batch, columns.features)[placed]
        non_finite_F += _blank(value_NF, ~np.isfinite(value_NF))
        features_CDF[code_N, date_N] = value_NF
        if columns.labels:
            label_NH = _matrix(batch, columns.labels)[placed]
            infinite_H += _blank(label_NH, np.isinf(label_NH))
            targets_DCH[date_N, code_N] = label_NH
        if columns.price is not None:
            price_N = batch.column(columns.price).to_numpy(zero_copy_only=False).astype(np.float64)[placed]
            bad_prices += int(_blank(price_N, ~(np.isfinite(price_N) & (price_N > 0))))
            price_DC[date_N, code_N] = price_N
    if not columns.labels:
        targets_DCH[...] = forward_returns(price_DC, schema.horizons)
    if columns.price is not None:
        returns_DC[1:] = price_DC[1:] / price_DC[:-1] - 1.0
    elif 1 in schema.horizons:
        returns_DC[1:] = targets_DCH[:-1, :, schema.horizons.index(1)]
    facts = LoadFacts(
        moves=find_moves(last_known_returns(price_DC) if columns.price is not None else returns_DC, keys),
        rows_available=table.num_rows,
        rows_without_key=keys.rows_without_key,
        rows_duplicate=keys.rows_duplicate,
        duplicates=keys.duplicates,
        non_finite_features=tuple(non_finite_F.tolist()),
        infinite_targets=tuple(infinite_H.tolist()),
        bad_prices=bad_prices,
        ignored_columns=columns.ignored,
        labels_from="target" if columns.labels else "price",
        returns_from="price" if columns.price is not None else "target",
    )
    return PanelArrays(
        keys.dates, keys.codes, columns.features, features_CDF, present_CD, targets_DCH, returns_DC, facts
    )


def _absent(new_array: NewArray, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    array = new_array(name, shape, np.float32)
    array[...] = np.nan
    return array


def _blank(value: NDArray[Any], is_bad: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Turn the bad values into nan, in place; return their number per column."""
    value[is_bad] = np.nan
    return is_bad.sum(axis=0)


def _row_batches(table: Rows, columns: Columns) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (number of the first row, rows) in the order of the files."""
    first = 0
    for batch in table.batches(columns.values):
        yield first, batch
        first += batch.num_rows


def _matrix(batch: pa.RecordBatch, names: tuple[str, ...]) -> NDArray[np.float32]:
    """Stack columns as float32 [rows, columns]; null becomes nan, and a value too large for float32 infinite."""
    matrix = np.empty((batch.num_rows, len(names)), dtype=np.float32)
    with np.errstate(over="ignore"):
        for at, name in enumerate(names):
            column = batch.column(name)
            if pa.types.is_boolean(column.type):
                column = column.cast(pa.int8())
            matrix[:, at] = column.to_numpy(zero_copy_only=False)
    return matrix


def _new_in_memory(name: str, shape: tuple[int, ...], kind: type) -> NDArray[Any]:
    return np.empty(shape, dtype=kind)
