"""The graph of the stocks of one day, from past returns only: a window of returns in, edges and facts about them out.

Interface:
    day_graph(return_WN, settings) -> DayGraph             # W past days x N codes, without the day itself
    GraphCache(directory).day_graph(return_WN, settings)   # the same, cached by content hash
    join_graphs(graphs) -> (edge_index_2E, edge_attr_EA)   # block-diagonal, as torch tensors
    measure_graph(graphs, settings) -> GraphFacts          # what DATA-CHECK reports about the edges of any graph

An edge j -> i means that j is among the codes whose past returns correlate most with i's.
Shape legend: W window days, N codes of the day, E edges, A edge attributes (3: correlation, its absolute value, its
sign).
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

EDGE_ATTRIBUTES = ("correlation", "size", "sign")


@dataclass(frozen=True)
class GraphSettings:
    """How a day's graph is built."""

    window_days: int = 60
    """Past days whose returns are correlated."""
    min_days: int = 20
    """Fewest returns of a code in the window; a code with fewer has no edges."""
    neighbours: int = 8
    """Most edges that end at one code."""
    min_correlation: float = 0.3
    """Smallest |correlation| of an edge: 2.3 standard errors of the correlation of two unrelated 60-day series."""


@dataclass(frozen=True, eq=False)
class DayGraph:
    """The edges of one day among codes 0..num_nodes-1."""

    num_nodes: int
    source_E: NDArray[np.int32]
    target_E: NDArray[np.int32]
    correlation_E: NDArray[np.float32]

    @property
    def edge_index(self) -> NDArray[np.int64]:
        """Source and target of each edge, [2, E]."""
        return np.stack([self.source_E, self.target_E]).astype(np.int64)

    @property
    def edge_attr(self) -> NDArray[np.float32]:
        """Correlation, its absolute value and its sign (1 or -1), [E, 3]."""
        correlation_E = self.correlation_E
        sign_E = np.where(correlation_E < 0, np.float32(-1), np.float32(1))
        return np.stack([correlation_E, np.abs(correlation_E), sign_E], axis=1)


@dataclass(frozen=True)
class GraphFacts:
    """Counts of graphs, summed over days."""

    nodes: int
    edges: int
    mean_degree: float
    """Edges per node; nan without nodes."""
    isolated: int
    """Nodes at which no edge ends."""
    index_share: float
    """Share of the edges with a correlation below the minimum: 1 for a graph that connects neighbouring indices; nan
    without edges."""


def most_bytes(num_days: int, num_codes: int, settings: GraphSettings) -> int:
    """Return the memory of the graphs of all days, if every code has all its neighbours: 12 bytes an edge."""
    return num_days * num_codes * min(settings.neighbours, num_codes) * 12


def day_graph(return_WN: NDArray[np.float32], settings: GraphSettings) -> DayGraph:
    """Connect each code to the codes whose returns correlate most with its own over the window.

    The market's return, the mean over codes, is subtracted from each day first: it is common to all pairs and does not
    show which codes belong together. A missing return (nan) counts as the code's own mean. A code with fewer than
    `min_days` returns, or with constant returns, has no edges.
    """
    unit_WN = _unit_columns(return_WN, settings.min_days)
    num_nodes = unit_WN.shape[1]
    neighbours = min(settings.neighbours, num_nodes - 1)
    if neighbours < 1 or not unit_WN.any():
        return _edgeless(num_nodes)
    unit = torch.from_numpy(unit_WN)
    correlation_NN = unit.T @ unit
    correlation_NN.fill_diagonal_(0.0)
    strength, chosen = correlation_NN.abs().topk(neighbours, dim=1, sorted=False)
    kept = strength >= settings.min_correlation
    target = torch.arange(num_nodes).unsqueeze(1).expand_as(chosen)
    return DayGraph(
        num_nodes,
        chosen[kept].to(torch.int32).numpy(),
        target[kept].to(torch.int32).numpy(),
        correlation_NN.gather(1, chosen)[kept].clamp(-1.0, 1.0).numpy(),
    )


def join_graphs(graphs: Sequence[DayGraph]) -> tuple[torch.Tensor, torch.Tensor]:
    """Join graphs without edges between them; return edge_index_2E as int64 and edge_attr_EA as float32."""
    starts = np.cumsum([0, *(graph.num_nodes for graph in graphs)])
    if not graphs:
        return torch.empty(2, 0, dtype=torch.int64), torch.empty(0, len(EDGE_ATTRIBUTES))
    edge_index_2E = np.concatenate([graph.edge_index + start for graph, start in zip(graphs, starts, strict=False)], 1)
    edge_attr_EA = np.concatenate([graph.edge_attr for graph in graphs])
    return torch.from_numpy(edge_index_2E), torch.from_numpy(edge_attr_EA)


