"""Two runs, one of them in trouble, and a server that shows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.served import Served, served
from tests.web.states import NAN, Watch, logs_in, steps


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    """The logs of a healthy run and of one whose loss is nan."""
    return logs_in(tmp_path / "runs", [("well", steps(0, 400)), ("ill", steps(0, 400) + NAN)])


@pytest.fixture
def watch(tmp_path: Path, logs: list[Path]) -> Iterator[Watch]:
    """A watch of both."""
    found = Watch(tmp_path / "states" / "one", logs)
    yield found
    found.close()


@pytest.fixture
def server(tmp_path: Path, watch: Watch) -> Iterator[Served]:
    """A server of the watch's state."""
    with served([tmp_path / "states"]) as found:
        yield found
