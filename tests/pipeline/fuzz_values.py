"""Hostile values by the million, each log through everything that reads a log: ``make fuzz`` tries fixed seeds.

``python -m tests.pipeline.fuzz_values [LINES [SEED]]`` goes on after a failure, names its seed, and exits with 1 at the
end. A log fails that raises, takes over HANG_S of processor time, makes the state large, or gives other alerts to a
live watch, or to one that was stopped and resumed, than to a replay.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

from monitor.alert import Alert
from monitor.api import Log
from monitor.config import Config
from monitor.config.draft import watch_file
from monitor.engine.step import Engine
from monitor.gate.check_json import as_json_line
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
from monitor.tail import FileTail, read_lines
from monitor.tail.opening import opened
from monitor.terminal.lines import alert_lines, summary_lines
from tests.cli.logs import joined
from tests.cli.watching import FakeClock
from tests.pipeline.value_fuzz import LINES_OF_A_LOG, hostile_log

STATE_BYTES = 8 * 2**20
PAGES_EVERY = 13
RESUMED_EVERY = 4
"""Pages and a resumed watch are tried with every so-manieth log: all of them would take half of the time."""
ALL_LINES = 1_000_000
LONG = 600
"""Lines of each log of the million: what is made of a whole log then takes a small part of the time."""
HANG_S = 120.0
"""Processor time, ten times what the slowest log takes."""


class Tried(NamedTuple):
    """What one log came to."""

    lines: int
    state_bytes: int


class Hang(Exception):
    """A log takes longer than any should."""


def try_all(seed: int, engine: Engine, path: Path, num_lines: int = LINES_OF_A_LOG) -> Tried:
    """Take the hostile log of a seed through everything that reads a log. Raises whatever is wrong."""
    path.write_bytes(joined(hostile_log(seed, num_lines).lines))
    read = _Replayed(str(path), engine)
    transitions = replay(read)
    before_end = transitions[: len(transitions) - len(read.at_end)]
    assert read.run.unjudged == 0, [each.summary for each in transitions if each.rule == "LineNotJudged"]
    watched = _watch(path, engine)
    assert (watched.run.lines, watched.run.understood) == (read.run.lines, read.run.understood)
    _assert_same(watched.history, before_end)
    kept, state_bytes = _kept(watched)
    assert state_bytes < STATE_BYTES
    if seed % RESUMED_EVERY == 0:
        _assert_same(_resumed(path, engine, random.Random(seed)), before_end)
    status = Pipeline(str(path), engine, run=kept.run, states=kept.states, history=kept.history)
    assert all("\n" not in line for line in alert_lines(transitions))
    _show(status.snapshot(kept.run.now, is_following=True), engine)
    snapshot = read.snapshot(read.run.now, is_following=False)
    _show(snapshot, engine)
    json.loads(as_json_line(Log(snapshot, tuple(transitions), is_blind(read), "here")))
    watch_file(read.run, read.log)
    if seed % PAGES_EVERY == 0:
        page = build(snapshot, Config())
        for wanted in FORMATS:
            render(page, wanted)
    return Tried(read.run.lines, state_bytes)


class _Replayed(Pipeline):
    """A pipeline that knows which alerts came of the log's end, which a watch would still wait for."""

    at_end: Sequence[Alert] = ()

    def finish(self) -> list[Alert]:
        found = super().finish()
        self.at_end = found
        return found


def _watch(path: Path, engine: Engine) -> Pipeline:
    """Follow a log just written to its present end, in no time, so that no deadline passes; return what is known."""
    pipeline, clock = Pipeline(str(path), engine), FakeClock()
    os.utime(path, (clock.day, clock.day))
    follower = Follower(pipeline, FileTail(str(path)), clock, LogListener(), Committer(Delivery({})))
    try:
        follower.poll()
        while follower.tail.is_behind:
            follower.poll()
        follower.snapshot()
        follower.saved()
    finally:
        follower.close()
    return pipeline


def _resumed(path: Path, engine: Engine, source: random.Random) -> list[Alert]:
    """Read a log line by line, with what is stored in place of what is known at one of them; return the transitions."""
    with opened(str(path)) as stream:
        lines = list(read_lines(stream))
    pipeline, transitions, stop = Pipeline(str(path), engine), list[Alert](), source.randrange(len(lines))
    for number, line in enumerate(lines):
        if number == stop:
            kept, _ = _kept(pipeline)
            pipeline = Pipeline(str(path), engine, run=kept.run, states=kept.states, history=kept.history)
        transitions += pipeline.take(line)
    return transitions


def _kept(pipeline: Pipeline) -> tuple[Saved, int]:
    """Store and load what is known; return it with its bytes."""
    rows = to_rows(Saved(run=pipeline.run, states=pipeline.states, history=pipeline.history), NOTHING)
    num_bytes = len(rows.core) + sum(map(len, rows.series.values())) + sum(map(len, rows.alerts))
    return from_rows(rows.core, rows.series, rows.alerts, HISTORY_LIMIT), num_bytes


def _assert_same(found: Sequence[Alert], wanted: Sequence[Alert]) -> None:
    """Compare transitions; of a watch, only the newest are kept."""
    newest = list(wanted)[-len(found) :] if len(found) == HISTORY_LIMIT else wanted
    assert [(each.id, each.state) for each in found] == [(each.id, each.state) for each in newest]


def _show(snapshot: Snapshot, engine: Engine) -> None:
    """Make what `status`, `check` and `doctor` print."""
    assert summary_lines(snapshot)
    assert verdict_of(snapshot).mark
    assert coverage_of(engine.rules, snapshot.run, snapshot.now)


@contextmanager
def _limited() -> Iterator[None]:
    """Raise Hang in what takes longer than any log should."""

    def stop(number: int, frame: object) -> None:
        raise Hang(f"took over {HANG_S:.0f} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def main() -> None:
    """Try seeds until so many lines were read; say which fail, and exit with 1 if any does."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else ALL_LINES
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    engine, lines, state_bytes = Engine(tuple(load_rules(shipped_rule_files()))), 0, 0
    failed, grammars = list[int](), set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for seed in count(first):
            name = hostile_log(seed, LONG).name
            grammars.add(name)
            try:
                with _limited():
                    tried = try_all(seed, engine, Path(folder) / "run.log", LONG)
            except Exception:
                failed.append(seed)
                print(f"seed {seed} ({name}) fails:\n{traceback.format_exc()}", flush=True)
                lines += LONG
                continue
            lines, state_bytes = lines + tried.lines, max(state_bytes, tried.state_bytes)
            if lines >= wanted:
                break
            if seed % 50 == 0:
                print(f"{lines:,} lines, seeds {first} to {seed}", flush=True)
    print(f"{lines:,} lines of {len(grammars)} grammars, seeds {first} to {seed}; largest state {state_bytes:,} bytes")
    print(f"failed: {failed}" if failed else "no exception, no hang, no other alerts live than replayed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
