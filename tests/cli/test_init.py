"""``monitor init``: a watch file from what a log contains, which loads and renders."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import load_config
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, TROUBLED, write
from tests.report.conftest import RunLog
from tests.report.hostile import ALL_AT_ONCE, lines_with


@pytest.mark.parametrize("lines", [HEALTHY, TROUBLED], ids=["healthy", "troubled"])
def test_the_watch_file_of_a_log_loads_checks_and_renders(folder: Path, lines: list[bytes]):
    write(folder / "run.log", lines)
    said = monitor("init", "run.log")
    assert (said.code, said.out) == (0, "")
    config = load_config(Path("watch.yaml"))
    assert config.logs == ("run.log",)
    assert config.objectives
    assert monitor("config", "check", "watch.yaml").code == 0
    page = monitor("report", "--config", "watch.yaml")
    assert (page.code, page.err) == (0, "")
    assert f"# {config.title} - Status Monitor" in page.out


def test_a_file_that_is_there_is_never_overwritten(folder: Path):
    write(folder / "run.log", HEALTHY)
    Path("watch.yaml").write_text("mine")
    Path("link.yaml").symlink_to("nowhere.yaml")
    for out in ("watch.yaml", "link.yaml"):
        said = monitor("init", "run.log", "--out", out)
        assert (said.code, said.err) == (
            2,
            f"monitor: {out}: exists already; expected a new file: another --out, or - to print it\n",
        )
    assert Path("watch.yaml").read_text() == "mine"
    assert not Path("nowhere.yaml").exists()


def test_it_can_be_seen_before_it_is_written(folder: Path):
    write(folder / "run.log", HEALTHY)
    said = monitor("init", "run.log", "--out", "-")
    assert (said.code, said.err) == (0, "")
    Path("seen.yaml").write_text(said.out)
    assert load_config(Path("seen.yaml")).title is not None


def test_hostile_words_of_a_log_stay_words_of_the_file(folder: Path):
    log = RunLog()
    lines = lines_with(log, ALL_AT_ONCE + " \\ \" ' : # { } - !!python/object:os.system")
    Path("run.log").write_bytes(b"\n".join(lines) + b"\n")
    assert monitor("init", "run.log").code == 0
    config = load_config(Path("watch.yaml"))
    assert config.title is not None
    assert "<script>" in config.title
    assert "\x1b" not in Path("watch.yaml").read_text()


def test_a_log_with_too_little_makes_no_file(folder: Path):
    Path("run.log").write_text("hello\n" * 50)
    said = monitor("init", "run.log")
    assert (said.code, Path("watch.yaml").exists()) == (2, False)
    assert "too little about a training: 0 of 50 lines understood" in said.err
