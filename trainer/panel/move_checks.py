"""Problems with prices and labels that would bend every figure of a run: a loaded panel in, problems out."""

from __future__ import annotations

import numpy as np

from trainer.panel.panel import Panel
from trainer.panel.problem import Consequence, PanelProblem, some_of

OUTLIER_SCALES = 50.0
"""|label - median| in robust standard deviations beyond which a label is reported. Chosen by hand, 2026-11: a day's
return of 1 % scale would have to be above 50 %."""
_IQR_PER_STD = 1.349

_MOVES = {
    "split": ("unadjusted_prices", "change like a split", "prices adjusted for splits"),
    "spike": ("bad_prints", "leap and come back", "prices that were traded"),
    "jump": ("price_jumps", "change by several times at once", "adjusted prices"),
}


def move_problems(panel: Panel) -> list[PanelProblem]:
    """Report splits that were not adjusted, bad prints, jumps, dates without movement and stale prices."""
    found, problems = panel.facts.moves, []
    for kind, (name, happens, expected) in _MOVES.items():
        moves = [move for move in found.moves if move.kind == kind]
        if moves:
            named = some_of(tuple(f"{move.code} on {move.date} (times {move.factor:.4g})" for move in moves))
            message = f"{panel.source}: {len(moves)} prices {happens}; expected {expected}, got {named}"
            dates = tuple(dict.fromkeys(move.date for move in moves))
            problems.append(PanelProblem(Consequence.WARN, name, message, len(moves), dates=dates))
    if found.still_dates:
        dates = found.still_dates
        message = (
            f"{panel.source}: {len(dates)} dates without movement; expected trading days, "
            f"got the prices of the date before on {some_of(dates)}"
        )
        problems.append(PanelProblem(Consequence.WARN, "still_days", message, len(dates), dates=dates))
    if found.stale:
        named = some_of(tuple(f"{run.code} for {run.num_dates} dates from {run.first}" for run in found.stale))
        message = (
            f"{panel.source}: {len(found.stale)} prices do not move; expected prices that were traded, got {named}"
        )
        dates = tuple(dict.fromkeys(run.first for run in found.stale))
        problems.append(PanelProblem(Consequence.WARN, "stale_prices", message, len(found.stale), dates=dates))
    return problems


def outlier_problems(panel: Panel) -> list[PanelProblem]:
    """Report label columns with values far outside all others; labels from prices are covered by the prices."""
    if panel.facts.labels_from != "target":
        return []
    named, dates = [], []
    for h, horizon in enumerate(panel.horizons):
        label_DC = panel.targets_DCH[:, :, h]
        known_N = label_DC[np.isfinite(label_DC)]
        if not len(known_N):
            continue
        low, median, high = np.percentile(known_N, (25, 50, 75))
        far = np.argwhere(np.abs(label_DC - median) > OUTLIER_SCALES * (high - low) / _IQR_PER_STD)
        for day, code in far if high > low else ():
            dates.append(str(panel.dates[day]))
            named.append(f"{label_DC[day, code]:+.4g} for {horizon} d of {panel.codes[code]} on {dates[-1]}")
    if not named:
        return []
    message = (
        f"{panel.source}: {len(named)} labels are far outside the others; expected returns within "
        f"{OUTLIER_SCALES:g} robust standard deviations, got {some_of(tuple(named))}"
    )
    unique = tuple(dict.fromkeys(dates))
    return [PanelProblem(Consequence.WARN, "label_outliers", message, len(named), dates=unique)]
