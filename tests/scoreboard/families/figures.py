"""What the results of one draw come to: shares with their intervals, by family, by fault and by printed form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tests.scoreboard.families.faults import FAULTS, Fault
from tests.scoreboard.families.forms import FORMS
from tests.scoreboard.families.judging import Alarm
from tests.scoreboard.families.listing import every_family
from tests.scoreboard.families.run import Result

Z95 = 1.959964
"""Two-sided 95 % of a normal distribution."""


class Share(NamedTuple):
    """So many of so many."""

    count: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval at 95 %, for independent runs (Wilson 1927)."""
        if not self.of:
            return 0.0, 1.0
        share, size = self.count / self.of, Z95**2 / self.of
        middle = (share + size / 2) / (1 + size)
        half = math.sqrt(size * share * (1 - share) + size**2 / 4) / (1 + size)
        return max(0.0, middle - half), min(1.0, middle + half)

    def in_words(self) -> str:
        """Return the share, per cent, and the interval."""
        if not self.of:
            return "not judged yet"
        least, most = self.interval
        return f"{self.count}/{self.of} = {self.count / self.of:.1%} ({least:.1%} to {most:.1%})"


class Verdict(NamedTuple):
    """How the monitor did on one faulty run."""

    is_found: bool
    """An alarm after the onset has a right name."""
    is_first_right: bool
    """So has the first one, and none came before the onset."""
    first: str


class FamilyRow(NamedTuple):
    """One family."""

    family: str
    what: str
    healthy: Share
    """Healthy runs with an alarm."""
    found: Share
    """Faulty runs of claimed kinds that were found."""
    rules: tuple[str, ...]
    """The rules that alarmed on healthy runs."""


class FaultRow(NamedTuple):
    """One kind of fault."""

    fault: str
    what: str
    is_claimed: bool
    found: Share
    first_right: Share
    why_not: str


class FormRow(NamedTuple):
    """One printed form."""

    form: str
    healthy: Share
    found: Share


class Miss(NamedTuple):
    """One run that fell short."""

    run: str
    what: str


class Figures(NamedTuple):
    """All that is told of one draw."""

    healthy: Share
    """Healthy runs with an alarm at warning or above."""
    critical: Share
    found: Share
    """Faulty runs of claimed kinds that were found."""
    first_right: Share
    from_start: Share
    """Those of them whose fault begins in the first step."""
    printed_healthy: Share
    printed_found: Share
    families: tuple[FamilyRow, ...]
    faults: tuple[FaultRow, ...]
    forms: tuple[FormRow, ...]
    misses: tuple[Miss, ...]
    cpu_s: tuple[float, float, float]
    """Least, median and most seconds of processor time of a training."""


def verdict_of(alarms: Sequence[Alarm], onset: int, labels: frozenset[str], *, has_died: bool = False) -> Verdict:
    """Judge the alarms of a faulty run by their lines: a run that began again repeats its steps, and some print none.

    ``onset`` is the last line before the fault. Where the fault has ended the run with an error, that is right as well.
    """
    after = [each for each in alarms if each.line > onset or not each.line]
    labels = labels | {"crash"} if has_died else labels
    early = [each for each in alarms if each not in after]
    found = any(each.fault in labels for each in after)
    first = after[0].fault if after else ""
    return Verdict(found, found and not early and first in labels, early[0].fault if early else first)


def printed_verdict(result: Result, fault: Fault) -> Verdict:
    """Judge the alarms about the printed numbers."""
    return verdict_of(result.printed, result.printed_onset, fault.in_print, has_died=result.has_died)


def has_begun(result: Result) -> bool:
    """Return whether the fault of a run, if it has one, began before the run ended on purpose."""
    return result.job.onset != "middle" or bool(result.own_onset)


