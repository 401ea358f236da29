"""``python -m monitor.probes.asking SECONDS PID``: ask the driver for ever, a line of JSON for each look.

Ends with 3 where there is no driver or no GPU. Tells of the GPUs that the process or one of its children uses; of
all, where none says that it does: the driver of a container hides the numbers.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from monitor.probes.gpu import NO_DRIVER

MIB = 2**20


def main() -> None:
    """Ask until somebody ends it."""
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
    """Return what the driver says of a GPU, in percent, MiB, degrees Celsius and watts."""
    name = _asked(pynvml.nvmlDeviceGetName, handle)
    utilisation, memory = (
        _asked(pynvml.nvmlDeviceGetUtilizationRates, handle),
        _asked(pynvml.nvmlDeviceGetMemoryInfo, handle),
    )
    power_mw = _asked(pynvml.nvmlDeviceGetPowerUsage, handle)
    temperature = _asked(pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU)
    return {
        "index": index,
        "name": name.decode() if isinstance(name, bytes) else name,
        "util_pct": None if utilisation is None else float(utilisation.gpu),
        "used_mb": None if memory is None else round(memory.used / MIB, 1),
        "total_mb": None if memory is None else round(memory.total / MIB, 1),
        "temp_c": None if temperature is None else float(temperature),
        "power_w": None if power_mw is None else round(power_mw / 1000, 1),
    }


def _asked(question: Any, *about: Any) -> Any:
    """Return the driver's answer; None where this GPU gives none."""
    import pynvml

    try:
        return question(*about)
    except pynvml.NVMLError:
        return None


def _users(pynvml: Any, handle: Any) -> set[int]:
    return {each.pid for each in _asked(pynvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()}


def _family(pid: int) -> set[int]:
    """Return a process and its children, as far as they can be seen."""
    import psutil

    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))} if pid else set()
    except (psutil.Error, OSError):
        return {pid}


if __name__ == "__main__":
    main()
