"""Run the commands of a page once before it is written, so that the page can tell what they show now.

Each runs without a shell, by its argument vector, for at most two seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LIMIT_S = 2.0

Argv = tuple[str, ...]


@dataclass(frozen=True)
class Trial:
    """The result of one command."""

    is_there: bool
    """Whether the program is installed here."""
    count: int | None = None
    """Lines that it shows; None where it did not finish, or does not count lines."""
    words: str = ""
    """What happened, where the count is None."""


def try_out(commands: Iterable[Argv], *, limit_s: float = LIMIT_S) -> dict[Argv, Trial]:
    """Run each command once and return the results."""
    environment = {**os.environ, "LC_ALL": "C"}
    return {argv: _tried(argv, limit_s, environment) for argv in dict.fromkeys(commands)}


def _tried(argv: Argv, limit_s: float, environment: Mapping[str, str]) -> Trial:
    if shutil.which(argv[0]) is None:
        return Trial(is_there=False)
    try:
        ended = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return Trial(is_there=True, words=f"not finished after {limit_s:g} s")
    except OSError as error:
        return Trial(is_there=True, words=f"could not be run ({error.strerror})")
    if argv[:2] == ("grep", "-c"):
        text = ended.stdout.strip()
        if ended.returncode in (0, 1) and text.isdigit():
            return Trial(is_there=True, count=int(text))
        return Trial(is_there=True, words="the log could not be read")
    return Trial(is_there=True, count=len(ended.stdout.splitlines()) if ended.returncode in (0, 1) else None)
