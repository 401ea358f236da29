"""The GPU probe with a driver that answers, hangs or is missing; the worker process is real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from monitor.grammar import Gpu, parse_line
from monitor.probes.gpu import DEVICES, NO_DRIVER, RETRY_S, SILENT_S, GpuProbe
from monitor.run.run import Run
from tests.notify.receivers import until

STUB = """
class NVMLError(Exception): ...
NVML_TEMPERATURE_GPU = 0
class _Some:
    def __init__(self, **has): self.__dict__.update(has)
def nvmlInit(): {init}
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetName(handle): return "NVIDIA A100-SXM4-80GB"
def nvmlDeviceGetUtilizationRates(handle): return _Some(gpu=37)
def nvmlDeviceGetMemoryInfo(handle): return _Some(used=17421 * 2**20, total=81920 * 2**20)
def nvmlDeviceGetPowerUsage(handle): raise NVMLError("not supported")
def nvmlDeviceGetTemperature(handle, kind): return 41
def nvmlDeviceGetComputeRunningProcesses(handle): return [_Some(pid={pid})] if handle == 1 else []
"""


def polled(probe: GpuProbe, mono: float = 0.0) -> list[Any]:
    """Start the probe, wait for its first lines, and return them as records."""
    said: list[str] = []

    def has_spoken() -> bool:
        said.extend(probe.poll(mono, Run()))
        return bool(said)

    until(has_spoken)
    return [parse_line(f"2025-10-30T23:40:51.123Z {body}".encode()).record for body in said]  # type: ignore[union-attr]


@pytest.mark.parametrize(("pid", "indices"), [(os.getpid(), [1]), (0, [0, 1])], ids=["the training's", "unknown"])
def test_the_probe_reports_the_gpus_that_the_training_uses_or_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int, indices: list[int]
):
    """If the driver shows none of our processes, as in a container, all GPUs are reported."""
    (tmp_path / "pynvml.py").write_text(STUB.format(init="return None", pid=os.getpid()))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    probe = GpuProbe(pid, command=[sys.executable, "-m", "monitor.probes.nvml_worker"])
    found = polled(probe)
    probe.close()
    assert [each.index for each in found] == indices
    assert found[-1] == Gpu(
        name="NVIDIA A100-SXM4-80GB", index=1, util_pct=37.0, used_mb=17421.0, total_mb=81920.0, temp_c=41.0
    )


def test_without_a_driver_there_are_no_facts_and_no_further_queries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pynvml.py").write_text(STUB.format(init='raise NVMLError("no driver")', pid=1))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    asking = [sys.executable, "-m", "monitor.probes.nvml_worker"]
    assert subprocess.run([*asking, "1", "0"], check=False).returncode == NO_DRIVER
    probe = GpuProbe(command=asking)
    probe.poll(0.0, Run())
    until(lambda: probe.poll(0.0, Run()) == [] and probe._process is None)
    assert probe.poll(RETRY_S[1] * 2, Run()) == []
    assert probe._process is None


def test_a_hanging_driver_is_given_up_and_retried_at_growing_intervals():
    probe = GpuProbe(command=["sleep", "300"])
    probe.poll(0.0, Run())
    first = probe._process
    assert first is not None
    assert probe.poll(SILENT_S, Run()) == [] and probe._process is first
    assert probe.poll(SILENT_S + 1, Run()) == [] and probe._process is None
    assert first.returncode is not None
    probe.poll(SILENT_S + RETRY_S[0], Run())
    assert probe._process is None
    probe.poll(SILENT_S + 1 + RETRY_S[0], Run())
    assert probe._process is not None
    probe.close()


def test_nonsense_from_the_worker_is_ignored():
    lines = "nonsense", "[1]", '[{"colour": 1}]', '[{"index": 0}]'
    probe = GpuProbe(command=["printf", r"%s\n%s\n%s\n%s\n%s\n%s\n", *lines])
    assert polled(probe) == [Gpu(index=0)]
    probe.close()


@pytest.mark.skipif(any(Path(each).exists() for each in DEVICES), reason="this machine has a GPU")
def test_on_a_machine_without_a_gpu_no_process_is_started():
    probe = GpuProbe()
    assert probe.poll(0.0, Run()) == [] and probe._process is None
