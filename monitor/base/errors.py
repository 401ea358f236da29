"""Errors that a user can cause or run into; every message reads ``where: what; expected ..., got ...``."""

from __future__ import annotations


class MonitorError(Exception):
    """One line about one problem, and where it is.

    ``where`` is a file, ``file:line``, option or address; ``expected`` and ``got`` are optional.
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
    """A state folder that cannot be used: on a network, in use by another monitor, from a newer version, read-only."""


class SinkError(MonitorError):
    """A receiver that did not take an alert; ``permanent`` means that a retry is useless."""

    def __init__(self, where: str, what: str, *, expected: str | None = None, permanent: bool) -> None:
        super().__init__(where, what, expected=expected)
        self.permanent = permanent
        self.retry_after_s = 0.0
        """Seconds that the receiver asked us to wait before the next try."""


class Problems(MonitorError):
    """All problems of one input, shown together."""

    def __init__(self, problems: list[MonitorError]) -> None:
        assert problems, "expected at least one problem"
        Exception.__init__(self, "\n".join(str(problem) for problem in problems))
        self.where = problems[0].where
        self.problems = problems
