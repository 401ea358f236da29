"""Healthy trainings of many kinds, as strangers write them; none of them may raise an alarm."""

from tests.trainer.telemetry.strangers import by_optimizers, by_regimes, by_tasks
from tests.trainer.telemetry.strangers.common import TRAININGS, Training

__all__ = ["TRAININGS", "Training", "by_optimizers", "by_regimes", "by_tasks"]
