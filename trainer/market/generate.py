"""A synthetic market: prices and features with a planted signal whose best possible score is known.

Interface:
    market = synthesise(codes=400, days=750, seed=1)    # -> Market, arrays only
    market.oracle                                       # -> Oracle: daily RankIC of the true expected return
`write` has its files.

A code's return of the next day is a drift, factor shocks and a small expected part made of today's features: a linear
part, a non-linear part (products of two features, a saturating response) and a spill-over part (the linear response of
the other codes of its sector, with whose returns its own correlate).

Shape legend: D dates, C codes, F features, H horizons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.config import TrainerError
from trainer.market.signal import MIN_FEATURES, PlantedPart, expected_signal, persistent_features, plant
from trainer.panel.labels import forward_returns

HORIZONS_DAYS = (1, 5, 10, 20)
ORACLE_RANK_IC_1D = 0.17
"""Mean daily RankIC at 1 d for which the signal's strength is solved, so that 20 epochs on 100 codes x 400 days have
enough to learn from. Chosen by hand.
"""
TARGET_STD_1D = 0.009
"""Pooled standard deviation of daily returns; the recorded production run had 0.0086."""
DRIFT_1D = 0.000763
"""Mean daily return of the recorded production run."""
CODES_PER_SECTOR = 8
MIN_CODES, MIN_DAYS = 10, 60

_SHOCK_SHARES = {"market": 0.25, "sector": 0.35, "style": 0.05, "own": 0.35}
_STYLES = 3
_PERSISTENCE = (0.75, 0.92)
_TAIL_DEGREES_OF_FREEDOM = 5


class MarketError(TrainerError, ValueError):
    """A market that cannot be generated or written as requested."""


@dataclass(frozen=True, eq=False)
class Oracle:
    """The best achievable cross-sectional score: the true expected return ranked against the actual return."""

    horizons: tuple[int, ...]
    dates: NDArray[np.datetime64]
    daily_rank_ic_DH: NDArray[np.float64]
    """Spearman correlation over codes; nan if the horizon ends after the last date."""

    def mean_rank_ic(self, horizon: int, first: int = 0, stop: int | None = None) -> float:
        """Return the mean daily RankIC of one horizon over the labeled dates among indices first..stop-1."""
        return float(np.nanmean(self.daily_rank_ic_DH[first:stop, self.horizons.index(horizon)]))


@dataclass(frozen=True, eq=False)
class Market:
    """A generated panel; the target of date d at horizon h is close[d + h] / close[d] - 1."""

    seed: int
    dates: NDArray[np.datetime64]
    codes: tuple[str, ...]
    features_DCF: NDArray[np.float32]
    close_DC: NDArray[np.float64]
    targets_DCH: NDArray[np.float64]
    expected_DCH: NDArray[np.float64]
    """True expected return given today's features, exact to first order in the returns."""
    sector_C: NDArray[np.int64]
    parts: tuple[PlantedPart, ...]
    oracle: Oracle


