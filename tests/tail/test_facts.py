"""A replay with the recorded facts gives the alerts of the live watch, which knew when bytes without a time arrived."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.store.facts import FactKind, FactsError, Recorder, read_facts
from tests.cli.command import monitor
from tests.cli.logs import START_LINE, joined, write
from tests.cli.watching import SHIPPED
from tests.lines import START, at, story, train
from tests.tail.kept import Kept

TRAINING = [START_LINE, at(10, train(1))]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """Return a watch with a state that has begun, of a log that does not exist."""
    made = Kept(tmp_path, rules=SHIPPED)
    made.start()
    yield made
    made.kill()


def stalls(kept: Kept) -> list[tuple[str, float | None]]:
    return [(state, seconds) for rule, state, seconds in story(kept.inbox.alerts) if rule == "TrainingStall"]


def test_a_stall_that_a_line_without_a_time_ended_is_replayed(kept: Kept) -> None:
    kept.turn(TRAINING)
    kept.turn(after_s=350)
    kept.turn([b"a traceback, say"], after_s=50)
    kept.turn(after_s=301)
    kept.turn([at(1_000, train(2))])
    assert stalls(kept) == [("firing", 310), ("resolved", 410), ("firing", 710), ("resolved", 1_000)]
    assert kept.replayed() == kept.live()
    assert len(monitor("replay", kept.log, "--json").objects()) < len(kept.live())


def test_a_stall_at_the_end_of_a_log_is_replayed(kept: Kept) -> None:
    """The log alone cannot tell a run that is silent from one that is read too early."""
    kept.turn(TRAINING)
    kept.turn(after_s=301)
    kept.turn()
    assert stalls(kept) == [("firing", 310)]
    assert kept.replayed() == kept.live()


def test_a_progress_bar_that_kept_a_run_awake_is_replayed(kept: Kept) -> None:
    kept.turn(TRAINING)
    for second in range(2_000):
        kept.turn(b"\r%d%%" % (second / 20), after_s=1)
    kept.turn(after_s=100)
    kept.turn([b"", at(2_110, train(2))])
    assert stalls(kept) == []
    assert kept.replayed() == kept.live()


def test_a_progress_bar_costs_at_most_one_fact_in_five_seconds(kept: Kept) -> None:
    kept.turn(TRAINING)
    for second in range(1_000):
        kept.turn(b"\r%d%%" % (second / 10), after_s=1)
    facts = kept.facts()
    assert facts is not None
    assert 100 < len(list(read_facts(facts))) - 1 <= 200


def test_a_log_with_a_time_in_every_line_leaves_no_facts(kept: Kept) -> None:
    for step in range(1, 20):
        kept.turn([at(10 * step, train(step))], after_s=10)
    assert kept.facts() is None


def test_destroyed_bytes_are_replayed(kept: Kept) -> None:
    kept.tail._poll_bytes = 50
    kept.write([*TRAINING, *(at(10 + step, train(step)) for step in range(2, 9))])
    kept.turn()
    kept.log.write_bytes(b"")
    kept.turn()
    kept.turn([at(100, train(20))])
    facts = kept.facts()
    assert facts is not None
    [named, lost] = read_facts(facts)
    assert (named.kind, named.text) == (FactKind.NAMED, str(kept.log.absolute()))
    assert (lost.kind, lost.how) == (FactKind.LOST, "truncated")
    assert lost.lost_bytes > 200
    [alert] = [each for each in kept.inbox.alerts if each.rule == "EvidenceLost"]
    assert (alert.needs, f"bytes={lost.lost_bytes}" in alert.evidence[-1].text) == ("facts", True)


def test_a_replay_of_the_rest_reports_the_lost_bytes_again(kept: Kept) -> None:
    kept.turn([START_LINE])
    kept.tail._poll_bytes = 50
    kept.write([at(10 + step, train(step)) for step in range(1, 9)])
    kept.turn()
    rest = [at(100, train(20)), at(110, train(21))]
    kept.log.write_bytes(b"")
    kept.turn()
    kept.turn(rest)
    (kept.log.parent / "left.log").write_bytes(joined([START_LINE, *rest]))
    told = monitor("replay", kept.log.parent / "left.log", "--json", "--facts", kept.facts()).objects()
    ids = [alert["id"] for alert in kept.live() if alert["alert"] == "EvidenceLost"]
    assert ids == [alert["id"] for alert in told if alert["alert"] == "EvidenceLost"]
    assert len(ids) == 1


@pytest.mark.parametrize("seed", range(6))
def test_any_mixture_of_lines_bytes_silences_and_kills_is_replayed(tmp_path: Path, seed: int) -> None:
    source = random.Random(seed)
    kept = Kept(tmp_path, rules=[rule for rule in SHIPPED if rule.alert in ("TrainingStall", "TrainLossNonfinite")])
    kept.start()
    kept.turn([START_LINE])
    passed, step = 0.0, 0
    for _ in range(120):
        wait_s = source.choice([0.5, 3.0, 20.0, 150.0, 320.0])
        passed += wait_s
        deed = source.choices(["train", "late", "text", "bar", "nothing", "kill"], [6, 1, 3, 3, 3, 1])[0]
        if deed in ("train", "late"):
            step += 1
            behind_s = 0.0 if deed == "train" else source.uniform(0, min(wait_s, 60))
            loss = source.choice([0.5, 0.5, float("nan")])
            kept.turn([b"", at(passed - behind_s, train(step, loss=loss))], after_s=wait_s)
        elif deed == "text":
            kept.turn([b"", b"a line without a time"], after_s=wait_s)
        elif deed == "bar":
            kept.turn(b"\r 10%", after_s=wait_s)
        else:
            kept.turn(after_s=wait_s)
            if deed == "kill":
                kept.restart()
                kept.turn()
    kept.kill()
    assert len(kept.live()) > 5
    assert kept.replayed() == kept.live()


def test_a_log_without_times_is_replayed_by_the_times_of_arrival(kept: Kept) -> None:
    lines = [b"iter %d: loss 2.3000, time 10.00ms, mfu 12.00%%" % step for step in range(0, 60, 10)]
    kept.turn(lines[:2])
    for line in lines[2:]:
        kept.turn([line], after_s=100)
    kept.turn(after_s=320)
    kept.restart(after_s=50)
    kept.turn()
    kept.turn([b"iter 60: loss 2.2000, time 10.00ms, mfu 12.00%"], after_s=50)
    kept.turn(after_s=301)
    assert [alert["state"] for alert in kept.live()] == ["firing", "resolved", "firing"]
    assert kept.replayed() == kept.live()


# ---- the file


def test_a_fact_has_its_place_and_its_time(kept: Kept) -> None:
    kept.turn(TRAINING)
    kept.turn(b"..", after_s=200)
    kept.daemon.end()
    facts = kept.facts()
    assert facts is not None
    assert facts.name == "fit-1.facts.jsonl"
    assert [json.loads(line) for line in facts.read_text().splitlines()] == [
        {"kind": "named", "lines": 0, "at": None, "text": str(kept.log.absolute()), "generation": 0},
        {"kind": "heard", "lines": 2, "at": START + 210},
    ]


def test_facts_of_a_turn_that_was_not_committed_are_forgotten(kept: Kept) -> None:
    """The bytes are read again, and then come at another moment."""
    kept.turn(TRAINING)
    kept.turn(b"..", after_s=200)
    kept.daemon.end()
    facts = kept.facts()
    assert facts is not None
    with facts.open("a") as file:
        file.write('{"kind": "heard", "lines": 2, "at": 1}\n{"kind": "hea')
    kept.restart()
    kept.turn()
    kept.turn(b"..", after_s=200)
    kept.daemon.end()
    assert [fact.at for fact in read_facts(facts)] == [None, START + 210, START + 410]


def test_a_recorder_keeps_the_last_bytes_before_each_silence() -> None:
    recorder = Recorder()
    recorder.line(0.0)
    for at_s in (1.0, 2.0, 3.0, 60.0, 61.0):
        recorder.heard(1, at_s)
    recorder.line(100.0)
    assert [fact.at for fact in recorder.take()] == [3.0, 60.0, 61.0]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        '{"kind": "heard"}',
        '{"kind": "heard", "lines": 1, "at": null}',
        '{"kind": "heard", "lines": 1, "at": NaN}',
        '{"kind": "seen", "lines": 1, "at": 1}',
        '{"kind": "lost", "lines": 1, "at": 1}',
        "[" * 100_000,
    ],
)
def test_a_line_that_is_not_a_fact_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.facts.jsonl"
    path.write_text('{"kind": "heard", "lines": 1, "at": 1}\n' + text + "\n")
    with pytest.raises(FactsError, match=r"run\.facts\.jsonl:2: is not a fact; expected"):
        list(read_facts(path))


def test_facts_of_another_log_are_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "run.log", TRAINING)
    (tmp_path / "f.jsonl").write_text('{"kind": "heard", "lines": 3, "at": 1}\n')
    said = monitor("replay", log, "--facts", tmp_path / "f.jsonl")
    assert (said.code, said.out) == (2, "")
    assert "f.jsonl: has a fact of line 3, but the log has 2 lines; expected" in said.err


def test_facts_for_two_logs_are_refused(tmp_path: Path) -> None:
    log = write(tmp_path / "run.log", TRAINING)
    said = monitor("replay", log, log, "--facts", tmp_path / "f.jsonl")
    assert (said.code, "--facts: cannot be used with 2 logs; expected" in said.err) == (2, True)
