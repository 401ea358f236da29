"""A generated log and its facts, from a seed alone."""

from typing import NamedTuple

from tests.reader.generated import settings
from tests.reader.generated.draw import Draw
from tests.reader.generated.kinds.all import ALL
from tests.reader.generated.noise import ending, opening


class GeneratedLog(NamedTuple):
    """A log with what a careful reader takes from it."""

    text: bytes
    facts: dict[str, object]  # a value; a list: any of them is right, None for silence; absent: not judged
    spec: str  # what was drawn, in one line
    kind: str


def log(seed: int) -> GeneratedLog:
    """Make the log of a seed; the kinds take turns."""
    kind = ALL[seed % len(ALL)]
    draw = Draw(seed)
    page = kind.make(draw)
    if kind.has_noise:
        opening(page)
    kind.write(page)
    if kind.has_noise:
        ending(page)
    settings.settle(page)
    text = page.text
    line_ends = "\r\n" if draw.often(0.04) and "\r" not in text else "\n"
    spec = [kind.name, f"head {page.head_name}", f"pairs {page.style.name!r}", f"names {page.names.style}", *page.notes]
    spec += ["nan"] if page.course.nan_from else []
    spec += ["complete" if page.course.is_complete else "cut off"]
    return GeneratedLog(text.replace("\n", line_ends).encode(), page.truth.facts(), ", ".join(spec), kind.name)
