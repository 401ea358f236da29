"""Make foreign text harmless for a terminal, Markdown and HTML, and take secrets out of it.

The text of a log is hostile: it may contain terminal codes, right-to-left overrides, markup, fake check marks, or
a megabyte on one line. Every function returns one line of bounded length that a UTF-8 file can hold, except
`code_fence`, which keeps line feeds, and `redact`, which only replaces secrets.
"""

from __future__ import annotations

import html as _html
import re

from monitor.base.secrets import REDACTED, redact

__all__ = [
    "MARKS",
    "REDACTED",
    "code_fence",
    "code_span",
    "html",
    "markdown",
    "redact",
    "redact_url",
    "terminal",
    "unmarked",
]

TEXT_LIMIT = 2_000
"""Most characters shown of one text; evidence keeps as many of a line."""
CELL_LIMIT = 300
"""Most characters of one text within a table or a sentence."""
FENCE_LIMIT = 40_000
"""Most characters of one code block."""
MARKS = "✅❌❔➖⚠☑✔✓✗✘❎❓🔴🟠🟢⚪"
"""The signs of a page's verdicts, and similar ones. Foreign text must not show them, or it could fake a verdict."""


def terminal(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return the text as one line without control codes and direction overrides."""
    # Twice the limit bounds the work on a huge line, and leaves room for the codes that are dropped.
    line = _ANSI.sub("", text[: 2 * limit])
    if not line.isprintable():
        line = "".join(character if character.isprintable() else _named(character) for character in line)
    is_whole = len(line) <= limit and len(text) <= 2 * limit
    return line if is_whole else f"{line[: limit - 1]}…"


def unmarked(text: str) -> str:
    """Return foreign text without our own marks, which could fake a verdict; each is named by its code point."""
    return _MARK.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def markdown(text: str, limit: int = CELL_LIMIT) -> str:
    """Return the text as plain words for a sentence or a table cell of a Markdown page."""
    line = unmarked(terminal(text, limit).strip())
    line = _AUTOMATIC.sub(lambda match: match[0] + _WORD_JOINER, line)
    line = _MARKUP.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), line)
    return _AT_START.sub(r"\1\\\2", line)


def code_span(text: str, limit: int = CELL_LIMIT, *, in_table: bool = False) -> str:
    """Return the text as a Markdown code span; in a table, bars are escaped because rows are split first."""
    line = unmarked(terminal(text, limit).strip())
    if not line:
        return "(empty)"
    if in_table:
        # Markdown readers disagree about a backslash before an escaped bar: keep the two apart.
        line = re.sub(r"\\(?=\|)", r"\\ ", line).replace("|", r"\|")
    fence = "`" * (_longest_run(line) + 1)
    # The space keeps a backtick at an end apart from the fence; readers remove one space on each side.
    padding = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def code_fence(text: str, language: str = "") -> str:
    """Return the text as a Markdown code block; line feeds are the only control characters kept."""
    lines = [unmarked(terminal(line)).rstrip() for line in text[:FENCE_LIMIT].split("\n")]
    body = "\n".join(lines)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def html(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return the text as plain words for an HTML element or a quoted attribute."""
    return _html.escape(unmarked(terminal(text, limit)), quote=True)


def redact_url(url: str) -> str:
    """Return only the host of an address: in an address that takes alerts, the rest is usually the password."""
    scheme, _, rest = url.partition("://")
    if not rest:
        return REDACTED
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    is_whole = host == rest.rstrip("/")
    return terminal(f"{scheme}://{host}" if is_whole else f"{scheme}://{host}/{REDACTED}", CELL_LIMIT)


_ANSI = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor, screen
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links, device strings
    r"|\x1b[ -/]*[0-~]"
)
_MARK = re.compile(f"[{MARKS}]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
# An underscore within a word is plain text in Markdown, and names are full of them.
_MARKUP = re.compile(r"[\\`*~\[\]$&<>|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# Headings, lists, rules and heading underlines, which count only at the start of a line.
_AT_START = re.compile(r"^(\d{0,9})(#|[-+=:](?![A-Za-z0-9.])|(?<=\d)[.)](?=\s|$))")
# Code hosts turn these into mentions, issue links, emoji and web links after they have read the Markdown, when a
# backslash no longer helps; an invisible joiner does.
_AUTOMATIC = re.compile(r"@(?=\w)|#(?=\d)|:(?=\w*[a-z]\w*:|[+-]1:|100:|1234:|//)|www(?=\.)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def _named(character: str) -> str:
    """Return a blank for white space, else the code point: the character is invisible or cannot be written."""
    return " " if character.isspace() else f"⟨U+{ord(character):04X}⟩"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
