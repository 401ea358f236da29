"""Nothing that fails in a monitor reaches the training: the monitor is switched off, and the log says which and why.

In: calls of monitors. Out: their results, or None and one line in the log.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from trainer.telemetry.eventlog import CallIgnored, EventLog, MonitorOff

P = ParamSpec("P")
Result = TypeVar("Result")

REASON_LENGTH = 300
"""Most characters of an error's message that are logged. Chosen by hand, 2026-11."""


class Switches:
    """Which monitors still run. Each failure is logged once."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._off: set[str] = set()
        self.step = 0
        """The newest step, for the line about a failure."""

    def is_on(self, monitor: str) -> bool:
        """Return whether this monitor has not failed."""
        return monitor not in self._off

    def run(self, monitor: str, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result | None:
        """Call a part of a monitor; return None if that fails, or if the monitor failed before."""
        if monitor in self._off:
            return None
        try:
            return call(*args, **kwargs)
        except Exception as error:
            self.turn_off(monitor, error)
            return None

    def turn_off(self, monitor: str, error: BaseException) -> None:
        """Switch a monitor off for the rest of the run, and log why."""
        if monitor not in self._off:
            self._off.add(monitor)
            self._say(MonitorOff(monitor=monitor, reason=_words(error), step=self.step))

    def ignore(self, call: str, error: BaseException) -> None:
        """Log the first failure of a call by the training; the next one is tried again."""
        if call not in self._off:
            self._off.add(call)
            self._say(CallIgnored(call=call, reason=_words(error), step=self.step))

    def _say(self, record: MonitorOff | CallIgnored) -> None:
        try:
            self._log.write(record)
        except Exception:
            # The log itself has failed; the terminal is what is left.
            if sys.stderr is not None:
                print(f"telemetry: {record.text()}", file=sys.stderr)


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:REASON_LENGTH]
