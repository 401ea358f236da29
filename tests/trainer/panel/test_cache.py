"""A cached panel is reused for the same content, never when stale, and rebuilt when damaged."""

from pathlib import Path

import numpy as np
import pytest

from tests.trainer.panels import same_arrays, table, write
from trainer.panel.file import load_panel
from trainer.panel.panel import CacheUse, PanelError, PanelSchema


def test_the_cache_is_memory_mapped_and_reused_for_the_same_content(tmp_path: Path):
    path, cache = write(table(), tmp_path / "panel.parquet"), tmp_path / "cache"
    plain = load_panel(path, PanelSchema())
    built = load_panel(path, PanelSchema(), cache_dir=cache)
    reused = load_panel(path, PanelSchema(), cache_dir=cache)
    assert [panel.cache for panel in (plain, built, reused)] == [
        CacheUse.NONE,
        CacheUse.BUILT,
        CacheUse.REUSED,
    ]
    assert isinstance(reused.features_CDF, np.memmap)
    assert same_arrays(plain, built)
    assert same_arrays(plain, reused)
    assert (reused.facts, reused.fingerprint) == (plain.facts, plain.fingerprint)
    assert np.array_equal(reused.dates, plain.dates)


def test_a_stale_cache_is_never_used(tmp_path: Path):
    path, cache = write(table(seed=1), tmp_path / "panel.parquet"), tmp_path / "cache"
    load_panel(path, PanelSchema(), cache_dir=cache)
    write(table(seed=2), path)
    panel = load_panel(path, PanelSchema(), cache_dir=cache)
    assert panel.cache is CacheUse.REBUILT
    assert same_arrays(panel, load_panel(path, PanelSchema()))
    assert len(list(cache.glob("*/*"))) == 1


def test_a_damaged_cache_is_rebuilt(tmp_path: Path):
    path, cache = write(table(), tmp_path / "panel.parquet"), tmp_path / "cache"
    load_panel(path, PanelSchema(), cache_dir=cache)
    (array,) = cache.glob("*/*/targets_DCH.npy")
    array.write_bytes(array.read_bytes()[:-8])
    panel = load_panel(path, PanelSchema(), cache_dir=cache)
    assert panel.cache is CacheUse.REPAIRED
    assert same_arrays(panel, load_panel(path, PanelSchema()))
    assert load_panel(path, PanelSchema(), cache_dir=cache).cache is CacheUse.REUSED


def test_another_schema_has_a_cache_of_its_own(tmp_path: Path):
    path, cache = write(table(), tmp_path / "panel.parquet"), tmp_path / "cache"
    load_panel(path, PanelSchema(), cache_dir=cache)
    short = load_panel(path, PanelSchema(horizons=(1, 2)), cache_dir=cache)
    assert (short.cache, short.targets_DCH.shape[2]) == (CacheUse.BUILT, 2)
    assert load_panel(path, PanelSchema(), cache_dir=cache).cache is CacheUse.REUSED


def test_an_unwritable_cache_folder_is_reported(tmp_path: Path):
    path = write(table(), tmp_path / "panel.parquet")
    with pytest.raises(PanelError, match="cannot cache the panel; expected a writable folder, got"):
        load_panel(path, PanelSchema(), cache_dir=path)
