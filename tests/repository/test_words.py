"""Plain English: turns of phrase that went stay out of code, messages, rules and documentation.

To keep another one out, add a line to WENT.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLACES = ("monitor", "trainer", "rules", "templates", "docs", "README.md", "CONTRIBUTING.md", "systemd")
WENT = {
    r"\b(nobody|somebody)\b": "name who it is: the user, the watch, another process",
    r"\b(whoever|whatever)\b": "name the thing, or: any",
    r"(?<!there )\b(is|are|was|were) no (?!longer)[a-z]": "is not a ...",
    r"\bof which\b": "say it in two sentences",
    r"\b(befell|befall|befalls)\b": "happened to",
    r"\bcomes? to word\b": "speaks, is heard",
    r"\bbears?\b|\bborne\b": "has",
    r"\b(stands|stood)\b": "is",
    r"\blies\b|\blay\b": "is",
    r"\b(speaks|speak|speaking) of\b": "is about, names",
    r"\bdoes not do\b": "say what is wrong with it",
    r"\bone at least\b": "at least one",
}
"""A pattern for each turn, and what to write for it."""
MOST_LEFT = 40
"""There were 728 at 0.1.0. Some of those left are quoted, and a few are the plain word."""


def test_the_turns_that_went_stay_out():
    found = turns(texts())
    assert found.total() <= MOST_LEFT, "\n".join(f"{number} × {turn}" for turn, number in found.most_common())


def test_a_turn_is_found_with_what_to_write_for_it():
    assert turns({"x": "Nobody bears it."}) == Counter({"x: nobody": 1, "x: bears": 1})


def turns(places: dict[str, str]) -> Counter[str]:
    """Count the turns in texts, by place and turn."""
    return Counter(
        f"{place}: {match[0].lower()}"
        for place, text in places.items()
        for pattern in WENT
        for match in re.finditer(pattern, text, re.IGNORECASE)
    )


def texts() -> dict[str, str]:
    """Return all that git keeps in the places, by name."""
    listed = subprocess.run(["git", "ls-files", "-z", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\0") if name]
    return {name: (ROOT / name).read_text(encoding="utf-8", errors="replace") for name in names}
