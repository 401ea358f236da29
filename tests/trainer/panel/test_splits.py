"""No part sees the future of another: embargo, purge, and nothing from a later part in training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.panels import read, table
from trainer.batches.batches import DayBatch, DayBatches
from trainer.batches.graph import GraphCache, GraphSettings
from trainer.batches.normalisation import fit_normalisation, normalised_features
from trainer.panel.labels import forward_returns
from trainer.panel.panel import Panel, PanelError
from trainer.panel.splits import DateRange, Splits, SplitSettings, part_labels, split_dates

HORIZONS = (1, 5, 10, 20)


def dates(days: int) -> np.ndarray:
    return np.datetime64("2024-01-01") + np.arange(days)


def divide(days: int, **settings: float) -> Splits:
    return split_dates(dates(days), SplitSettings(**settings), horizons=HORIZONS)  # type: ignore[arg-type]


@given(
    days=st.integers(1, 600),
    valid_share=st.floats(0.01, 0.6),
    test_share=st.one_of(st.just(0.0), st.floats(0.01, 0.6)),
    embargo_days=st.integers(20, 60),
)
def test_parts_follow_each_other_with_the_embargo_in_between_or_are_refused(
    days: int, valid_share: float, test_share: float, embargo_days: int
):
    try:
        splits = divide(days, valid_share=valid_share, test_share=test_share, embargo_days=embargo_days)
    except PanelError:
        return
    assert splits.train.first == 19
    assert len(splits.train) > 0
    assert splits.valid.first - splits.train.stop == embargo_days
    last = splits.test if test_share else splits.valid
    assert last.stop == days
    if test_share:
        assert len(splits.test) > 0
        assert splits.test.first - splits.valid.stop == embargo_days


def test_shares_are_of_the_dates_that_end_a_complete_window():
    splits = divide(219, valid_share=0.2, test_share=0.1)
    assert splits == Splits(
        train=DateRange(19, 119, label_stop=139),
        valid=DateRange(139, 179, label_stop=199),
        test=DateRange(199, 219, label_stop=219),
        embargo_days=20,
    )
    assert splits.valid.describe(dates(219)) == "2024-05-19..2024-06-27"
    assert divide(219, valid_share=0.2).test.describe(dates(219)) == "none"


@pytest.mark.parametrize(
    ("days", "settings", "message"),
    [
        (400, {"embargo_days": 19}, "splits: embargo_days is too short; expected at least the longest horizon 20, got"),
        (
            400,
            {"valid_share": 0.0},
            "splits: unusable valid_share or test_share; expected shares that leave dates for training",
        ),
        (400, {"valid_share": 0.5, "test_share": 0.5}, "splits: unusable valid_share or test_share; expected shares"),
        (
            44,
            {},
            "splits: no labeled date left for train with window 20, embargo 20 and shares valid 0.2,",
        ),
        (20, {}, "splits: no labeled date left for train, valid with window 20"),
    ],
)
def test_a_split_that_leaks_or_leaves_nothing_is_refused(days: int, settings: dict[str, float], message: str):
    with pytest.raises(PanelError) as refused:
        divide(days, **settings)
    assert str(refused.value).startswith(message)


def test_a_label_that_ends_in_the_next_part_is_purged():
    """Without an embargo the last training dates keep only the horizons that end before validation."""
    targets_DCH = np.ones((100, 2, 4), dtype=np.float32)
    labels_DCH = part_labels(targets_DCH, DateRange(30, 60, label_stop=60), HORIZONS)
    last_labeled = [30 + int(np.flatnonzero(np.isfinite(labels_DCH[:, 0, h])).max()) for h in range(4)]
    assert [day + horizon for day, horizon in zip(last_labeled, HORIZONS, strict=True)] == [59, 59, 59, 59]
    assert np.isfinite(targets_DCH).all()


def test_with_an_embargo_no_training_label_is_lost():
    splits = divide(219, valid_share=0.2)
    labels_DCH = part_labels(np.ones((219, 2, 4), dtype=np.float32), splits.train, HORIZONS)
    assert np.isfinite(labels_DCH).all()


def train_batches(panel: Panel, train: DateRange) -> list[DayBatch]:
    normalisation = fit_normalisation(panel, train)
    batches = DayBatches(
        panel,
        train,
        normalisation,
        features_CDF=normalised_features(panel, normalisation),
        batch_size=64,
        window_days=20,
        graph=GraphSettings(min_correlation=0.0),
        graph_cache=GraphCache(),
        seed=1,
        shuffle=True,
    )
    return list(batches.epoch(0))


def same_batches(left: list[DayBatch], right: list[DayBatch]) -> bool:
    names = ("x_NTF", "y_NH", "mask_NH", "date_index_N", "code_index_N", "edge_index_2E", "edge_attr_EA")
    return len(left) == len(right) and all(
        torch.equal(getattr(one, name), getattr(other, name))
        for one, other in zip(left, right, strict=True)
        for name in names
    )


def with_another_future(columns: dict[str, np.ndarray], *, days: int, from_day: int) -> dict[str, np.ndarray]:
    """Change prices and features of every date from `from_day` on."""
    columns = {name: values.copy() for name, values in columns.items()}
    later = np.repeat(np.arange(days), 12) >= from_day
    spoil = np.random.default_rng(4)
    for name in ("alpha", "beta", "gamma"):
        columns[name][later] = spoil.normal(1e4, 1e3, later.sum())
    columns["close"][later] *= spoil.uniform(0.1, 10.0, later.sum())
    return columns


def test_no_change_from_the_first_validation_date_on_affects_a_training_batch(tmp_path: Path):
    """Features, labels, normalisation and graph are the same, bit for bit, for a panel with another future."""
    columns = table(days=140)
    splits = divide(140, valid_share=0.3)
    spoiled = with_another_future(columns, days=140, from_day=splits.valid.first)
    honest = train_batches(read(columns, tmp_path / "honest.parquet"), splits.train)
    other = train_batches(read(spoiled, tmp_path / "other.parquet"), splits.train)
    assert len(honest) > 5
    assert same_batches(honest, other)


def test_the_same_change_inside_training_is_noticed(tmp_path: Path):
    """The proof above can fail: with the change one day earlier, in the last training labels, the batches differ."""
    columns = table(days=140)
    splits = divide(140, valid_share=0.3)
    spoiled = with_another_future(columns, days=140, from_day=splits.valid.first - 1)
    honest = train_batches(read(columns, tmp_path / "honest.parquet"), splits.train)
    other = train_batches(read(spoiled, tmp_path / "other.parquet"), splits.train)
    assert not same_batches(honest, other)


def test_without_an_embargo_the_purge_alone_keeps_validation_out_of_training(tmp_path: Path):
    columns = table(days=140)
    spoiled = with_another_future(columns, days=140, from_day=98)
    train = DateRange(19, 98, label_stop=98)
    honest = train_batches(read(columns, tmp_path / "honest.parquet"), train)
    other = train_batches(read(spoiled, tmp_path / "other.parquet"), train)
    assert same_batches(honest, other)


def test_a_feature_that_looks_ahead_reveals_nothing_of_validation_to_training(tmp_path: Path):
    """The embargo hides a feature with the returns of the next 20 days; without it the feature gets through."""

    def with_leaking_feature(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        close_DC = columns["close"].reshape(140, 12)
        return columns | {"alpha": forward_returns(close_DC, (20,)).reshape(-1)}

    columns = table(days=140)
    splits = divide(140, valid_share=0.3)
    spoiled = with_another_future(columns, days=140, from_day=splits.valid.first)
    honest = read(with_leaking_feature(columns), tmp_path / "honest.parquet")
    other = read(with_leaking_feature(spoiled), tmp_path / "other.parquet")
    assert same_batches(train_batches(honest, splits.train), train_batches(other, splits.train))
    no_embargo = DateRange(19, splits.valid.first, label_stop=splits.valid.first)
    assert not same_batches(train_batches(honest, no_embargo), train_batches(other, no_embargo))
