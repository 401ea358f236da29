"""``monitor backtest``: its figures are those of single replays, a killed one goes on, and its advice can be used."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from monitor.base.errors import MonitorError
from monitor.config import load_config
from monitor.engine.step import Engine
from monitor.rehearsal import backtest as module
from monitor.rehearsal.backtest import backtest
from monitor.rehearsal.bounds import lower_bound, upper_bound
from monitor.rehearsal.past import from_json, key_of
from tests.cli.command import monitor
from tests.cli.watching import SHIPPED
from tests.reader.facts import CASES
from tests.reader.generated.log import log

COUNTS = [(0, 1), (0, 300), (1, 10), (5, 20), (19, 20), (3, 3), (40, 1000)]


def spiking(height: float, first: int = 60) -> str:
    """Return a completed run, whose loss is higher for some steps."""
    high = range(first, first + 12)
    losses = [height * (2 + step % 7 / 100) if step in high else 2 - step / 200 + step % 7 / 100 for step in range(120)]
    return "".join(f"step {step}/120 loss {loss:.5f}\n" for step, loss in enumerate(losses, 1)) + "Training completed\n"


def nan(step_from: int) -> str:
    return "".join(f"step {step}/80 loss {'nan' if step >= step_from else 2 - step / 100}\n" for step in range(1, 60))


@pytest.fixture
def runs(folder: Path) -> Path:
    """A folder of five good runs, two of them with a loss that is high for a while, and two that stop with a nan."""
    (folder / "runs").mkdir()
    for number in range(5):
        (folder / f"runs/good-{number}.log").write_text(spiking(1.0 if number > 1 else 3.0 + number, 60 + number))
    for number in range(2):
        (folder / f"runs/bad-{number}.log").write_text(nan(30 + number))
    return folder / "runs"


def told(*words: str | Path) -> dict:
    said = monitor("backtest", *words, "--json", "--jobs", "1")
    assert said.code in (0, 1), said.err
    (found,) = said.objects()
    return found


def at_most(alarmed: int, runs: int, share: float) -> float:
    """Return the probability of at most so many alarms, term by term."""
    return sum(math.comb(runs, k) * share**k * (1 - share) ** (runs - k) for k in range(alarmed + 1))


@pytest.mark.parametrize(("alarmed", "runs"), COUNTS)
def test_the_bounds_are_the_shares_with_which_such_counts_come_once_in_twenty(alarmed: int, runs: int):
    low, high = lower_bound(alarmed, runs), upper_bound(alarmed, runs)
    assert low <= alarmed / runs <= high
    assert high == 1.0 if alarmed == runs else at_most(alarmed, runs, high) == pytest.approx(0.05)
    assert low == 0.0 if alarmed == 0 else 1 - at_most(alarmed - 1, runs, low) == pytest.approx(0.05)


def test_no_alarm_in_300_runs_shows_less_than_one_percent():
    assert upper_bound(0, 300) == pytest.approx(1 - 0.05 ** (1 / 300))


def test_no_run_proves_nothing():
    assert (lower_bound(0, 0), upper_bound(0, 0)) == (0.0, 1.0)


def check_equal_to_replays(logs: list[Path], found: dict) -> None:
    """Check the figures of each rule against single replays."""
    alarmed: dict[str, set[str]] = {}
    for log_ in logs:
        for alert in monitor("replay", log_, "--json").objects():
            if alert["state"] == "firing" and alert["severity"] != "info" and "inhibited_by" not in alert:
                alarmed.setdefault(alert["alert"], set()).add(str(log_))
    counted = {each["rule"]: each["good"]["alarmed"] + each["others"]["alarmed"] for each in found["rules"]}
    assert {rule: num for rule, num in counted.items() if num} == {rule: len(logs) for rule, logs in alarmed.items()}


def test_its_figures_are_those_of_single_replays(runs: Path):
    check_equal_to_replays(sorted(runs.iterdir()), told(runs))


def test_its_figures_are_those_of_single_replays_of_generated_logs(folder: Path):
    (folder / "runs").mkdir()
    for seed in range(0, 60, 12):
        (folder / f"runs/{seed}.log").write_bytes(log(seed).text)
    check_equal_to_replays(sorted((folder / "runs").iterdir()), told("runs"))


@pytest.mark.slow
def test_its_figures_are_those_of_single_replays_of_all_cases():
    if not CASES.is_dir():
        pytest.skip("the shared cases are not there")
    logs = sorted(CASES.glob("*.log"))
    said = monitor("backtest", *logs, "--json", "--jobs", "2")
    check_equal_to_replays(logs, said.objects()[0])


@pytest.mark.slow
def test_several_processes_say_the_same(runs: Path):
    alone = told(runs)
    assert monitor("backtest", runs, "--json", "--jobs", "2").objects()[0] == alone


def test_after_a_kill_only_the_rest_is_judged(runs: Path, monkeypatch: pytest.MonkeyPatch):
    judged: list[str] = []
    real = module.judge
    monkeypatch.setattr(module, "judge", lambda log_, key, engine: judged.append(log_) or real(log_, key, engine))
    results = runs.parent / "results.jsonl"
    whole = told(runs, "--results", results)
    assert len(judged) == 7
    lines = results.read_text().splitlines()
    results.write_text("\n".join(lines[:5]) + "\n" + lines[5][:40])  # killed while it wrote
    judged.clear()
    again = told(runs, "--results", results)
    assert (len(judged), again) == (7 - sum(bool(line) for line in lines[:5]), whole)
    judged.clear()
    (runs / "good-0.log").rename(runs / "renamed.log")
    with (runs / "good-1.log").open("a") as file:
        file.write("step 201/300 loss 1.0\n")
    told(runs, "--results", results)
    assert judged == [str(runs / "good-1.log")]
    judged.clear()
    told(runs, "--results", results, "--disable", "LossSpike")
    assert len(judged) == 7


def killed_engine() -> Engine:
    """End this process at once, as the system does when memory runs out."""
    os._exit(9)


@pytest.mark.slow
def test_a_process_that_is_killed_is_one_clear_error(runs: Path):
    with pytest.raises(MonitorError, match=r"a process was killed.*--jobs 1"):
        list(backtest([str(each) for each in runs.glob("*.log")] * 4, killed_engine, "", jobs=2))


def test_a_torn_line_is_no_run():
    assert [from_json(text) for text in ("", "{", "{}", "[]", "null", '{"format": 0}', '{"format": 1}')] == [None] * 7


def test_the_key_is_of_content_and_rules(folder: Path):
    (folder / "a.log").write_text("one")
    (folder / "b.log").write_text("one")
    (folder / "c.log").write_text("two")
    assert key_of("a.log", "rules") == key_of("b.log", "rules")
    assert len({key_of("a.log", "rules"), key_of("c.log", "rules"), key_of("a.log", "others")}) == 3


def test_the_advice_can_be_watched_with_and_leaves_the_good_runs_quiet(runs: Path, folder: Path):
    said = monitor("backtest", runs, "--write", "watch.yaml", "--jobs", "1")
    assert said.code == 1, said.out
    assert "good runs with an alarm: 2 of 5" in said.out
    config = load_config(Path("watch.yaml"))
    assert config.settings or config.disable
    assert monitor("config", "check", "watch.yaml").code == 0
    assert monitor("watch", "--config", "watch.yaml", "runs/good-0.log", "--until-end").code == 0
    again = told(runs, "--config", "watch.yaml")
    assert (again["good"]["alarmed"], again["advice"]) == (0, [])
    assert again["others"] == {"runs": 2, "alarmed": 2}


def test_a_critical_rule_without_a_level_is_never_switched_off(folder: Path):
    (folder / "runs").mkdir()
    for number in range(3):
        (folder / f"runs/{number}.log").write_text(nan(20 + number) + "Training completed\n")
    found = told("runs", "--write", "watch.yaml")
    advice = {each["rule"]: each["do"] for each in found["advice"]}
    assert advice["TrainLossNonfinite"] == "look"
    assert "TrainLossNonfinite" not in load_config(Path("watch.yaml")).disable
    with_bad = told("runs", "--bad", "*.log")
    assert (with_bad["good"]["runs"], with_bad["others"], with_bad["advice"]) == (0, {"runs": 3, "alarmed": 3}, [])


def test_what_cannot_be_judged_is_counted(runs: Path, folder: Path):
    (runs / "empty.log").touch()
    (runs / "words.log").write_text("hello\n" * 30)
    found = told(runs)
    assert (found["blind"], [Path(each["log"]).name for each in found["unreadable"]]) == (1, ["empty.log"])
    (folder / "nothing").mkdir()
    (folder / "nothing/words.log").write_text("hello\n" * 30)
    assert monitor("backtest", "nothing", "--jobs", "1").code == 3
    assert monitor("backtest", "absent").code in (2, 3)
    (folder / "there.yaml").touch()
    assert monitor("backtest", runs, "--write", "there.yaml").code == 2


def test_only_a_few_logs_are_held_at_a_time(runs: Path):
    """The logs are handed out as they are judged, so memory does not grow with their number."""
    logs = [str(path) for path in sorted(runs.iterdir())]
    seen = []

    def watched() -> list[str]:
        for each in logs:
            seen.append(each)
            yield each

    first = next(backtest(watched(), lambda: Engine(SHIPPED), "", jobs=1))  # type: ignore[arg-type]
    assert (first.log, len(seen)) == (logs[0], 1)
    assert json.loads(first.to_json())["log"] == logs[0]


def test_without_a_good_run_no_rule_has_a_check_mark(runs: Path):
    said = monitor("backtest", runs / "bad-0.log", runs / "bad-1.log", "--jobs", "1").out
    assert "TrainLossNonfinite: 0 of 0 good runs" in said
    assert "✅" not in said and "change: unknown" in said


def test_a_log_without_steps_is_not_said_to_have_any(folder: Path):
    (folder / "epochs.log").write_text(
        "".join(f"Epoch {epoch}, loss {'nan' if epoch > 20 else 2 - epoch / 50}\n" for epoch in range(1, 31))
    )
    (rule,) = (each for each in told(folder / "epochs.log")["rules"] if each["rule"] == "TrainLossNonfinite")
    assert [(each["line"], each["step"]) for each in rule["alarms"]] == [(21, None)]
    (folder / "healthy.log").write_text("".join(f"Epoch {epoch}, loss {2 - epoch / 50}\n" for epoch in range(1, 61)))
    (drilled,) = monitor("drill", folder / "healthy.log", "--json").objects()
    assert drilled["broken_at"]["step"] is None
