"""A log that cannot be judged stops neither the other logs nor the restart, and a line neither the lines after it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.alert import State
from monitor.api import read
from monitor.conditions import Outcome
from monitor.engine.step import Engine
from monitor.live.committer import Committer
from monitor.live.daemon import Daemon
from monitor.live.follower import Follower
from monitor.notify import Delivery
from monitor.pipeline import Pipeline
from monitor.reader.event import Event
from monitor.replay import replay
from monitor.report.verdict import verdict_of
from monitor.run.run import Run
from monitor.tail import FileTail
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, START_LINE, TROUBLED, joined, write
from tests.cli.test_sources import until
from tests.cli.watching import SHIPPED, FakeClock, Heard, Watching
from tests.lines import at, train
from tests.pipeline.value_fuzz import hostile_log

BAD = at(6.5, train(77, epochs=2))
"""A line that the fixture `faulty` makes us stumble over."""


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that raises at the line BAD, as a mistake of ours would."""
    fold = Run.fold

    def stumble(run: Run, event: Event, *more: object) -> object:
        if "step=77 " in event.evidence.text:
            raise ZeroDivisionError("a mistake of ours")
        return fold(run, event, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Run, "fold", stumble)


def test_a_line_that_cannot_be_judged_is_left_out_and_named(tmp_path: Path, faulty: None) -> None:
    log = write(tmp_path / "run.log", [*HEALTHY[:7], BAD, *HEALTHY[7:]])
    found = read(log)
    (alert,) = (each for each in found.alerts if each.rule == "LineNotJudged")
    assert (alert.evidence[0].line, alert.state) == (8, State.CLOSED)
    assert "ZeroDivisionError: a mistake of ours" in alert.summary
    assert found.values.step == 2
    assert found.exit_code == 1
    verdict = verdict_of(found.snapshot)
    assert not verdict.all_passed
    assert "LineNotJudged" in verdict.problems


def test_a_watch_says_the_same_of_such_a_line_as_a_replay(tmp_path: Path, faulty: None) -> None:
    lines = [*HEALTHY[:7], BAD, *HEALTHY[7:]]
    replayed = read(write(tmp_path / "run.log", lines))
    (tmp_path / "run.log").unlink()
    live = Watching(tmp_path / "run.log")
    for line in lines:
        live.turn([line])
    assert [each.id for each in live.heard.alerts] == [each.id for each in replayed.transitions]


def test_a_thousand_such_lines_raise_three_alerts(tmp_path: Path, faulty: None) -> None:
    lines = [each for _ in range(1_000) for each in (BAD, b"hello")]
    pipeline = Pipeline(str(write(tmp_path / "run.log", [*HEALTHY[:7], *lines])), Engine(SHIPPED))
    transitions = replay(pipeline)
    assert sum(each.rule == "LineNotJudged" and each.state is State.FIRING for each in transitions) == 3
    assert pipeline.run.unjudged == 1_000


def test_a_rule_that_cannot_be_asked_at_the_end_is_unknown_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> bool:
        raise ZeroDivisionError("a mistake of ours")

    monkeypatch.setattr("monitor.conditions.stuck._run_of_equals", stumble)
    log = tmp_path / "run.log"
    log.write_text("".join(f"Epoch {epoch}/9 loss {1 / epoch:.4f} val_acc 0.5{epoch}\n" for epoch in range(1, 10)))
    (reading,) = (found for rule, found in read(log).snapshot.readings if rule.alert == "MetricStuck")
    assert reading[0].outcome is Outcome.UNKNOWN
    assert "ZeroDivisionError: a mistake of ours" in reading[0].reason


