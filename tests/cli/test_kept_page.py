"""The page that a watch keeps fresh while the log grows."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.command import monitor, started
from tests.cli.logs import EPOCH_1, HEALTHY, joined, write
from tests.notify.receivers import until


def test_the_page_follows_the_log_through_a_symlink_and_keeps_its_permissions(folder: Path):
    write(folder / "run.log", EPOCH_1)
    kept = folder / "kept.md"
    kept.touch(mode=0o640)
    kept.chmod(0o640)
    (folder / "STATUS.md").symlink_to(kept)
    with started("watch", "run.log", "--report", "STATUS.md", "--every", "1s", "--plain", cwd=folder):
        until(lambda: "**Epoch**: 2/2; 1 done" in kept.read_text())
        with (folder / "run.log").open("ab") as log:
            log.write(joined(HEALTHY[len(EPOCH_1) :]))
        until(lambda: "· completed" in kept.read_text())
    assert (folder / "STATUS.md").is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "start"), [("s.html", "<!doctype html>"), ("s.json", "{"), ("s.md", "# "), ("s", "# ")]
)
def test_the_name_of_the_kept_page_decides_its_format(folder: Path, name: str, start: str):
    write(folder / "run.log", HEALTHY)
    monitor("watch", "run.log", "--report", name, "--until-end", "--plain")
    assert (folder / name).read_text().lower().startswith(start)
