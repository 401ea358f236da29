"""Tell from a log's name which of several processes of one training wrote it, and which logs belong together.

Three ways to name them are known: ours (``NAME.ranks/1.log`` next to ``NAME.log``), the way of ``torchrun --redirects``
or ``--tee`` with ``--log-dir`` (``attempt_0/1/stdout.log``), and a rank in the name (``train_rank1.log``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_IN_NAME = re.compile(r"(?:(?<=[^A-Za-z])|^)rank[._-]?(\d{1,5})(?!\d)", re.IGNORECASE)
_ATTEMPT = re.compile(r"attempt_\d+")
_NUMBER = re.compile(r"\d{1,5}")


class Ranked(NamedTuple):
    """The log of one process among several."""

    rank: int
    family: str
    """Equal for all logs of one training; not the name of a file."""


def ranked(log: str) -> Ranked | None:
    """Return the process that a log's name shows; None if it shows none."""
    path = Path(log).absolute()
    folder, above = path.parent, path.parent.parent
    if folder.suffix == ".ranks" and _NUMBER.fullmatch(path.stem):
        return Ranked(int(path.stem), str(folder.with_suffix("")))
    if _NUMBER.fullmatch(folder.name) and _ATTEMPT.fullmatch(above.name) and path.stem in ("stdout", "stderr"):
        return Ranked(int(folder.name), str(above))
    found = list(_IN_NAME.finditer(path.name))
    if not found:
        return None
    last = found[-1]
    return Ranked(int(last[1]), str(folder / f"{path.name[: last.start(1)]}*{path.name[last.end(1) :]}"))


def family(log: str) -> str:
    """Return a text that is equal for all logs of one training, as far as their names show."""
    of = ranked(log)
    return of.family if of else str(Path(log).absolute().with_suffix(""))