def test_a_log_that_cannot_be_judged_is_set_aside_until_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, heard, committer = FakeClock(), Heard(), Committer(Delivery({}))
    logs = [write(tmp_path / f"{name}.log", HEALTHY[:5]) for name in ("bad", "good")]
    followers = [Follower(Pipeline(str(log), Engine(SHIPPED)), FileTail(log), clock, heard, committer) for log in logs]
    daemon = Daemon(followers, clock, heard, committer, report_every_s=60.0, until_end=False)

    def stumble() -> float:
        raise OverflowError("a mistake of ours")

    monkeypatch.setattr(followers[0], "now", stumble)
    for _ in range(3):
        clock.advance(1.0)
        daemon.turn()
    (alert,) = heard.alerts
    assert (alert.rule, alert.state, dict(alert.labels)) == ("LogNotJudged", State.FIRING, {"log": str(logs[0])})
    assert "line 5" in alert.summary
    assert "OverflowError: a mistake of ours" in alert.summary
    assert followers[1].pipeline.run.lines == 5

    monkeypatch.undo()
    clock.advance(1.0)
    daemon.turn()
    assert len(heard.alerts) == 1  # it has not grown
    write(logs[0], HEALTHY)
    clock.advance(1.0)
    daemon.turn()
    assert [(each.rule, each.state) for each in heard.alerts[1:]] == [("LogNotJudged", State.RESOLVED)]
    assert followers[0].pipeline.run.lines == len(HEALTHY)


@pytest.mark.parametrize("step", ["-5", "9" * 400, "1" + "0" * 15, "0/0", "nan"])
@pytest.mark.parametrize("command", ["check", "replay", "report", "doctor"])
def test_a_step_that_is_none_stops_no_command(tmp_path: Path, command: str, step: str) -> None:
    line = at(6.5, train(77, epochs=2)).replace(b"step=77", b"step=" + step.encode())
    log = write(tmp_path / "run.log", [*HEALTHY[:6], line, *HEALTHY[6:]])
    said = monitor(command, log)
    assert said.code in (0, 1, 3), said.err
    if command == "check":
        assert "unreadable: [TRAIN]" in said.out


def test_ten_hostile_logs_of_fifty_change_nothing_for_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    start = [START_LINE.replace(b"fit-1", b"fit-%d" % number) for number in range(40)]
    wholes = {
        folder / f"run-{number}.log": joined([start[number], *(TROUBLED if number % 2 else HEALTHY)[1:]])
        for number in range(40)
    }
    hostile = {folder / f"hostile-{seed}.log": joined(hostile_log(seed).lines) for seed in range(10)}
    logs = {**wholes, **hostile}
    for path, data in logs.items():
        path.write_bytes(data[: len(data) // 2])
    alerts = tmp_path / "alerts.jsonl"
    words = ["watch", folder, "--state", tmp_path / "state", "--sink", f"jsonl:{alerts}", "--plain"]
    words += ["--notify-history"]

    with _watching(words, tmp_path) as watch:
        until(lambda: bool(_told(alerts)))
        for path, data in logs.items():
            append(path, data[len(data) // 2 : len(data) * 2 // 3])
        watch.kill()
    for path, data in logs.items():
        append(path, data[len(data) * 2 // 3 :])
    engine = Engine(SHIPPED)
    wanted = {path: _firings(each.to_json() for each in replay(Pipeline(str(path), engine))) for path in wholes}
    with _watching(words, tmp_path) as watch:
        until(lambda: set().union(*wanted.values()) <= _firings(_told(alerts)))
        watch.send_signal(signal.SIGINT)
        watch.wait()
    assert "Traceback (" not in (tmp_path / "err").read_text()
    for path in wholes:
        assert _firings(each for each in _told(alerts) if each["log"] == str(path)) == wanted[path], path
    assert any(wanted.values())


def _firings(alerts: Iterable[dict[str, Any]]) -> set[str]:
    return {each["id"] for each in alerts if each["state"] == "firing"}


def _told(alerts: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in alerts.read_text().splitlines()] if alerts.exists() else []


@contextmanager
def _watching(words: Sequence[str | Path], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    line = [sys.executable, "-m", "monitor", *map(str, words)]
    with (folder / "err").open("ab") as err, subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=err) as process:
        try:
            yield process
        finally:
            process.kill()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
