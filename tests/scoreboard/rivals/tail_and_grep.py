"""Tail and grep: what people do by hand and in shell scripts, with the commands of the original status page.

It checks after every line: a pattern alarms at each line that matches, like `tail -f | grep`; a count and the silence
alarm once. It does not notice when the run is over.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from tests.scoreboard.rivals.alarms import Alarms
from tests.scoreboard.rivals.observed import Line, observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm

RESETS = re.compile(rb"DEGENERACY-GUARD.*reset applied")
PATTERNS = {"nan": re.compile(rb"\bnan\b", re.IGNORECASE), "Traceback": re.compile(rb"Traceback")}
MOST_RESETS = 10
"""More than this, over the whole log, is a warning sign on the status page."""
SILENCE_S = 300.0
"""The status page expects that the log changed less than five minutes ago."""


class TailAndGrep(Rival):
    """`grep -wi nan`, `grep Traceback`, `grep -c` of the resets, and `stat` for the time of the last change."""

    name = "tail and grep"
    source = (
        "the status page this project started from, sections Monitoring Commands and Warning Signs: "
        "more than 10 resets, no change for 5 minutes; nan and Traceback are what people usually grep for"
    )
    kinds: ClassVar = {
        "nan": frozenset({"loss_nonfinite", "grad_nonfinite", "weight_nonfinite"}),
        "Traceback": frozenset({"crash"}),
        "resets > 10": frozenset({"resets_excess"}),
        "no new bytes": frozenset({"stall_silent"}),
    }
    not_observable: ClassVar = {}

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        alarms, num_resets = Alarms(), 0
        last: Line | None = None
        for line in observe(log):
            if last is not None and line.at is not None:
                alarms.silence("no new bytes", SILENCE_S, last, line.at)
            if line.at is not None:
                last = line
            for label, pattern in PATTERNS.items():
                if pattern.search(line.text):
                    alarms.event(label, line, line.text[:200].decode("utf-8", "replace"))
            num_resets += bool(RESETS.search(line.text))
            alarms.note("resets > 10", "log", num_resets > MOST_RESETS, line, f"{num_resets} resets")
        if until is not None and last is not None:
            alarms.silence("no new bytes", SILENCE_S, last, until)
        return alarms.found
