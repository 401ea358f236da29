"""The values that a watch keeps of each series: as JSON, as a small line, and several runs in one chart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from monitor.alert import iso_time
from monitor.base.escape import redact
from monitor.base.strict_json import json_number
from monitor.reader.signals import LOSSES, METRIC, Labels
from monitor.report.chart import Chart, Curve, Dot
from monitor.run.run import Run
from monitor.run.series import Point, Series
from monitor.snapshot import Snapshot

SPARK_WIDTH, SPARK_HEIGHT = 100.0, 24.0
MOST_OVERLAID = 8
"""Most runs in one chart; more cannot be told apart."""


def key_of(name: str, labels: Labels) -> str:
    """Return the name of a series in addresses: ``train.loss``, ``metric{name=accuracy,split=val}``."""
    inside = ",".join(f"{label}={value}" for label, value in labels)
    return f"{name}{{{inside}}}" if inside else name


def series_of(snapshot: Snapshot) -> Iterator[tuple[str, str, Labels, Series]]:
    """Yield each series of a run with its key, signal and labels; another file's only where the log lacks it."""
    known = set[str]()
    for run in (snapshot.run, *(each.run for each in snapshot.sources)):
        for name, by_labels in run.attempt.series.items():
            for labels, series in by_labels.items():
                key = key_of(name, labels)
                if key not in known and series.recent:
                    known.add(key)
                    yield key, name, labels, series


def points_of(series: Series) -> list[Point]:
    """Return what is kept: the first point, the last of each epoch, and the newest, in the order of the log."""
    kept = [*([series.first] if series.first else []), *(tally.last for tally in series.epochs.values())]
    by_serial = {point.serial: point for point in (*kept, *series.recent)}
    return [by_serial[serial] for serial in sorted(by_serial)]


def series_json(key: str, name: str, labels: Labels, series: Series, *, has_points: bool) -> dict[str, object]:
    """Return a series as JSON; non-finite numbers are texts."""
    found: dict[str, object] = {
        "key": redact(key),
        "signal": name,
        "labels": {label: redact(value) for label, value in labels},
        "count": series.count,
        "min": json_number(series.minimum),
        "max": json_number(series.maximum),
        "nonfinite": series.nonfinite,
        "last": _point_json(series.last),
    }
    if has_points:
        found["points"] = [_point_json(point) for point in points_of(series)]
    return found


def _point_json(point: Point) -> dict[str, object]:
    line = point.evidence
    return {
        "value": json_number(point.value),
        "step": point.step,
        "epoch": point.epoch,
        "at": iso_time(point.at),
        "line": line.line,
        "offset": line.offset,
    }


def loss_curve(snapshot: Snapshot) -> list[float]:
    """Return the losses that are kept, oldest first: of training, else of validation."""
    for name in LOSSES:
        for run in (snapshot.run, *(each.run for each in snapshot.sources)):
            for series in run.attempt.of(name).values():
                return [point.value for point in points_of(series)]
    return []


def sparkline(values: Sequence[float]) -> str:
    """Return finite values as the points of an SVG polyline; empty for fewer than two."""
    finite = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    low, high = min(value for _, value in finite), max(value for _, value in finite)
    # Halved first: the distance of two large numbers may not be finite.
    spread = high / 2 - low / 2
    width = SPARK_WIDTH / (len(values) - 1)
    return " ".join(
        f"{place * width:.1f},{_height(0.5 if not spread else (value / 2 - low / 2) / spread):.1f}"
        for place, value in finite
    )


def _height(share: float) -> float:
    return 1 + (SPARK_HEIGHT - 2) * (1 - share)


def overlay(key: str, runs: Sequence[tuple[str, Snapshot]]) -> Chart | None:
    """Return one chart of a series in several runs, each with its name, at the same step; else at the same epoch."""
    found = [(name, series) for name, each in runs[:MOST_OVERLAID] if (series := _series(each, key)) is not None]
    if not found:
        return None
    has_steps = all(point.step is not None for _, series in found for point in points_of(series))
    curves = []
    for name, series in found:
        dots = tuple(
            Dot(float((point.step or 0) if has_steps else point.epoch), point.value, (point.evidence,))
            for point in points_of(series)
        )
        curves.append(Curve(name, dots, max(series.count, len(dots))))
    kept = [f"{each.name}: {len(each.dots)} of {each.total:,} values" for each in curves if each.total > len(each.dots)]
    title = title_of_key(key)
    return Chart("overlay", title, "step" if has_steps else "epoch", title, tuple(curves), notes=tuple(kept))


def _series(snapshot: Snapshot, key: str) -> Series | None:
    return next((series for name, _, _, series in series_of(snapshot) if name == key), None)


def title_of_key(key: str) -> str:
    """Return a key in shorter words where it is that of a metric."""
    if not key.startswith(f"{METRIC}{{"):
        return key
    named = dict(each.partition("=")[::2] for each in key[len(METRIC) + 1 : -1].split(","))
    return " ".join(filter(None, (named.get("split", ""), named.get("name", key))))


def default_key(run: Run) -> str:
    """Return the series to show first."""
    return next((name for name in LOSSES if run.attempt.of(name)), "")
