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
from trainer.panel.cross_section import compare_labels
from trainer.panel.file import load_panel, read_dates
from trainer.panel.panel import Panel, PanelError, PanelSchema
from trainer.panel.splits import DateRange, Splits, SplitSettings, part_labels, split_dates, winsorised

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
    weights_DC: NDArray[np.float32] | None = None
    """Weight of each row in the loss; None: all are 1."""

    def floor_days(self) -> list[torch.Tensor]:
        """Return the normalised labels of evenly spread training days, each (codes, horizons); nan if unlabeled."""
        labels_DCH = part_labels(self.panel.labels_DCH, self.splits.train, self.panel.horizons)
        normalised = self.normalisation.normalise_targets(labels_DCH[self._floor_dates() - self.splits.train.first])
        return list(torch.from_numpy(normalised))

    def floor_weights(self) -> list[torch.Tensor] | None:
        """Return the weights of the rows of `floor_days`; None: all are 1."""
        return None if self.weights_DC is None else list(torch.from_numpy(self.weights_DC[self._floor_dates()]))

    def _floor_dates(self) -> NDArray[np.int64]:
        places = np.linspace(0, len(self.train.days) - 1, FLOOR_DAYS).round().astype(int)
        return np.unique(self.train.days[places])


def panel_path(config: DataConfig) -> Path:
    """Return the path of the requested panel; generate the synthetic one if none is named."""
    if config.data:
        return Path(config.data)
    path = SYNTHETIC_FOLDER / f"synthetic_{config.codes}x{config.days}_seed{config.data_seed}.parquet"
    write_panel(synthesise(codes=config.codes, days=config.days, seed=config.data_seed), path)
    return path


def read_panel(
    path: Path, config: DataConfig, *, features: tuple[str, ...] | None = None, groups: tuple[str, ...] = ()
) -> Panel:
    """Read the panel by the configured column names, with these features or the configured ones, and their labels.

    `groups` are further columns to put the codes into groups by. Values of a category that occur only after the
    training part are left out of the configured features: nothing could be learnt of them. Raises PanelError.
    """
    schema = _schema(config, features=features, groups=groups)
    panel = load_panel(path, schema, cache_dir=Path(config.cache_dir) if config.cache_dir else None)
    if features is None and config.categories:
        panel = _without_later_values(panel, config)
    if not config.neutral_column and config.labels_per_date == "none":
        return panel
    group_DC = panel.groups_GDC[0] if panel.groups_GDC is not None and config.neutral_column else None
    learnt_DCH = compare_labels(panel.targets_DCH, config.labels_per_date, group_DC)  # type: ignore[arg-type]
    return dataclasses.replace(panel, learnt_DCH=learnt_DCH)


def panel_dates(path: Path, config: DataConfig) -> NDArray[np.datetime64]:
    """Return the dates of a panel from `since` to `until`; nothing else of it is read. Raises PanelError."""
    return read_dates(path, _schema(config))


def _schema(
    config: DataConfig, *, features: tuple[str, ...] | None = None, groups: tuple[str, ...] = ()
) -> PanelSchema:
    own = config.features and (*config.features, *(f"{name}=*" for name in config.categories))
    neutral = (config.neutral_column,) if config.neutral_column else ()
    return PanelSchema(
        date=config.date_column,
        code=config.code_column,
        price=config.price_column or None,
        target=config.target_column,
        horizons=config.horizons,
        features=features if features is not None else own or None,
        exclude=config.exclude if features is None else (),
        static=Path(config.static_data) if config.static_data else None,
        categories=config.categories,
        groups=tuple(dict.fromkeys((*neutral, *groups))),
        weight=config.weight_column or None,
        features_per_date=config.features_per_date,
        since=config.since or None,
        until=config.until or None,
    )


def _without_later_values(panel: Panel, config: DataConfig) -> Panel:
    """Leave out the features of categories' values that no date of the training part's windows has."""
    try:
        train = split_dates(panel.dates, split_settings(config), horizons=panel.horizons).train
    except PanelError:
        return panel  # the checks of the panel say so
    prefixes = tuple(f"{name}=" for name in config.categories)
    kept = [
        place
        for place, name in enumerate(panel.feature_names)
        if not name.startswith(prefixes) or (panel.features_CDF[:, : train.stop, place] == 1).any()
    ]
    if len(kept) in (0, len(panel.feature_names)):
        return panel
    non_finite = tuple(panel.facts.non_finite_features[place] for place in kept)
    return dataclasses.replace(
        panel,
        feature_names=tuple(panel.feature_names[place] for place in kept),
        features_CDF=np.ascontiguousarray(panel.features_CDF[:, :, kept]),
        facts=dataclasses.replace(panel.facts, non_finite_features=non_finite),
    )


def scaled_weights(panel: Panel, train: DateRange) -> NDArray[np.float32] | None:
    """Return the weight of each row, [D, C], with a mean of 1 over the labelled training rows; None if all are 1.

    Raises PanelError if all of these rows weigh 0.
    """
    if panel.weights_DC is None:
        return None
    labelled_DC = np.isfinite(part_labels(panel.labels_DCH, train, panel.horizons)).any(axis=2)
    weight_N = panel.weights_DC[train.first : train.stop][labelled_DC].astype(np.float64)
    mean = float(weight_N.mean()) if len(weight_N) else 0.0
    if not mean > 0:
        raise PanelError(f"{panel.source}: all weights of the training part are 0; expected weights above 0, got none")
    return np.asarray(panel.weights_DC / mean, dtype=np.float32)


def learnt_of(batch: DayBatch, panel: Panel) -> NDArray[np.float64]:
    """Return what the model learns to predict of a batch's rows, in its own units, [N, H]; nan if unlabelled."""
    labels_NH = panel.labels_DCH[batch.date_index_N.numpy(), batch.code_index_N.numpy()].astype(np.float64)
    labels_NH[~batch.mask_NH.numpy()] = np.nan
    return labels_NH


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
        labels_DCH = winsorised(panel.labels_DCH, splits.train, panel.horizons, share=data.winsorise)
        panel = dataclasses.replace(panel, learnt_DCH=labels_DCH)
    weights_DC = scaled_weights(panel, splits.train)
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
            weights_DC=weights_DC,
            rank=rank,
            world_size=world_size,
        )
        for part, shuffle in ((splits.train, True), (splits.valid, False))
    )
    return Dataset(panel, splits, normalisation, train, valid, weights_DC)
