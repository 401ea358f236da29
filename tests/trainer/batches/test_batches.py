"""Batches have whole days and each sample once, in an order that is a pure function of seed and epoch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.trainer.panels import read, rows_where, table
from trainer.batches.batches import DayBatch, DayBatches
from trainer.batches.graph import GraphCache, GraphSettings
from trainer.batches.normalisation import fit_normalisation, normalised_features
from trainer.panel.panel import Panel, PanelError
from trainer.panel.samples import RowCounts
from trainer.panel.splits import DateRange

PART = DateRange(25, 60, label_stop=70)
TENSORS = (
    "x_NTF",
    "y_NH",
    "mask_NH",
    "day_N",
    "date_index_N",
    "code_index_N",
    "edge_index_2E",
    "edge_attr_EA",
)


@pytest.fixture
def panel(tmp_path: Path) -> Panel:
    return read(table(), tmp_path / "panel.parquet")


def batches_of(panel: Panel, part: DateRange = PART, **changes: Any) -> DayBatches:
    normalisation = fit_normalisation(panel, PART)
    settings = {
        "features_CDF": normalised_features(panel, normalisation),
        "batch_size": 50,
        "window_days": 20,
        "graph": GraphSettings(min_correlation=0.1),
        "graph_cache": GraphCache(),
        "seed": 7,
        "shuffle": True,
    }
    return DayBatches(panel, part, normalisation, **{**settings, **changes})


def samples(batches: list[DayBatch]) -> list[tuple[int, int]]:
    return [
        pair for batch in batches for pair in zip(batch.date_index_N.tolist(), batch.code_index_N.tolist(), strict=True)
    ]


def equal(left: DayBatch, right: DayBatch) -> bool:
    return all(torch.equal(getattr(left, name), getattr(right, name)) for name in TENSORS)


def test_every_sample_comes_once_in_whole_days_of_at_most_batch_size_rows(panel: Panel):
    epoch = list(batches_of(panel).epoch(0))
    assert sorted(samples(epoch)) == [(date, code) for date in range(25, 60) for code in range(12)]
    for batch in epoch:
        assert len(batch.day_N) <= 50
        for day in range(batch.num_days):
            date, *others = set(batch.date_index_N[batch.day_N == day].tolist())
            assert others == []
            assert (batch.date_index_N == date).sum() == 12
    assert {batch.num_days for batch in epoch} == {3, 4}


def test_a_row_has_its_normalised_window_and_labels(panel: Panel):
    normalisation = fit_normalisation(panel, PART)
    features_CDF = normalised_features(panel, normalisation)
    batch = next(batches_of(panel).epoch(0))
    row = 17
    date, code = int(batch.date_index_N[row]), int(batch.code_index_N[row])
    assert np.array_equal(batch.x_NTF[row].numpy(), features_CDF[code, date - 19 : date + 1])
    expected_H = normalisation.normalise_targets(panel.targets_DCH[date, code])
    mask_H = batch.mask_NH[row].numpy()
    assert np.array_equal(batch.y_NH[row].numpy()[mask_H], expected_H[mask_H])
    assert (batch.x_NTF.dtype, batch.y_NH.dtype, batch.mask_NH.dtype) == (
        torch.float32,
        torch.float32,
        torch.bool,
    )


def test_labels_that_end_beyond_the_part_are_masked_and_zero(panel: Panel):
    for batch in batches_of(panel).epoch(0):
        ends_N4 = batch.date_index_N[:, None] + torch.tensor(panel.horizons)
        assert torch.equal(batch.mask_NH, ends_N4 < PART.label_stop)
        assert not batch.y_NH[~batch.mask_NH].any()
        assert torch.isfinite(batch.y_NH).all()


def test_unlabeled_rows_are_skipped_and_counted_except_for_predictions(panel: Panel):
    tail = DateRange(80, 90, label_stop=90)
    batches = batches_of(panel, tail, shuffle=False)
    assert batches.days.tolist() == list(range(80, 89))
    assert batches.rows == RowCounts(present=120, incomplete=0, unlabeled=12, used=108)
    all_days = batches_of(panel, tail, shuffle=False, labeled_only=False)
    assert all_days.days.tolist() == list(range(80, 90))
    *_, last = all_days.epoch(0)
    assert not last.mask_NH[last.date_index_N == 89].any()


def test_edges_stay_within_their_day_and_come_from_the_returns_before_it(panel: Panel):
    batches = batches_of(panel)
    for batch in batches.epoch(0):
        source_E, target_E = batch.edge_index_2E
        assert len(source_E) > 0
        assert torch.equal(batch.day_N[source_E], batch.day_N[target_E])
        assert len(batch.edge_attr_EA) == len(source_E)
    graph = batches.graphs(np.array([40]))[0]
    panel.returns_DC[40:] = 0.5
    same = batches_of(panel).graphs(np.array([40]))[0]
    assert np.array_equal(graph.edge_index, same.edge_index)
    panel.returns_DC[39, 3] = 0.5
    other = batches_of(panel).graphs(np.array([40]))[0]
    assert not np.array_equal(graph.edge_attr, other.edge_attr)


def test_the_order_is_a_function_of_seed_and_epoch(panel: Panel):
    first, again = batches_of(panel), batches_of(panel)
    assert samples(list(first.epoch(2))) == samples(list(again.epoch(2)))
    assert samples(list(first.epoch(2))) != samples(list(first.epoch(3)))
    assert samples(list(first.epoch(2))) != samples(list(batches_of(panel, seed=8).epoch(2)))
    assert batches_of(panel, shuffle=False).plan(5)[0].tolist() == [25, 26, 27, 28]


def test_an_epoch_can_resume_at_any_batch(panel: Panel):
    whole = list(batches_of(panel).epoch(4))
    assert len(whole) == len(batches_of(panel)) == 9
    for first_batch in range(len(whole) + 1):
        rest = list(batches_of(panel).epoch(4, first_batch=first_batch))
        assert [batch.batch for batch in rest] == list(range(first_batch, 9))
        assert all(equal(one, other) for one, other in zip(whole[first_batch:], rest, strict=True))


@pytest.mark.parametrize("world_size", [2, 3])
def test_all_ranks_together_see_exactly_the_batches_of_one_process(panel: Panel, world_size: int):
    one = list(batches_of(panel).epoch(1))
    ranks = [list(batches_of(panel, rank=rank, world_size=world_size).epoch(1)) for rank in range(world_size)]
    for whole, *shares in zip(one, *ranks, strict=True):
        assert sorted(samples([whole])) == sorted(samples(shares))
        assert sum(share.num_days for share in shares) == whole.num_days
        assert {share.num_days_global for share in shares} == {whole.num_days}
        by_row = {pair: row for row, pair in enumerate(samples([whole]))}
        for share in shares:
            rows = [by_row[pair] for pair in samples([share])]
            assert torch.equal(share.x_NTF, whole.x_NTF[rows])
            assert torch.equal(share.num_labeled_days_global_H, whole.num_labeled_days_global_H)
            edges = torch.tensor(rows)[share.edge_index_2E].T.tolist()
            assert {tuple(edge) for edge in edges} <= {tuple(edge) for edge in whole.edge_index_2E.T.tolist()}
        assert sum(share.edge_index_2E.shape[1] for share in shares) == whole.edge_index_2E.shape[1]


def test_days_with_labels_are_counted_per_horizon_over_the_whole_batch(panel: Panel):
    """No 20 d label of date 50 or later ends before date 70."""
    batches = batches_of(panel, DateRange(46, 54, label_stop=70), shuffle=False)
    counts = [batch.num_labeled_days_global_H.tolist() for batch in batches.epoch(0)]
    assert counts == [[4, 4, 4, 4], [4, 4, 4, 0]]


def test_windows_with_too_many_missing_days_are_skipped(tmp_path: Path):
    columns = table()
    gone = np.isin(np.arange(90 * 12), [30 * 12 + 5, 33 * 12 + 5])
    panel = read(rows_where(columns, ~gone), tmp_path / "gaps.parquet")
    strict = batches_of(panel)
    assert strict.rows == RowCounts(present=35 * 12 - 2, incomplete=21, unlabeled=0, used=397)
    lenient = batches_of(panel, max_missing_days=2)
    assert lenient.rows.incomplete == 0
    with_gap = next(
        batch.x_NTF[row] for batch in lenient.epoch(0) for row, pair in enumerate(samples([batch])) if pair == (35, 5)
    )
    assert not with_gap[19 - 5].any()
    assert not with_gap[19 - 2].any()
    assert with_gap[19].any()


def test_a_day_larger_than_the_batch_size_stays_whole(panel: Panel):
    batches = batches_of(panel, batch_size=5)
    assert (batches.days_per_batch, batches.largest_day, len(batches)) == (1, 12, 35)
    assert {len(batch.day_N) for batch in batches.epoch(0)} == {12}


def test_a_batch_size_with_too_few_days_for_the_processes_is_refused(panel: Panel):
    with pytest.raises(PanelError) as refused:
        batches_of(panel, batch_size=24, world_size=2)
    assert str(refused.value) == (
        "batches: batch_size 24 is too small for days of up to 12 rows; "
        "expected a day for each of 2 processes in every batch, got 1"
    )


def test_a_part_without_samples_is_refused(panel: Panel):
    with pytest.raises(PanelError, match="has no samples; expected at least one, got 0"):
        batches_of(panel, DateRange(2, 10, label_stop=90))


def test_every_tensor_of_a_batch_moves_to_a_device(panel: Panel):
    moved = next(batches_of(panel).epoch(0)).to("meta")
    assert {getattr(moved, name).device.type for name in (*TENSORS, "num_labeled_days_global_H")} == {"meta"}
