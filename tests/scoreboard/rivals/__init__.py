"""The rivals of the scoreboard, each judging the log that our own rules judge. README.md here tells about each."""

from __future__ import annotations

from tests.scoreboard.rivals.autotrainer import AutoTrainer
from tests.scoreboard.rivals.lightning_spikes import LightningSpikes
from tests.scoreboard.rivals.rival import Rival, Verdict
from tests.scoreboard.rivals.sagemaker_losses import SageMakerLosses
from tests.scoreboard.rivals.sagemaker_profiler import SageMakerProfiler
from tests.scoreboard.rivals.sagemaker_tensors import SageMakerTensors
from tests.scoreboard.rivals.tail_and_grep import TailAndGrep
from tests.scoreboard.rivals.trainproof import Trainproof

__all__ = ["RIVALS", "Rival", "Verdict"]

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
