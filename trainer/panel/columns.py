"""What each column of a panel file is used for: the file's schema and the requested mapping in, `Columns` out."""

import fnmatch
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from trainer.panel.panel import PanelError, PanelSchema

_LABEL_PREFIXES = ("target", "label", "future", "forward", "fwd", "__")
"""A column that starts like this is a feature only if it is requested by name."""


class Columns(NamedTuple):
    """The columns of the file by their use."""

    features: tuple[str, ...]
    labels: tuple[str, ...]  # empty: labels come from the price
    price: str | None  # None: the file has no price
    ignored: tuple[str, ...]  # not numeric, not requested, or named like a label

    @property
    def values(self) -> list[str]:
        """All columns except date and code."""
        return [*self.features, *self.labels, *([self.price] if self.price is not None else [])]


def assign_columns(path: Path, file_schema: pa.Schema, schema: PanelSchema) -> Columns:
    """Assign the columns. Raises PanelError with the names of all that are missing or have the wrong type."""
    names, targets = set(file_schema.names), schema.target_columns()
    repeated = sorted({name for name in names if file_schema.names.count(name) > 1})
    if repeated:
        raise PanelError(f"{path}: repeated column names; expected each once, got {', '.join(repeated)} again")
    missing = [name for name in (schema.date, schema.code) if name not in names]
    has_price = schema.price is not None and schema.price in names
    has_labels = all(name in names for name in targets)
    if not has_labels and not has_price:
        missing += [f"{name} (or a price to derive it from)" for name in targets if name not in names]
    missing += [name for name in (*(schema.features or ()), *schema.exclude) if not _matching(name, file_schema.names)]
    if missing:
        raise PanelError(f"{path}: columns missing; expected {', '.join(missing)}, got {', '.join(file_schema.names)}")
    excluded = {name for pattern in schema.exclude for name in _matching(pattern, file_schema.names)}
    reserved = {schema.date, schema.code, *targets} | ({schema.price} if has_price else set())
    features: list[str] = []
    ignored: list[str] = []
    for field in file_schema:
        if field.name in reserved:
            continue
        looks_like_label = field.name.lower().startswith(_LABEL_PREFIXES)
        (features if _is_numeric(field.type) and not looks_like_label else ignored).append(field.name)
    if schema.features is not None:
        asked = dict.fromkeys(name for wanted in schema.features for name in _matching(wanted, file_schema.names))
        # A pattern may also fit the date, the price or the labels; a name may not.
        wanted = [name for name in asked if name not in reserved or name in schema.features]
        not_numeric = [name for name in wanted if not _is_numeric(file_schema.field(name).type)]
        if not_numeric:
            raise PanelError(f"{path}: features are not numeric; expected numbers, got {', '.join(not_numeric)}")
        features, ignored = wanted, []
    features, ignored = [name for name in features if name not in excluded], [n for n in ignored if n not in excluded]
    if not features:
        raise PanelError(f"{path}: no feature columns; expected numeric columns, got {', '.join(file_schema.names)}")
    price = schema.price if has_price else None
    return Columns(tuple(features), targets if has_labels else (), price, tuple(ignored))


def _matching(wanted: str, names: list[str]) -> list[str]:
    """Return the columns of this name, or else those that fit the pattern, in the order of the file."""
    return [wanted] if wanted in names else [name for name in names if fnmatch.fnmatchcase(name, wanted)]


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))
