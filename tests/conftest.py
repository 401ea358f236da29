"""What every test shares: reproducible property tests, and tools that a machine may lack."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from collections.abc import Callable

import pytest
from hypothesis import settings

# Read when torch is imported: the workers share the cores, and more threads than cores make small models slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Under nohup it is ignored, and so it would be in each process that a test starts and then asks to reload.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Each of these has a target of its own in the Makefile.
collect_ignore = ["benchmarks", "demo", "scoreboard"]

# The same examples each time and nothing written: a red test is red for everyone. `thorough` digs deeper.
settings.register_profile("fixed", max_examples=50, derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile("fixed")


@pytest.fixture
def require() -> Callable[[str], None]:
    """Call ``require("promtool")`` first in a test that needs a program or a module which a machine may lack.

    Without it the test is skipped, with its name; where TRAINWARDEN_REQUIRE (names, comma-separated) lists
    it, the test fails, so that a build machine cannot skip in silence what it was set up to prove.
    """
    return require_installed


def require_installed(name: str) -> None:
    """Skip, or fail where TRAINWARDEN_REQUIRE lists it, unless a program or module of that name is there."""
    if shutil.which(name) or importlib.util.find_spec(name):
        return
    if name in os.environ.get("TRAINWARDEN_REQUIRE", "").split(","):
        pytest.fail(f"{name}: not installed; expected it, TRAINWARDEN_REQUIRE lists it", pytrace=False)
    pytest.skip(f"{name} is not installed")
