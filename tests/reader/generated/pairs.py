"""How a line joins names and values: `k=v`, `k: v | k: v`, tabs, pipes, a Python dict, JSON."""

import json
from typing import NamedTuple

from tests.reader.generated.draw import Draw


class PairStyle(NamedTuple):
    """One way to write pairs, as one format string of a trainer does."""

    name: str
    within: str  # between name and value
    between: str  # between pairs
    before: str = ""
    after: str = ""

    def join(self, pairs: list[tuple[str, str]]) -> str:
        """Write the pairs of a line."""
        if self.name == "dict":
            return "{" + ", ".join(f"'{key}': {_python(value)}" for key, value in pairs) + "}"
        if self.name == "dict of strings":
            return "{" + ", ".join(f"'{key}': '{value}'" for key, value in pairs) + "}"
        if self.name == "json":
            return "{" + ", ".join(f'"{key}": {_json(value)}' for key, value in pairs) + "}"
        if self.name == "json compact":
            return "{" + ",".join(f'"{key}":{_json(value)}' for key, value in pairs) + "}"
        return self.before + self.between.join(key + self.within + value for key, value in pairs) + self.after


TEXT_STYLES = [
    PairStyle("k: v, ", ": ", ", "),
    PairStyle("k: v, ", ": ", ", "),
    PairStyle("k: v | ", ": ", " | "),
    PairStyle("k: v | ", ": ", " | "),
    PairStyle("k: v  ", ": ", "  "),
    PairStyle("k: v tab", ": ", "\t"),
    PairStyle("k: v ", ": ", " "),
    PairStyle("k:v ", ":", " "),
    PairStyle("k:v, ", ":", ", "),
    PairStyle("k=v ", "=", " "),
    PairStyle("k=v, ", "=", ", "),
    PairStyle("k=v | ", "=", " | "),
    PairStyle("k = v, ", " = ", ", "),
    PairStyle("k : v, ", " : ", ", "),
    PairStyle("k : v | ", " : ", " | "),
    PairStyle("k v, ", " ", ", "),
    PairStyle("k v | ", " ", " | "),
    PairStyle("| k v |", " ", " | ", "| ", " |"),
    PairStyle("k v  ", " ", "  "),
    PairStyle("k v tab", " ", "\t"),
    PairStyle("- k: v - ", ": ", " - ", "- "),
    PairStyle("k:v - ", ":", " - "),
    PairStyle("k: v; ", ": ", "; "),
    PairStyle("k=v; ", "=", "; "),
    PairStyle("k: v || ", ": ", " || "),
    PairStyle("[k: v] ", ": ", "] [", "[", "]"),
    PairStyle("(k: v, )", ": ", ", ", "(", ")"),
]
DICT_STYLES = [PairStyle(name, "", "") for name in ("dict", "dict", "dict of strings", "json", "json compact")]


def text_style(draw: Draw) -> PairStyle:
    """Draw a way to write pairs that is plain text."""
    return draw.pick(TEXT_STYLES)


def _json(value: str) -> str:
    if value == "null":
        return value
    if value.lower() in ("nan", "inf", "-inf"):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[value.lower()]
    try:
        float(value)
    except ValueError:
        return json.dumps(value)
    return value


def _python(value: str) -> str:
    if value == "None":
        return value
    try:
        float(value)
    except ValueError:
        return repr(value)
    return value.lower()  # Python prints a float's nan as `nan`
