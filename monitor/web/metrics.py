"""Board → metrics for Prometheus: names and units by its conventions, labels few and bounded.

A series does not vanish while its run is known: what is over is 0, so that nothing resolves by being absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.registry import Collector

from monitor import __version__
from monitor.alert import Alert
from monitor.base.escape import redact, terminal
from monitor.conditions import Outcome
from monitor.gate.check_json import VERDICTS
from monitor.live.watched import unread
from monitor.report.run_state import RunState
from monitor.report.verdict import PROGRESS
from monitor.run.last_values import LastValues, last_values
from monitor.run.series import Point
from monitor.snapshot import Snapshot
from monitor.web.board import Board, Entry

MOST_METRICS = 64
"""Most metrics by name of one run; the others are counted. Chosen by hand, 2026-11."""
LABEL = 120
"""Most characters of a label's value from a log."""
OUTCOMES = {Outcome.OK: 0, Outcome.BREACH: 1, Outcome.UNKNOWN: 2, Outcome.NOT_APPLICABLE: 3}
"""The value of `trainwarden_rule`: unknown is neither ok nor a breach."""
_RUN = ("run", "log")


class RunMetrics(Collector):
    """Makes the metrics anew from the newest board whenever they are asked for."""

    def __init__(
        self, board: Callable[[], Board], wall: Callable[[], float], own: Callable[[], Mapping[str, float]]
    ) -> None:
        self._board, self._wall, self._own = board, wall, own

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        board, wall = self._board(), self._wall()
        entries = list(board.entries.values())
        yield InfoMetricFamily("trainwarden_build", "The version that serves.", value={"version": __version__})
        yield from _identities(entries)
        yield from _numbers(entries, wall)
        yield from _metrics(entries)
        yield from _judged(entries)
        unreadable = GaugeMetricFamily("trainwarden_unreadable_states", "State folders that cannot be read.")
        unreadable.add_metric((), len(board.troubles))
        yield unreadable
        for name, value in self._own().items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(f"trainwarden_{name}", OWN[name], value=value)


OWN = {
    "looks_total": "How often the states were looked at.",
    "look_failures_total": "How often that failed.",
    "look_seconds": "How long the last look took.",
    "last_look_timestamp_seconds": "When the states were looked at last.",
    "event_streams": "Clients that read the stream of events.",
}
"""What the server tells of itself, and what it means."""


