"""Cases for each rule of a rival: logs that it must alarm at, and similar ones that it must not, with the alarms."""

from __future__ import annotations

import math

from monitor.grammar import GradReport, GroupGrad, GuardReset, InputReport, Phase, Share
from tests.scoreboard.rival_logs import MODEL, NAN, Part, epoch, falling, gpu, gradients, step, units, weights
from tests.scoreboard.rivals import Rival
from tests.scoreboard.rivals.autotrainer import AutoTrainer
from tests.scoreboard.rivals.lightning_spikes import LightningSpikes
from tests.scoreboard.rivals.sagemaker_losses import SageMakerLosses
from tests.scoreboard.rivals.sagemaker_profiler import SageMakerProfiler
from tests.scoreboard.rivals.sagemaker_tensors import SageMakerTensors
from tests.scoreboard.rivals.tail_and_grep import TailAndGrep

TENSORS, LOSSES, PROFILER, AUTO, SPIKES, GREP = (
    SageMakerTensors(),
    SageMakerLosses(),
    SageMakerProfiler(),
    AutoTrainer(),
    LightningSpikes(),
    TailAndGrep(),
)
CASES: dict[str, tuple[Rival, list[Part], list[tuple[int | None, str]]]] = {
    "a mean gradient below 1e-7": (
        TENSORS,
        [gradients(0, body=1.0), gradients(10, body=9e-6)],
        [(10, "VanishingGradient")],
    ),
    "a mean gradient above 1e-7": (TENSORS, [gradients(0, body=1.0), gradients(10, body=2e-5)], []),
    "a gradient of zeros": (TENSORS, [gradients(10, body=0.0)], [(10, "VanishingGradient"), (10, "AllZero")]),
    "one alarm while it lasts": (
        TENSORS,
        [gradients(each, body=9e-6) for each in (0, 10, 20)],
        [(0, "VanishingGradient")],
    ),
    "another alarm when it comes back": (
        TENSORS,
        [gradients(0, body=9e-6), gradients(10, body=1.0), gradients(20, body=9e-6)],
        [(0, "VanishingGradient"), (20, "VanishingGradient")],
    ),
    "a group without a gradient has no tensor": (
        TENSORS,
        [
            GradReport(
                step=0,
                epoch=1,
                batch=1,
                groups=(GroupGrad(group="frozen", norm=0.0, max=0.0, grad=Share(0, 2), mean_abs=0.0),),
            )
        ],
        [],
    ),
    "a gradient of nan": (TENSORS, [gradients(10, body=NAN)], [(10, "ExplodingTensor")]),
    "a loss of inf": (TENSORS, [step(7, math.inf)], [(7, "ExplodingTensor")]),
    "a validation loss of nan": (TENSORS, [step(7, 1.0), epoch(1, 1.0, NAN)], [(7, "ExplodingTensor")]),
    "a weight of nan": (TENSORS, [weights(10, nonfinite=3)], [(10, "ExplodingTensor")]),
    "updates above 10 weights": (TENSORS, [weights(10, update=11.0)], [(10, "WeightUpdateRatio")]),
    "updates below 1e-8 weights": (TENSORS, [weights(10, update=9e-9)], [(10, "WeightUpdateRatio")]),
    "normal updates": (TENSORS, [weights(10), weights(20, update=9.0)], []),
    "weights that do not move for three reports": (
        TENSORS,
        [weights(each, update=0.0, unchanged=1.0) for each in (0, 10, 20)],
        [(0, "WeightUpdateRatio"), (20, "UnchangedTensor")],
    ),
    "a loss that does not move for three lines": (
        TENSORS,
        [step(each, 0.7) for each in (10, 20, 30)],
        [(30, "UnchangedTensor")],
    ),
    "a loss of zero": (TENSORS, [step(10, 0.0)], [(10, "AllZero")]),
    "half of the units dead is not more than half": (TENSORS, [units(10, dead=50)], []),
    "more than half of the units dead": (TENSORS, [units(10, dead=51)], [(10, "DeadRelu")]),
    "inputs off the mean of zero": (TENSORS, [InputReport(step=3, mean=-0.3, std=1.0)], [(3, "CheckInputImages")]),
    "inputs near the mean of zero": (TENSORS, [InputReport(step=3, mean=0.19, std=1.0)], []),
    "no tensor for half an hour, despite heartbeats": (
        TENSORS,
        [step(1, 1.0), *[900.0, Phase(name="train", beat=1)] * 3, step(2, 0.9)],
        [(1, "StalledTrainingRule")],
    ),
    "a loss that falls": (LOSSES, list(falling()), []),
    "a loss no lower than ten steps before": (
        LOSSES,
        [step(1, 1.0), step(6, 0.5), step(12, 1.0)],
        [(12, "LossNotDecreasing")],
    ),
    "a loss no lower than nine steps before": (LOSSES, [step(1, 1.0), step(10, 1.0)], []),
    "a loss no lower than ten steps before the last check": (
        LOSSES,
        [step(1, 1.0), step(11, 0.5), step(16, 1.0), step(21, 0.4)],
        [],
    ),
    "validation 11 % above training": (LOSSES, [step(9, 1.0), epoch(1, 1.0, 1.11)], [(9, "Overfit")]),
    "validation 9 % above training": (LOSSES, [step(9, 1.0), epoch(1, 1.0, 1.09)], []),
    "no improvement of either loss for long": (
        LOSSES,
        [part for each in range(1, 12) for part in (step(each, 1.0 - each / 1000), epoch(each, 1.0, 1.0, 20))],
        [(11, "Overtraining")],
    ),
    "a GPU used to 69 %": (PROFILER, [step(1, 1.0), *gpu(60, used=[69.0])], [(1, "LowGPUUtilization")]),
    "a GPU used to 69 %, but not for long": (PROFILER, [step(1, 1.0), *gpu(50, used=[69.0])], []),
    "a GPU used to 70 %": (PROFILER, [step(1, 1.0), *gpu(60, used=[70.0])], []),
    "a GPU that is busy only half of the time": (
        PROFILER,
        [step(1, 1.0), *gpu(60, used=[95.0, 9.0])],
        [(1, "LowGPUUtilization")],
    ),
    "memory that grows by more than 5 points": (
        PROFILER,
        [step(1, 1.0), *gpu(60), *gpu(10, memory=26.0)],
        [(1, "GPUMemoryIncrease")],
    ),
    "memory that grows by 5 points": (PROFILER, [step(1, 1.0), *gpu(60), *gpu(10, memory=25.0)], []),
    "no step for 20 minutes": (
        PROFILER,
        [Phase(name="load"), 1200.0, step(1, 1.0)],
        [(None, "MaxInitializationTime")],
    ),
    "a first step after 20 minutes": (PROFILER, [Phase(name="load"), 1199.0, step(1, 1.0)], []),
    "the first layer's gradient far below the last one's": (
        AUTO,
        [*MODEL, gradients(0, input=9e-5, body=1.0, head=1.0)],
        [(0, "gradient vanish")],
    ),
    "the same ratio of larger gradients": (AUTO, [*MODEL, gradients(0, input=2e-4, body=1.0, head=1.0)], []),
    "the first layer's gradient far above the last one's": (
        AUTO,
        [*MODEL, gradients(0, input=71.0, body=1.0, head=1.0)],
        [(0, "gradient explode")],
    ),
    "the order of groups in the report does not matter": (
        AUTO,
        [*MODEL, gradients(0, head=1.0, body=1.0, input=69.0)],
        [],
    ),
    "an epoch's loss of nan": (AUTO, [step(5, 1.0), epoch(1, NAN, 1.0)], [(5, "gradient explode")]),
    "most of the gradient is zero": (
        AUTO,
        [*MODEL, gradients(0, input=0.0, body=1.0, head=1.0)],
        [(0, "gradient vanish"), (0, "dying ReLU")],
    ),
    "seven of ten units dead": (AUTO, [units(10, dead=69), units(20, dead=70)], [(20, "dying ReLU")]),
    "units whose outputs are nan": (AUTO, [units(10, dead=100, mean=NAN)], []),
    "outputs of nan": (TENSORS, [units(10, dead=100, mean=NAN)], [(10, "ExplodingTensor"), (10, "DeadRelu")]),
    "accuracy that swings": (
        AUTO,
        [
            step(5, 1.0),
            *[epoch(each, 1.0, 1.0, accuracy=0.8 + 0.04 * (each % 2), val_accuracy=0.8) for each in range(1, 8)],
        ],
        [(5, "oscillating loss")],
    ),
    "accuracy that rises at once and stays": (
        AUTO,
        [
            step(5, 1.0),
            *[epoch(each, 1.0, 1.0, accuracy=min(0.9, each * 0.3), val_accuracy=0.9) for each in range(1, 8)],
        ],
        [],
    ),
    "accuracy that never rises": (
        AUTO,
        [step(5, 1.0), *[epoch(each, 1.0, 1.0, accuracy=0.1 + each / 1000, val_accuracy=0.1) for each in range(1, 8)]],
        [(5, "slow convergence")],
    ),
    "a loss three times the running mean": (
        SPIKES,
        [*falling(1, 50), step(55, 5.0), step(60, 1.0)],
        [(55, "SpikeDetection")],
    ),
    "a loss twice the running mean": (SPIKES, [*falling(1, 50), step(55, 3.0), step(60, 1.0)], []),
    "a loss far above the last two, not above the mean of ten": (
        SPIKES,
        [step(each + 2, loss) for each, loss in enumerate([10.0] * 8 + [1.0, 1.0, 5.0])],
        [],
    ),
    "a loss far above the mean, no higher than the last one": (
        SPIKES,
        [step(each + 2, loss) for each, loss in enumerate([20.0] + [1.0] * 9 + [8.0, 8.0])],
        [],
    ),
    "a loss of nan in mid-training": (SPIKES, [*falling(1, 50), step(55, NAN)], [(55, "SpikeDetection")]),
    "nan in any line": (GREP, [step(1, 1.0), step(2, NAN)], [(2, "nan")]),
    "nan as part of a word": (GREP, [step(1, 1.0), "loading finance data"], []),
    "a traceback": (GREP, [step(1, 1.0), "Traceback (most recent call last):"], [(1, "Traceback")]),
    "the eleventh reset": (
        GREP,
        [step(1, 1.0), *[GuardReset(h=5, scale=0.05, step=each, epoch=1) for each in range(1, 12)]],
        [(11, "resets > 10")],
    ),
    "five minutes without a line": (GREP, [step(1, 1.0), 300.0, step(2, 0.9)], [(1, "no new bytes")]),
    "less than five minutes without a line": (GREP, [step(1, 1.0), 299.0, step(2, 0.9)], []),
}
