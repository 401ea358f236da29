"""No value in a line stops a command, hangs it, or makes the state large: numbers, keys, times, orders, all formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from monitor.api import Log
from monitor.base.clock import SystemClock
from monitor.cli.check import as_json_line
from monitor.config import Config
from monitor.config.draft import watch_file
from monitor.engine.step import Engine
from monitor.grammar import ProcessGone
from monitor.live.committer import Committer
from monitor.live.follower import Follower
from monitor.live.listener import LogListener
from monitor.notify import Delivery
from monitor.pipeline import Pipeline, is_blind
from monitor.replay import replay
from monitor.report.build import build
from monitor.report.publish import FORMATS, render
from monitor.report.verdict import verdict_of
from monitor.rules import load_rules
from monitor.rules.armed import coverage_of
from monitor.rules.choice import shipped_rule_files
from monitor.snapshot import HISTORY_LIMIT, Snapshot
from monitor.store.saved import NOTHING, Saved, from_rows, to_rows
from monitor.tail import FileTail
from monitor.terminal.lines import alert_lines, summary_lines
from tests.cli.logs import joined
from tests.lines import numbered, pipeline, take
from tests.pipeline.value_fuzz import LINES_OF_A_LOG, grammars, hostile_log

RULES = tuple(load_rules(shipped_rule_files()))
STATE_BYTES = 8 * 2**20
NORMAL_S = 20.0
PAGES_EVERY = 7
ALL_LINES = 1_000_000
LONG = 600
"""Lines of each of the million: what is made of a whole log then takes a small part of the time."""


def try_all(seed: int, engine: Engine, path: Path, num_lines: int = LINES_OF_A_LOG) -> int:
    """Take the hostile log of a seed through everything that reads a log; return how many lines were read.

    Pages take half of the time, and are made of every PAGES_EVERY-th log.
    """
    path.write_bytes(joined(hostile_log(seed, num_lines).lines))
    read = Pipeline(str(path), engine)
    transitions = replay(read)
    assert read.run.unjudged == 0, [each.summary for each in transitions if each.rule == "LineNotJudged"]
    watched = watch(path, engine)
    assert (watched.run.lines, watched.run.understood) == (read.run.lines, read.run.understood)
    rows = to_rows(Saved(run=watched.run, states=watched.states, history=watched.history), NOTHING)
    assert len(rows.core) + sum(map(len, rows.series.values())) + sum(map(len, rows.alerts)) < STATE_BYTES
    kept = from_rows(rows.core, rows.series, rows.alerts, HISTORY_LIMIT)
    status = Pipeline(str(path), engine, run=kept.run, states=kept.states, history=kept.history)
    assert all("\n" not in line for line in alert_lines(transitions))
    show(status.snapshot(kept.run.now, is_following=True), engine)
    snapshot = read.snapshot(read.run.now, is_following=False)
    show(snapshot, engine)
    json.loads(as_json_line(Log(snapshot, tuple(transitions), is_blind(read), "here")))
    watch_file(read.run, read.log)
    if seed % PAGES_EVERY == 0:
        page = build(snapshot, Config())
        for wanted in FORMATS:
            render(page, wanted)
    return read.run.lines


def watch(path: Path, engine: Engine) -> Pipeline:
    """Follow a log to its present end; return what is known."""
    pipeline = Pipeline(str(path), engine)
    follower = Follower(pipeline, FileTail(str(path)), SystemClock(), LogListener(), Committer(Delivery({})))
    try:
        follower.poll()
        while follower.tail.is_behind:
            follower.poll()
        follower.snapshot()
        follower.saved()
    finally:
        follower.close()
    return pipeline


def show(snapshot: Snapshot, engine: Engine) -> None:
    """Make what `status`, `check` and `doctor` print."""
    assert summary_lines(snapshot)
    assert verdict_of(snapshot).mark
    assert coverage_of(engine.rules, snapshot.run, snapshot.now)


def try_until(is_over: Callable[[int], bool], path: Path, num_lines: int = LINES_OF_A_LOG) -> int:
    """Try one log after the other, from seed 0, until ``is_over`` is true of the lines read; return their number."""
    engine, lines = Engine(RULES), 0
    for seed in count():
        if is_over(lines):
            return lines
        try:
            lines += try_all(seed, engine, path, num_lines)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {hostile_log(seed).name}") from error
    return lines


def test_a_sample_of_hostile_values_stops_nothing(tmp_path: Path) -> None:
    clock = SystemClock()
    until = clock.monotonic() + NORMAL_S
    assert try_until(lambda lines: clock.monotonic() > until, tmp_path / "run.log") > 1_000


@pytest.mark.slow
def test_a_million_lines_with_hostile_values_stop_nothing(tmp_path: Path) -> None:
    assert try_until(lambda lines: lines >= ALL_LINES, tmp_path / "run.log", LONG) >= ALL_LINES


def test_the_fuzzer_knows_at_least_ten_grammars() -> None:
    assert len({each.name for each in grammars()}) > 10


@pytest.mark.parametrize("at", ["0001-01-01 00:00:00", "0999-06-01 00:00:00", "9999-12-31 23:59:59"])
def test_what_is_learnt_beside_a_log_of_any_time_is_kept(at: str) -> None:
    watched = pipeline(RULES)
    take(watched, numbered(f"{at} INFO step {step} loss 0.{step}".encode() for step in range(1, 9)))
    late = (watched.run.now or 0.0) + 1e9
    lost = watched.lose(100, "truncated", late)
    watched.learn(f"ERROR [{ProcessGone.TAG}] {ProcessGone(pid=7, how='killed').text()}", late + 1)
    assert "EvidenceLost" in {each.rule for each in lost}
    assert watched.run.attempt.of("process.gone")
