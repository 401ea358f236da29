"""Errors a user can cause or meet; every message reads ``where: what; expected ..., got ...``."""

from __future__ import annotations


class MonitorError(Exception):
    """One clear line about one thing that went wrong, with its place.

    ``where`` is a file, ``file:line``, option or address; ``expected`` and ``got`` are left out where they
    would add nothing.
    """

    def __init__(self, where: str, what: str, *, expected: str | None = None, got: str | None = None) -> None:
        tail = ", ".join(part for part in (expected and f"expected {expected}", got and f"got {got}") if part)
        super().__init__(f"{where}: {what}; {tail}" if tail else f"{where}: {what}")
        self.where = where


class LogError(MonitorError):
    """A log that cannot be read: missing, empty, binary, a directory."""


class RuleError(MonitorError):
    """A mistake in a rule file."""


class ReportError(MonitorError):
    """A report that cannot be rendered or written."""


class StateError(MonitorError):
    """A state folder that cannot be used: on a network, held by another monitor, of a newer version, not writable."""


class SinkError(MonitorError):
    """A receiver that could not take an alert; ``permanent`` means that trying again is useless."""

    def __init__(self, where: str, what: str, *, expected: str | None = None, permanent: bool) -> None:
        super().__init__(where, what, expected=expected)
        self.permanent = permanent
        self.retry_after_s = 0.0
        """Seconds that the receiver asked to be left alone."""


class Problems(MonitorError):
    """All the problems of one input, found in one reading and shown together."""

    def __init__(self, problems: list[MonitorError]) -> None:
        assert problems, "an empty list of problems is no error"
        Exception.__init__(self, "\n".join(str(problem) for problem in problems))
        self.where = problems[0].where
        self.problems = problems
