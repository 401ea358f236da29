"""The graph of a day connects the strongest correlations of the returns, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainer.batches.graph import (
    DayGraph,
    GraphCache,
    GraphFacts,
    GraphSettings,
    day_graph,
    join_graphs,
    measure_graph,
    most_bytes,
)


def returns(*, days: int = 60, codes: int = 30, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0.0, 0.01, (days, codes)).astype(np.float32)


def returns_of_groups(group_N: NDArray[np.int64], *, days: int = 60, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(0.0, 0.01, (days, group_N.max() + 1))
    return (shared[:, group_N] + rng.normal(0.0, 0.003, (days, len(group_N)))).astype(np.float32)


def edges(graph: DayGraph) -> set[tuple[int, int]]:
    return set(zip(graph.source_E.tolist(), graph.target_E.tolist(), strict=True))


def test_codes_that_move_together_are_connected_in_any_order():
    group_N = np.random.default_rng(1).permutation(np.repeat(np.arange(6), 5))
    graph = day_graph(returns_of_groups(group_N), GraphSettings(neighbours=4, min_correlation=0.5))
    together = {(i, j) for i in range(30) for j in range(30) if i != j and group_N[i] == group_N[j]}
    assert edges(graph) == together


def test_edges_are_the_strongest_correlations_of_returns_minus_the_market():
    return_WN = returns()
    graph = day_graph(return_WN, GraphSettings(neighbours=5, min_correlation=0.0))
    excess_WN = return_WN - return_WN.mean(axis=1, keepdims=True)
    correlation_NN = np.corrcoef(excess_WN.T)
    np.fill_diagonal(correlation_NN, 0.0)
    strongest = np.argsort(-np.abs(correlation_NN), axis=1)[:, :5]
    assert edges(graph) == {(int(j), i) for i in range(30) for j in strongest[i]}
    assert graph.correlation_E == pytest.approx(correlation_NN[graph.target_E, graph.source_E], abs=1e-5)


def test_a_common_market_return_adds_no_edges():
    return_WN = returns() + np.random.default_rng(9).normal(0.0, 0.05, (60, 1)).astype(np.float32)
    with_market = day_graph(return_WN, GraphSettings(min_correlation=0.3))
    without = day_graph(returns(), GraphSettings(min_correlation=0.3))
    assert edges(with_market) == edges(without)


def test_an_anticorrelated_pair_has_an_edge_with_a_negative_sign():
    return_WN = returns()
    return_WN[:, 1] = -return_WN[:, 0]
    graph = day_graph(return_WN, GraphSettings(min_correlation=0.9))
    assert edges(graph) == {(0, 1), (1, 0)}
    assert graph.edge_attr == pytest.approx(np.array([[-1.0, 1.0, -1.0]] * 2), abs=0.1)


def test_codes_with_too_few_or_constant_returns_have_no_edges():
    return_WN = returns_of_groups(np.zeros(6, dtype=np.int64) + np.arange(6) // 3)
    return_WN[:, 0] = 0.0
    return_WN[20:, 1] = np.nan
    settings = GraphSettings(min_days=21, min_correlation=0.3)
    graph = day_graph(return_WN, settings)
    assert not {0, 1} & ({*graph.source_E.tolist()} | {*graph.target_E.tolist()})
    assert len(graph.source_E) > 0


@pytest.mark.parametrize("shape", [(60, 0), (60, 1), (0, 5), (5, 5)])
def test_a_day_with_too_short_a_past_has_an_empty_graph(shape: tuple[int, int]):
    graph = day_graph(np.zeros(shape, dtype=np.float32), GraphSettings())
    assert (graph.num_nodes, graph.edge_index.shape, graph.edge_attr.shape) == (shape[1], (2, 0), (0, 3))


def test_joined_graphs_are_block_diagonal():
    graphs = [day_graph(returns(codes=codes, seed=codes), GraphSettings()) for codes in (12, 1, 20)]
    edge_index_2E, edge_attr_EA = join_graphs(graphs)
    block_N = torch.repeat_interleave(torch.arange(3), torch.tensor([12, 1, 20]))
    assert torch.equal(block_N[edge_index_2E[0]], block_N[edge_index_2E[1]])
    last = edge_index_2E[:, block_N[edge_index_2E[0]] == 2] - 13
    assert np.array_equal(last.numpy(), graphs[2].edge_index)
    assert len(edge_attr_EA) == sum(len(graph.source_E) for graph in graphs)
    assert [part.shape for part in join_graphs([])] == [(2, 0), (0, 3)]


def test_facts_count_nodes_edges_and_uncorrelated_edges():
    settings = GraphSettings()
    group_N = np.repeat(np.arange(6), 5)
    honest = day_graph(returns_of_groups(group_N), settings)
    ring = np.arange(30, dtype=np.int32)
    scaffold = DayGraph(30, ring, np.roll(ring, 1), np.zeros(30, dtype=np.float32))
    num_edges = len(honest.source_E)
    assert measure_graph([honest], settings) == GraphFacts(30, num_edges, num_edges / 30, 0, 0.0)
    assert measure_graph([scaffold], settings) == GraphFacts(30, 30, 1.0, 0, 1.0)
    both = measure_graph([honest, scaffold], settings)
    assert both.index_share == pytest.approx(30 / (num_edges + 30))


def test_the_cache_builds_each_graph_once_and_another_for_a_changed_return_or_setting(tmp_path: Path):
    cache, settings = GraphCache(tmp_path), GraphSettings()
    first = cache.day_graph(returns(), settings)
    assert edges(cache.day_graph(returns(), settings)) == edges(first)
    assert cache.num_built == 1
    changed = returns()
    changed[30, 7] += 0.001
    cache.day_graph(changed, settings)
    cache.day_graph(returns(), GraphSettings(neighbours=3))
    assert cache.num_built == 3


def test_a_new_process_finds_the_graphs_on_disk_and_rebuilds_a_damaged_one(tmp_path: Path):
    settings = GraphSettings()
    built = GraphCache(tmp_path).day_graph(returns(), settings)
    second = GraphCache(tmp_path)
    found = second.day_graph(returns(), settings)
    assert (second.num_built, second.num_unreadable) == (0, 0)
    assert np.array_equal(found.edge_index, built.edge_index)
    assert np.array_equal(found.edge_attr, built.edge_attr)
    (kept,) = tmp_path.glob("*.npy")
    kept.write_bytes(kept.read_bytes()[:-5])
    third = GraphCache(tmp_path)
    assert edges(third.day_graph(returns(), settings)) == edges(built)
    assert (third.num_built, third.num_unreadable) == (1, 1)


def test_the_memory_of_the_cache_is_bounded():
    cache, settings = GraphCache(memory_bytes=1), GraphSettings()
    for seed in (0, 1, 0):
        cache.day_graph(returns(seed=seed), settings)
    assert cache.num_built == 3


def test_a_cache_that_is_too_small_keeps_the_first_graphs_instead_of_building_all_again():
    settings = GraphSettings()
    graph = day_graph(returns(), settings)
    cache = GraphCache(memory_bytes=42 * len(graph.source_E))
    for _ in range(2):
        for seed in range(6):
            cache.day_graph(returns(seed=seed), settings)
    assert 6 < cache.num_built < 12


def test_the_memory_for_all_days_is_known_from_the_panel():
    settings = GraphSettings(min_correlation=0.0)
    cache = GraphCache(memory_bytes=most_bytes(4, 30, settings))
    for _ in range(3):
        for seed in range(4):
            cache.day_graph(returns(seed=seed), settings)
    assert cache.num_built == 4