def registry_of(
    board: Callable[[], Board],
    wall: Callable[[], float],
    own: Callable[[], Mapping[str, float]],
    *,
    has_process: bool = True,
) -> CollectorRegistry:
    """Return a registry with the metrics of all runs and, unless it ends at once, of this process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(RunMetrics(board, wall, own))
    if has_process:
        ProcessCollector(registry=registry)
    return registry


def exposed(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """Return the metrics in the form that a scraper accepts, text or OpenMetrics, and the type of that form."""
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


def as_textfile(registry: CollectorRegistry) -> str:
    """Return the metrics as node_exporter reads them from a file."""
    return generate_latest(registry).decode("utf-8")


def _labels(entry: Entry) -> tuple[str, str]:
    return entry.id, _label(entry.log.path)


def _label(text: str) -> str:
    """Return a text from a log as the value of a label: one line, without secrets, and bounded."""
    return redact(terminal(text, LABEL))


def _identities(entries: list[Entry]) -> Iterator[Metric]:
    info = InfoMetricFamily("trainwarden_run", "What is known of a run in words.", labels=_RUN)
    state = GaugeMetricFamily("trainwarden_run_state", "1 for the state that a run is in.", labels=(*_RUN, "state"))
    verdict = GaugeMetricFamily(
        "trainwarden_run_verdict", "1 for the verdict of monitor check.", labels=(*_RUN, "verdict")
    )
    for entry in entries:
        run = entry.snapshot.run
        words = {"name": entry.row.name, "run_id": run.id or "", "dialect": run.dialect.name or ""}
        info.add_metric(_labels(entry), {key: _label(value) for key, value in words.items()})
        for each in RunState:
            state.add_metric((*_labels(entry), each.value), each is entry.verdict.state)
        for code, name in VERDICTS.items():
            verdict.add_metric((*_labels(entry), name), code == entry.log.exit_code)
    yield from (info, state, verdict)


Value = Callable[[Entry, LastValues, float], float | None]
_GAUGES: dict[str, tuple[str, Value]] = {
    "watch_up": ("Whether the watch of a run is running.", lambda entry, known, wall: entry.is_watched),
    "run_over": ("Whether a run is known to have ended.", lambda entry, known, wall: entry.log.end.is_over),
    "step": ("The last step.", lambda entry, known, wall: known.step),
    "planned_steps": ("How many steps are planned.", lambda entry, known, wall: known.steps),
    "epoch": ("The epoch that a run is in, from 1.", lambda entry, known, wall: known.epoch),
    "planned_epochs": ("How many epochs are planned.", lambda entry, known, wall: known.epochs),
    "progress_ratio": ("Share of the plan that is done.", lambda entry, known, wall: entry.row.progress),
    "expected_end_timestamp_seconds": ("When a run should end.", lambda entry, known, wall: entry.row.eta_at),
    "learning_rate": ("The last learning rate.", lambda entry, known, wall: known.lr),
    "grad_norm": ("The last norm of the gradient.", lambda entry, known, wall: known.grad_norm),
    "last_byte_timestamp_seconds": ("When a log was written last.", lambda entry, known, wall: entry.row.seen_at),
    "last_step_timestamp_seconds": ("When progress was reported last.", lambda entry, known, wall: _progress_at(entry)),
    "bytes_behind": ("Bytes of a log that are not read yet.", lambda entry, known, wall: _behind(entry, wall)[0]),
    "seconds_behind": ("How long the newest of them have waited.", lambda entry, known, wall: _behind(entry, wall)[1]),
    "undelivered_alerts": (
        "Alerts that wait for a receiver.",
        lambda entry, known, wall: sum(each.num_parcels for each in entry.files),
    ),
}
_COUNTERS: dict[str, tuple[str, Callable[[Entry], float]]] = {
    "alerts_fired_total": (
        "Alerts at warning or above that have fired.",
        lambda entry: sum(each.saved.fired for each in entry.files),
    ),
    "lines_total": ("Lines of a run's log.", lambda entry: entry.snapshot.run.lines),
    "understood_lines_total": ("Lines of it that were understood.", lambda entry: entry.snapshot.run.understood),
    "lost_bytes_total": (
        "Bytes that were lost before they were read.",
        lambda entry: sum(each.saved.totals.lost_bytes for each in entry.files),
    ),
}


def _numbers(entries: list[Entry], wall: float) -> Iterator[Metric]:
    known = [(entry, last_values(entry.snapshot.run)) for entry in entries]
    for name, (words, value) in _GAUGES.items():
        gauge = GaugeMetricFamily(f"trainwarden_{name}", words, labels=_RUN)
        for entry, values in known:
            if (found := value(entry, values, wall)) is not None:
                gauge.add_metric(_labels(entry), found)
        yield gauge
    for name, (words, count) in _COUNTERS.items():
        counter = CounterMetricFamily(f"trainwarden_{name}", words, labels=_RUN)
        for entry in entries:
            counter.add_metric(_labels(entry), count(entry))
        yield counter


def _metrics(entries: list[Entry]) -> Iterator[Metric]:
    loss = GaugeMetricFamily("trainwarden_loss", "The last loss.", labels=(*_RUN, "split"))
    metric = GaugeMetricFamily("trainwarden_metric", "The last value of a metric.", labels=(*_RUN, "name", "split"))
    left = GaugeMetricFamily("trainwarden_metrics_left_out", "Metrics by name that are not shown.", labels=_RUN)
    for entry in entries:
        values = last_values(entry.snapshot.run)
        for split, value in (("train", values.loss), ("val", values.val_loss)):
            if value is not None:
                loss.add_metric((*_labels(entry), split), value)
        found: dict[tuple[str, str], float] = {}
        for snapshot in (entry.snapshot, *entry.snapshot.sources):
            for (name, split), value in _by_name(snapshot):
                found.setdefault((_label(name), _label(split)), value)
        for (name, split), value in list(found.items())[:MOST_METRICS]:
            metric.add_metric((*_labels(entry), name, split), value)
        left.add_metric(_labels(entry), max(0, len(found) - MOST_METRICS))
    yield from (loss, metric, left)


def _by_name(snapshot: Snapshot) -> Iterator[tuple[tuple[str, str], float]]:
    for name, splits in (last_values(snapshot.run).metrics or {}).items():
        for split, value in splits.items():
            yield (name, split), value


def _judged(entries: list[Entry]) -> Iterator[Metric]:
    meaning = ", ".join(f"{value} {outcome.value.replace('_', ' ')}" for outcome, value in OUTCOMES.items())
    rule = GaugeMetricFamily("trainwarden_rule", f"What a rule comes to: {meaning}.", labels=(*_RUN, "rule"))
    alert = GaugeMetricFamily(
        "trainwarden_alert",
        "How many alerts of a rule fire that no other alert explains; 0 where they are over.",
        labels=(*_RUN, "alert", "fault", "severity"),
    )
    for entry in entries:
        for name, outcome in entry.outcomes:
            rule.add_metric((*_labels(entry), name), OUTCOMES[outcome])
        counts: dict[tuple[str, str, str], int] = {}
        for each in (*entry.snapshot.history, *entry.snapshot.open):
            counts.setdefault(_kind(each), 0)
        for each in entry.firing:
            counts[_kind(each)] += not each.inhibited_by
        for kind, number in counts.items():
            alert.add_metric((*_labels(entry), *kind), number)
    yield from (rule, alert)


def _kind(alert: Alert) -> tuple[str, str, str]:
    return alert.rule, alert.fault, alert.severity.value


def _behind(entry: Entry, wall: float) -> tuple[int, float]:
    """Return how many bytes of a run's log are not read, and for how long they have waited, as of now."""
    rest = unread(entry.files[0])
    return rest.num_bytes, 0.0 if rest.since is None else max(0.0, wall - rest.since)


def _progress_at(entry: Entry) -> float | None:
    """Return when the newest report of progress came, as a time of day; by the log's own times where it has them."""
    main, run = entry.files[0].saved, entry.snapshot.run
    newest: Point | None = None
    for name in PROGRESS:
        for series in run.attempt.of(name).values():
            if newest is None or series.last.serial > newest.serial:
                newest = series.last
    if newest is None:
        return None
    if newest.at is None or run.now is None:
        return run.heard_at
    # The log's clock may differ from ours.
    ahead_s = 0.0 if main.line_came_at is None else main.line_came_at - run.now
    return newest.at + ahead_s
