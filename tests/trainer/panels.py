"""Small panels for tests: a table of rows that a test can change, and the panel read back from it."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainer.panel.file import load_panel
from trainer.panel.panel import Panel, PanelSchema

FEATURES = ("alpha", "beta", "gamma")


def table(*, codes: int = 12, days: int = 90, seed: int = 0) -> dict[str, np.ndarray]:
    """Return the columns of a clean panel in order of date and code: three features and a price, no target."""
    rng = np.random.default_rng(seed)
    dates = np.busday_offset("2024-01-01", np.arange(days), roll="forward").astype("datetime64[D]")
    close_DC = 100.0 * np.cumprod(1.0 + rng.normal(0.0005, 0.01, (days, codes)), axis=0)
    return {
        "date": np.repeat(dates, codes),
        "code": np.tile(np.array([f"c{code:03d}" for code in range(codes)], dtype=object), days),
        **{name: rng.normal(3.0, 2.0, days * codes) for name in FEATURES},
        "close": close_DC.reshape(-1),
    }


def write(columns: dict[str, np.ndarray], path: Path) -> Path:
    """Write the columns to a parquet file; nan stays nan, None becomes null."""
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)
    return path


def read(columns: dict[str, np.ndarray], path: Path, schema: PanelSchema | None = None) -> Panel:
    """Write the columns and load them."""
    return load_panel(write(columns, path), schema or PanelSchema())


def rows_where(columns: dict[str, np.ndarray], keep: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rows in `keep`, a mask or row numbers in any order."""
    return {name: values[keep] for name, values in columns.items()}


def same_arrays(left: Panel, right: Panel) -> bool:
    """Return whether two panels have the same values; nan equals nan."""
    return all(
        np.array_equal(getattr(left, name), getattr(right, name), equal_nan=name != "present_CD")
        for name in ("features_CDF", "present_CD", "targets_DCH", "returns_DC")
    )
