"""Columns that hold one of a few values, such as sector or exchange: as features of 0 and 1, and as groups.

A categorical column `sector` with the values Energy and Tech becomes the features `sector=Energy` and `sector=Tech`.

Shape legend: D dates, C codes, G group columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.panel.panel import PanelError
from trainer.panel.source import Rows

MOST_VALUES = 64
"""Most values of a categorical column; each value is a feature. Chosen by hand: beyond it, a column is a key."""
MISSING = -1
"""The value of a row without one."""


class Category(NamedTuple):
    """A column of a panel's files."""

    column: str
    values: tuple[str, ...]
    """Sorted."""
    value_of_row: NDArray[np.int32]
    """Index into `values`, or MISSING."""

    def feature_names(self) -> tuple[str, ...]:
        """Return the names of its features, one for each value."""
        return tuple(f"{self.column}={value}" for value in self.values)


def read_category(path: Path, rows: Rows, column: str, keep_N: NDArray[np.bool_]) -> Category:
    """Read one column; only the values of the rows in `keep_N` count. Raises PanelError for numbers with a fraction."""
    texts = _as_text(path, column, rows.read([column]).column(column))
    texts = texts.combine_chunks()
    # CSV has no other way to leave a text out.
    is_kept = pc.and_(pa.array(keep_N), pc.not_equal(texts, ""))
    texts = pc.if_else(is_kept, texts, pa.scalar(None, texts.type))
    coded = texts.dictionary_encode()
    names = np.array(coded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names) if len(names) else np.zeros(0, dtype=np.int64)
    place = np.empty(len(names) + 1, dtype=np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    place[-1] = MISSING
    index_N = coded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return Category(column, tuple(names[order].tolist()), place[index_N])


def check_size(path: Path, category: Category) -> None:
    """Raise PanelError for a column with more values than features can be made of."""
    if len(category.values) > MOST_VALUES:
        raise PanelError(
            f"{path}: {category.column} is not a category; expected at most {MOST_VALUES} values, "
            f"got {len(category.values)}"
        )


def _as_text(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_floating(kind):  # whole numbers with gaps, as pandas writes them
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise PanelError(
                f"{path}: {name} is not a category; expected text or whole numbers, got numbers with a fraction"
            ) from error
    elif not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    ):
        raise PanelError(f"{path}: {name} is not a category; expected text or whole numbers, got {kind}")
    return column.cast(pa.string())
