"""Baselines: kept by name, looked up wherever one is asked for, and left by every run that ends well."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monitor.run.attempt import Status
from monitor.run.summary import RunSummary, SummaryError
from monitor.store.baselines import FINISHED_KEPT, BaselineError, Baselines, is_summary, read_summary
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, TROUBLED, write

LOSS = ("epoch.val_loss", ())


def summary(run: str = "run-1", *, status: Status = Status.COMPLETED, loss: float = 0.5) -> RunSummary:
    return RunSummary(run, "run.log", {LOSS: loss}, {LOSS: {1: loss}}, status, 1, 10)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the state folder that commands use unless told otherwise; the current folder is another one."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home" / "trainwarden"


def test_what_is_saved_is_found_again_as_it_was(tmp_path: Path):
    kept = Baselines(tmp_path)
    path = kept.save("good", summary(loss=float("nan")))
    assert path == tmp_path / "baselines" / "good.json"
    found = kept.find("good")
    assert found is not None
    assert str(found) == str(summary(loss=float("nan")))
    assert is_summary(path)
    assert kept.find("other") is None


def test_a_second_save_replaces_the_first(tmp_path: Path):
    kept = Baselines(tmp_path)
    kept.save("good", summary(loss=1.0))
    kept.save("good", summary(loss=2.0))
    assert kept.find("good") == summary(loss=2.0)
    assert [each.name for each in kept.kept()] == ["good"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "-x", "a b", "x" * 65, "é", "a\n"])
def test_a_name_that_could_leave_the_folder_is_refused(tmp_path: Path, name: str):
    with pytest.raises(BaselineError, match="is no name; expected up to 64 letters"):
        Baselines(tmp_path).save(name, summary())
    assert list(tmp_path.rglob("*")) == []


def test_a_run_that_ended_well_leaves_its_figures_by_its_id(tmp_path: Path):
    kept = Baselines(tmp_path)
    for status in (Status.RUNNING, Status.FAILED, Status.WAITING):
        assert kept.leave(summary("bad", status=status)) is None
    assert kept.leave(summary("fit-1")) is not None
    assert kept.leave(summary("fit-2", status=Status.STOPPED)) is not None
    assert {each.name for each in kept.kept()} == {"fit-1", "fit-2"}
    assert kept.find("fit-1") == summary("fit-1")


def test_the_id_of_a_run_is_never_a_path(tmp_path: Path):
    kept = Baselines(tmp_path)
    for run in ("../../etc/passwd", "", "a/b", "a\nb", "x" * 500, "\ud800", "."):
        path = kept.leave(summary(run))
        assert path is not None
        assert path.parent == tmp_path / "baselines" / "finished"
    assert len(kept.kept()) == 7


def test_only_the_newest_finished_runs_are_kept_and_all_saved_ones(tmp_path: Path):
    kept = Baselines(tmp_path)
    kept.save("good", summary())
    for number in range(FINISHED_KEPT + 5):
        path = kept.leave(summary(f"fit-{number}"))
        assert path is not None
        os.utime(path, (number, number))
    kept.leave(summary("last"))
    names = [each.name for each in kept.kept()]
    assert len(names) == FINISHED_KEPT + 1
    assert names[:2] == ["good", "last"]
    assert "fit-0" not in names


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": "trainwarden-summary", "version": 99}', "\x00"])
def test_a_file_that_is_no_summary_is_one_clear_line(tmp_path: Path, text: str):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SummaryError, match=r"x\.json: "):
        read_summary(tmp_path / "x.json")


def test_a_baseline_is_saved_listed_shown_used_and_removed(state: Path):
    write(Path("old.log"), HEALTHY)
    write(Path("new.log"), TROUBLED)
    saved = monitor("baseline", "save", "good", "old.log")
    assert (saved.code, saved.out) == (0, "")
    assert (state / "baselines" / "good.json").is_file()
    listed = monitor("baseline", "list")
    assert (listed.code, listed.out.startswith("good: saved ")) == (0, True)
    assert json.loads(monitor("baseline", "list", "--json").out)["baselines"][0]["name"] == "good"
    assert "epoch.val_loss 0.5" in monitor("baseline", "show", "good").out
    assert json.loads(monitor("baseline", "show", "good", "--json").out)["format"] == "trainwarden-summary"
    by_name, by_log = (monitor("report", "new.log", "--baseline", name) for name in ("good", "old.log"))
    assert by_name.code == by_log.code == 0
    assert by_name.out == by_log.out
    assert "Comparison to run" in by_name.out
    assert monitor("replay", "new.log", "--baseline", "good").code == monitor("replay", "new.log").code
    assert monitor("baseline", "rm", "good").code == 0
    gone = monitor("report", "new.log", "--baseline", "good")
    assert (gone.code, gone.out) == (2, "")
    assert "--baseline good: neither a log nor a saved baseline; expected a file, or a name that" in gone.err


def test_a_name_that_is_not_there_names_those_that_are(state: Path):
    Baselines(state).save("good", summary())
    write(Path("new.log"), TROUBLED)
    assert "one of good" in monitor("report", "new.log", "--baseline", "goof").err
    assert "one of good" in monitor("baseline", "show", "goof").err
    assert "one of good" in monitor("baseline", "rm", "goof").err


def test_a_log_without_figures_is_no_baseline(state: Path):
    Path("x.log").write_text("hello\n")
    refused = monitor("baseline", "save", "good", "x.log")
    assert (refused.code, list(state.rglob("*.json"))) == (2, [])
    assert "has no figures to compare" in refused.err
