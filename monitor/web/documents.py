"""Board → JSON: the forms of `check` and of the alert, and what only a watch knows beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from monitor.alert import Alert, iso_time
from monitor.base.errors import StateError
from monitor.base.escape import redact
from monitor.gate.check_json import document_of
from monitor.notify.silences import Silence, read_silences, unexpired
from monitor.web.board import Board, Entry
from monitor.web.curves import series_json, series_of

MOST_PER_PAGE = 200
FEW_PER_PAGE = 50
MOST_SERIES = 32
"""Most series of one answer with their points."""


def run_json(entry: Entry) -> dict[str, object]:
    """Return a run as `monitor check --json` prints it, with its id here and what its watch knows."""
    main, behind = entry.files[0].saved, entry.behind
    return {
        "id": entry.id,
        **document_of(entry.log),
        "watch": {
            "state": str(entry.directory),
            "is_running": entry.is_watched,
            "verdict": entry.verdict.state.value,
            "verdict_reason": redact(entry.verdict.why),
            "first_screen": [entry.row.state, entry.row.place, entry.row.figures],
            "mark": entry.row.mark,
            "problems": [each.rule for each in entry.summary.problems],
            "progress": entry.row.progress,
            "ends_at": iso_time(entry.row.eta_at),
            "committed_at": iso_time(main.committed_at),
            "written_at": iso_time(entry.row.seen_at),
            "bytes_behind": behind.num_bytes,
            "undelivered": sum(each.num_parcels for each in entry.files),
        },
    }


def runs_json(board: Board, *, offset: int, limit: int) -> dict[str, object]:
    """Return one page of the runs."""
    entries = list(board.entries.values())
    return {
        **_paging(len(entries), offset, limit),
        "runs": [run_json(each) for each in entries[offset : offset + limit]],
        "troubles": [redact(each) for each in board.troubles],
    }


def alerts_json(board: Board, *, offset: int, limit: int, run: str | None, states: Iterable[str]) -> dict[str, object]:
    """Return one page of the alerts of all runs, the newest transition first."""
    wanted = frozenset(states)
    found: list[tuple[Entry, Alert]] = [
        (entry, alert)
        for entry in board.entries.values()
        if run in (None, entry.id)
        for alert in entry.log.alerts
        if not wanted or alert.state.value in wanted
    ]
    found.sort(key=lambda each: (each[1].at or 0.0, each[1].id), reverse=True)
    return {
        **_paging(len(found), offset, limit),
        "alerts": [{"run_page": entry.id, **alert.to_json()} for entry, alert in found[offset : offset + limit]],
    }


def _paging(total: int, offset: int, limit: int) -> dict[str, object]:
    return {
        "total": total,
        "offset": offset,
        "limit": limit,
        "next_offset": offset + limit if offset + limit < total else None,
    }


def all_series_json(entry: Entry, keys: Sequence[str]) -> dict[str, object]:
    """Return the series of a run: those of ``keys`` with their points, else all of them without."""
    wanted = frozenset(keys[:MOST_SERIES])
    return {
        "id": entry.id,
        "series": [
            series_json(key, name, labels, series, has_points=bool(wanted))
            for key, name, labels, series in series_of(entry.snapshot)
            if not wanted or key in wanted
        ],
    }


def silence_json(silence: Silence) -> dict[str, object]:
    """Return a silence; its times as those of alerts."""
    return {
        **asdict(silence),
        "author": redact(silence.author),
        "reason": redact(silence.reason),
        "begins_at": iso_time(silence.begins_at),
        "ends_at": iso_time(silence.ends_at),
    }


def silences_of(entry: Entry, wall: float) -> list[Silence]:
    """Return the silences and acknowledgements in a run's state folder; none where they cannot be read."""
    try:
        return unexpired(read_silences(entry.directory), wall)
    except StateError:
        return []
