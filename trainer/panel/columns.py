"""What each column of a panel file is used for: the file's schema and the requested mapping in, `Columns` out."""

import fnmatch
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from trainer.panel.categories import Category
from trainer.panel.panel import PanelError, PanelSchema

_LABEL_PREFIXES = ("target", "label", "future", "forward", "fwd", "__")
"""A column that starts like this is a feature only if it is requested by name."""


class Columns(NamedTuple):
    """The columns of the file by their use."""

    features: tuple[str, ...]
    """Names; a feature that a category has is not a column."""
    numeric: tuple[str, ...]
    """The features that are columns."""
    labels: tuple[str, ...]  # empty: labels come from the price
    price: str | None  # None: the file has no price
    weight: str | None
    ignored: tuple[str, ...]  # not numeric, not requested, or named like a label

    @property
    def values(self) -> list[str]:
        """All columns of numbers."""
        more = [name for name in (self.price, self.weight) if name is not None]
        return list(dict.fromkeys([*self.numeric, *self.labels, *more]))


def assign_columns(
    path: Path, file_schema: pa.Schema, schema: PanelSchema, categories: tuple[Category, ...] = ()
) -> Columns:
    """Assign the columns. Raises PanelError with the names of all that are missing or have the wrong type."""
    names, targets = set(file_schema.names), schema.target_columns()
    of_categories = [name for each in categories for name in each.feature_names()]
    repeated = sorted({name for name in names if file_schema.names.count(name) > 1})
    if repeated:
        raise PanelError(f"{path}: repeated column names; expected each once, got {', '.join(repeated)} again")
    needed = (schema.date, schema.code, *schema.categories, *schema.groups, schema.weight)
    missing = [name for name in needed if name is not None and name not in names]
    has_price = schema.price is not None and schema.price in names
    has_labels = all(name in names for name in targets)
    if not has_labels and not has_price:
        missing += [f"{name} (or a price to derive it from)" for name in targets if name not in names]
    known = [*file_schema.names, *of_categories]
    prefixes = tuple(f"{name}=" for name in schema.categories)
    # A category's value that no row has is a feature without a 1.
    absent = [name for name in schema.features or () if name.startswith(prefixes) and name not in known]
    known += absent
    missing += [name for name in (*(schema.features or ()), *schema.exclude) if not _matching(name, known)]
    if missing:
        raise PanelError(f"{path}: columns missing; expected {', '.join(missing)}, got {', '.join(file_schema.names)}")
    excluded = {name for pattern in schema.exclude for name in _matching(pattern, known)}
    reserved = {schema.date, schema.code, *targets} | ({schema.price} if has_price else set())
    reserved |= {schema.weight, *schema.categories} - {None}
    features: list[str] = []
    ignored: list[str] = []
    for field in file_schema:
        if field.name in reserved:
            continue
        looks_like_label = field.name.lower().startswith(_LABEL_PREFIXES)
        is_feature = _is_numeric(field.type) and not looks_like_label and field.name not in schema.groups
        (features if is_feature else ignored).append(field.name)
    features += of_categories
    if schema.features is not None:
        asked = dict.fromkeys(name for wanted in schema.features for name in _matching(wanted, known))
        # A pattern may also fit the date, the price or the labels; a name may not.
        wanted = [name for name in asked if name not in reserved or name in schema.features]
        columns = [name for name in wanted if name in names]
        not_numeric = [name for name in columns if not _is_numeric(file_schema.field(name).type)]
        if not_numeric:
            raise PanelError(f"{path}: features are not numeric; expected numbers, got {', '.join(not_numeric)}")
        features, ignored = wanted, []
    features, ignored = [name for name in features if name not in excluded], [n for n in ignored if n not in excluded]
    if not features:
        raise PanelError(f"{path}: no feature columns; expected numeric columns, got {', '.join(file_schema.names)}")
    numeric = tuple(name for name in features if name in names)
    price = schema.price if has_price else None
    return Columns(tuple(features), numeric, targets if has_labels else (), price, schema.weight, tuple(ignored))


def _matching(wanted: str, names: list[str]) -> list[str]:
    """Return the columns of this name, or else those that fit the pattern, in the order of the file."""
    return [wanted] if wanted in names else [name for name in names if fnmatch.fnmatchcase(name, wanted)]


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))
