"""Alerts and run state as plain lines for a terminal; hostile text is escaped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

from monitor import grammar
from monitor.alert import Alert, State, iso_time
from monitor.base.escape import redact, terminal, unmarked
from monitor.conditions import Outcome, Reading
from monitor.reader.event import Event
from monitor.report.summary import summary_of
from monitor.rules import Rule
from monitor.run.last_values import figures_of
from monitor.run.run import Run
from monitor.sinks.story import story_of
from monitor.snapshot import Snapshot
from monitor.tail import Notice

MARKS = {
    Outcome.OK: "✅",
    Outcome.BREACH: "❌",
    Outcome.UNKNOWN: "❔",
    Outcome.NOT_APPLICABLE: "➖",
}
PROGRESS = 110
"""Characters shown of a progress line: its familiar beginning."""
MOST_FIGURES = 8
"""Figures named that only another file of the run has."""
EXCERPT = 240
"""Characters shown of a line of evidence."""


def alert_lines(alerts: Sequence[Alert]) -> list[str]:
    """Return alerts as headlines with their evidence and, while they fire, what to do.

    Alerts that one line raised under one rule, for several groups say, share a headline.
    """
    lines = []
    for _, together in groupby(alerts, key=_headline):
        first, *others = list(together)
        lines += [terminal(line) for line in _story(first, others)]
    return lines


def _headline(alert: Alert) -> tuple[object, ...]:
    return alert.rule, alert.state, alert.at, alert.evidence, alert.inhibited_by


def _story(alert: Alert, others: list[Alert]) -> Iterator[str]:
    when = iso_time(alert.at) or "time unknown"
    if alert.inhibited_by:
        what = f"{alert.rule} {alert.state}, explained by {alert.inhibited_by}"
        yield f"⚪ {when} {alert.severity} {what}: {_said(alert.summary)}"
        return
    story = story_of(alert)
    yield f"{story.sign} {when} {alert.severity} {alert.rule} {alert.state}: {unmarked(story.title)}"
    if others:
        yield f"     the same for {', '.join(_words(each) for each in others)}"
    if story.reason:
        yield f"     {unmarked(story.reason)}"
    for each in alert.evidence if alert.state is State.FIRING else alert.evidence[-1:]:
        yield f"     {each.path}:{each.line}: {_excerpt(_said(each.text), _words(alert))}"
    for place, words in enumerate(story.advice):
        yield f"     {'do: ' if place == 0 else '    '}{unmarked(words)}"


def _words(alert: Alert) -> str:
    return _said(" ".join(value for _, value in alert.labels))


def _said(text: str) -> str:
    """Return words that may be a log's, without secrets and without our own marks."""
    return unmarked(redact(text))


