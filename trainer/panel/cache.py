"""The panel's arrays as memory-mapped files, kept as long as the file's content and the schema stay the same.

Arrays are looked up by the SHA-256 of the content they were made from. Arrays from other content are stale: they are
never used, they are deleted once the new ones are built, and the caller learns of it.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.panel.panel import (
    CacheUse,
    DuplicateRow,
    LoadFacts,
    PanelError,
    PanelSchema,
    PriceMove,
    PriceMoves,
    StalePrice,
)
from trainer.panel.source import source_name

_LAYOUT = 3
_ARRAY_NAMES = ("features_CDF", "present_CD", "targets_DCH", "returns_DC")
_MAYBE = ("groups_GDC", "weights_DC")

NewArray = Callable[[str, tuple[int, ...], type], NDArray[Any]]
"""Creates an array to be filled, given its name, shape and element type."""


class PanelArrays(NamedTuple):
    """What was read from a panel file, in memory or memory-mapped; legend in `panel`."""

    dates: NDArray[np.datetime64]
    codes: tuple[str, ...]
    feature_names: tuple[str, ...]
    features_CDF: NDArray[np.float32]
    present_CD: NDArray[np.bool_]
    targets_DCH: NDArray[np.float32]
    returns_DC: NDArray[np.float32]
    facts: LoadFacts
    group_columns: tuple[str, ...] = ()
    group_names: tuple[tuple[str, ...], ...] = ()
    groups_GDC: NDArray[np.int32] | None = None
    weights_DC: NDArray[np.float32] | None = None


class PanelCache:
    """The folder with the arrays of one panel file under one schema; a sub-folder per content."""

    def __init__(self, directory: Path, source: Path, schema: PanelSchema) -> None:
        key = hashlib.sha256(repr((_LAYOUT, str(source.resolve()), schema)).encode()).hexdigest()[:12]
        self.folder = directory / f"{source_name(source)}-{key}"

    def find(self, fingerprint: str) -> tuple[PanelArrays | None, CacheUse]:
        """Return the arrays made from exactly this content, or None, and the state of the cache."""
        kept = self._of_content(fingerprint)
        if not kept.exists():
            is_stale = self.folder.exists() and any(self.folder.iterdir())
            return None, CacheUse.REBUILT if is_stale else CacheUse.BUILT
        try:
            return _open(kept), CacheUse.REUSED
        except (OSError, ValueError, KeyError, TypeError):
            return None, CacheUse.REPAIRED

    def build(self, fingerprint: str, read: Callable[[NewArray], PanelArrays]) -> PanelArrays:
        """Let `read` fill memory-mapped arrays, keep them, and delete arrays from other contents.

        Another process may build the same arrays at the same time: the first to finish is kept. Raises PanelError
        when the folder cannot be written.
        """
        kept = self._of_content(fingerprint)
        part = self.folder / f"{kept.name}.{os.getpid()}.part"
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)

            def new_array(name: str, shape: tuple[int, ...], kind: type) -> NDArray[Any]:
                try:
                    return np.lib.format.open_memmap(part / f"{name}.npy", mode="w+", dtype=kind, shape=shape)
                except OSError as error:
                    raise self._unwritable(error) from error

            arrays = read(new_array)
            (part / "panel.json").write_text(json.dumps(_document(arrays)), encoding="utf-8")
            self._keep(part, kept)
            for other in self.folder.iterdir():
                if other != kept and not other.name.endswith(".part"):
                    shutil.rmtree(other, ignore_errors=True)
            return _open(kept)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)

    def _unwritable(self, error: OSError) -> PanelError:
        return PanelError(f"{self.folder}: cannot cache the panel; expected a writable folder, got {error}")

    def _of_content(self, fingerprint: str) -> Path:
        return self.folder / fingerprint[:16]

    def _keep(self, part: Path, kept: Path) -> None:
        """Move the finished folder into place, unless another process has already put a readable one there."""
        if kept.exists():
            try:
                _open(kept)
                return
            except (OSError, ValueError, KeyError, TypeError):
                shutil.rmtree(kept, ignore_errors=True)
        with contextlib.suppress(FileExistsError):
            part.rename(kept)


def _open(kept: Path) -> PanelArrays:
    document = json.loads((kept / "panel.json").read_text(encoding="utf-8"))
    arrays = {name: np.load(kept / f"{name}.npy", mmap_mode="r") for name in _ARRAY_NAMES}
    arrays |= {name: np.load(kept / f"{name}.npy", mmap_mode="r") for name in document["more_arrays"]}
    facts = document["facts"]
    facts["duplicates"] = tuple(DuplicateRow(**row) for row in facts["duplicates"])
    facts["moves"] = PriceMoves(
        tuple(PriceMove(*row) for row in facts["moves"][0]),
        tuple(facts["moves"][1]),
        tuple(StalePrice(*row) for row in facts["moves"][2]),
    )
    for name in ("non_finite_features", "infinite_targets", "ignored_columns"):
        facts[name] = tuple(facts[name])
    return PanelArrays(
        dates=np.array(document["dates"], dtype="datetime64[D]"),
        codes=tuple(document["codes"]),
        feature_names=tuple(document["feature_names"]),
        facts=LoadFacts(**facts),
        group_columns=tuple(document["group_columns"]),
        group_names=tuple(map(tuple, document["group_names"])),
        **arrays,
    )


def _document(arrays: PanelArrays) -> dict[str, Any]:
    more_arrays = [name for name in _MAYBE if getattr(arrays, name) is not None]
    for name in (*_ARRAY_NAMES, *more_arrays):
        getattr(arrays, name).flush()
    return {
        "more_arrays": more_arrays,
        "group_columns": arrays.group_columns,
        "group_names": arrays.group_names,
        "dates": [str(date) for date in arrays.dates],
        "codes": arrays.codes,
        "feature_names": arrays.feature_names,
        "facts": asdict(arrays.facts),
    }
