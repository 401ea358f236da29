"""Columns that are the same on every date: a file with one row per code in, the panel's rows with its columns out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.panel.keys import as_codes
from trainer.panel.panel import PanelError
from trainer.panel.source import Rows, open_source


class JoinedRows:
    """Rows of a panel with further columns, found by their code; a code without a row there has missing values."""

    def __init__(self, path: Path, rows: Rows, static: Path, *, code_column: str) -> None:
        self._path, self._rows, self._code_column = path, rows, code_column
        with ExitStack() as stack:
            found = open_source(static).rows(stack, text_columns=(code_column,))
            if code_column not in found.schema.names:
                raise PanelError(
                    f"{static}: columns missing; expected {code_column}, got {', '.join(found.schema.names)}"
                )
            table = found.read(found.schema.names).combine_chunks()
        codes = as_codes(static, code_column, table.column(code_column)).combine_chunks()
        self._codes = codes
        names, num_rows = np.unique(codes.drop_null().to_numpy(zero_copy_only=False).astype(str), return_counts=True)
        if len(repeated := names[num_rows > 1]):
            raise PanelError(f"{static}: repeats codes; expected one row per code, got several of {repeated[0]}")
        self._table = table.drop_columns([code_column])
        both = sorted(set(self._table.schema.names) & set(rows.schema.names))
        if both:
            raise PanelError(f"{static}: columns that the panel has too; expected others, got {', '.join(both)}")
        self.schema = pa.schema([*rows.schema, *self._table.schema])
        self.num_rows = rows.num_rows

    def read(self, columns: list[str]) -> pa.Table:
        """Return some columns of all rows."""
        return self._joined(self._rows.read(self._needed(columns)), columns)

    def batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns, some rows at a time."""
        for batch in self._rows.batches(self._needed(columns)):
            yield from self._joined(pa.Table.from_batches([batch]), columns).combine_chunks().to_batches()

    def _needed(self, columns: list[str]) -> list[str]:
        return list(dict.fromkeys([*(name for name in columns if name in self._rows.schema.names), self._code_column]))

    def _joined(self, table: pa.Table, columns: list[str]) -> pa.Table:
        place = pc.index_in(as_codes(self._path, self._code_column, table.column(self._code_column)), self._codes)
        for name in columns:
            if name in self._table.schema.names:
                table = table.append_column(name, self._table.column(name).take(place))
        return table.select(columns)
