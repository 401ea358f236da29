"""Reads which fault is to be injected, as people type it."""

from __future__ import annotations

import re

from trainer.config import TrainerError
from trainer.faults.plan import FAULTS, Injection


class FaultError(TrainerError):
    """A fault that cannot be injected as asked."""


_FORM = re.compile(r"(?P<fault>\w+)@(?P<first>\d+)(?P<range>-(?P<last>\d*))?(?::(?P<parameters>.+))?")


def parse_injection(text: str) -> Injection:
    """Read `FAULT@EPOCH`, `FAULT@FIRST-LAST` or `FAULT@FIRST-` (to the end), with `:name=number,...` behind
    it.

    A bare epoch is open-ended too. Raises FaultError.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise FaultError(f"--inject {text}: not a fault; expected FAULT@EPOCH, got {text!r}")
    if match["fault"] not in FAULTS:
        raise FaultError(f"--inject {text}: unknown fault; expected one of {', '.join(FAULTS)}, got {match['fault']}")
    first, last = int(match["first"]), int(match["last"]) if match["last"] else None
    if first < 1 or (last is not None and last < first):
        raise FaultError(f"--inject {text}: no such epochs; expected 1 or later, in order, got {first}-{last or ''}")
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
            raise FaultError(f"--inject {text}: {name} is not a number; expected one, got {number!r}") from error
    return Injection(match["fault"], first, last, parameters)
