"""Alerts → problems: one per cause, with the effects that it explains, what to do, and what it has cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.alert import MOMENTS, Alert, Severity, State, place_of
from monitor.base.escape import redact, unmarked
from monitor.base.evidence import Evidence
from monitor.base.wording import cut, listed
from monitor.report.judgement import RuleVerdict
from monitor.snapshot import Snapshot

QUOTED = 120
"""Characters of a line of evidence."""
GLYPHS = frozenset("🔴🟠🔵🟢")
"""Colours of problems."""
_MARKS = {Severity.CRITICAL: "🔴", Severity.WARNING: "🟠", Severity.INFO: "🔵"}


@dataclass(frozen=True)
class Problem:
    """One cause, with its effects folded under it."""

    rule: str
    fault: str
    severity: str
    mark: str
    """Its colour at a glance: 🔴 critical, 🟠 warning, 🔵 info, 🟢 over."""
    is_over: bool
    words: str
    """What it is, in how many series, since where and for how long."""
    evidence: tuple[Evidence, ...]
    """The first line that proves it."""
    advice: tuple[str, ...]
    """What to do, and the last checkpoint before it."""
    effects: tuple[str, ...]
    """Rules whose alerts it explains."""

    @property
    def title(self) -> str:
        """Return the rule and what it found, in one line."""
        return f"{self.rule}{' (over)' if self.is_over else ''}: {unmarked(redact(self.words))}"

    @property
    def lines(self) -> Iterator[str]:
        """Yield the problem as lines."""
        yield f"{self.mark} {self.title}"
        for line in self.evidence:
            yield f"   L{line.line}: {cut(unmarked(redact(line.text.strip())), QUOTED)}"
        for each in self.advice:
            yield f"   → {unmarked(redact(each))}"
        if self.effects:
            yield f"   explains: {listed(self.effects)}"


def problems_of(snapshot: Snapshot, verdicts: Sequence[RuleVerdict]) -> list[Problem]:
    """Return what fires or has fired, the worst first: open before over, then by severity and place in the log."""
    found = [each for verdict in verdicts if (each := _Finding.of(verdict)) is not None]
    causes = {each.rule: cause for each in found if (cause := _cause(each, found))}
    problems = []
    for each in found:
        if each.rule not in causes:
            folded = [*each.effects(verdicts), *(rule for rule, cause in causes.items() if cause == each.rule)]
            problems.append((each.order, each.problem(snapshot, tuple(dict.fromkeys(folded)))))
    return [problem for _, problem in sorted(problems, key=lambda each: each[0])]


@dataclass(frozen=True)
class _Finding:
    """The alerts of one rule that no other alert explains: all open ones, or else all that are over."""

    verdict: RuleVerdict
    first: Alert
    """The alert with the earliest line."""
    num_series: int
    is_over: bool

    @classmethod
    def of(cls, verdict: RuleVerdict) -> _Finding | None:
        known = [alert for alert in verdict.open_alerts or verdict.past if not alert.inhibited_by]
        if not known:
            return None
        return cls(verdict, min(known, key=_offset), len({alert.labels for alert in known}), not verdict.open_alerts)

    @property
    def rule(self) -> str:
        return self.verdict.rule.alert

    @property
    def order(self) -> tuple[bool, int, int]:
        return self.is_over, -self.first.severity.rank, _offset(self.first)

    def effects(self, verdicts: Sequence[RuleVerdict]) -> Iterator[str]:
        """Yield the rules whose alerts were recorded as explained by this rule's."""
        for each in verdicts:
            if any(alert.inhibited_by == self.rule for alert in (*each.open_alerts, *each.past)):
                yield each.rule.alert

    def problem(self, snapshot: Snapshot, effects: tuple[str, ...]) -> Problem:
        first = self.first
        return Problem(
            rule=first.rule,
            fault=first.fault,
            severity=first.severity.value,
            mark="🟢" if self.is_over and first.state is State.RESOLVED else _MARKS[first.severity],
            is_over=self.is_over,
            words=self._words(snapshot),
            evidence=first.evidence[:1],
            advice=() if self.is_over else tuple(_advice(first)),
            effects=effects,
        )

    def _words(self, snapshot: Snapshot) -> str:
        others = f", and {self.num_series - 1} more alike" if self.num_series > 1 else ""
        end = self.first.ends_at if self.is_over else snapshot.run.now
        # The head says where a run ended.
        place = "" if self.first.fault in MOMENTS else place_of(self.first, end, is_over=self.is_over)
        return f"{self.first.summary}{others}" + (f", {place}" if place else "")


def _cause(effect: _Finding, found: Sequence[_Finding]) -> str:
    """Return the rule that explains a finding although it fired first, or without a record of that; else nothing.

    A death explains the silence before it, and all that its own line says.
    """
    for cause in found:
        if cause is effect or (cause.is_over and not effect.is_over):
            continue
        if effect.rule in cause.verdict.rule.inhibits and _outlasted(effect.first, cause.first):
            return cause.rule
        if cause.first.fault == "crash" and effect.first.fault != "crash" and _is_same_line(effect.first, cause.first):
            return cause.rule
    return ""


def _outlasted(effect: Alert, cause: Alert) -> bool:
    """Whether an alert was still firing when the first line that shows its cause came."""
    if effect.ends_at is None:
        return True
    shown_at = cause.evidence[0].at if cause.evidence else None
    return shown_at is not None and effect.ends_at >= shown_at


def _is_same_line(one: Alert, other: Alert) -> bool:
    return bool(one.evidence and other.evidence) and one.evidence[0].offset == other.evidence[0].offset


def _offset(alert: Alert) -> int:
    return alert.evidence[0].offset if alert.evidence else 0


def _advice(alert: Alert) -> Iterator[str]:
    """Yield what to do, in its first sentence, and where to go back to."""
    yield alert.action.split(". ")[0].rstrip(".")
    if alert.severity is Severity.CRITICAL and alert.checkpoint:
        yield alert.checkpoint
