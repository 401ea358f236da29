"""For the container's HEALTHCHECK: 0 if a watch runs on the state folder, or was never begun there; else 1."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from monitor.base.errors import MonitorError
from monitor.store.store import FILE, look


def main() -> int:
    """Return the exit code."""
    folder = Path(os.environ.get("TRAINWARDEN_STATE", "/state"))
    if not (folder / FILE).exists():
        return 0
    try:
        process, _ = look(folder)
    except MonitorError as error:
        print(error, file=sys.stderr)
        return 1
    if process is None:
        print(f"{folder}: no watch is running", file=sys.stderr)
    return int(process is None)


if __name__ == "__main__":
    sys.exit(main())
