"""``python -m monitor.probes.nvml_worker SECONDS PID``: query the driver for ever, one line of JSON per query.

Exits with 3 if there is no driver or no GPU. Reports the GPUs that the process or its children use; if the driver
shows none of them, as in a container, where it hides PIDs, reports all GPUs.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from monitor.probes.gpu import NO_DRIVER

MIB = 2**20


def main() -> None:
    """Query the driver until killed."""
    import pynvml

    every_s, pid = float(sys.argv[1]), int(sys.argv[2])
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        sys.exit(NO_DRIVER)
    if not handles:
        sys.exit(NO_DRIVER)
    while True:
        family = _family(pid)
        used = [(index, each) for index, each in enumerate(handles) if _users(pynvml, each) & family]
        found = [_look(pynvml, index, each) for index, each in used or enumerate(handles)]
        print(json.dumps(found), flush=True)
        time.sleep(every_s)


def _look(pynvml: Any, index: int, handle: Any) -> dict[str, object]:
    """Return what the driver reports of a GPU, in percent, MiB, degrees Celsius and watts."""
    name = _query(pynvml.nvmlDeviceGetName, handle)
    utilisation, memory = (
        _query(pynvml.nvmlDeviceGetUtilizationRates, handle),
        _query(pynvml.nvmlDeviceGetMemoryInfo, handle),
    )
    power_mw = _query(pynvml.nvmlDeviceGetPowerUsage, handle)
    temperature = _query(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU)
    return {
        "index": index,
        "name": name.decode() if isinstance(name, bytes) else name,
        "util_pct": None if utilisation is None else float(utilisation.gpu),
        "used_mb": None if memory is None else round(memory.used / MIB, 1),
        "total_mb": None if memory is None else round(memory.total / MIB, 1),
        "temp_c": None if temperature is None else float(temperature),
        "power_w": None if power_mw is None else round(power_mw / 1000, 1),
    }


def _query(question: Any, *about: Any) -> Any:
    """Return the driver's answer; None if this GPU does not support the query."""
    import pynvml

    try:
        return question(*about)
    except pynvml.NVMLError:
        return None


def _users(pynvml: Any, handle: Any) -> set[int]:
    return {each.pid for each in _query(pynvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()}


def _family(pid: int) -> set[int]:
    """Return a process and its children, as far as they are visible."""
    import psutil

    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))} if pid else set()
    except (psutil.Error, OSError):
        return {pid}


if __name__ == "__main__":
    main()
