"""The planted signal of a synthetic market: which features move returns, and which returns they make expected.

Features are first-order autoregressions, so the expectation of each response has a closed form for any number of days
ahead, and so has the best achievable score of every horizon.
Shape legend: D dates, C codes, F features, H horizons.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LINEAR, _PAIRS, _SATURATING = 5, 2, 2
MIN_FEATURES = _LINEAR + 2 * _PAIRS + _SATURATING
_SIGNAL_SHARES = {"linear": 0.48, "interaction": 0.08, "saturation": 0.14, "spill_over": 0.30}


@dataclass(frozen=True, eq=False)
class PlantedPart:
    """One term of the expected return."""

    kind: str
    """linear | interaction | saturation | spill_over"""
    features: tuple[int, ...]
    """The feature columns that it depends on."""
    weights: tuple[float, ...]
    """One per feature, or per pair for interaction; in units of the standardised response."""
    share: float
    """Its share of the variance of the expected 1 d return."""


def persistent_features(
    rng: np.random.Generator, days: int, codes: int, persistence_F: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Draw first-order autoregressions of unit variance, stationary from the first date, [D, C, F]."""
    latent_DCF = rng.standard_normal((days, codes, len(persistence_F)), dtype=np.float32)
    keep_F = persistence_F.astype(np.float32)
    latent_DCF[1:] *= np.sqrt(1.0 - keep_F**2)
    for day in range(1, days):
        latent_DCF[day] += keep_F * latent_DCF[day - 1]
    return latent_DCF


def plant(rng: np.random.Generator, features: int) -> tuple[PlantedPart, ...]:
    """Draw the features of each part, and weights of unit length, which give responses of unit variance."""
    column = rng.permutation(features).tolist()
    pairs_from, saturating_from = _LINEAR, _LINEAR + 2 * _PAIRS
    linear = (tuple(column[:pairs_from]), _unit_weights(rng, _LINEAR))
    responses = {
        "linear": linear,
        "interaction": (tuple(column[pairs_from:saturating_from]), _unit_weights(rng, _PAIRS)),
        "saturation": (tuple(column[saturating_from:MIN_FEATURES]), _unit_weights(rng, _SATURATING)),
        "spill_over": linear,
    }
    return tuple(
        PlantedPart(kind, chosen, weights, _SIGNAL_SHARES[kind]) for kind, (chosen, weights) in responses.items()
    )


def expected_signal(
    latent_DCF: NDArray[np.float32],
    persistence_F: NDArray[np.float64],
    sector_C: NDArray[np.int64],
    parts: tuple[PlantedPart, ...],
    horizons: tuple[int, ...],
) -> NDArray[np.float64]:
    """Return the signal of the next h days as expected today, summed, [D, C, H]; unit variance at one day.

    The expectation k days ahead for a unit autoregression z with persistence p is p**k * z. For a product y * z with
    persistences q and p it is (p * q)**k * y * z, and for sin(z) it is sin(p**k * z) * exp((p**(2 * k) - 1) / 2).
    """
    days, codes, _ = latent_DCF.shape
    total_DCH = np.zeros((days, codes, len(horizons)))
    for part in parts:
        amplitude = np.sqrt(part.share)
        z = [latent_DCF[:, :, column].astype(np.float64) for column in part.features]
        keep = [float(persistence_F[column]) for column in part.features]
        if part.kind == "interaction":
            z = [z[2 * pair] * z[2 * pair + 1] for pair in range(_PAIRS)]
            keep = [keep[2 * pair] * keep[2 * pair + 1] for pair in range(_PAIRS)]
        if part.kind == "spill_over":
            z = [_peer_mean(column_DC, sector_C) for column_DC in z]
        for column_DC, decay, weight in zip(z, keep, part.weights, strict=True):
            expect = _saturated if part.kind == "saturation" else _decayed
            total_DCH += amplitude * weight * expect(column_DC, decay, horizons)
    return total_DCH


def _unit_weights(rng: np.random.Generator, size: int) -> tuple[float, ...]:
    weights = rng.uniform(0.5, 1.5, size) * rng.choice((-1.0, 1.0), size)
    return tuple((weights / np.linalg.norm(weights)).tolist())


def _decayed(response_DC: NDArray[np.float64], decay: float, horizons: tuple[int, ...]) -> NDArray[np.float64]:
    factors_H = np.array([(1.0 - decay**horizon) / (1.0 - decay) for horizon in horizons])
    return response_DC[:, :, None] * factors_H


def _saturated(z_DC: NDArray[np.float64], persistence: float, horizons: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the expected sum of sin(z), scaled to unit variance; it falls again beyond 1.57 standard deviations."""
    unit = np.sqrt((1.0 - np.exp(-2.0)) / 2.0)
    sum_DC, expected_DCH = np.zeros_like(z_DC), np.empty((*z_DC.shape, len(horizons)))
    for ahead in range(max(horizons)):
        keep = persistence**ahead
        sum_DC += np.sin(keep * z_DC) * np.exp((keep**2 - 1.0) / 2.0)
        if ahead + 1 in horizons:
            expected_DCH[:, :, horizons.index(ahead + 1)] = sum_DC / unit
    return expected_DCH


def _peer_mean(z_DC: NDArray[np.float64], sector_C: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean over the sector's other codes, scaled to unit variance; 0 for the only code of a sector."""
    member_CS = np.eye(sector_C.max() + 1)[sector_C]
    sum_DC = z_DC @ member_CS @ member_CS.T
    peers_C = np.maximum(member_CS.sum(axis=0)[sector_C] - 1.0, 1.0)
    return (sum_DC - z_DC) / np.sqrt(peers_C)
