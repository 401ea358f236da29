"""The state folder: one holder at a time, damaged or foreign files, other versions, no room left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.base.errors import StateError
from monitor.store import schema
from monitor.store.store import Store, look
from tests.cli.command import monitor, started
from tests.cli.logs import START_LINE, TROUBLED, write
from tests.cli.watching import SHIPPED
from tests.lines import at, train
from tests.tail.kept import Kept

RULES = [rule for rule in SHIPPED if rule.alert in ("TrainLossNonfinite", "ExcessiveResets", "RunFailed")]
TRAINING = [START_LINE, at(10, train(1))]
BROKEN = at(20, train(2, loss=float("nan")))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """Return a watch with a state that has sent an alert about a nan loss, and was killed."""
    made = Kept(tmp_path, rules=RULES)
    made.start()
    made.turn([*TRAINING, BROKEN])
    made.daemon.end()
    made.kill()
    assert [alert.rule for alert in made.inbox.alerts] == ["TrainLossNonfinite"]
    yield made
    if made.is_running:
        made.kill()


# ---- damage


def zeros(data: bytes, source: random.Random) -> bytes:
    return bytes(len(data))


def noise(data: bytes, source: random.Random) -> bytes:
    return source.randbytes(len(data))


def half(data: bytes, source: random.Random) -> bytes:
    return data[: len(data) // 2]


def torn_pages(data: bytes, source: random.Random) -> bytes:
    return data[:4096] + source.randbytes(len(data) - 4096)


def text(data: bytes, source: random.Random) -> bytes:
    return b"this is not a state\n" * 100


@pytest.mark.parametrize("damage", [zeros, noise, half, torn_pages, text])
def test_a_damaged_state_is_set_aside_and_reported_and_its_alerts_are_sent_again(kept: Kept, damage) -> None:
    [told] = kept.inbox.alerts
    file = kept.state / "state.db"
    file.write_bytes(damage(file.read_bytes(), random.Random(1)))
    damaged = file.read_bytes()
    kept.start()
    kept.turn([at(30, train(3))])
    aside = kept.state / "state.db.damaged-1"
    assert aside.read_bytes() == damaged
    lost, again, resolved = kept.inbox.alerts[1:]
    assert (lost.rule, str(aside) in lost.summary) == ("StateLost", True)
    assert [str(aside) in trouble for trouble in kept.heard.troubles] == [True]
    assert (again.id, again.state, again.resent) == (told.id, "firing", True)
    assert resolved.id == told.id
    kept.turn([at(40, train(4, loss=float("nan")))])
    assert not kept.inbox.alerts[-1].resent
    assert kept.pipeline.run.lines == 5


def test_a_state_that_is_damaged_twice_is_set_aside_twice(kept: Kept) -> None:
    for _ in range(2):
        (kept.state / "state.db").write_bytes(b"x" * 5000)
        kept.start()
        kept.turn()
        kept.kill()
    assert (kept.state / "state.db.damaged-2").exists()


def test_any_flipped_byte_gives_a_whole_state_or_none(kept: Kept) -> None:
    """The state is read back as it was written, or the log is read from its start; never a traceback or garbage."""
    file, source = kept.state / "state.db", random.Random(3)
    with Store(kept.state, history_limit=10) as store:
        expected = repr(store.load(str(kept.log)))
    whole = file.read_bytes()
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        data[source.randrange(len(data))] ^= 1 << source.randrange(8)
        file.write_bytes(data)
        kept.inbox.alerts.clear()
        kept.start()
        kept.turn()
        outcomes.add(kept.pipeline.run.lines)
        kept.kill()
        for part in kept.state.glob("state.db*"):
            part.unlink()
    assert outcomes == {3}
    assert expected


def test_a_state_damaged_while_the_watch_runs_is_written_again(kept: Kept) -> None:
    kept.start()
    kept.turn()
    (kept.state / "state.db").write_bytes(bytes(9000))
    kept.turn([at(30, train(3))], after_s=5)
    kept.turn([at(40, train(4, loss=float("nan")))], after_s=5)
    kept.turn([at(50, train(5))], after_s=5)
    kept.restart()
    kept.turn()
    assert kept.pipeline.run.lines == 6
    assert [alert.state for alert in kept.inbox.alerts] == ["firing", "resolved", "firing", "resolved"]


@pytest.mark.parametrize("is_folder_gone", [False, True])
def test_a_state_removed_while_the_watch_runs_is_written_again(kept: Kept, is_folder_gone: bool) -> None:
    kept.start()
    kept.turn()
    shutil.rmtree(kept.state) if is_folder_gone else (kept.state / "state.db").unlink()
    kept.turn([at(30, train(3))], after_s=5)
    kept.turn(after_s=5)
    assert len(kept.heard.troubles) == 2
    assert "it was removed" in kept.heard.troubles[0]
    kept.restart()
    kept.turn([at(40, train(4, loss=float("nan")))])
    assert [alert.state for alert in kept.inbox.alerts] == ["firing", "resolved", "firing"]
    assert kept.pipeline.run.lines == 4 + 1


# ---- versions


def test_a_state_of_a_newer_version_is_refused(kept: Kept) -> None:
    with sqlite3.connect(kept.state / "state.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateError, match=r"state\.db: has version 99.*; expected version"):
        kept.start()
    with pytest.raises(StateError, match=r"state\.db: has version 99"):
        look(kept.state)


def test_a_state_of_an_older_version_is_migrated(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A future version adds a table, and keeps what was known."""
    later = (*schema.MIGRATIONS, "CREATE TABLE silence (rule TEXT NOT NULL, until REAL NOT NULL);")
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    kept.start()
    kept.turn([at(30, train(3))])
    assert [alert.state for alert in kept.inbox.alerts] == ["firing", "resolved"]
    kept.kill()
    with sqlite3.connect(kept.state / "state.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchall() == [(len(later),)]
        connection.execute("SELECT rule, until FROM silence")
    connection.close()


def test_a_migration_that_fails_changes_nothing(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", (*whole, "CREATE TABLE silence (rule TEXT); DROP TABLE nothing;"))
    with pytest.raises(StateError):
        kept.start()
    monkeypatch.setattr(schema, "MIGRATIONS", whole)
    kept.start()
    kept.turn([at(30, train(3))])
    assert [alert.state for alert in kept.inbox.alerts] == ["firing", "resolved"]


def test_a_state_of_another_format_is_replaced_by_reading_the_log_again(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.store.saved.FORMAT", 2)
    kept.start()
    kept.turn()
    told, lost, again = kept.inbox.alerts
    assert (lost.rule, again.id, again.resent) == ("StateLost", told.id, True)
    assert kept.pipeline.run.lines == 3


# ---- who may hold it, and where


def test_a_second_watch_of_the_same_state_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    write(tmp_path / "run.log", TRAINING)
    words = ("watch", "run.log", "--state", "state")
    with started(*words, cwd=tmp_path) as first:
        first.until(lambda out: "[RUN] start" in out)
        (tmp_path / "elsewhere").mkdir()
        said = monitor("watch", tmp_path / "run.log", "--state", tmp_path / "state")
        assert said.code == 2
        holder = int((tmp_path / "state" / "lock").read_text())
        assert f"state: is in use by another monitor (process {holder}); expected" in said.err
        os.kill(holder, signal.SIGKILL)
        first.ended()
    write(tmp_path / "run.log", [*TRAINING, TROUBLED[-1]])
    assert monitor("watch", tmp_path / "run.log", "--state", tmp_path / "state", "--until-end").code in (0, 1)


def test_a_state_on_a_network_file_system_is_refused(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"36 35 0:32 / {tmp_path}/share rw shared:1 - nfs4 server:/x rw\n")
    with pytest.raises(StateError, match=r"share/state: is on a network file system \(nfs4\).*; expected"):
        Store(tmp_path / "share" / "state", history_limit=10, mountinfo=mountinfo)
    assert not (tmp_path / "share").exists()


def test_a_state_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    log = write(tmp_path / "run.log", TRAINING)
    said = monitor("watch", log, "--state", tmp_path / "state")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "state: cannot be made" in said.err


def test_the_logs_of_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = Kept(tmp_path / "a", rules=RULES), Kept(tmp_path / "b", rules=RULES)
    second.state = first.state
    for each, lines in ((first, TRAINING), (second, [*TRAINING, BROKEN]), (first, [BROKEN])):
        each.start()
        each.turn(lines)
        each.end()
    for each in (first, second):
        assert len(each.inbox.alerts) == 1
    _, found = look(first.state)
    assert [(Path(seen.log).parent.name, seen.saved.run.lines) for seen in found] == [("a", 3), ("b", 3)]
