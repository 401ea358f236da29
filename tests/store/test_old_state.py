"""A state that version 0.1.0 (commit 2ee1d66) wrote in the middle of a run is opened and continued.

``states/0.1.0.db`` is the ``state.db`` of ``monitor watch run.log --state DIR --rules 0.1.0.yaml --no-probes``, killed
after it had read `BEFORE` and half of the next line. Its webhook took the first alert and answered 503 from then on.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.alert import Alert, State
from monitor.grammar import RunEnd
from monitor.rules import load_rules
from monitor.store.store import look
from tests.cli.logs import START_LINE, joined
from tests.cli.watching import SHIPPED
from tests.lines import at, epoch_end, reset, story, train
from tests.tail.kept import Kept

STATES = Path(__file__).parent / "states"
RULES = [
    *(
        rule
        for rule in SHIPPED
        if rule.alert in ("TrainLossNonfinite", "ExcessiveResets", "TrainingStall", "RunFailed")
    ),
    *load_rules([STATES / "0.1.0.yaml"]),
]
BEFORE = [
    START_LINE,
    at(10, train(1)),
    at(20, train(2, loss=float("nan"))),
    at(30, train(3)),
    *(at(40 + count, reset(epoch=1, step=3)) for count in range(11)),
    at(60, train(4, loss=9.0)),
]
NEXT_LINE = at(70, train(5, loss=9.0))
HALF_BYTES = 60
AFTER = [
    at(130, train(6, loss=9.0)),
    at(140, train(7)),
    at(150, reset(epoch=1, step=7)),
    at(160, epoch_end(1)),
    at(170, train(8, 2, loss=float("nan"))),
    at(180, RunEnd(status="failed", epochs=1, error="out of memory")),
]
DELIVERED = ("TrainLossNonfinite", "firing", 20)
"""What the webhook had taken."""
WAITING = [("TrainLossNonfinite", "resolved", 30), ("ExcessiveResets", "firing", 50)]
"""What was still in the outbox."""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """Return a watch, not started, whose state folder is the old version's and whose log is as that one left it."""
    made = Kept(tmp_path, rules=RULES)
    made.state.mkdir()
    database = made.state / "state.db"
    shutil.copyfile(STATES / "0.1.0.db", database)
    connection = sqlite3.connect(database, isolation_level=None)
    # The log is in another folder now. Its inode differs too: the tail knows it by its content.
    for table in ("log", "series", "history", "outbox"):
        connection.execute(f"UPDATE {table} SET path = ?", (str(made.log),))
    [(receiver,)] = connection.execute("SELECT DISTINCT sink FROM outbox")
    connection.close()
    made.sinks = {receiver: made.inbox}
    _, [seen] = look(made.state)
    made.clock.day = seen.saved.committed_at
    made.write(joined(BEFORE) + NEXT_LINE[:HALF_BYTES])
    yield made
    if made.is_running:
        made.kill()


@pytest.fixture
def unbroken(tmp_path: Path) -> Iterator[Kept]:
    """Return a watch of this version that has seen the whole log, line by line."""
    (tmp_path / "unbroken").mkdir()
    made = Kept(tmp_path / "unbroken", rules=RULES)
    made.start()
    for line in (*BEFORE, NEXT_LINE, *AFTER):
        made.turn([line])
    yield made
    made.kill()


def facts(alerts: list[Alert]) -> list[tuple[object, ...]]:
    """Return what a receiver tells alerts apart by."""
    return [(each.id, each.rule, each.state, each.at, each.starts_at, each.ends_at, each.labels) for each in alerts]


def test_the_old_state_holds_a_firing_and_a_pending_alert_and_two_parcels(kept: Kept) -> None:
    holder, [seen] = look(kept.state, history_limit=10)
    assert holder is None
    assert story(seen.saved.history) == [DELIVERED, *WAITING]
    assert {key.rule: alert.state for key, alert in seen.saved.states.open.items()} == {
        "ExcessiveResets": State.FIRING,
        "LossHigh": State.PENDING,
    }
    assert (seen.num_parcels, seen.saved.run.lines) == (len(WAITING), len(BEFORE))
    assert seen.saved.position is not None
    assert seen.saved.position.read_offset == kept.log.stat().st_size


def test_the_old_state_goes_on_without_a_lost_or_doubled_alert(kept: Kept, unbroken: Kept) -> None:
    kept.start()
    kept.turn()
    assert (kept.heard.troubles, story(kept.inbox.alerts)) == ([], WAITING)
    kept.turn(NEXT_LINE[HALF_BYTES:] + b"\n")
    for line in AFTER:
        kept.turn([line])
        kept.restart()
    kept.turn()
    names = {alert.rule for alert in kept.inbox.alerts}
    assert names == {"TrainLossNonfinite", "ExcessiveResets", "LossHigh", "RunFailed"}
    first, *others = facts(unbroken.inbox.alerts)
    assert story(unbroken.inbox.alerts[:1]) == [DELIVERED]
    assert facts(kept.inbox.alerts) == others
    assert facts(list(kept.pipeline.history)) == [first, *others]
    # The old version may have delivered what was in its outbox: those are marked, and no others.
    assert [alert.resent for alert in kept.inbox.alerts] == [True] * len(WAITING) + [False] * (
        len(others) - len(WAITING)
    )
    assert (kept.pipeline.run.lines, kept.pipeline.fired) == (unbroken.pipeline.run.lines, unbroken.pipeline.fired)
