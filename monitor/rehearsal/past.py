"""One log of the past, judged by all rules: what is kept of it, small enough for a thousand of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from monitor import __version__
from monitor.alert import Alert, State
from monitor.base import resources
from monitor.conditions import Outcome
from monitor.engine.step import Engine
from monitor.pipeline import Pipeline, is_blind
from monitor.replay import replay
from monitor.rules import Rule
from monitor.rules.explain import as_written
from monitor.run.ended import Ended
from monitor.run.last_values import last_values

FORMAT = 1
HASHED_BYTES = 1 << 20
MOST_ALARMS = 400
"""Alarms kept of one log; further ones are counted."""


@dataclass(frozen=True)
class Alarm:
    """The first time that an alert fired at warning or above, which no other one explains."""

    id: str
    rule: str
    fault: str
    severity: str
    line: int
    """Number of the first line that shows it."""
    step: int | None
    value: float | None
    threshold: float | None
    late_s: float | None
    """Seconds from that line to the alert; None where the log has no times."""
    before_end_s: float | None
    """Seconds from the alert to the log's last line."""


@dataclass(frozen=True)
class PastRun:
    """What came of one log."""

    log: str
    key: str
    """Digest of its content and of the rules."""
    ended: str
    """As `monitor check` says it; empty for a log that cannot be read."""
    is_blind: bool = False
    step: int | None = None
    judged: tuple[str, ...] = ()
    """The rules that had evidence in it: those that fired, and those that were ok at its end."""
    alarms: tuple[Alarm, ...] = ()
    more_alarms: int = 0
    problem: str = ""
    """Why it cannot be read."""

    @property
    def is_good(self) -> bool:
        """Whether its log says that it completed."""
        return self.ended == Ended.COMPLETED.value

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=True)


def from_json(line: str) -> PastRun | None:
    """Return the run of a line that `PastRun.to_json` wrote; None for any other line, such as one that was torn."""
    try:
        found = json.loads(line)
        if found.pop("format") != FORMAT:
            return None
        alarms = tuple(Alarm(**each) for each in found.pop("alarms"))
        return PastRun(**{**found, "judged": tuple(found["judged"]), "alarms": alarms})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def digest_of_rules(rules: Iterable[Rule], *more: object) -> str:
    """Return a digest of all that decides what rules say, besides the log."""
    written = [{name: value for name, value in as_written(each).items() if name != "place"} for each in rules]
    text = json.dumps([__version__, FORMAT, written, [str(each) for each in more]], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode())
    # How logs are read decides as well: the vocabulary, the dialects, the texts of ends.
    for path in sorted(resources.rules_dir().rglob("*.yaml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key_of(log: str, of_rules: str) -> str:
    """Return the digest of a log's content and the rules. Raises OSError."""
    digest = hashlib.sha256(of_rules.encode())
    with Path(log).open("rb") as file:
        while data := file.read(HASHED_BYTES):
            digest.update(data)
    return digest.hexdigest()


def judge(log: str, key: str, engine: Engine) -> PastRun:
    """Read a log to its end, as `monitor replay` does. Raises LogError."""
    pipeline = Pipeline(log, engine)
    transitions = replay(pipeline)
    run = pipeline.run
    snapshot = pipeline.snapshot(run.now, is_following=False)
    alarms = _alarms(transitions, run.now)
    at_end = {
        rule.alert
        for rule, readings in snapshot.readings
        if any(each.outcome in (Outcome.OK, Outcome.BREACH) for each in readings)
    }
    fired = {each.rule for each in transitions if each.state is State.FIRING}
    return PastRun(
        log=log,
        key=key,
        ended=snapshot.end.ended.value,
        is_blind=is_blind(pipeline),
        step=last_values(run).step,
        judged=tuple(sorted(at_end | fired)),
        alarms=tuple(alarms[:MOST_ALARMS]),
        more_alarms=max(0, len(alarms) - MOST_ALARMS),
    )


def _alarms(transitions: Iterable[Alert], end: float | None) -> list[Alarm]:
    found: dict[str, Alarm] = {}
    for each in transitions:
        if each.state is not State.FIRING or not each.severity.is_alarming or each.inhibited_by or each.id in found:
            continue
        first = each.evidence[0] if each.evidence else None
        known = None not in (each.at, end)
        found[each.id] = Alarm(
            id=each.id,
            rule=each.rule,
            fault=each.fault,
            severity=each.severity.value,
            line=first.line if first else 0,
            step=each.named_step,
            value=each.value,
            threshold=each.threshold,
            late_s=each.at - first.at if first and first.at is not None and each.at is not None else None,
            before_end_s=end - each.at if known and each.at is not None and end is not None else None,
        )
    return list(found.values())