def figures_of(results: Sequence[Result]) -> Figures:
    """Count all runs but those that had ended before their fault could begin."""
    results = [each for each in results if has_begun(each)]
    healthy = [each for each in results if not each.job.fault]
    faulty = [(each, FAULTS[each.job.fault]) for each in results if each.job.fault]
    claimed = [(each, fault) for each, fault in faulty if fault.claimed]
    seconds = sorted(each.cpu_s for each in results) or [0.0]
    return Figures(
        healthy=_share(bool(each.alarms) for each in healthy),
        critical=_share(any(a.severity == "critical" for a in each.alarms) for each in healthy),
        found=_found(claimed),
        first_right=_share(_verdict(each, fault).is_first_right for each, fault in claimed),
        from_start=_found([pair for pair in claimed if pair[0].job.onset == "start"]),
        printed_healthy=_share(bool(each.printed) for each in healthy),
        printed_found=_in_print(faulty),
        families=tuple(_families(healthy, claimed)),
        faults=tuple(_faults(faulty)),
        forms=tuple(_forms(healthy, faulty)),
        misses=tuple(_misses(healthy, faulty)),
        cpu_s=(seconds[0], seconds[len(seconds) // 2], seconds[-1]),
    )


Pairs = Sequence[tuple[Result, Fault]]


def _share(flags: Iterable[bool]) -> Share:
    known = list(flags)
    return Share(sum(known), len(known))


def _verdict(result: Result, fault: Fault) -> Verdict:
    return verdict_of(result.alarms, result.own_onset, fault.labels, has_died=result.has_died)


def _found(pairs: Pairs) -> Share:
    return _share(_verdict(each, fault).is_found for each, fault in pairs)


def _in_print(pairs: Pairs) -> Share:
    return _share(printed_verdict(each, fault).is_found for each, fault in pairs if fault.in_print)


def _families(healthy: Sequence[Result], claimed: Pairs) -> Iterable[FamilyRow]:
    for name in sorted({each.job.family for each in healthy}):
        own = [each for each in healthy if each.job.family == name]
        rules = sorted({alarm.rule for each in own for alarm in each.alarms})
        yield FamilyRow(
            name,
            every_family()[name].what,
            _share(bool(each.alarms) for each in own),
            _found([pair for pair in claimed if pair[0].job.family == name]),
            tuple(rules),
        )


def _faults(faulty: Pairs) -> Iterable[FaultRow]:
    for fault in FAULTS.values():
        own = [pair for pair in faulty if pair[1] is fault]
        if own:
            right = _share(_verdict(each, fault).is_first_right for each, fault in own)
            yield FaultRow(fault.name, fault.what, fault.claimed, _found(own), right, fault.why_not)


def _forms(healthy: Sequence[Result], faulty: Pairs) -> Iterable[FormRow]:
    for form in FORMS:
        quiet = [each for each in healthy if each.job.form == form]
        yield FormRow(
            form, _share(bool(each.printed) for each in quiet), _in_print([p for p in faulty if p[0].job.form == form])
        )


def _misses(healthy: Sequence[Result], faulty: Pairs) -> Iterable[Miss]:
    for each in healthy:
        if each.alarms:
            yield Miss(each.job.name, f"false alarm: {_told(each.alarms)}")
        if each.printed:
            yield Miss(each.job.name, f"false alarm as {each.job.form}: {_told(each.printed)}")
    for each, fault in faulty:
        verdict = _verdict(each, fault)
        if fault.claimed and not verdict.is_first_right:
            what = (
                f"first label {verdict.first}" if verdict.is_found else f"not found ({_told(each.alarms) or 'silent'})"
            )
            yield Miss(each.job.name, what)
        if fault.in_print and not printed_verdict(each, fault).is_found:
            yield Miss(each.job.name, f"not found as {each.job.form} ({_told(each.printed) or 'silent'})")


def _told(alarms: Sequence[Alarm]) -> str:
    return ", ".join(dict.fromkeys(each.rule for each in alarms))


def as_json(figures: Figures) -> dict[str, Any]:
    """Return the figures as JSON values."""

    def plain(value: Any) -> Any:
        if hasattr(value, "_asdict"):
            return {key: plain(each) for key, each in value._asdict().items()}
        return [plain(each) for each in value] if isinstance(value, tuple) else value

    return plain(figures)


def from_json(document: dict[str, Any]) -> Figures:
    """Return the figures that `as_json` was given."""
    rows = {"families": FamilyRow, "faults": FaultRow, "forms": FormRow, "misses": Miss}
    return Figures(
        **{
            key: tuple(_row(rows[key], each) for each in value)
            if key in rows
            else Share(**value)
            if isinstance(value, dict)
            else tuple(value)
            for key, value in document.items()
        }
    )


def _row(kind: type[Any], values: dict[str, Any]) -> Any:
    return kind(
        **{
            key: Share(**value) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
        }
    )
