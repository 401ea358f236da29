"""Metrics, rules and dashboard: clean for promtool, bounded, and nothing is absent that is only over."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_metrics

from monitor.web.metrics import MOST_METRICS, OUTCOMES
from tests.cli.command import monitor
from tests.web.served import Served, served
from tests.web.states import RULE, Watch, logs_in, steps

OPEN = {"Accept": "application/openmetrics-text; version=1.0.0"}
Sample = tuple[dict[str, str], float]


def samples(text: str, name: str, parse: Callable[..., object] = text_metrics) -> list[Sample]:
    """Return the samples of a name."""
    return [(each.labels, each.value) for family in parse(text) for each in family.samples if each.name == name]


def one(text: str, name: str, **labels: str) -> float:
    """Return the only sample of a name with these labels."""
    (value,) = [value for found, value in samples(text, name) if labels.items() <= found.items()]
    return value


def promtool(*words: str | Path, text: str = "") -> tuple[int, str]:
    """Run promtool, and return its exit code and what it said."""
    done = subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def text(server: Served) -> str:
    """The metrics of both runs."""
    answer = server.ask("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.body.decode()


def test_what_is_told_of_a_run(text: str, server: Served, logs: list[Path]):
    ill = {"log": str(logs[1])}
    assert one(text, "trainwarden_step", **ill) == 400
    assert str(one(text, "trainwarden_loss", **ill, split="train")) == "nan"
    assert one(text, "trainwarden_alert", **ill, alert=RULE, severity="critical") == 1
    assert one(text, "trainwarden_run_state", **ill, state="running") == 1
    assert one(text, "trainwarden_run_state", **ill, state="crashed") == 0
    assert one(text, "trainwarden_run_verdict", **ill, verdict="breach") == 1
    assert one(text, "trainwarden_rule", **ill, rule=RULE) == 1
    assert one(text, "trainwarden_watch_up", **ill) == 1
    assert one(text, "trainwarden_bytes_behind", **ill) == 0
    assert one(text, "trainwarden_last_byte_timestamp_seconds", **ill) == pytest.approx(logs[1].stat().st_mtime, abs=1)
    assert one(text, "trainwarden_lines_total", **ill) == 41
    assert one(text, "trainwarden_unreadable_states") == 0
    assert one(text, "process_resident_memory_bytes") > 1e6


def test_unknown_is_a_value_of_its_own(text: str):
    values = {value for _, value in samples(text, "trainwarden_rule")}
    assert {0.0, 1.0, 2.0, 3.0} >= values >= {0.0, 1.0, 2.0}
    assert len(set(OUTCOMES.values())) == len(OUTCOMES)


def test_what_is_over_is_zero_and_not_absent(server: Served, watch: Watch, logs: list[Path], text: str):
    with logs[1].open("a") as log:
        log.write(steps(410, 900))
    watch.turn()
    server.look()
    after = server.ask("/metrics").body.decode()
    assert one(after, "trainwarden_alert", log=str(logs[1]), alert=RULE) == 0
    names = {
        (name, *labels.items())
        for name in ("trainwarden_alert", "trainwarden_rule")
        for labels, _ in samples(text, name)
    }
    kept = {
        (name, *labels.items())
        for name in ("trainwarden_alert", "trainwarden_rule")
        for labels, _ in samples(after, name)
    }
    assert names <= kept


def test_open_metrics_says_the_same(server: Served, text: str):
    answer = server.ask("/metrics", headers=OPEN)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    other = answer.body.decode()
    assert other.endswith("# EOF\n")
    for name in ("trainwarden_step", "trainwarden_rule", "trainwarden_lines_total"):
        assert samples(other, name, open_metrics) == samples(text, name)


def test_metrics_by_name_are_bounded_and_hostile_names_break_nothing(tmp_path: Path):
    names = [f"metric_{number}" for number in range(MOST_METRICS + 20)]
    body = "".join(
        f"step {step}: loss {3 - step / 500:.3f}, " + ", ".join(f"{name} {step / 7:.4f}" for name in names) + "\n"
        for step in range(10, 60, 10)
    )
    (log,) = logs_in(tmp_path / 'od"d\\{name}\n', [("run", body)])
    watch = Watch(tmp_path / "state", [log])
    with served([tmp_path / "state"]) as server:
        text = server.ask("/metrics").body.decode()
        list(open_metrics(server.ask("/metrics", headers=OPEN).body.decode()))
    watch.close()
    assert len(samples(text, "trainwarden_metric")) == MOST_METRICS
    assert one(text, "trainwarden_metrics_left_out") >= 20


def test_promtool_finds_nothing_in_the_metrics(require: Callable[[str], None], text: str):
    require("promtool")
    assert promtool("check", "metrics", text=text) == (0, "")


def test_a_file_for_node_exporter_is_read_back(require: Callable[[str], None], tmp_path: Path, watch: Watch, text: str):
    file = tmp_path / "trainwarden.prom"
    said = monitor("fleet", "textfile", file, "--state", tmp_path / "states")
    assert (said.code, said.err) == (0, "")
    found = file.read_text()
    assert one(found, "trainwarden_alert", alert=RULE) == 1
    assert samples(found, "trainwarden_rule") == samples(text, "trainwarden_rule")
    assert monitor("fleet", "textfile", tmp_path / "wrong.txt").code == 2
    assert [each.name for each in tmp_path.glob("*.prom*")] == ["trainwarden.prom"]
    require("promtool")
    assert promtool("check", "metrics", text=found) == (0, "")


def test_the_rules_are_valid_and_do_what_they_say(require: Callable[[str], None], tmp_path: Path):
    require("promtool")
    said = monitor("fleet", "print", "rules")
    (tmp_path / "rules.yaml").write_text(said.out)
    shutil.copy(Path(__file__).with_name("fleet_rules.test.yaml"), tmp_path / "test.yaml")
    code, words = promtool("check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml")
    assert code == 0, words
    code, words = promtool("test", "rules", tmp_path / "test.yaml")
    assert code == 0, words


def test_rules_and_dashboard_ask_only_for_metrics_that_there_are(text: str):
    known = {each.name for family in text_metrics(text) for each in family.samples} | {"up"}
    # Only a log with these has them.
    known |= {"trainwarden_progress_ratio", "trainwarden_metric"}
    rules, dashboard = monitor("fleet", "print", "rules").out, monitor("fleet", "print", "dashboard").out
    asked = set(re.findall(r"\b(?:trainwarden|process)_\w+|\bup\b", rules.partition("groups:")[2]))
    asked |= {
        name
        for panel in json.loads(dashboard)["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\b(?:trainwarden|process)_\w+", target["expr"])
    }
    assert asked - known == set()


def test_the_server_is_said_to_be_missing_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("monitor.cli.fleet.find_spec", lambda name: None)
    said = monitor("fleet", "textfile", tmp_path / "a.prom", "--state", tmp_path)
    assert (said.code, "pip install 'trainwarden[serve]'" in said.err) == (2, True)
