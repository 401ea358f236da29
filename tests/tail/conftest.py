"""Shared by the scenarios: a log that does not exist yet, and a tail on it that is driven by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.tail import FileTail
from tests.tail.followed import Followed


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Followed]:
    """A log that does not exist yet, in a directory of its own."""
    path = tmp_path / "run.log"
    followed = Followed(path, FileTail(path))
    yield followed
    followed.tail.close()
