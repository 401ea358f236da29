"""Features that are the label: a loaded panel in, refusals and suspicions out.

A feature is compared as it is, and by its difference and its relative change to the date before, with every label and
every later return, up to LATEST dates ahead; within days and within codes. Ranks find each rising or falling function
of a label, such as its logarithm, z-score or rank; changes find tomorrow's price and the cumulated label. What is known
at the date, the returns up to it, is not compared.

Shape legend: G groups (days or codes), L rows of a group, F features, S series to compare with.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.panel.panel import Panel
from trainer.panel.problem import Consequence, PanelProblem, some_of

SAME = 0.999
"""|rank correlation| from which a feature is the label. Chosen by hand, 2026-11: rounding stays above it, and a return
over 250 days that has one of them in the future stays below."""
SUSPECT = 0.3
"""|rank correlation| of a feature's change with a label that no honest daily feature reaches. Chosen by hand."""
LATEST = 5
"""How many dates after its own a label is looked for."""
_MOST_DAYS, _MOST_CODES = 60, 200
_MOST_CODES_IN_TIME, _MOST_DAYS_IN_TIME = 24, 400
_FEWEST_ROWS, _FEWEST_PAIRS = 5, 50

Floats = NDArray[np.float64]
Ranks = NDArray[np.float32]


class Series(NamedTuple):
    """What a feature must not be."""

    name: str
    values_DC: NDArray[np.float32]
    shift: int
    """Dates after the feature's own; negative for a label that began before and ends after it."""
    is_plain: bool
    """Whether it is a label on its own date, with which changes are compared as a suspicion too."""


class Match(NamedTuple):
    """The closest series of one feature."""

    correlation: float
    what: str
    is_plain_change: bool


def label_problems(panel: Panel) -> list[PanelProblem]:
    """Refuse features that are a label or a later return, and warn of features whose change is too close to one."""
    series = list(_series(panel))
    best: dict[str, Match] = {}
    suspects: dict[str, Match] = {}
    for rows in _samples(panel):
        for name, match in _matches(panel, series, *rows):
            of_kind = suspects if match.is_plain_change else best
            if name not in of_kind or abs(match.correlation) > abs(of_kind[name].correlation):
                of_kind[name] = match
    same = {name: match for name, match in best.items() if abs(match.correlation) >= SAME}
    close = {n: m for n, m in suspects.items() if n not in same and abs(m.correlation) > SUSPECT}
    problems = []
    if same:
        message = (
            f"{panel.source}: {len(same)} features are the label; expected what is known at the date, "
            f"got {some_of(_named(same))}; leave them out with --exclude {','.join(same)}"
        )
        problems.append(PanelProblem(Consequence.REFUSE, "label_feature", message, len(same), tuple(same)))
    if close:
        message = (
            f"{panel.source}: features change like the future; expected a rank correlation with a label of at most "
            f"{SUSPECT}, got {some_of(_named(close))}"
        )
        problems.append(PanelProblem(Consequence.WARN, "suspected_leak", message, len(close), tuple(close)))
    return problems


def _named(matches: dict[str, Match]) -> tuple[str, ...]:
    return tuple(f"{name} ({match.what}, rank correlation {match.correlation:+.4f})" for name, match in matches.items())


def _series(panel: Panel) -> Iterator[Series]:
    for h, horizon in enumerate(panel.horizons):
        for shift in range(1 - horizon, LATEST + 1):
            where = "" if shift == 0 else f" {abs(shift)} dates {'later' if shift > 0 else 'earlier'}"
            yield Series(f"the {horizon} d label{where}", panel.targets_DCH[:, :, h], shift, shift == 0)
    for shift in range(1, LATEST + 1):
        yield Series(f"the return {shift} dates later", panel.returns_DC, shift, shift == 1)
    # A price that is scaled per code changes by its size, not relatively: compare with the change of an index.
    known_DC = np.nan_to_num(panel.returns_DC.astype(np.float64))
    with np.errstate(over="ignore"):
        index_DC = np.cumprod(1.0 + known_DC, axis=0)
    change_DC = np.where(np.isfinite(panel.returns_DC), np.diff(index_DC, axis=0, prepend=np.nan), np.nan)
    for shift in range(1, LATEST + 1):
        yield Series(f"the change of the price {shift} dates later", change_DC.astype(np.float32), shift, False)


def _samples(panel: Panel) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
    """Yield the dates and codes to compare, and whether each date is a group; else each code is."""
    days, codes = len(panel.dates), len(panel.codes)
    if codes >= _FEWEST_ROWS:
        yield _spread(1, days, _MOST_DAYS), _spread(0, codes, _MOST_CODES), True
    yield np.arange(max(1, days - _MOST_DAYS_IN_TIME), days), _spread(0, codes, _MOST_CODES_IN_TIME), False


