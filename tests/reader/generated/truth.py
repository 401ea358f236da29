"""What is known of a generated log at its last line: the convention of `cases/check.py`."""

import math

Values = tuple[float | None, ...]  # any of these is right; None: silence is right

SILENT: Values = (None,)


class Truth:
    """Collects the facts while a log is written; what is printed last stays."""

    def __init__(self) -> None:
        self._scalars: dict[str, Values] = {
            "step": SILENT,
            "steps": SILENT,
            "loss": SILENT,
            "val_loss": SILENT,
            "lr": SILENT,
            "grad_norm": SILENT,
            "epochs_done": (None, 0),
            "epochs": SILENT,
        }
        self._metrics: dict[str, dict[str, Values]] = {}

    def put(self, name: str, *values: float | None) -> None:
        """State a fact: any of the values is right."""
        self._scalars[name] = values

    def unsaid(self, name: str) -> None:
        """State nothing: a careful reader could argue for several answers."""
        self._scalars.pop(name, None)

    def unsaid_unless_stated(self, name: str) -> None:
        """State nothing if the log has only said it in passing, for example in its settings."""
        if self._scalars.get(name) == SILENT:
            self.unsaid(name)

    def also(self, name: str, *values: float | None) -> None:
        """Allow other values, too."""
        if name in self._scalars:
            self._scalars[name] = tuple(dict.fromkeys(self._scalars[name] + values))

    def metric(self, name: str, split: str, *values: float | None) -> None:
        """State the last value of a metric on a set of data."""
        self._metrics.setdefault(name, {})[split] = values

    def values(self, name: str) -> Values:
        """Give the values that are right so far."""
        return self._scalars.get(name, SILENT)

    def facts(self) -> dict[str, object]:
        """Give the facts: a value, or a list of values that are all right; what is absent is not judged."""
        facts: dict[str, object] = {name: _bare(values) for name, values in self._scalars.items()}
        facts["metrics"] = {
            name: {split: _bare(values) for split, values in splits.items()} for name, splits in self._metrics.items()
        }
        return facts


def _bare(values: Values) -> object:
    unique: list[float | None] = []
    for value in values:
        if value not in unique and not (_is_nan(value) and any(map(_is_nan, unique))):
            unique.append(value)
    return unique[0] if len(unique) == 1 else unique


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)
