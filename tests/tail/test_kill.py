"""A daemon that is killed at any moment ends with what an undisturbed one would know."""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from monitor.base.errors import StateError
from monitor.engine.step import Engine
from monitor.grammar import RunStart
from monitor.pipeline import Pipeline
from monitor.run.run import Run
from monitor.sinks import open_sinks
from monitor.store.store import look
from monitor.tail import Line, read_stretches
from tests.cli.command import monitor, started
from tests.cli.logs import TROUBLED, joined
from tests.cli.test_sources import until
from tests.cli.watching import SHIPPED
from tests.lines import at, epoch_end, report, reset, train
from tests.tail.daemons import DaemonProcess, pause
from tests.tail.followed import Followed

LINES = 20_000
EPOCH = 500
"""Lines per epoch."""
SOAK = "TRAINWARDEN_SOAK_KILLS"
"""Environment variable: number of kills in the longest test, for instance 2000; without it that test is skipped."""
RULES = [
    rule
    for rule in SHIPPED
    if rule.alert in ("TrainLossNonfinite", "ExcessiveResets", "GradientVanishing", "RunFailed")
]


def lines(number: int) -> Iterator[bytes]:
    """Yield so many lines of a run of two attempts: nan losses, resets, dead gradients, tracebacks."""
    source = random.Random(1)
    for index in range(number):
        seconds, (epoch, step) = index / 10, divmod(index % (number // 2), EPOCH)
        if index % (number // 2) == 0:
            yield at(seconds, RunStart(run="fit-1", pid=1, attempt=1 + index // (number // 2)))
        elif step == EPOCH - 1:
            yield at(seconds, epoch_end(epoch + 1, epochs=40))
        elif step % 50 == 0:
            yield at(seconds, report(index, epoch + 1, gat=source.choice([1.0, 0.0]), tft=0.5))
        elif step % 30 == 1 and epoch % 3 == 0:
            yield at(seconds, reset(epoch=epoch + 1, step=index))
        elif source.random() < 0.01:
            yield b"Traceback (most recent call last): number %d" % index
        else:
            loss = float("nan") if source.random() < 0.005 else 0.5
            yield at(seconds, train(index, epoch + 1, loss=loss, epochs=40))


class Known(NamedTuple):
    """What a watch knows in the end, free of the places of the lines: rotation moves them."""

    lines: int
    understood: int
    attempt: tuple[object, ...]
    counts: dict[tuple[str, object], tuple[object, ...]]
    fired: int
    open: list[str]
    alerts: list[dict[str, Any]]


def known(run: Run, fired: int, open_ids: list[str], alerts: list[dict[str, Any]]) -> Known:
    attempt = run.attempt
    counts = {
        (name, labels): (each.count, each.minimum, each.maximum, each.nonfinite, each.last.step, each.last.serial)
        for name, by_labels in attempt.series.items()
        for labels, each in by_labels.items()
    }
    place = (attempt.number, attempt.epoch, attempt.epochs_done, attempt.step, attempt.lines, len(run.past))
    texts = [{**alert, "log": "", "evidence": [line["text"] for line in alert["evidence"]]} for alert in alerts]
    return Known(run.lines, run.understood, place, counts, fired, open_ids, texts)


def undisturbed(log: Path) -> Known:
    """Return what a watch without rotation and without an end knows of these lines."""
    pipeline = Pipeline(str(log), Engine(RULES))
    changes = []
    with log.open("rb") as stream:
        for part in read_stretches(stream):
            changes += pipeline.take(part) if isinstance(part, Line) else pipeline.take_all(part)
    alerts = [json.loads(json.dumps(each.to_json())) for each in changes]
    return known(pipeline.run, pipeline.fired, [each.id for each in pipeline.states.open.values()], alerts)


@pytest.mark.parametrize(
    "kills",
    [
        3,
        pytest.param(200, marks=pytest.mark.slow),
        pytest.param(
            int(os.environ.get(SOAK, "0")),
            marks=[pytest.mark.slow, pytest.mark.skipif(SOAK not in os.environ, reason=f"{SOAK} is not set")],
            id="soak",
        ),
    ],
)
def test_a_daemon_killed_at_random_moments_ends_with_what_an_undisturbed_one_knows(tmp_path: Path, kills: int) -> None:
    source = random.Random(7)
    written = list(lines(LINES))
    (tmp_path / "whole").mkdir()
    whole = tmp_path / "whole" / "run.log"
    whole.write_bytes(joined(written))
    log, state, sink = tmp_path / "log" / "run.log", tmp_path / "state", tmp_path / "alerts.jsonl"
    log.parent.mkdir()
    followed = Followed(log, None)  # type: ignore[arg-type]
    name = f"jsonl:{sink}"
    daemon = DaemonProcess(log, state, RULES, {name: lambda: open_sinks([name]).sinks[name]})
    cuts = sorted(source.sample(range(1, LINES), kills + 10))
    deeds = source.sample(["kill"] * kills + ["rotate"] * 6 + ["copytruncate"] * 4, kills + 10)
    daemon.start()
    begin = 0
    for cut, deed in zip(cuts, deeds, strict=True):
        followed.append(joined(written[begin:cut]))
        if begin == 0:
            daemon.until_read()  # a log that no daemon lived to see before it was rotated is another one's
        begin = cut
        if deed == "kill":
            # The moment of the kill, which the daemon cannot influence.
            pause(source.uniform(0.0, 0.25))
            daemon.kill()
            daemon.start()
        elif deed == "rotate":
            followed.rotate()
        else:
            daemon.until_read()
            followed.copytruncate()
    followed.append(joined(written[begin:]))
    daemon.until_read()
    daemon.kill()

    process, [seen] = look(state)
    saved = seen.saved
    told = [json.loads(line) for line in sink.read_text().splitlines()]
    twice = [
        each
        for each, count in Counter((alert["id"], alert["state"], alert["at"]) for alert in told).items()
        if count > 1
    ]
    assert twice == []
    assert undisturbed(whole) == known(saved.run, saved.fired, [each.id for each in saved.states.open.values()], told)
    assert (process, seen.num_parcels, saved.totals.lost_bytes) == (None, 0, 0)


def test_a_killed_command_line_ends_with_the_replays_alerts_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole command, with all shipped rules, killed in the middle of lines."""
    monkeypatch.chdir(tmp_path)
    data = joined(TROUBLED)
    log = tmp_path / "run.log"
    log.write_bytes(b"")
    words = ("watch", "run.log", "--state", "state", "--sink", "jsonl:live.jsonl", "--until-end", "--notify-history")
    cuts = [0, data.index(b"loss=nan") + 3, data.index(b"Traceback") + 200, len(data)]
    for begin, end in pairwise(cuts):
        with started(*words, cwd=tmp_path) as process, log.open("ab") as file:
            file.write(data[begin:end])
            file.flush()
            if end == len(data):
                assert process.ended().code == 1
            else:
                process.until(lambda out, told=begin: told > 0 or "[RUN] start" in out)
                process.signal(signal.SIGKILL)
                process.ended()
    assert (tmp_path / "live.jsonl").read_text() == monitor("replay", "run.log", "--json").out


@pytest.mark.slow
def test_a_watch_of_several_logs_killed_at_random_moments_gives_the_alerts_of_their_replays(tmp_path: Path) -> None:
    """The whole command on a folder: three logs that appear, grow and are rotated while it is killed and started."""
    source, kills, names = random.Random(11), 8, ("a", "b", "c")
    written = {
        name: [line.replace(b"run=fit-1", b"run=fit-%s" % name.encode()) for line in lines(900)] for name in names
    }
    folder, state, sink = tmp_path / "logs", tmp_path / "state", tmp_path / "alerts.jsonl"
    folder.mkdir()
    words = ("watch", "logs", "--state", "state", "--sink", f"jsonl:{sink}", "--notify-history", "--no-probes")
    ends = {name: [*sorted(source.sample(range(1, 900), kills)), 900] for name in names}
    begun = dict.fromkeys(names, 0)
    for turn in range(kills + 1):
        with started(*words, cwd=tmp_path) as process:
            for name in source.sample(names, len(names)):
                followed = Followed(folder / f"{name}.log", None)  # type: ignore[arg-type]
                if source.random() < 0.3 and followed.path.exists():
                    followed.rotate()
                followed.append(joined(written[name][begun[name] : ends[name][turn]]))
                begun[name] = ends[name][turn]
            if turn < kills:
                if turn == 0:
                    # What was rotated away before anybody knew of the log is not looked for.
                    until(lambda: lines_known(state).keys() == set(names))
                pause(source.uniform(0.3, 1.5))
                process.signal(signal.SIGKILL)
            else:
                until(lambda: lines_known(state) == dict.fromkeys(names, 900))
                process.signal(signal.SIGTERM)
            process.ended()
    told = [json.loads(line) for line in sink.read_text().splitlines()]
    for name in names:
        (tmp_path / f"{name}.log").write_bytes(joined(written[name]))
        expected = [told_of(alert) for alert in monitor("replay", tmp_path / f"{name}.log", "--json").objects()]
        assert expected
        assert list(dict.fromkeys(told_of(each) for each in told if each["run"] == f"fit-{name}")) == expected


def told_of(alert: dict[str, Any]) -> tuple[str, ...]:
    """Return what tells one transition from another."""
    return tuple(str(alert[field]) for field in ("id", "alert", "state", "at"))


def lines_known(state: Path) -> dict[str, int]:
    """Return how many lines of each log the state knows, by the log's name."""
    try:
        _, found = look(state)
    except StateError:
        return {}
    return {Path(seen.log).stem: seen.saved.run.lines for seen in found}
