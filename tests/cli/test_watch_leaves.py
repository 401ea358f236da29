"""A watch with a state leaves the figures of a run that ended well, for later runs to be compared with."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, FAILED, HEALTHY, TROUBLED, write
from tests.lines import at


def left(state: str) -> list[dict]:
    return json.loads(monitor("baseline", "list", "--state", state, "--json").out)["baselines"]


def test_a_run_that_ended_well_is_a_baseline_by_its_id(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("old.log"), HEALTHY)
    write(Path("new.log"), [line.replace(b"run=fit-1", b"run=fit-2") for line in TROUBLED])
    assert monitor("watch", "old.log", "--state", "state", "--until-end").code == 0
    [found] = left("state")
    assert (found["name"], found["saved"], found["status"]) == ("fit-1", False, "completed")
    compared = monitor("compare", "new.log", "fit-1", "--state", "state")
    assert "run fit-1: completed" in compared.out


def test_a_run_that_failed_leaves_none(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(Path("run.log"), [*EPOCH_1, at(20, FAILED)])
    monitor("watch", "run.log", "--state", "state", "--until-end")
    assert left("state") == []


def test_a_watch_keeps_the_page_fresh_with_its_charts(require, tmp_path: Path, monkeypatch):
    require("pygal")
    monkeypatch.chdir(tmp_path)
    write(Path("run.log"), HEALTHY)
    assert monitor("watch", "run.log", "--until-end", "--report", "STATUS.md").code == 0
    assert "](STATUS.charts/loss.svg)" in Path("STATUS.md").read_text()
    assert Path("STATUS.charts/loss.svg").is_file()
