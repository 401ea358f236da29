"""Lines that name each number behind it, ``7: 0.45 loss, 0.91 accuracy``, or before a comma: ``loss,0.45,lr,1``."""

from __future__ import annotations

import re

from monitor.reader.template import MARK
from monitor.reader.vocabulary import meaning

_BETWEEN = re.compile(r"(,\s|\s[|;]\s|;\s)")
_NAMED_BEHIND = re.compile(
    rf"(?P<before>\s*(?:[\w ./{MARK}(\[-]*{MARK}[^\w{MARK}]+|[^\w{MARK}]*)){MARK} "
    r"(?P<open>\()?(?P<name>[A-Za-z][A-Za-z0-9_ /%-]*?)(?(open)\)|)(?P<end>\s*)"
)
"""A number and its name, perhaps behind a place and perhaps in parentheses: ``epoch 7: 0.45 (train loss)``."""
_ALTERNATES = re.compile(rf"[A-Za-z_][\w/]*, ?{MARK}(?:, ?[A-Za-z_][\w/]*, ?{MARK})+\s*")
_NAME_COMMA = re.compile(rf"([A-Za-z_][\w/]*),(?= ?{MARK})")
_IS_PLACE = re.compile(rf"\W*(?:epoch|ep|step|iter|iteration|batch) ?:? ?{MARK}(?: ?/ ?{MARK})?\W*", re.I)
"""A place that leads such a line: ``epoch 7, 0.45 loss``."""
LONGEST = 400
"""Characters of a template that may be such a line; matching a longer one would take long."""


def name_first(template: str) -> str:
    """Return a template in the usual order of name and number; another one as it is.

    At least two numbers must be named behind them, a loss or a learning rate among them, and only the place in front.
    """
    if len(template) > LONGEST:
        return template
    if f",{MARK}" in template and _ALTERNATES.fullmatch(template):
        return _NAME_COMMA.sub(r"\1:", template)
    parts = _BETWEEN.split(template)
    found = [_NAMED_BEHIND.fullmatch(part) for part in parts[::2]]
    named = [each for each in found if each is not None]
    if len(named) < 2 or not any(meaning(each["name"]).role in ("value", "criterion") for each in named):
        return template
    others = [part for each, part in zip(found, parts[::2], strict=True) if each is None]
    others = others[1:] if found[0] is None and _IS_PLACE.fullmatch(parts[0]) else others
    if any(re.search(rf"[A-Za-z][^{MARK}]*{MARK}", part) for part in others):
        return template
    parts[::2] = [
        part if each is None else f"{each['before']}{each['name']} {MARK}{each['end']}"
        for each, part in zip(found, parts[::2], strict=True)
    ]
    return "".join(parts)
