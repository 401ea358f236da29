"""One text of death, nan or the end: where in a line it may stand, and when it is only mentioned there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import re2

from monitor.reader.causes import Cause, Effect

PLACES = ("anywhere", "start", "whole")
"""Where a text must be: anywhere in the line, first after its head, or alone after its head."""
GROUPS = ("asked", "exit_code", "gpu", "host", "pid", "rank", "scale", "signal")
"""What a pattern may pick out of its line."""

_TOKENS = (
    r"\[[^\[\]]{0,160}\](?:<std(?:out|err)>)?:?",  # [rank3]: [03/04 09:00:06 d2.engine]: [1,3]<stderr>:
    r"\([^()]{1,120}\):?",  # (Worker pid=3)
    r"[IWEF]\d{4} [\d:.]+ +(?:\d+ )?[^ \]]+\]",  # I0304 10:01:12.3 140001 x.py:12]
    r"[A-Z][a-z]{2} +\d{1,2} [\d:]{8} \S+ [^ :]+:",  # Mar  4 09:00:01 gpu01 train[812]:
    r"\d{4}-\d\d-\d\dT\S+ \S+ [\w./-]+\[\d+\]:",  # 2025-03-04T09:00:01+0000 gpu01 train[812]:
    r"\d[\d:.,/TZ+-]*\b:?",  # 2025-03-04 09:00:01,123 and the 3: of srun -l
    r"(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b(?::[\w.-]+:|:)?",
    r"[\w.-]+ +(?:DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b:?",  # ppdet.engine ERROR:
    r"std(?:out|err)(?: [FP]\b)?:?",  # stderr F
    r"[\w./-]*[\d./-][\w./-]*(?::[\w-]+)*:\d+:?",  # train.py:12
    r"[\w.-]*\d[\w.-]*:",  # gpu01:
    r"[\w./:<>-]+ +[|-]",  # worker-0 | and mmengine -
    r"(?:error|warning|fatal|root|main|worker|trainer|stderr|stdout|kernel|srun|python3?|bash|sh|zsh|raylet):",
    r"(?:\w+\.)*\w*(?:Error|Exception)(?:\(\w+\))?:",
    r"\^C",
    r"[|>*-]+",
)
_HEAD = (
    r"(?:^|[\r\n])(?:.*(?:it/s|s/it)(?:, [^\[\]]*)?\]|.*\d+/\d+ \[[^\[\]]*\])?\s*"
    r'(?:\{.*?"(?:log|msg|message|text|textPayload|error|exception|event)": ?")?'
    rf"(?:(?:{'|'.join(_TOKENS)})\s*)*"
)
"""What may stand before a line's own words: bars, ranks, times, loggers, JSON's message key. In RE2."""


def bytes_pattern(pattern: str) -> Any:
    """Return an RE2 expression that reads bytes as they are, in any encoding. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    # UTF-8 would stop every `.` at the first byte of a log in another encoding.
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern.encode(), options)


class Found(NamedTuple):
    """Where in a line a text begins."""

    start: int
    given: dict[str, bytes]
    """What the groups of its pattern hold; empty for one that took no part in the match."""


@dataclass(frozen=True)
class Sample:
    """A line, and what must be picked out of it."""

    line: str
    gives: dict[str, str]


@dataclass(frozen=True)
class EndingText:
    """One text: how it is found, and what it means."""

    name: str
    cause: Cause
    effect: Effect
    like: tuple[bytes, ...]
    """One of these literals is in every such line, which makes all other lines cheap."""
    pattern: str
    source: str
    at: str = "anywhere"
    """One of `PLACES`."""
    unless: str | None = None
    """A line that this expression fits means something else."""
    samples: tuple[Sample, ...] = ()
    refuses: tuple[str, ...] = ()
    """Look-alikes that this text must not find."""

    def find(self, line: bytes) -> Found | None:
        """Return where a line says it, and what its groups hold; None where it does not, or only mentions it."""
        match = self._search.search(line)
        if match is None or (self._unless is not None and self._unless.search(line)):
            return None
        start = match.start(self._groups["text"])
        if self.at == "anywhere" and _is_only_mentioned(line, start):
            return None
        return Found(start, {name: match.group(i) or b"" for name, i in self._groups.items() if name != "text"})

    @cached_property
    def _search(self) -> Any:
        head = "" if self.at == "anywhere" else _HEAD
        tail = r"[\s.!]*$" if self.at == "whole" else ""
        return bytes_pattern(f"{head}(?P<text>{self.pattern}){tail}")

    @cached_property
    def _groups(self) -> dict[str, int]:
        return {name.decode(): index for name, index in self._search.groupindex.items()}

    @cached_property
    def _unless(self) -> Any:
        return None if self.unless is None else bytes_pattern(self.unless)


_MESSAGE_KEY = re.compile(
    rb"(?:^|[\s{,(])[\"']?(?:log|msg|message|text|textPayload|error|err|exception|exc_info|event|reason)[\"']?\s*[:=]\s*"
    rb"[\[(]?\s*[bru]?$"
)
_CONDITION = re.compile(
    rb"\b(?:if|when(?:ever)?|whether|unless|until|in case(?: of)?|on|check(?:s|ing)?|avoid(?:s|ing)?"
    rb"|prevent(?:s|ing)?|handl(?:es?|ing)|against|catch(?:es|ing)?|ignor(?:es?|ing)|without|with|skip|stop|no|not|never)"
    rb"(?: (?:the|a|an|any|of|for|from|its|your|train|training|val|validation|total|batch|mean))* ?$"
)


def _is_only_mentioned(line: bytes, at: int) -> bool:
    """Whether a text is inside a quoted value that is not a message, or behind "if", "to avoid" and the like."""
    before = line[:at]
    quote = _open_quote(before)
    if quote is not None:
        return _MESSAGE_KEY.search(before[:quote]) is None
    return _CONDITION.search(before) is not None


def _open_quote(before: bytes) -> int | None:
    """Return where the quote that is still open begins; None where none is."""
    opened = None
    for at in (found.start() for found in re.finditer(rb"[\"']", before)):
        if opened is None:
            # The apostrophe in "can't" and the one in "workers' memory" open nothing.
            if at == 0 or not before[at - 1 : at].isalnum():
                opened = at
        elif before[at] == before[opened] and before[at - 1 : at] != b"\\":
            opened = None
    return opened
