"""A condition → what it tests, in words: one sentence for each kind, without its full stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monitor.conditions import Condition
from monitor.conditions.levels import SIDES
from monitor.conditions.values import SettingLevel

LEVELS = (*SIDES, "silence")
"""Fields that hold the level of a condition."""


def in_words(condition: Condition) -> str:
    """Return what a condition tests."""
    return WORDED[getattr(condition, "kind", "")](condition)


def level_words(level: object) -> str:
    """Return a level: a number, or the run's setting that gives it."""
    if isinstance(level, SettingLevel):
        return f"the run's {level.config} ({level.default:g} where it is not echoed)"
    return f"{level:g}" if isinstance(level, (int, float)) else str(level)


def _test(condition: Any) -> str:
    """Return ``above 10``, or several levels with their severities."""
    own = [f"{side} {level_words(level)}" for side in SIDES if (level := getattr(condition, side, None)) is not None]
    more = [
        f"{side} {level_words(level)} ({each.severity})"
        for each in getattr(condition, "levels", ())
        for side in SIDES
        if (level := getattr(each, side)) is not None
    ]
    return " or ".join([*own, *more]).replace("equals", "exactly")


def _subject(condition: Any) -> str:
    where = " and ".join(f"{name}={value}" for name, value in condition.where.items())
    return f"{condition.signal} with {where}" if where else str(condition.signal)


def _running(condition: Any) -> str:
    return f" in {condition.consecutive} reports in a row" if condition.consecutive > 1 else ""


def _threshold(condition: Any) -> str:
    if condition.nonfinite:
        return f"{_subject(condition)} is no finite number{_running(condition)}"
    figure = "" if condition.over is None else f"the {condition.of} over {condition.over} of "
    return f"{figure}{_subject(condition)} is {_test(condition)}{_running(condition)}"


def _stall(condition: Any) -> str:
    silence, factor = f"{condition.silence:g}s", f"{condition.learnt_factor:g}"
    if condition.of == "progress":
        most = f"at most {condition.most:g}s or {condition.most_factor:g} × that interval"
        return (
            f"the run writes, and neither its step nor its done= moves on for more than {factor} × the slowest recent "
            f"interval between two moves, at least {silence} and {most}"
        )
    fixed = " or ".join(("train",) if condition.fixed_in is None else condition.fixed_in)
    return (
        f"nothing is written for more than {silence} in phase {fixed}; in other phases for more than "
        f"{factor} × the longest silence of that phase so far, never less than {silence}"
    )


def _missing(condition: Any) -> str:
    limits = [f"was not seen by {condition.first_by} after the start"] if condition.first_by is not None else []
    if condition.cadences is not None:
        limits.append(f"is overdue by more than {condition.cadences:g} × its own cadence")
    return f"{_subject(condition)} {' or '.join(limits)}"


def _sequence(condition: Any) -> str:
    first = " or ".join(condition.signal)
    where = " and ".join(f"{name}={value}" for name, value in condition.where.items())
    words = f"{first}{f' with {where}' if where else ''} is not followed by {' or '.join(condition.then)}"
    on = f" of the same {' and '.join(condition.on)}" if condition.on else ""
    limits = [] if condition.before is None else [str(condition.before)]
    if condition.declared_by is not None:
        limits.append(f"what the first line declares as {condition.declared_by}")
    within = f" within {', or '.join(limits)}"
    if condition.times_slowest is not None:
        within += f", at least {condition.times_slowest:g} × the slowest recent interval between two moves of the run"
    return words.replace("run.moved", "a further step, or work done") + on + within


def _coverage(condition: Any) -> str:
    expected = ", ".join(f"{signal} every {promise_s:g}s" for signal, promise_s in condition.expects.items())
    return (
        f"an expected kind of line is silent for more than {condition.cadences:g} × its cadence, or comes less often "
        f"than promised ({expected})"
    )


