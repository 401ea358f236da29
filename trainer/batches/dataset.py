"""From a panel file to the batches of a run, with the settings of the run's configuration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from trainer.batches.batches import DayBatch, DayBatches
from trainer.batches.graph import GraphCache, GraphSettings, most_bytes
from trainer.batches.normalisation import Normalisation, fit_normalisation, normalised_features
from trainer.config import DataConfig, TrainerConfig
from trainer.market.generate import synthesise
from trainer.market.write import write_panel
from trainer.panel.file import load_panel
from trainer.panel.panel import Panel, PanelSchema
from trainer.panel.splits import Splits, SplitSettings, part_labels, winsorised

SYNTHETIC_FOLDER = Path("_data")

FLOOR_DAYS = 64
"""Most training days from which the loss floor is computed."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One panel, split and normalised."""

    panel: Panel
    splits: Splits
    normalisation: Normalisation
    train: DayBatches
    valid: DayBatches

    def floor_days(self) -> list[torch.Tensor]:
        """Return the normalised labels of evenly spread training days, each (codes, horizons); nan if unlabeled."""
        chosen = self.train.days[np.linspace(0, len(self.train.days) - 1, FLOOR_DAYS).round().astype(int)]
        labels_DCH = part_labels(self.panel.targets_DCH, self.splits.train, self.panel.horizons)
        normalised = self.normalisation.normalise_targets(labels_DCH[np.unique(chosen) - self.splits.train.first])
        return list(torch.from_numpy(normalised))


def panel_path(config: DataConfig) -> Path:
    """Return the path of the requested panel; generate the synthetic one if none is named."""
    if config.data:
        return Path(config.data)
    path = SYNTHETIC_FOLDER / f"synthetic_{config.codes}x{config.days}_seed{config.data_seed}.parquet"
    write_panel(synthesise(codes=config.codes, days=config.days, seed=config.data_seed), path)
    return path


def read_panel(path: Path, config: DataConfig, *, features: tuple[str, ...] | None = None) -> Panel:
    """Read the panel by the configured column names, with these features or the configured ones. Raises PanelError."""
    schema = PanelSchema(
        date=config.date_column,
        code=config.code_column,
        price=config.price_column or None,
        target=config.target_column,
        horizons=config.horizons,
        features=features if features is not None else config.features or None,
        exclude=config.exclude if features is None else (),
    )
    return load_panel(path, schema, cache_dir=Path(config.cache_dir) if config.cache_dir else None)


def returns_of(batch: DayBatch, panel: Panel) -> NDArray[np.float64]:
    """Return the realised returns of a batch's rows, [N, H]; nan if unlabelled.

    They come from the panel: labels in standard units have lost differences, and with them ranks.
    """
    returns_NH = panel.targets_DCH[batch.date_index_N.numpy(), batch.code_index_N.numpy()].astype(np.float64)
    returns_NH[~batch.mask_NH.numpy()] = np.nan
    return returns_NH


def graph_settings(config: DataConfig) -> GraphSettings:
    """Return the configured settings of a day's graph."""
    return GraphSettings(
        window_days=config.graph_days,
        neighbours=config.graph_neighbours,
        min_correlation=config.graph_min_correlation,
    )


def split_settings(config: DataConfig) -> SplitSettings:
    """Return the configured settings of the split."""
    return SplitSettings(
        valid_share=config.valid_share,
        test_share=config.test_share,
        embargo_days=config.embargo_days,
        window_days=config.window,
    )


def _graph_memory(panel: Panel, config: TrainerConfig) -> int:
    """Return the memory for the graphs of all days, at most half of what is available now.

    Building a graph of 4,000 codes takes a tenth of a second of a core, ten times its training step on a GPU.
    """
    wanted = most_bytes(len(panel.dates), len(panel.codes), graph_settings(config.data))
    return min(wanted, psutil.virtual_memory().available // 2)


def prepare(panel: Panel, splits: Splits, config: TrainerConfig, *, rank: int = 0, world_size: int = 1) -> Dataset:
    """Fit the normalisation on the training part and pack both parts into batches, for process `rank` of
    `world_size`. Only the labels of the training part are winsorised: validation scores what happened. Raises
    PanelError.
    """
    data = config.data
    if data.winsorise:
        labels_DCH = winsorised(panel.targets_DCH, splits.train, panel.horizons, share=data.winsorise)
        panel = dataclasses.replace(panel, targets_DCH=labels_DCH)
    normalisation = fit_normalisation(panel, splits.train, method=data.normalise)  # type: ignore[arg-type]
    cache_dir = Path(data.cache_dir) if data.cache_dir else None
    features_CDF = normalised_features(panel, normalisation, cache_dir=cache_dir)
    graph_cache = GraphCache(cache_dir / "graphs" if cache_dir else None, memory_bytes=_graph_memory(panel, config))
    train, valid = (
        DayBatches(
            panel,
            part,
            normalisation,
            features_CDF=features_CDF,
            batch_size=config.optim.batch_size,
            window_days=data.window,
            graph=graph_settings(data),
            graph_cache=graph_cache,
            seed=config.optim.seed,
            shuffle=shuffle,
            max_missing_days=data.max_missing_days,
            rank=rank,
            world_size=world_size,
        )
        for part, shuffle in ((splits.train, True), (splits.valid, False))
    )
    return Dataset(panel, splits, normalisation, train, valid)
