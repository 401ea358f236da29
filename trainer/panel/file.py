"""Reading a long-format panel: files in, a `Panel` with facts about its reading out.

Interface:
    load_panel(path, schema, cache_dir=None) -> Panel
Memory: the arrays and one batch of rows; with a cache directory the arrays are memory-mapped files.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainer.panel.cache import NewArray, PanelArrays, PanelCache
from trainer.panel.categories import MISSING, Category, check_size, read_category
from trainer.panel.columns import Columns, assign_columns
from trainer.panel.cross_section import compare_features
from trainer.panel.keys import RowKeys, read_keys
from trainer.panel.labels import forward_returns
from trainer.panel.moves import find_moves, last_known_returns
from trainer.panel.panel import CacheUse, LoadFacts, Panel, PanelError, PanelSchema
from trainer.panel.source import PanelFiles, Rows, open_source
from trainer.panel.static import JoinedRows


def load_panel(path: Path, schema: PanelSchema, *, cache_dir: Path | None = None) -> Panel:
    """Read a panel. With `cache_dir` its arrays are kept there as memory-mapped files, and reused as long as the
    file's content and the schema stay the same.

    `path` is a parquet, CSV or feather file, a folder of them, or a pattern. Raises PanelError for files that are
    missing, empty, not readable, or without the columns that the schema names.
    """
    source = open_source(path)
    files = source.files
    if schema.static is not None:
        static = open_source(schema.static)
        both = hashlib.sha256(f"{source.fingerprint} {static.fingerprint}".encode()).hexdigest()
        source = replace(source, fingerprint=both, mtime_s=max(source.mtime_s, static.mtime_s))
        files += static.files
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
        files=files,
        static=schema.static,
        fingerprint=source.fingerprint,
        horizons=schema.horizons,
        cache=cache_use,
        **arrays._asdict(),
    )


def read_dates(path: Path, schema: PanelSchema) -> NDArray[np.datetime64]:
    """Return the dates of a panel, ascending. Raises PanelError."""
    with ExitStack() as stack:
        return read_keys(path, open_source(path).rows(stack, text_columns=(schema.code,)), schema).dates


def _read(path: Path, source: PanelFiles, schema: PanelSchema, new_array: NewArray) -> PanelArrays:
    try:
        with ExitStack() as stack:
            table: Rows = source.rows(stack, text_columns=(schema.code, *schema.categories, *schema.groups))
            if table.num_rows == 0:
                raise PanelError(f"{path}: the panel is empty; expected at least one row, got 0")
            if schema.static is not None:
                table = JoinedRows(path, table, schema.static, code_column=schema.code)
            assign_columns(path, table.schema, schema)  # before reading: it names every column that is missing
            keys = read_keys(path, table, schema)
            placed = keys.date_of_row >= 0
            found = {
                name: read_category(path, table, name, placed)
                for name in dict.fromkeys((*schema.categories, *schema.groups))
            }
            categories = tuple(found[name] for name in schema.categories)
            for each in categories:
                check_size(path, each)
            columns = assign_columns(path, table.schema, schema, categories)
            groups = tuple(found[name] for name in schema.groups)
            return _fill(table, schema, columns, keys, new_array, categories, groups)
    except (pa.ArrowException, OSError) as error:
        raise PanelError(
            f"{path}: not a readable {source.kind} file; expected a {source.kind} panel, got {error}"
        ) from error


def _fill(
    table: Rows,
    schema: PanelSchema,
    columns: Columns,
    keys: RowKeys,
    new_array: NewArray,
    categories: tuple[Category, ...],
    groups: tuple[Category, ...],
) -> PanelArrays:
    codes, days, features = len(keys.codes), len(keys.dates), len(columns.features)
    features_CDF = _absent(new_array, "features_CDF", (codes, days, features))
    targets_DCH = _absent(new_array, "targets_DCH", (days, codes, len(schema.horizons)))
    returns_DC = _absent(new_array, "returns_DC", (days, codes))
    present_CD = new_array("present_CD", (codes, days), np.bool_)
    present_CD[...] = False
    price_DC = np.full((days, codes), np.nan)
    non_finite_F = np.zeros(features, dtype=np.int64)
    infinite_H = np.zeros(len(schema.horizons), dtype=np.int64)
    groups_GDC = new_array("groups_GDC", (len(groups), days, codes), np.int32) if groups else None
    if groups_GDC is not None:
        groups_GDC[...] = MISSING
    weights_DC = new_array("weights_DC", (days, codes), np.float32) if columns.weight is not None else None
    if weights_DC is not None:
        weights_DC[...] = 0.0
    place_of = {name: at for at, name in enumerate(columns.features)}
    numeric = np.array([place_of[name] for name in columns.numeric], dtype=np.int64)
    bad_prices = bad_weights = 0
    for first, batch in _row_batches(table, columns):
        rows = slice(first, first + batch.num_rows)
        placed = keys.date_of_row[rows] >= 0
        date_N, code_N = keys.date_of_row[rows][placed], keys.code_of_row[rows][placed]
        present_CD[code_N, date_N] = True
        value_NF = np.empty((len(date_N), features), dtype=np.float32)
        value_NF[:, numeric] = _matrix(batch, columns.numeric)[placed]
        _fill_categories(value_NF, categories, rows, placed, place_of)
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
        if weights_DC is not None:
            weight_N = batch.column(columns.weight).to_numpy(zero_copy_only=False).astype(np.float64)[placed]
            bad_weights += int(_blank(weight_N, ~(np.isfinite(weight_N) & (weight_N >= 0))))
            weights_DC[date_N, code_N] = np.nan_to_num(weight_N)
        if groups_GDC is not None:
            for place, group in enumerate(groups):
                groups_GDC[place, date_N, code_N] = group.value_of_row[rows][placed]
    compare_features(features_CDF, schema.features_per_date, numeric)  # type: ignore[arg-type]
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
        rows_outside_dates=keys.rows_outside_dates,
        bad_weights=bad_weights,
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
        keys.dates,
        keys.codes,
        columns.features,
        features_CDF,
        present_CD,
        targets_DCH,
        returns_DC,
        facts,
        group_columns=schema.groups,
        group_names=tuple(each.values for each in groups),
        groups_GDC=groups_GDC,
        weights_DC=weights_DC,
    )


def _fill_categories(
    value_NF: NDArray[np.float32],
    categories: tuple[Category, ...],
    rows: slice,
    placed: NDArray[np.bool_],
    place_of: dict[str, int],
) -> None:
    """Write the features of categories: 1 for a row's own value, 0 for others, nan for a row without a value."""
    for category in categories:
        value_N = category.value_of_row[rows][placed]
        known_N = value_N != MISSING
        number_of = {name: number for number, name in enumerate(category.feature_names())}
        for name, place in place_of.items():
            if name.startswith(f"{category.column}="):
                # The number of a value that no row has is none of the rows'.
                value_NF[:, place] = np.where(known_N, value_N == number_of.get(name, -2), np.nan)


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
