"""A checkpoint read for use: the model with its settings, and a panel in the form that it was trained on.

Interface:
    trained = read_trained(checkpoint)                         # TrainerError for a file that is none
    prepared = trained.prepare(path, features=(), exclude=())  # panel and normalised features
"""

from __future__ import annotations

import dataclasses
import fnmatch
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.batches.batches import DayBatches
from trainer.batches.dataset import graph_settings, read_panel
from trainer.batches.graph import EDGE_ATTRIBUTES, GraphCache
from trainer.batches.normalisation import Normalisation, normalised_features
from trainer.checkpoint import CheckpointError, read_checkpoint
from trainer.config import SettingError, TrainerConfig
from trainer.model.network import StockModel
from trainer.panel.panel import Panel
from trainer.panel.splits import DateRange


class Prepared(NamedTuple):
    """A panel as the model sees it."""

    panel: Panel
    features_CDF: NDArray[np.float32]
    """Normalised, in the order of the training; 0, the training mean, where a feature is left out."""
    left_out: tuple[str, ...]
    asked_group: int | None = None
    """Place of the asked group column among those of the panel; None if none was asked for."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What a checkpoint has of the training."""

    config: TrainerConfig
    normalisation: Normalisation
    feature_names: tuple[str, ...]
    model: StockModel
    """In eval mode, with the averaged weights if there are any."""
    parts: dict[str, tuple[str, str, str]]
    """First date, last date and last date of a label, by part; empty for a checkpoint of 0.1.0."""

    def prepare(
        self,
        data: Path,
        *,
        features: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        static_data: str = "",
        until: str = "",
        is_scored: bool = False,
        group_column: str = "",
    ) -> Prepared:
        """Read a panel with the trained features, or with some of them: the others count as missing everywhere.

        Every date up to `until` is read, whichever the training read; `static_data` replaces the training's file of
        that name. The columns of labels' groups are needed only where predictions `is_scored`, that of weights never.
        `group_column` groups the codes for the figures of each group. Raises TrainerError.
        """
        left_out = self.left_out(features=features, exclude=exclude)
        kept = [name for name in self.feature_names if name not in left_out]
        asked = dataclasses.replace(
            self.config.data,
            since="",
            until=until,
            weight_column="",
            static_data=static_data or self.config.data.static_data,
            neutral_column=self.config.data.neutral_column if is_scored else "",
            labels_per_date=self.config.data.labels_per_date if is_scored else "none",
        )
        panel = read_panel(data, asked, features=tuple(kept), groups=(group_column,) if group_column else ())
        places = [self.feature_names.index(name) for name in kept]
        normalisation = dataclasses.replace(
            self.normalisation,
            feature_location_F=self.normalisation.feature_location_F[places],
            feature_scale_F=self.normalisation.feature_scale_F[places],
        )
        features_CDF = normalised_features(panel, normalisation)
        if len(kept) < len(self.feature_names):
            known_CDF = features_CDF
            features_CDF = np.zeros((*known_CDF.shape[:2], len(self.feature_names)), dtype=np.float32)
            features_CDF[:, :, places] = known_CDF
        return Prepared(
            panel, features_CDF, left_out, panel.group_columns.index(group_column) if group_column else None
        )

    def days(self, prepared: Prepared, where: DateRange, *, labeled_only: bool = True) -> DayBatches:
        """Return the dates of a prepared panel one by one, as the model was trained on them.

        Raises PanelError if there are none.
        """
        data = self.config.data
        return DayBatches(
            prepared.panel,
            where,
            self.normalisation,
            features_CDF=prepared.features_CDF,
            batch_size=1,
            window_days=data.window,
            graph=graph_settings(data),
            graph_cache=GraphCache(),
            max_missing_days=data.max_missing_days,
            labeled_only=labeled_only,
        )

    def left_out(self, *, features: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the trained features that are taken for missing. Raises SettingError if none is left."""
        kept = set(self.feature_names) - self._matching(exclude)
        if features:
            kept &= self._matching(features)
        if not kept:
            raise SettingError("exclude: no feature is left; expected at least one, got 0")
        return tuple(name for name in self.feature_names if name not in kept)

    def part(self, name: str, dates: NDArray[np.datetime64]) -> DateRange:
        """Return where a part of the training is among the dates of a panel. Raises SettingError if it is nowhere."""
        if name not in self.parts:
            got = "a checkpoint of 0.1.0" if not self.parts else ", ".join(self.parts)
            raise SettingError(f"part: the training had no {name} part; expected one that it had, or dates, got {got}")
        first, last, last_label = (np.datetime64(date) for date in self.parts[name])
        stop = int(np.searchsorted(dates, last, side="right"))
        label_stop = int(np.searchsorted(dates, last_label, side="right"))
        return DateRange(int(np.searchsorted(dates, first)), stop, label_stop=label_stop)

    def _matching(self, wanted: tuple[str, ...]) -> set[str]:
        found = {each: fnmatch.filter(self.feature_names, each) for each in wanted}
        unknown = [each for each, names in found.items() if not names]
        if unknown:
            known = ", ".join(self.feature_names[:8])
            raise SettingError(f"features: not trained on; expected names such as {known}, got {', '.join(unknown)}")
        return {name for names in found.values() for name in names}


def read_trained(checkpoint: Path) -> Trained:
    """Read a checkpoint file, or the best one of a folder. Raises CheckpointError."""
    state = read_checkpoint(checkpoint)
    try:
        config = TrainerConfig.from_dict(state["config"])
        normalisation = _normalisation(state["normalisation"])
        feature_names = tuple(state["feature_names"])
        weights = state["average"]["weights"] if state["average"] else state["model"]
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{checkpoint}: not from a training run; expected the run's settings, got {error!r}"
        ) from error
    model = StockModel(
        num_features=len(feature_names),
        window=config.data.window,
        num_horizons=len(config.data.horizons),
        edge_width=len(EDGE_ATTRIBUTES),
        config=config.model,
    )
    model.load_state_dict(weights)
    return Trained(config, normalisation, feature_names, model.eval(), state.get("parts", {}))


def _normalisation(saved: dict[str, Any]) -> Normalisation:
    arrays: dict[str, Any] = {
        name: value.numpy() if isinstance(value, torch.Tensor) else value for name, value in saved.items()
    }
    return Normalisation(**arrays)
