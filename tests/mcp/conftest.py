"""A folder of its own for each scenario, which is the current one."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, the current one, so that commands name files as a user would."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
