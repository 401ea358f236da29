"""The synthetic market: a signal of known strength and of every planted kind, in prices of a realistic scale."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.batches.graph import GraphSettings, day_graph
from trainer.market.generate import HORIZONS_DAYS, Market, MarketError, daily_rank_ic, synthesise
from trainer.market.signal import PlantedPart, expected_signal, persistent_features
from trainer.market.write import oracle_path, read_oracle, write_panel
from trainer.panel.file import load_panel
from trainer.panel.panel import PanelSchema


@pytest.fixture(scope="module")
def market() -> Market:
    return synthesise(codes=100, days=400, seed=3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), codes=st.integers(20, 80), days=st.integers(80, 160))
def test_the_oracle_at_one_day_is_between_a_tenth_and_a_fifth_for_any_seed(seed: int, codes: int, days: int):
    small = synthesise(codes=codes, days=days, seed=seed, features=16)
    assert 0.10 < small.oracle.mean_rank_ic(1) < 0.20


def test_the_seed_determines_the_market():
    first, again, other = (synthesise(codes=20, days=80, seed=seed, features=12) for seed in (5, 5, 6))
    assert np.array_equal(first.features_DCF, again.features_DCF)
    assert np.array_equal(first.close_DC, again.close_DC)
    assert not np.array_equal(first.close_DC, other.close_DC)


def test_every_horizon_has_a_signal(market: Market):
    scores = [market.oracle.mean_rank_ic(horizon) for horizon in HORIZONS_DAYS]
    assert min(scores) > 0.10


def test_a_unit_of_expected_return_is_a_unit_of_return_at_every_horizon(market: Market):
    """The closed forms are right: a regression of actual on expected returns has slope 1."""
    for h, horizon in enumerate(HORIZONS_DAYS):
        expected_DC = market.expected_DCH[:-horizon, :, h]
        happened_DC = market.targets_DCH[:-horizon, :, h]
        expected_DC = expected_DC - expected_DC.mean(axis=1, keepdims=True)
        slope = (expected_DC * happened_DC).sum() / (expected_DC**2).sum()
        assert slope == pytest.approx(1.0, abs=0.25), horizon


@pytest.mark.parametrize(
    ("kind", "features"),
    [("linear", (0, 1)), ("interaction", (0, 1, 2, 3)), ("saturation", (0, 1)), ("spill_over", (0, 1))],
)
def test_the_closed_form_of_each_part_is_its_average(kind: str, features: tuple[int, ...]):
    """Over 80,000 starts the next five days of a part equal its five-day expectation; one day has variance 1."""
    rng = np.random.default_rng(2)
    persistence_F = np.array([0.75, 0.92, 0.8, 0.9])
    part = PlantedPart(kind, features, (0.6, -0.8), share=1.0)
    sector_C = np.arange(800) // 8
    product, square, variances = 0.0, 0.0, []
    for _ in range(100):
        latent_DCF = persistent_features(rng, 5, 800, persistence_F)
        signal_DCH = expected_signal(latent_DCF, persistence_F, sector_C, (part,), (1, 5))
        expected_C, happened_C = signal_DCH[0, :, 1], signal_DCH[:, :, 0].sum(axis=0)
        product += expected_C @ happened_C
        square += expected_C @ expected_C
        variances.append(signal_DCH[0, :, 0].var())
    assert product / square == pytest.approx(1.0, abs=0.02)
    assert np.mean(variances) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("kind", ["linear", "interaction", "saturation", "spill_over"])
def test_each_planted_part_alone_ranks_the_next_day(market: Market, kind: str):
    part = next(part for part in market.parts if part.kind == kind)
    z_DCF = market.features_DCF[:, :, part.features].astype(np.float64)
    z_DCF = (z_DCF - z_DCF.mean(axis=(0, 1))) / z_DCF.std(axis=(0, 1))
    if kind == "interaction":
        z_DCF = z_DCF[:, :, 0::2] * z_DCF[:, :, 1::2]
    if kind == "saturation":
        z_DCF = np.sin(z_DCF)
    if kind == "spill_over":
        is_peer_CC = (market.sector_C[:, None] == market.sector_C) & ~np.eye(len(market.codes), dtype=bool)
        z_DCF = np.einsum("ij,djf->dif", is_peer_CC, z_DCF)
    rank_ic_D = daily_rank_ic(z_DCF @ np.array(part.weights), market.targets_DCH[:, :, 0])
    assert np.nanmean(rank_ic_D) > 0.02


def test_daily_returns_have_the_scale_of_the_recorded_run(market: Market):
    assert np.nanstd(market.targets_DCH[:, :, 0]) == pytest.approx(0.009, rel=0.02)
    assert 0.01 < np.nanstd(market.targets_DCH[:, :, 1]) < 0.03


def test_most_edges_of_the_graph_of_past_returns_connect_codes_of_one_sector(market: Market):
    """So the graph informs about the spill-over; by chance only 7 of 99 edges would stay in the sector."""
    return_DC = market.close_DC[1:] / market.close_DC[:-1] - 1.0
    graph = day_graph(return_DC[200:260].astype(np.float32), GraphSettings())
    is_peer_E = market.sector_C[graph.source_E] == market.sector_C[graph.target_E]
    assert len(graph.source_E) > 3 * len(market.codes)
    assert is_peer_E.mean() > 0.6


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"codes": 9}, "synthetic market: too few codes; expected at least 10, got 9"),
        ({"days": 59}, "synthetic market: too few days; expected at least 60, got 59"),
        ({"features": 10}, "synthetic market: too few features; expected at least 11, got 10"),
    ],
)
def test_a_market_too_small_for_the_signal_is_refused(asked: dict[str, int], message: str):
    with pytest.raises(MarketError) as refused:
        synthesise(**{"codes": 20, "days": 80, "features": 12, "seed": 1, **asked})
    assert str(refused.value) == message


def test_the_panel_file_has_the_market_and_nulls_for_an_unknown_future(tmp_path: Path):
    small = synthesise(codes=12, days=60, seed=1, features=12)
    path = tmp_path / "made" / "panel.parquet"
    write_panel(small, path)
    table = pq.read_table(path)
    assert table.column_names == [
        "date",
        "code",
        *(f"feature_{number:02d}" for number in range(12)),
        *(f"target_{horizon}d" for horizon in HORIZONS_DAYS),
        "close",
    ]
    assert [table.column(f"target_{horizon}d").null_count for horizon in HORIZONS_DAYS] == [12, 60, 120, 240]
    panel = load_panel(path, PanelSchema())
    assert np.array_equal(panel.features_CDF, small.features_DCF.transpose(1, 0, 2))
    assert np.array_equal(panel.targets_DCH, small.targets_DCH.astype(np.float32), equal_nan=True)


def test_the_oracle_file_has_the_score_of_any_range_of_dates(tmp_path: Path):
    small = synthesise(codes=12, days=60, seed=1, features=12)
    path = tmp_path / "panel.parquet"
    write_panel(small, path)
    oracle = read_oracle(path)
    assert oracle.horizons == HORIZONS_DAYS
    assert np.array_equal(oracle.dates, small.dates)
    for horizon in HORIZONS_DAYS:
        asked = (horizon, 10, 40)
        assert oracle.mean_rank_ic(*asked) == pytest.approx(small.oracle.mean_rank_ic(*asked), abs=1e-6)
    document = json.loads(oracle_path(path).read_text())
    assert document["seed"] == 1
    assert [part["kind"] for part in document["planted"]] == [
        "linear",
        "interaction",
        "saturation",
        "spill_over",
    ]
    assert document["rank_ic"]["1"] == small.oracle.mean_rank_ic(1)


def test_a_missing_or_malformed_oracle_file_is_reported(tmp_path: Path):
    with pytest.raises(MarketError, match=r"panel\.oracle\.json: cannot be read; expected a synthetic panel's"):
        read_oracle(tmp_path / "panel.parquet")
    (tmp_path / "panel.oracle.json").write_text("[1, 2]")
    with pytest.raises(MarketError, match=r"panel\.oracle\.json: not an oracle file; expected dates and"):
        read_oracle(tmp_path / "panel.parquet")


def test_an_unwritable_folder_is_reported(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MarketError, match=r"panel\.parquet: cannot be written; expected a writable path"):
        write_panel(synthesise(codes=12, days=60, seed=1, features=12), tmp_path / "file" / "panel.parquet")