def _spread(first: int, stop: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(first, stop - 1, min(most, max(stop - first, 1))).round().astype(np.int64))


def _matches(
    panel: Panel, series: list[Series], day_M: NDArray[np.int64], code_K: NDArray[np.int64], by_day: bool
) -> Iterator[tuple[str, Match]]:
    """Yield for each feature and form its closest series, and for changes the closest plain label."""
    now_MKF = panel.features_CDF[code_K[:, None], day_M].swapaxes(0, 1).astype(np.float64)
    before_MKF = panel.features_CDF[code_K[:, None], day_M - 1].swapaxes(0, 1).astype(np.float64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        forms = {
            "its value is": now_MKF,
            "its difference is": now_MKF - before_MKF,
            "its change is": np.where((now_MKF > 0) & (before_MKF > 0), now_MKF / before_MKF, np.nan),
        }
    there_MKS = np.stack([_shifted(each, day_M, code_K) for each in series], axis=2)
    is_plain_S = np.array([each.is_plain for each in series])
    axis = 1 if by_day else 0
    rank_NS, has_NS = _ranked(there_MKS, axis)
    for form, value_MKF in forms.items():
        rank_NF, has_NF = _ranked(value_MKF, axis)
        correlation_FS = _correlation(rank_NF, has_NF, rank_NS, has_NS)
        for feature, name in enumerate(panel.feature_names):
            found_S = correlation_FS[feature]
            at = int(np.abs(found_S).argmax())
            yield name, Match(float(found_S[at]), f"{form} {series[at].name}", False)
            if form != "its value is":
                at = int(np.where(is_plain_S, np.abs(found_S), -1.0).argmax())
                yield name, Match(float(found_S[at]), f"{form} close to {series[at].name}", True)


def _shifted(series: Series, day_M: NDArray[np.int64], code_K: NDArray[np.int64]) -> Floats:
    at_M = day_M + series.shift
    inside_M = (at_M >= 0) & (at_M < len(series.values_DC))
    value_MK = series.values_DC[np.clip(at_M, 0, len(series.values_DC) - 1)][:, code_K].astype(np.float64)
    value_MK[~inside_M] = np.nan
    return value_MK


def _ranked(value_MKX: Floats, axis: int) -> tuple[Ranks, Ranks]:
    """Return the ranks within each group, from -1 to 1, and where they exist; both as [rows, X].

    Equal values share the average of their ranks. A group with fewer than _FEWEST_ROWS values or without spread has no
    ranks.
    """
    known = np.isfinite(value_MKX)
    filled = np.where(known, value_MKX, np.inf)
    order = np.argsort(filled, axis=axis, kind="stable")
    ascending = np.moveaxis(np.take_along_axis(filled, order, axis=axis), axis, 0)
    place = np.arange(len(ascending)).reshape(-1, 1, 1)
    is_new = np.ones(ascending.shape, dtype=bool)
    is_new[1:] = ascending[1:] != ascending[:-1]
    is_last = np.ones(ascending.shape, dtype=bool)
    is_last[:-1] = is_new[1:]
    first = np.maximum.accumulate(np.where(is_new, place, 0), axis=0)
    last = np.minimum.accumulate(np.where(is_last, place, len(ascending))[::-1], axis=0)[::-1]
    rank = np.empty(value_MKX.shape)
    np.put_along_axis(rank, order, np.moveaxis((first + last) / 2, 0, axis), axis=axis)
    num = known.sum(axis=axis, keepdims=True)
    low = filled.min(axis=axis, keepdims=True)
    high = np.where(known, value_MKX, -np.inf).max(axis=axis, keepdims=True)
    usable = known & (num >= _FEWEST_ROWS) & (high > low)
    scaled = np.where(usable, 2 * rank / np.maximum(num - 1, 1) - 1, 0.0)
    width = value_MKX.shape[2]
    return scaled.reshape(-1, width).astype(np.float32), usable.reshape(-1, width).astype(np.float32)


def _correlation(x_NF: Ranks, has_NF: Ranks, y_NS: Ranks, has_NS: Ranks) -> Ranks:
    """Return the correlation over the rows that both have, [F, S]; 0 for fewer than _FEWEST_PAIRS."""
    pairs = has_NF.T @ has_NS
    spread = ((x_NF**2).T @ has_NS) * (has_NF.T @ (y_NS**2))
    enough = (pairs >= _FEWEST_PAIRS) & (spread > 0.0)
    found: Ranks = np.where(enough, (x_NF.T @ y_NS) / np.sqrt(np.where(enough, spread, 1.0)), 0.0)
    return found