def measure_graph(graphs: Sequence[DayGraph], settings: GraphSettings) -> GraphFacts:
    """Compute what DATA-CHECK reports, from the edges themselves."""
    nodes = sum(graph.num_nodes for graph in graphs)
    edges = sum(len(graph.source_E) for graph in graphs)
    reached = sum(len(np.unique(graph.target_E)) for graph in graphs)
    backed = sum(int((np.abs(graph.correlation_E) >= settings.min_correlation).sum()) for graph in graphs)
    return GraphFacts(
        nodes=nodes,
        edges=edges,
        mean_degree=edges / nodes if nodes else float("nan"),
        isolated=nodes - reached,
        index_share=1.0 - backed / edges if edges else float("nan"),
    )


class GraphCache:
    """Day graphs cached by the hash of the returns and settings they are built from, so never stale.

    With `directory` None they are in memory only. A file that cannot be read is rebuilt and counted. Once
    `memory_bytes` are full, no more graphs are kept: in an epoch each graph is asked for once, so making room by
    dropping one would only mean to build that one again.
    """

    def __init__(self, directory: Path | None = None, *, memory_bytes: int = 256 * 2**20) -> None:
        self.num_built = 0
        self.num_unreadable = 0
        self._directory = directory
        self._memory: dict[str, DayGraph] = {}
        self._memory_bytes, self._held_bytes = memory_bytes, 0

    def key_of(self, return_WN: NDArray[np.float32], settings: GraphSettings) -> str:
        """Return the key under which the graph of these returns is kept: hashing 60 days of 4,000 codes takes 1 ms."""
        return _content_key(return_WN, settings)

    def kept(self, key: str) -> DayGraph | None:
        """Return a graph in memory by its key."""
        return self._memory.get(key)

    def day_graph(self, return_WN: NDArray[np.float32], settings: GraphSettings, *, key: str | None = None) -> DayGraph:
        """Return the graph of these returns under these settings, built at most once; `key` is theirs, if known."""
        key = _content_key(return_WN, settings) if key is None else key
        graph = self._memory.get(key)
        if graph is not None:
            return graph
        graph = self._read(key, return_WN.shape[1])
        if graph is None:
            graph = day_graph(return_WN, settings)
            self.num_built += 1
            self._write(key, graph)
        self._remember(key, graph)
        return graph

    def _remember(self, key: str, graph: DayGraph) -> None:
        num_bytes = _num_bytes(graph)
        if self._held_bytes + num_bytes <= self._memory_bytes:
            self._memory[key] = graph
            self._held_bytes += num_bytes

    def _read(self, key: str, num_nodes: int) -> DayGraph | None:
        if self._directory is None:
            return None
        try:
            stored_3E = np.load(self._directory / f"{key}.npy", allow_pickle=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError):
            self.num_unreadable += 1
            return None
        if stored_3E.dtype != np.int32 or stored_3E.ndim != 2 or len(stored_3E) != 3:
            self.num_unreadable += 1
            return None
        return DayGraph(num_nodes, stored_3E[0], stored_3E[1], stored_3E[2].view(np.float32))

    def _write(self, key: str, graph: DayGraph) -> None:
        if self._directory is None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        part = self._directory / f"{key}.{os.getpid()}.part"
        with part.open("wb") as file:
            np.save(file, np.stack([graph.source_E, graph.target_E, graph.correlation_E.view(np.int32)]))
        part.replace(self._directory / f"{key}.npy")


def _unit_columns(return_WN: NDArray[np.float32], min_days: int) -> NDArray[np.float32]:
    """Subtract the market, centre each code and scale it to length 1; zeros for a code without edges."""
    known_WN = np.isfinite(return_WN)
    known_N = known_WN.sum(axis=0)
    filled_WN = np.where(known_WN, return_WN, np.float32(0))
    market_W = filled_WN.sum(axis=1, keepdims=True) / np.maximum(known_WN.sum(axis=1, keepdims=True), 1)
    excess_WN = (filled_WN - market_W) * known_WN
    excess_WN -= known_WN * (excess_WN.sum(axis=0) / np.maximum(known_N, 1))
    # Tested before the market is subtracted: after that, a suspended code looks like the market with its sign flipped.
    first_N = filled_WN[known_WN.argmax(axis=0), np.arange(len(known_N))] if len(filled_WN) else known_N
    moves_N = ((filled_WN != first_N) & known_WN).any(axis=0) & (known_N >= min_days)
    length_N, raw_length_N = np.sqrt((excess_WN**2).sum(axis=0)), np.sqrt((filled_WN**2).sum(axis=0))
    # For a code that equals the market, the difference is single-precision rounding, not a return.
    moves_N &= length_N > 1e-5 * raw_length_N
    scale_N = moves_N / np.where(moves_N, length_N, 1.0)
    return np.ascontiguousarray(excess_WN * scale_N, dtype=np.float32)


def _edgeless(num_nodes: int) -> DayGraph:
    none = np.empty(0, dtype=np.int32)
    return DayGraph(num_nodes, none, none, np.empty(0, dtype=np.float32))


def _content_key(return_WN: NDArray[np.float32], settings: GraphSettings) -> str:
    digest = hashlib.blake2b(repr((return_WN.shape, astuple(settings))).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(return_WN, dtype=np.float32).data)
    return digest.hexdigest()


def _num_bytes(graph: DayGraph) -> int:
    return graph.source_E.nbytes + graph.target_E.nbytes + graph.correlation_E.nbytes
