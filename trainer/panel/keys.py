"""Where each row of a panel file goes: the date and code columns in, `RowKeys` out."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trainer.panel.panel import DuplicateRow, PanelError, PanelSchema
from trainer.panel.source import Rows

_NUM_EXAMPLES = 5


class RowKeys(NamedTuple):
    """The dates and codes of a file, and the index of each row in them."""

    dates: NDArray[np.datetime64]  # ascending
    codes: tuple[str, ...]  # sorted
    date_of_row: NDArray[np.int64]  # -1 for a row without a key or with a repeated one
    code_of_row: NDArray[np.int64]
    rows_without_key: int
    rows_outside_dates: int
    rows_duplicate: int
    duplicates: tuple[DuplicateRow, ...]  # the first few


def read_keys(path: Path, rows: Rows, schema: PanelSchema) -> RowKeys:
    """Find the date and code of every row; of a repeated (date, code) only the first row counts. Rows outside
    the schema's dates have no place.

    Raises PanelError when a key column has the wrong type or no row within the dates has both keys.
    """
    table = rows.read([schema.date, schema.code])
    date_column = _as_dates(path, schema.date, table.column(schema.date))
    code_column = as_codes(path, schema.code, table.column(schema.code))
    has_key = np.array(pc.and_(date_column.is_valid(), code_column.is_valid()))
    if not has_key.any():
        raise PanelError(f"{path}: no row has both {schema.date} and {schema.code}; expected at least one, got 0")
    epoch_day_of_row = date_column.cast(pa.int32()).fill_null(0).to_numpy()
    rows_without_key = int((~has_key).sum())
    num_with_key = int(has_key.sum())
    for limit, is_outside in ((schema.since, np.less), (schema.until, np.greater)):
        if limit is not None:
            has_key &= ~is_outside(epoch_day_of_row, np.datetime64(limit, "D").astype(np.int32))
    if not has_key.any():
        asked = f"{schema.since or ''}..{schema.until or ''}"
        raise PanelError(f"{path}: no row in {asked}; expected at least one, got 0 of {num_with_key}")
    epoch_days, date_of_key = np.unique(epoch_day_of_row[has_key], return_inverse=True)
    codes, code_of_key = np.unique(code_column.fill_null("").to_numpy()[has_key].astype(str), return_inverse=True)
    dates = epoch_days.astype("datetime64[D]")
    place_of_key = date_of_key * len(codes) + code_of_key
    places, first_key, num_rows = np.unique(place_of_key, return_index=True, return_counts=True)
    repeated = np.flatnonzero(num_rows > 1)
    duplicates = tuple(
        DuplicateRow(str(dates[places[at] // len(codes)]), str(codes[places[at] % len(codes)]), int(num_rows[at]))
        for at in repeated[:_NUM_EXAMPLES]
    )
    kept_rows = np.flatnonzero(has_key)[first_key]
    date_of_row = np.full(len(has_key), -1, dtype=np.int64)
    code_of_row = np.full(len(has_key), -1, dtype=np.int64)
    date_of_row[kept_rows], code_of_row[kept_rows] = np.divmod(places, len(codes))
    return RowKeys(
        dates,
        tuple(codes.tolist()),
        date_of_row,
        code_of_row,
        rows_without_key=rows_without_key,
        rows_outside_dates=num_with_key - int(has_key.sum()),
        rows_duplicate=int(has_key.sum()) - len(places),
        duplicates=duplicates,
    )


def _as_dates(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (is_text or pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        raise PanelError(f"{path}: column {name} has no dates; expected dates, timestamps or ISO text, got {kind}")
    try:
        if is_text:
            column = pc.utf8_slice_codeunits(column, 0, 10)
        return column.cast(pa.date32(), safe=False)
    except pa.ArrowInvalid as error:
        raise PanelError(f"{path}: column {name} has no dates; expected YYYY-MM-DD, got {error}") from error


def as_codes(path: Path, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return codes as text. Raises PanelError for another type."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)):
        raise PanelError(f"{path}: column {name} has no codes; expected text or whole numbers, got {kind}")
    return column.cast(pa.string())
