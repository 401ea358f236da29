"""Batches of whole days: samples packed up to a number of rows, with the graphs of their days side by side.

Interface:
    batches = DayBatches(panel, splits.train, normalisation, features_CDF=normalised_features(...),
                         batch_size=2048, window_days=20, graph=GraphSettings(), graph_cache=GraphCache(),
                         seed=1, shuffle=True, rank=0, world_size=1)
    len(batches)                                             # batches per epoch, the same in every epoch
    for batch in batches.epoch(3): ...                       # -> DayBatch
    for batch in batches.epoch(3, first_batch=17): ...       # resume: the position is (epoch, next batch)

The order is a pure function of (seed, epoch). Rank r of w takes every w-th day of each global batch, so w ranks
together see exactly the batch of one process; per-day losses weighted by 1 / num_days_global and summed over ranks
give the one-process loss.
Shape legend: N rows, T window days, F features, H horizons, E edges, A edge attributes.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.batches.graph import DayGraph, GraphCache, GraphSettings, join_graphs
from trainer.batches.normalisation import Normalisation
from trainer.panel.panel import Panel, PanelError, window_view
from trainer.panel.samples import choose_samples
from trainer.panel.splits import DateRange, part_labels


@dataclass(frozen=True, eq=False)
class DayBatch:
    """Whole days of samples; a row is one code on one date."""

    x_NTF: torch.Tensor
    """Normalised features of the window that ends on the row's date, float32; missing values are 0."""
    y_NH: torch.Tensor
    """Normalised labels, float32; 0 if mask_NH is False."""
    mask_NH: torch.Tensor
    """True if the label exists and belongs to this part."""
    day_N: torch.Tensor
    """Number of the day in the batch, 0..num_days-1, ascending."""
    date_index_N: torch.Tensor
    """Index into panel.dates."""
    code_index_N: torch.Tensor
    """Index into panel.codes."""
    edge_index_2E: torch.Tensor
    """Edges between rows, never across days."""
    edge_attr_EA: torch.Tensor
    """Correlation, its absolute value, its sign."""
    epoch: int
    batch: int
    """Number of this batch in its epoch, from 0."""
    num_days: int
    """Days in this batch on this rank."""
    num_days_global: int
    """Days in this batch over all ranks."""
    num_labeled_days_global_H: torch.Tensor
    """Per horizon: days of the global batch with at least two labels, which a daily loss can use."""
    weight_N: torch.Tensor | None = None
    """Weight of each row in the loss, with a mean of 1 over the training part; None: all are 1."""

    def thinned(self, most_rows: int, *, turn: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return some rows of the first day, evenly spread, and the edges among them with their attributes.

        `turn` chooses among the equally good selections.
        """
        num_rows = int((self.day_N == 0).sum())
        stride = -(-num_rows // most_rows)
        rows = torch.arange(turn % stride, num_rows, stride)
        place_N = torch.full((len(self.day_N),), -1)
        place_N[rows] = torch.arange(len(rows))
        edge_index_2E = place_N[self.edge_index_2E]
        is_kept_E = (edge_index_2E >= 0).all(0)
        return rows, edge_index_2E[:, is_kept_E], self.edge_attr_EA[is_kept_E]

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "DayBatch":
        """Return the batch with every tensor on the device."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, torch.Tensor)}
        moved: dict[str, Any] = {name: each.to(device, non_blocking=non_blocking) for name, each in tensors.items()}
        return dataclasses.replace(self, **moved)


class DayBatches:
    """The samples of one part of a panel, packed by day. Raises PanelError if there are none."""

    def __init__(
        self,
        panel: Panel,
        part: DateRange,
        normalisation: Normalisation,
        *,
        features_CDF: NDArray[np.float32],
        batch_size: int,
        window_days: int,
        graph: GraphSettings,
        graph_cache: GraphCache,
        seed: int = 0,
        shuffle: bool = False,
        max_missing_days: int = 0,
        labeled_only: bool = True,
        weights_DC: NDArray[np.float32] | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._panel, self._part, self._graph, self._graph_cache = panel, part, graph, graph_cache
        self._seed, self._shuffle, self._rank, self._world_size = seed, shuffle, rank, world_size
        self._window_days, self._weights_DC = window_days, weights_DC
        self._graph_keys: dict[int, str] = {}
        self._window_CDTF = window_view(features_CDF, window_days)
        labels_DCH = part_labels(panel.labels_DCH, part, panel.horizons)
        self._mask_DCH = np.isfinite(labels_DCH)
        self._target_DCH = np.where(self._mask_DCH, normalisation.normalise_targets(labels_DCH), np.float32(0))
        samples = choose_samples(
            panel, part, window_days=window_days, max_missing_days=max_missing_days, labeled_only=labeled_only
        )
        self.rows = samples.rows
        sample_DC = samples.is_sample_DC
        self._codes_of_day = {
            part.first + day: np.flatnonzero(sample_DC[day]) for day in range(len(part)) if sample_DC[day].any()
        }
        self.days = np.array(list(self._codes_of_day), dtype=np.int64)
        """Indices of the dates that have samples."""
        self._is_labeled_DH = (self._mask_DCH & sample_DC[:, :, None]).sum(axis=1) >= 2
        if not len(self.days):
            raise PanelError(
                f"{panel.source}: {part.describe(panel.dates)} has no samples; expected at least one, got 0"
            )
        self.days_per_batch = _days_per_batch([len(codes) for codes in self._codes_of_day.values()], batch_size)
        self.largest_day = max(len(codes) for codes in self._codes_of_day.values())
        """Rows of the largest day. If they exceed batch_size, a batch still has that whole day."""
        if min(len(days) for days in self.plan(0)) < world_size:
            raise PanelError(
                f"batches: batch_size {batch_size} is too small for days of up to {self.largest_day} rows; expected "
                f"a day for each of {world_size} processes in every batch, got {len(self.plan(0)[-1])}"
            )

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self.days) // self.days_per_batch)

    def plan(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the date indices of each global batch of an epoch, in order."""
        days = self.days
        if self._shuffle:
            days = np.random.default_rng((self._seed, epoch)).permutation(days)
        return np.array_split(days, len(self))

    def epoch(self, epoch: int, *, first_batch: int = 0) -> Iterator[DayBatch]:
        """Yield this rank's share of each batch of an epoch, starting at `first_batch`."""
        for batch, days in enumerate(self.plan(epoch)):
            if batch >= first_batch:
                yield self._assemble(epoch, batch, days[self._rank :: self._world_size], days)

    def one_by_one(self) -> Iterator[DayBatch]:
        """Yield this rank's days in order, each as a batch of its own.

        What is computed of a day then does not depend on which other days a part has, not even in its last digit.
        """
        for number, day in enumerate(self.days[self._rank :: self._world_size]):
            yield self._assemble(0, number, np.array([day]), np.array([day]))

    def some_days(self, most: int) -> Iterator[DayBatch]:
        """Yield up to so many evenly spread days of all ranks, each as a batch of its own."""
        num_days = min(most, len(self.days))
        for number, place in enumerate(np.linspace(0, len(self.days) - 1, num_days).round().astype(int)):
            yield self._assemble(0, number, self.days[[place]], self.days[[place]])

    @property
    def num_own_days(self) -> int:
        """Number of this rank's days."""
        return len(self.days[self._rank :: self._world_size])

    def probe(self, most_rows: int) -> DayBatch:
        """Return evenly spread labelled days of all ranks with up to this many rows, at least one day."""
        days = self.days[self._is_labeled_DH[self.days - self._part.first].any(axis=1)]
        days = days if len(days) else self.days
        num_days = min(max(most_rows // self.largest_day, 1), len(days))
        # From the middle of equal stretches: the first days of a panel have short histories.
        chosen = days[((np.arange(num_days) + 0.5) * len(days) / num_days).astype(np.int64)]
        return self._assemble(0, 0, chosen, chosen)

    def target_std_H(self) -> NDArray[np.float64]:
        """Return each horizon's standard deviation of the normalised labels around their day's mean; nan without any.

        Of all days: with the heavy tails of returns, a few days would say little.
        """
        stds = []
        for horizon in range(self._mask_DCH.shape[2]):
            mask_DC, target_DC = self._mask_DCH[..., horizon], self._target_DCH[..., horizon].astype(np.float64)
            num_D1 = mask_DC.sum(axis=1, keepdims=True)
            mean_D1 = (target_DC * mask_DC).sum(axis=1, keepdims=True) / np.maximum(num_D1, 1)
            squares = float((((target_DC - mean_D1) * mask_DC) ** 2).sum())
            stds.append((squares / num_D1.sum()) ** 0.5 if num_D1.sum() else np.nan)
        return np.array(stds)

    def graphs(self, days: NDArray[np.int64]) -> list[DayGraph]:
        """Return the graph of each date index, over that day's samples."""
        return [self._day_graph(int(day)) for day in days]

    def _day_graph(self, day: int) -> DayGraph:
        """Return the graph of one day; its content key is computed once, because the panel does not change."""
        if (known := self._graph_keys.get(day)) and (kept := self._graph_cache.kept(known)):
            return kept
        past = slice(max(day - self._graph.window_days, 0), day)
        return_WN = self._panel.returns_DC[past][:, self._codes_of_day[day]]
        self._graph_keys[day] = self._graph_cache.key_of(return_WN, self._graph)
        return self._graph_cache.day_graph(return_WN, self._graph, key=self._graph_keys[day])

    def _assemble(self, epoch: int, batch: int, days: NDArray[np.int64], global_days: NDArray[np.int64]) -> DayBatch:
        codes = [self._codes_of_day[int(day)] for day in days]
        code_N = np.concatenate(codes)
        day_N = np.repeat(np.arange(len(days)), [len(group) for group in codes])
        date_N = days[day_N]
        edge_index_2E, edge_attr_EA = join_graphs(self.graphs(days))
        in_part_N = date_N - self._part.first
        labeled_days_H = self._is_labeled_DH[global_days - self._part.first].sum(axis=0)
        return DayBatch(
            x_NTF=torch.from_numpy(self._window_CDTF[code_N, date_N - self._window_days + 1]),
            y_NH=torch.from_numpy(self._target_DCH[in_part_N, code_N]),
            mask_NH=torch.from_numpy(self._mask_DCH[in_part_N, code_N]),
            day_N=torch.from_numpy(day_N),
            date_index_N=torch.from_numpy(date_N),
            code_index_N=torch.from_numpy(code_N),
            edge_index_2E=edge_index_2E,
            edge_attr_EA=edge_attr_EA,
            epoch=epoch,
            batch=batch,
            num_days=len(days),
            num_days_global=len(global_days),
            num_labeled_days_global_H=torch.from_numpy(labeled_days_H),
            weight_N=None if self._weights_DC is None else torch.from_numpy(self._weights_DC[date_N, code_N]),
        )


def _days_per_batch(rows_of_days: list[int], batch_size: int) -> int:
    """Return how many days fit in a batch, whichever they are; at least 1."""
    rows_so_far = np.cumsum(sorted(rows_of_days, reverse=True))
    return max(int((rows_so_far <= batch_size).sum()), 1)
