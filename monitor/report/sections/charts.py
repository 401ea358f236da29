"""The figures of a run as charts: loss, metrics, gradient norms, resets, GPU use; no figures, no chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from monitor.reader.signals import Labels
from monitor.report.chart import Chart, Curve, Dot, Shape
from monitor.report.figures import SHOWN
from monitor.report.sections.epochs import EpochTable
from monitor.run.attempt import Attempt
from monitor.run.named import named_metrics, work_figures
from monitor.run.series import Point, Series
from monitor.snapshot import Snapshot

MOST_CURVES = 12
"""Most curves of one chart; more cannot be told apart."""
WHOLE_PCT = (0.0, 100.0)


def charts(snapshot: Snapshot, epochs: EpochTable) -> tuple[Chart, ...]:
    """Return the charts of the present attempt."""
    attempt = snapshot.run.attempt
    drawn = (
        _loss(attempt),
        _metrics(attempt, "sharpe", "Sharpe ratio", (("Sharpe", "metric.sharpe"),)),
        _metrics(
            attempt,
            "correlation",
            "Correlation with the targets",
            (("IC", "metric.ic"), ("RankIC", "metric.rank_ic")),
        ),
        *_named_metrics(attempt),
        _gradients(attempt),
        _resets(epochs),
        _gpu(attempt),
    )
    return tuple(chart for chart in drawn if chart is not None)


def _loss(attempt: Attempt) -> Chart | None:
    ended = (("train, per epoch", "epoch.train_loss"), ("validation, per epoch", "epoch.val_loss"))
    curves = [
        *_curves(attempt, (("train, newest reports", "train.loss"),), _recent, _by_step),
        *_curves(attempt, ended, _per_epoch, _by_step),
    ]
    return _chart("loss", "Loss", "step", "loss", curves)


def _metrics(attempt: Attempt, name: str, title: str, signals: Sequence[tuple[str, str]]) -> Chart | None:
    y_title = ", ".join(words for words, _ in signals)
    return _chart(name, title, "epoch", y_title, [*_curves(attempt, signals, _per_epoch, _by_epoch)])


def _named_metrics(attempt: Attempt) -> Iterator[Chart]:
    """Yield a chart of the metrics between 0 and 1 that the log names, and one for each other, validations first."""
    known = named_metrics(attempt)
    has_epochs = len({point.epoch for each in known for point in each.series.recent}) > 1
    shares: list[Curve] = []
    others: list[Curve] = []
    for each in (*known, *work_figures(attempt)):
        series = each.series
        points = _per_epoch(series) if has_epochs and series.epochs else _recent(series)
        curve = _curve(each.title, series, points, _by_epoch if has_epochs else _by_step)
        if curve.dots and series.minimum < series.maximum:
            (shares if 0 <= series.minimum <= series.maximum <= 1 else others).append(curve)
    x_title = "epoch" if has_epochs else "step"
    if (chart := _chart("metrics", "Metrics", x_title, "share", shares)) is not None:
        yield chart
    for number, curve in enumerate(others[:MOST_NAMED], 1):
        yield Chart(f"metric-{number}", curve.name, x_title, curve.name, (curve,), Shape.LINE, False, None, ())


MOST_NAMED = 6
"""Most charts with a metric of its own scale. Chosen by hand, 2026-11."""


def _gradients(attempt: Attempt) -> Chart | None:
    found = attempt.of("grad.l2")
    curves = [_curve(_words(labels), series, _recent(series), _by_step) for labels, series in found.items()]
    curves = [curve for curve in curves if curve.dots]
    title = "Gradient norms per group"
    return _chart("gradients", title, "step", "L2 norm (log scale)", curves, is_log=True)


def _resets(epochs: EpochTable) -> Chart | None:
    dots = [Dot(row.epoch, row.resets, row.evidence) for row in epochs.rows if row.resets is not None]
    unknown = len(epochs.rows) - len(dots)
    notes = [f"no guard line was seen in {unknown} of {len(epochs.rows)} epochs"] if unknown and dots else []
    if dots and not any(dot.y for dot in dots):
        notes.append(f"no reset in {len(dots)} {'epoch' if len(dots) == 1 else 'epochs'}")
    curves = [Curve("resets", tuple(dots), len(dots))] if dots else []
    title = "Degeneracy resets per epoch"
    return _chart("resets", title, "epoch", "resets", curves, shape=Shape.BARS, notes=notes)


def _gpu(attempt: Attempt) -> Chart | None:
    began = attempt.began_at

    def by_minute(point: Point) -> float | None:
        return None if point.at is None or began is None else (point.at - began) / 60

    curves = []
    for signal, words in (("gpu.util_pct", "use"), ("gpu.used_pct", "memory")):
        for labels, series in attempt.of(signal).items():
            name = f"GPU {_words(labels)} {words}".replace("  ", " ")
            curves.append(_curve(name, series, _recent(series), by_minute))
    curves = [curve for curve in curves if curve.dots]
    return _chart("gpu", "GPU use", "minutes since the start", "%", curves, y_range=WHOLE_PCT)


def _chart(
    name: str,
    title: str,
    x_title: str,
    y_title: str,
    curves: Sequence[Curve],
    *,
    shape: Shape = Shape.LINE,
    is_log: bool = False,
    y_range: tuple[float, float] | None = None,
    notes: Iterable[str] = (),
) -> Chart | None:
    if not curves:
        return None
    all_notes = [*notes, *_notes(curves, is_log=is_log)]
    shown = tuple(curves[:MOST_CURVES])
    return Chart(name, title, x_title, y_title, shown, shape, is_log, y_range, tuple(all_notes))


def _notes(curves: Sequence[Curve], *, is_log: bool) -> Iterator[str]:
    """Yield what the picture does not show."""
    left = len(curves) - MOST_CURVES
    if left > 0:
        yield f"{left} more curves are not drawn"
    kept: dict[str, list[str]] = {}
    for curve in curves[:MOST_CURVES]:
        if curve.total > len(curve.dots):
            kept.setdefault(f"the newest {len(curve.dots)} of {curve.total:,} values", []).append(curve.name)
    for words, names in kept.items():
        yield f"{names[0] if len(names) == 1 else f'{len(names)} curves'}: {words}"
    for curve in curves[:MOST_CURVES]:
        if odd := sum(not math.isfinite(dot.y) for dot in curve.dots):
            yield f"{curve.name}: {odd} {'value is' if odd == 1 else 'values are'} nan or infinite, and not drawn"
    at_zero = [curve.name for curve in curves[:MOST_CURVES] if any(dot.y == 0 for dot in curve.dots)]
    if is_log and at_zero:
        yield f"values of exactly 0 are on the lower edge: {', '.join(at_zero)}"


XOf = Callable[[Point], float | None]


def _curves(
    attempt: Attempt, signals: Sequence[tuple[str, str]], points: Callable[[Series], list[Point]], place: XOf
) -> Iterator[Curve]:
    for name, signal in signals:
        series = attempt.of(signal).get(())
        if series is not None and (curve := _curve(name, series, points(series), place)).dots:
            yield curve


def _curve(name: str, series: Series, points: Sequence[Point], place: XOf) -> Curve:
    placed = ((place(point), point) for point in points)
    dots = tuple(Dot(x, point.value, (point.evidence,)) for x, point in placed if x is not None and math.isfinite(x))
    return Curve(name, dots, max(series.count, len(dots)))


def _recent(series: Series) -> list[Point]:
    return list(series.recent)


def _per_epoch(series: Series) -> list[Point]:
    return [tally.last for tally in series.epochs.values()][-4 * SHOWN :]


def _by_step(point: Point) -> float | None:
    return None if point.step is None else float(point.step)


def _by_epoch(point: Point) -> float:
    return float(point.epoch)


def _words(labels: Labels) -> str:
    return ", ".join(value for _, value in labels)
