"""Parses the text of --inject into a planned fault."""

from __future__ import annotations

import re

from trainer.config import TrainerError
from trainer.faults.plan import FAULTS, Injection


class FaultError(TrainerError):
    """A fault that cannot be injected as requested."""


_PATTERN = re.compile(r"(?P<fault>\w+)@(?P<first>\d+)(?P<range>-(?P<last>\d*))?(?::(?P<parameters>.+))?")


def parse_injection(text: str) -> Injection:
    """Parse `FAULT@EPOCH` or `FAULT@FIRST-` (both to the end) or `FAULT@FIRST-LAST`, each with an optional
    `:name=number,...` after it. Raises FaultError.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise FaultError(f"--inject {text}: not a fault; expected FAULT@EPOCH, got {text!r}")
    if match["fault"] not in FAULTS:
        raise FaultError(f"--inject {text}: unknown fault; expected one of {', '.join(FAULTS)}, got {match['fault']}")
    first, last = int(match["first"]), int(match["last"]) if match["last"] else None
    if first < 1 or (last is not None and last < first):
        raise FaultError(f"--inject {text}: impossible epochs; expected 1 or later, in order, got {first}-{last or ''}")
    known = FAULTS[match["fault"]].parameters
    parameters = {}
    for part in (match["parameters"] or "").split(",") if match["parameters"] else ():
        name, _, number = part.partition("=")
        if name not in known:
            expected = ", ".join(known) or "no parameter"
            raise FaultError(f"--inject {text}: unknown parameter; expected {expected}, got {name}")
        try:
            parameters[name] = float(number)
        except ValueError as error:
            raise FaultError(f"--inject {text}: unusable {name}; expected a number, got {number!r}") from error
    return Injection(match["fault"], first, last, parameters)