def _excerpt(text: str, word: str) -> str:
    """Return the part of a long line around ``word``, behind the head of the line."""
    if len(text) <= EXCERPT:
        return text
    head, start = text[: EXCERPT // 3], text.find(word) if word else 0
    if start < len(head):
        return f"{text[:EXCERPT]} …"
    return f"{head} … {text[start : start + EXCERPT - len(head)]} …"


def notice_line(notice: Notice) -> str:
    """Return a change of the log as a file, with the bytes that were lost."""
    lost = f"; {notice.lost_bytes:,} bytes were lost before they could be read" if notice.lost_bytes else ""
    detail = f" ({notice.detail})" if notice.detail else ""
    return terminal(f"{notice.path}: {notice.change.value}{detail}{lost}")


def progress_line(event: Event) -> str | None:
    """Return one line for a milestone of the run: its start, the end of an epoch, its end; None for other events."""
    wanted = (grammar.RunStart, grammar.Epoch, grammar.Metrics, grammar.RunEnd)
    if not isinstance(event.record, wanted):
        return None
    return terminal(f"   {_said(event.evidence.text)[:PROGRESS]}")


def summary_lines(snapshot: Snapshot) -> list[str]:
    """Return the first screen, with how much of the log was understood."""
    lines = (*summary_of(snapshot).lines, understood_words(snapshot.run), *source_words(snapshot))
    return [terminal(line) for line in lines]


def source_words(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line for each other file of the run: how much was read of it, and the last figures that only it has."""
    known = {name for name, _ in figures_of(snapshot.run)}
    for each in snapshot.sources:
        only = [f"{name} {value:.6g}" for name, value in figures_of(each.run) if name not in known]
        known |= {name for name, _ in figures_of(each.run)}
        more = f"; only there: {', '.join(only[:MOST_FIGURES])}" if only else ""
        left = f" and {len(only) - MOST_FIGURES} more" if len(only) > MOST_FIGURES else ""
        yield f"the same run in {each.log}: {each.run.understood:,} of {each.run.lines:,} lines understood{more}{left}"


def full_lines(snapshot: Snapshot) -> list[str]:
    """Return the first screen, then what is wrong or unknown, then what is ok, rule by rule."""
    lines = summary_lines(snapshot)
    for rule, readings in snapshot.readings:
        lines += [terminal(line) for line in _rule_lines(rule, readings)]
    return lines + [terminal(line) for line in chain(_unseen_lines(snapshot), _settled_lines(snapshot))]


def head_lines(snapshot: Snapshot) -> list[str]:
    """Return the first line of the first screen, with how much of the log was understood."""
    summary = summary_of(snapshot)
    head = unmarked(redact(summary.head))
    return [terminal(f"{summary.mark} {head}"), terminal(understood_words(snapshot.run))]


def understood_words(run: Run) -> str:
    """Return in one line the dialect of a log, and how much of it was understood."""
    dialect = run.dialect
    named = f"dialect {dialect.name}, detected in line {dialect.line.line}" if dialect.line else "no known dialect"
    zone = "; its times name no zone, so UTC is assumed" if dialect.is_zone_assumed else ""
    surplus = f"; {dialect.unread_words}" if dialect.unread_words else ""
    return f"{run.understood:,} of {run.lines:,} lines understood ({named}{zone}){surplus}"


def _rule_lines(rule: Rule, readings: tuple[Reading, ...]) -> list[str]:
    """Return one line for each outcome of a rule that needs attention, with the number of series that share it."""
    lines: list[str] = []
    if _is_unseen(readings):
        return lines
    for outcome in (Outcome.BREACH, Outcome.UNKNOWN):
        same = [reading for reading in readings if reading.outcome is outcome]
        if not same:
            continue
        labels = ", ".join(value for _, value in same[0].labels)
        others = f" (and {len(same) - 1} more)" if len(same) > 1 else ""
        about = f" {_said(labels)}:" if labels else ""
        lines.append(f"{MARKS[outcome]} {rule.alert}:{about} {_said(same[0].reason)}{others}{_place(same[:1])}")
    return lines


def _is_unseen(readings: Iterable[Reading]) -> bool:
    """Whether a rule is unknown because no line of the log has what it needs."""
    return all(reading.outcome is Outcome.UNKNOWN and not reading.evidence for reading in readings)


def _unseen_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield the rules that no line has served, a line per theme; for a single rule, its reason in full."""
    unseen: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for rule, readings in snapshot.readings:
        if _is_unseen(readings):
            unseen[rule.group][rule.alert] = readings[0].reason
    for group, reasons in unseen.items():
        if len(reasons) == 1:
            [(name, reason)] = reasons.items()
            yield f"{MARKS[Outcome.UNKNOWN]} {name}: {_said(reason)}"
        else:
            yield f"{MARKS[Outcome.UNKNOWN]} {group}: {', '.join(reasons)}: no line that they need was seen"


def _settled_lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield what is ok, a line per theme with its newest evidence, and what does not apply."""
    ok: defaultdict[str, dict[str, list[Reading]]] = defaultdict(dict)
    num_void = 0
    for rule, readings in snapshot.readings:
        outcomes = {reading.outcome for reading in readings}
        if outcomes <= {Outcome.OK, Outcome.NOT_APPLICABLE} and Outcome.OK in outcomes:
            ok[rule.group][rule.alert] = [each for each in readings if each.outcome is Outcome.OK]
        elif outcomes == {Outcome.NOT_APPLICABLE}:
            num_void += 1
    for group, rules in ok.items():
        yield f"{MARKS[Outcome.OK]} {group}: {', '.join(rules)}{_place(chain(*rules.values()))}"
    if num_void:
        mark = MARKS[Outcome.NOT_APPLICABLE]
        yield f"{mark} {num_void} rules do not apply to this log; monitor doctor names each with its reason"


def _place(readings: Iterable[Reading]) -> str:
    """Return the newest line of evidence of some readings."""
    lines = [reading.evidence[-1].line for reading in readings if reading.evidence]
    return f" [line {max(lines)}]" if lines else ""
