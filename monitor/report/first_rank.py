"""Several logs of one training → which of its processes failed first, and by how much."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from monitor.base.wording import span
from monitor.run.ended import Ended
from monitor.snapshot import Snapshot
from monitor.tail.ranks import family, ranked

_BAD = (Ended.FAILED, Ended.KILLED)


def first_to_fail(snapshots: Iterable[Snapshot]) -> list[str]:
    """Return a line for each training in which several processes failed: the first one, with its log's line.

    Where the logs have no times, only their number can be told.
    """
    trainings: dict[str, list[Snapshot]] = defaultdict(list)
    for each in snapshots:
        if ranked(each.log) is not None:
            trainings[family(each.log)].append(each)
    return [line for logs in trainings.values() if (line := _told(logs))]


def _told(logs: Sequence[Snapshot]) -> str:
    failed = [each for each in logs if each.end.ended in _BAD and each.end.evidence]
    if len(logs) < 2 or not failed:
        return ""
    dated = sorted((each for each in failed if _at(each) is not None), key=lambda each: _at(each) or 0.0)
    if len(dated) < len(failed):
        return f"{len(failed)} of {len(logs)} ranks failed; their logs have no times, so the first one is not known"
    first = dated[0]
    end, at = first.end, _at(first) or 0.0
    cause = f" ({end.cause.words})" if end.cause is not None else ""
    where = f"{PurePath(first.log).name} L{end.evidence[0].line}"
    told = f"first to fail: rank {_rank(first)}{cause}, {where}"
    if len(dated) > 1:
        second = dated[1]
        gap = span((_at(second) or 0.0) - at)
        return f"{told}, {gap} before rank {_rank(second)}; {len(dated)} of {len(logs)} failed"
    last = max((each.run.now for each in logs if each is not first and each.run.now is not None), default=None)
    later = f"; the others wrote for {span(last - at)} more" if last is not None and last > at else ""
    return f"{told}{later}"


def _at(snapshot: Snapshot) -> float | None:
    """Return when a run ended, by the time of the line that shows it, or of the last line before it."""
    at = snapshot.end.evidence[0].at
    return at if at is not None else snapshot.run.now


def _rank(snapshot: Snapshot) -> int:
    found = ranked(snapshot.log)
    return found.rank if found is not None else 0