def _per(condition: Any) -> str:
    return f"in one {condition.per}" if condition.per in ("epoch", "run") else f"within {condition.per}"


def _count(condition: Any) -> str:
    if condition.above == 0:
        return f"{_subject(condition)} happens at all {_per(condition)}"
    return f"{_subject(condition)} happens more than {_more(condition)} times {_per(condition)}"


def _match(condition: Any) -> str:
    text = f"/{condition.pattern}/" if condition.pattern else f"a text as of {condition.signal}"
    if condition.above == 0:
        return f"a line holds {text} {_per(condition)}"
    return f"more than {_more(condition)} lines hold {text} {_per(condition)}"


def _more(condition: Any) -> str:
    return _test(condition).replace("above ", "")


def _trend(condition: Any) -> str:
    subject, over, test = _subject(condition), condition.over, _test(condition)
    match condition.shape:
        case "spikes":
            return (
                f"among the last {over} of {subject} the number of spikes (more than {condition.sigmas:g} robust "
                f"deviations above, and {condition.times:g} × the median of, the {condition.past} reports before) "
                f"is {test}"
            )
        case "ratio":
            figure = "the last value" if over is None else f"the {condition.of} over {over}"
            to = _PASTS[condition.to].format(past=condition.past)
            return f"{figure} of {subject}, divided by {to}, is {test}{_running(condition)}"
        case "rising" | "falling":
            return f"the times that {subject} has been {condition.shape} in a row are {test}"
        case "plateau":
            return f"the reports of {subject} since its lowest value are {test}"
        case "slope":
            return f"the share by which the middle line of {subject} over {over} rises is {test}"
    unit = "share of the first mean" if condition.is_share else "amount"
    return f"{subject} grows in each of {condition.windows} parts of {over}, and the {unit} by which it does is {test}"


_PASTS = {
    "recent": "the median of the {past} reports before",
    "first": "the first one",
    "early": "the median of the first ones",
    "lowest": "the lowest median of {past} reports so far",
    "highest": "the highest median of {past} reports so far",
    "minimum": "the lowest value so far",
}
"""What a ratio is to."""


def _constant(condition: Any) -> str:
    subject = _subject(condition)
    if condition.across is not None:
        return f"{subject} is equal, to the last digit, to that of another known run"
    return f"{subject} stands still, to the last digit, for {condition.over}"


def _compare(condition: Any) -> str:
    other, subject = condition.against, _subject(condition)
    if other == "bands":
        return f"the distance of {subject} from its expected band is {_test(condition)}{_running(condition)}"
    name = f"the baseline run's {condition.signal} of the same epoch" if other == "baseline" else _other(other)
    figure = {
        "difference": f"{subject} minus {name}",
        "distance": f"the distance of {subject} from {name}",
        "ratio": f"{subject} divided by {name}",
        "factor": f"the factor between {subject} and {name}",
    }.get(condition.figure, f"the {condition.figure} of {subject} and {name}")
    return f"{figure} is {_test(condition)}{_running(condition)}"


def _other(other: Any) -> str:
    times = "" if other.times == 1 else f"{other.times:g} × "
    plus = "" if other.plus == 0 else f" + {other.plus:g}"
    return f"{times}{_subject(other)}{plus}"


def _combined(condition: Any) -> str:
    word = " and " if condition.kind == "all" else " or "
    step = ", all at one step" if condition.same_step else ""
    return f"{word.join(map(_part, condition.of))}{step}"


def _part(condition: Any) -> str:
    return f"({in_words(condition)})" if condition.kind in ("all", "any") else in_words(condition)


WORDED: dict[str, Callable[[Any], str]] = {
    "threshold": _threshold,
    "stall": _stall,
    "count": _count,
    "match": _match,
    "missing": _missing,
    "sequence": _sequence,
    "coverage": _coverage,
    "trend": _trend,
    "constant": _constant,
    "compare": _compare,
    "all": _combined,
    "any": _combined,
}
"""How each kind is worded."""
