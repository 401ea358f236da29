"""The rivals of the scoreboard: other detectors on the same logs; README.md here describes each."""

from __future__ import annotations

from tests.scoreboard.rivals.autotrainer import AutoTrainer
from tests.scoreboard.rivals.lightning_spikes import LightningSpikes
from tests.scoreboard.rivals.rival import Rival, RivalAlarm
from tests.scoreboard.rivals.sagemaker_losses import SageMakerLosses
from tests.scoreboard.rivals.sagemaker_profiler import SageMakerProfiler
from tests.scoreboard.rivals.sagemaker_tensors import SageMakerTensors
from tests.scoreboard.rivals.tail_and_grep import TailAndGrep
from tests.scoreboard.rivals.trainproof import Trainproof

__all__ = ["RIVALS", "Rival", "RivalAlarm"]

RIVALS: tuple[Rival, ...] = (
    SageMakerTensors(),
    SageMakerLosses(),
    SageMakerProfiler(),
    AutoTrainer(),
    Trainproof("epoch"),
    Trainproof("watch"),
    LightningSpikes(),
    TailAndGrep(),
)