def synthesise(*, codes: int, days: int, seed: int, features: int = 82) -> Market:
    """Generate a market of `codes` codes over `days` business days.

    Raises MarketError for too few codes, days or features to plant the signal in.
    """
    _refuse_below("codes", codes, MIN_CODES)
    _refuse_below("days", days, MIN_DAYS)
    _refuse_below("features", features, MIN_FEATURES)
    rng = np.random.default_rng(seed)
    sector_C = rng.permutation(np.arange(codes) // CODES_PER_SECTOR)
    persistence_F = rng.uniform(*_PERSISTENCE, size=features)
    latent_DCF = persistent_features(rng, days, codes, persistence_F)
    parts = plant(rng, features)
    signal_DCH = expected_signal(latent_DCF, persistence_F, sector_C, parts, HORIZONS_DAYS)
    shock_DC = _shocks(rng, days, sector_C)
    strength = _solve_strength(signal_DCH[:, :, 0], shock_DC)
    return_DC = _returns(signal_DCH[:, :, 0], shock_DC, strength)
    scale = TARGET_STD_1D / return_DC.std()
    close_DC = _prices(rng, DRIFT_1D + scale * return_DC)
    targets_DCH = forward_returns(close_DC, HORIZONS_DAYS)
    expected_DCH = DRIFT_1D * np.array(HORIZONS_DAYS) + scale * strength * signal_DCH
    dates = np.busday_offset("2021-01-04", np.arange(days), roll="forward").astype("datetime64[D]")
    observed_DCF = latent_DCF
    observed_DCF *= rng.lognormal(0.0, 1.0, size=features).astype(np.float32)
    observed_DCF += rng.normal(0.0, 1.0, size=features).astype(np.float32)
    daily = [daily_rank_ic(expected_DCH[:, :, h], targets_DCH[:, :, h]) for h in range(len(HORIZONS_DAYS))]
    return Market(
        seed=seed,
        dates=dates,
        codes=tuple(f"{1000 + number}" for number in range(codes)),
        features_DCF=observed_DCF,
        close_DC=close_DC,
        targets_DCH=targets_DCH,
        expected_DCH=expected_DCH,
        sector_C=sector_C,
        parts=parts,
        oracle=Oracle(HORIZONS_DAYS, dates, np.stack(daily, axis=1)),
    )


def daily_rank_ic(score_DC: NDArray[np.float64], outcome_DC: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each date's Spearman correlation over codes, of values without ties; nan if an outcome is missing."""
    rank_ic_D = _row_correlation(_ranks(score_DC), _ranks(outcome_DC))
    rank_ic_D[~np.isfinite(outcome_DC).all(axis=1)] = np.nan
    return rank_ic_D


def _refuse_below(name: str, value: int, least: int) -> None:
    if value < least:
        raise MarketError(f"synthetic market: too few {name}; expected at least {least}, got {value}")


def _shocks(rng: np.random.Generator, days: int, sector_C: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return unexpected returns of unit variance, [D, C]: market, sector, style and own shocks with heavy tails."""
    codes, sectors = len(sector_C), int(sector_C.max()) + 1

    def heavy(*shape: int) -> NDArray[np.float64]:
        unit = np.sqrt((_TAIL_DEGREES_OF_FREEDOM - 2) / _TAIL_DEGREES_OF_FREEDOM)
        return unit * rng.standard_t(_TAIL_DEGREES_OF_FREEDOM, size=shape)

    share = {kind: np.sqrt(value) for kind, value in _SHOCK_SHARES.items()}
    market_DC = heavy(days, 1) * rng.uniform(0.7, 1.3, codes)
    sector_DC = heavy(days, sectors)[:, sector_C] * rng.uniform(0.8, 1.2, codes)
    style_DC = heavy(days, _STYLES) @ (rng.standard_normal((_STYLES, codes)) / np.sqrt(_STYLES))
    own_DC = heavy(days, codes) * rng.uniform(0.7, 1.3, codes)
    return share["market"] * market_DC + share["sector"] * sector_DC + share["style"] * style_DC + share["own"] * own_DC


def _returns(signal_DC: NDArray[np.float64], shock_DC: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Return the shocks plus the signal, each date's signal added to the next date's shock."""
    return_DC = shock_DC.copy()
    return_DC[1:] += strength * signal_DC[:-1]
    return return_DC


def _solve_strength(signal_DC: NDArray[np.float64], shock_DC: NDArray[np.float64]) -> float:
    """Find, by bisection, the strength at which ranking by the signal has a mean daily RankIC of ORACLE_RANK_IC_1D."""
    signal_rank_DC = _ranks(signal_DC[:-1])
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2.0
        outcome_DC = _returns(signal_DC, shock_DC, middle)[1:]
        if _row_correlation(signal_rank_DC, _ranks(outcome_DC)).mean() < ORACLE_RANK_IC_1D:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0


def _prices(rng: np.random.Generator, return_DC: NDArray[np.float64]) -> NDArray[np.float64]:
    first_C = rng.lognormal(np.log(1500.0), 0.7, size=return_DC.shape[1])
    return np.asarray(first_C * np.cumprod(1.0 + return_DC, axis=0), dtype=np.float64)


def _ranks(values_DC: NDArray[np.float64]) -> NDArray[np.float64]:
    return values_DC.argsort(axis=1).argsort(axis=1).astype(np.float64)


def _row_correlation(left_DC: NDArray[np.float64], right_DC: NDArray[np.float64]) -> NDArray[np.float64]:
    left_DC = left_DC - left_DC.mean(axis=1, keepdims=True)
    right_DC = right_DC - right_DC.mean(axis=1, keepdims=True)
    covariance_D = np.einsum("dc,dc->d", left_DC, right_DC)
    variance_D = np.einsum("dc,dc->d", left_DC, left_DC) * np.einsum("dc,dc->d", right_DC, right_DC)
    return np.asarray(covariance_D / np.sqrt(variance_D), dtype=np.float64)
