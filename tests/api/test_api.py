"""The public Python interface gives what the commands print, as typed objects."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from monitor import api
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, TROUBLED, joined, write

ITER = b"iter %d: loss %s, time 20.10ms, mfu 12.00%%\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_log_gives_the_transitions_that_replay_prints(folder: Path):
    write(folder / "run.log", TROUBLED)
    log = api.read("run.log")
    assert [alert.to_json() for alert in log.transitions] == monitor("replay", "run.log", "--json").objects()
    assert log.exit_code == 1


def test_every_alert_that_fired_is_there_in_its_last_state(folder: Path):
    (folder / "run.log").write_bytes(b"".join(ITER % (step, b"nan" if step == 50 else b"2.5") for step in range(99)))
    [alert] = [each for each in api.read("run.log").alerts if each.rule == "TrainLossNonfinite"]
    assert alert.state is api.State.RESOLVED
    assert alert.evidence[0].line == 51


def test_the_last_values_are_those_of_the_log(folder: Path):
    (folder / "run.log").write_bytes(b"".join(ITER % (step, b"%.1f" % (9 - step / 100)) for step in range(0, 99, 10)))
    values = api.read("run.log").values
    assert (values.step, values.loss, values.val_loss) == (90, 8.1, None)


def test_a_log_without_a_loss_or_a_metric_is_blind(folder: Path):
    (folder / "run.log").write_bytes(b"the weather is fine\n" * 50)
    log = api.read("run.log")
    assert (log.is_blind, log.exit_code, log.alerts) == (True, 3, ())


def test_settings_change_the_rules(folder: Path):
    write(folder / "run.log", TROUBLED)
    rules = {alert.rule for alert in api.read("run.log", api.Settings(disabled=("GradientZero",))).alerts}
    assert "GradientVanishing" in rules and "GradientZero" not in rules


def test_a_mistake_is_one_error_with_its_place(folder: Path):
    write(folder / "run.log", HEALTHY)
    with pytest.raises(api.MonitorError, match=re.escape("run.logg: ")):
        api.read("run.logg")


def test_a_followed_log_gives_what_reading_it_whole_gives(folder: Path):
    path, data = folder / "run.log", joined(TROUBLED)
    path.write_bytes(data[:500])
    with api.follow(path) as followed:
        found = followed.poll()
        for start in range(500, len(data), 700):
            with path.open("ab") as file:
                file.write(data[start : start + 700])
            found += followed.poll()
        log = followed.log
    assert [alert.to_json() for alert in found] == [alert.to_json() for alert in api.read(path).transitions]
    assert log.transitions == tuple(found)


def test_check_prints_one_object_per_log(folder: Path):
    (folder / "logs").mkdir()
    (folder / "logs/a.log").write_bytes(b"".join(ITER % (step, b"2.5") for step in range(5)))
    (folder / "logs/b.log").write_bytes(b"".join(ITER % (step, b"nan") for step in range(5)))
    said = monitor("check", "logs/", "--json")
    first, second = said.objects()
    assert (first["log"], first["verdict"], first["facts"]["loss"]) == (str(folder / "logs/a.log"), "ok", 2.5)
    assert (second["verdict"], second["facts"]["loss"], second["exit_code"], said.code) == ("breach", "nan", 1, 1)
    assert math.isnan(float(second["facts"]["loss"]))


@pytest.mark.parametrize("name", ["run.log.gz", "-"])
def test_check_reads_packed_logs_and_standard_input(folder: Path, name: str):
    import gzip

    data = b"".join(ITER % (step, b"2.5") for step in range(5))
    (folder / "run.log.gz").write_bytes(gzip.compress(data))
    said = monitor("check", name, "--json", stdin=data if name == "-" else b"")
    assert (said.code, json.loads(said.out)["facts"]["step"]) == (0, 4)


def test_the_example_of_the_module_runs(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "train.log").write_bytes(b"".join(ITER % (step, b"2.5") for step in range(5)))
    example = "\n".join(line.strip() for line in (api.__doc__ or "").splitlines() if line.startswith("    "))
    exec(example, {})
    assert capsys.readouterr().out == "0 2.5 []\n"


def test_what_is_public_is_documented():
    assert [name for name in api.__all__ if not getattr(api, name).__doc__] == []
