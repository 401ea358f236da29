"""SageMaker Debugger's built-in profiler rules, reimplemented from their documentation, with its defaults.

They count data points of 500 ms; our GPU lines are less frequent, so the numbers of points become times. Without GPU
and TRAIN lines there are no alarms.
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import ClassVar

from monitor.grammar import Gpu, Train
from tests.scoreboard.rivals.alarms import Alarms
from tests.scoreboard.rivals.observed import Line, has_ended, observe
from tests.scoreboard.rivals.rival import Rival, RivalAlarm

POINT_S = 0.5
"""`system_monitor_interval_millis`: 500."""
PATIENCE_S = 1000 * POINT_S
"""`patience` of LowGPUUtilization and GPUMemoryIncrease: a GPU's first points are not judged."""
BUSY_PCT, IDLE_PCT, WINDOW_S = 70.0, 10.0, 500 * POINT_S
"""LowGPUUtilization: `threshold_p95`, `threshold_p5`, `window`."""
INCREASE_PCT, POINTS = 5.0, 10
"""GPUMemoryIncrease: `increase` in percentage points; `window`, here in GPU lines, compared with as many before it."""
INITIALISED_S = 20 * 60.0
"""MaxInitializationTime: `threshold`."""


class SageMakerProfiler(Rival):
    """The rules about GPUs, and the one about the time before the first step."""

    name = "SageMaker Debugger profiler rules"
    source = (
        "Amazon SageMaker AI Developer Guide, List of Debugger built-in profiler rules, "
        "https://docs.aws.amazon.com/sagemaker/latest/dg/debugger-built-in-profiler-rules.html"
    )
    kinds: ClassVar = {
        "LowGPUUtilization": frozenset({"gpu_underuse"}),
        "GPUMemoryIncrease": frozenset({"memory_growth"}),
        "MaxInitializationTime": frozenset({"soft_hang"}),
    }
    not_observable: ClassVar = {
        "StepOutlier": "the duration of single steps",
        "CPUBottleneck": "the use of every processor",
        "IOBottleneck": "waiting for input and output",
        "BatchSize": "the use of every processor",
        "LoadBalancing": "several GPUs at the same instant",
    }

    def judge(self, log: Path, *, until: float | None = None) -> list[RivalAlarm]:
        lines, alarms = observe(log), Alarms()
        _initialisation(lines, alarms, until)
        cards: dict[int | None, _Card] = {}
        for line in lines:
            if isinstance(line.record, Gpu) and line.at is not None:
                card = cards.setdefault(line.record.index, _Card(f"GPU {line.record.index}", line.at))
                card.take(line.record, line, line.at, alarms)
        return sorted(alarms.found, key=lambda alarm: alarm.at or 0.0)


class _Card:
    """The recent use of one GPU."""

    def __init__(self, name: str, since: float) -> None:
        self._name, self._since = name, since
        self._used: deque[tuple[float, float]] = deque()
        self._memory: deque[float] = deque(maxlen=2 * POINTS)

    def take(self, gpu: Gpu, line: Line, at: float, alarms: Alarms) -> None:
        is_judged = at - self._since >= PATIENCE_S
        if gpu.util_pct is not None:
            self._used.append((at, gpu.util_pct))
            while self._used[0][0] < at - WINDOW_S:
                self._used.popleft()
            low, high = (_percentile([used for _, used in self._used], part) for part in (0.05, 0.95))
            text = f"{self._name}: 5 % of the time up to {low:g} %, 95 % up to {high:g} %"
            is_low = high < BUSY_PCT or low < IDLE_PCT
            alarms.note("LowGPUUtilization", self._name, is_judged and is_low, line, text)
        if gpu.used_mb is not None and gpu.total_mb:
            self._memory.append(100 * gpu.used_mb / gpu.total_mb)
            is_full = len(self._memory) == 2 * POINTS
            before, now = (sum(half) / POINTS for half in (list(self._memory)[:POINTS], list(self._memory)[POINTS:]))
            text = f"{self._name}: memory from {before:.1f} % to {now:.1f} %"
            is_more = is_full and now - before > INCREASE_PCT
            alarms.note("GPUMemoryIncrease", self._name, is_judged and is_more, line, text)


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[max(math.ceil(part * len(values)) - 1, 0)]


def _initialisation(lines: tuple[Line, ...], alarms: Alarms, until: float | None) -> None:
    begun = next((line for line in lines if line.at is not None), None)
    first = next((line.at for line in lines if isinstance(line.record, Train)), None)
    seen_until = first if first is not None or has_ended(lines) else until
    if begun is not None and seen_until is not None:
        alarms.silence("MaxInitializationTime", INITIALISED_S, begun, seen_until)
