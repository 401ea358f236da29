"""Requests to a running watch through its socket: the user is known, and nonsense changes nothing."""

from __future__ import annotations

import getpass
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.base.clock import SystemClock
from monitor.base.errors import StateError
from monitor.notify import Silences, read_silences
from monitor.notify.silences import FILE, MOST, change_silences, new_silence
from monitor.service.control import MOST_CLIENTS, NAME, PATIENCE_S, REQUEST_BYTES, Control, Request, ask
from tests.cli.command import monitor
from tests.cli.logs import EPOCH_1, TROUBLED, joined, write
from tests.notify.receivers import alert, until, web
from tests.service.supervisor import supervised

CLOCK = SystemClock()
DEEP = "[" * 3_000


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose watch listens."""
    with Control(tmp_path, CLOCK):
        yield tmp_path


def talk(folder: Path, data: bytes) -> dict[str, object]:
    """Send bytes as they are, and return the answer."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(20)
        peer.connect(str(folder / NAME))
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while some := peer.recv(4096):
            answer += some
    return dict(json.loads(answer)) if answer else {}


def test_only_the_user_and_the_group_can_use_the_socket(control: Path):
    assert stat.S_IMODE((control / NAME).stat().st_mode) == 0o660


def test_a_requested_silence_is_stored_and_used(control: Path):
    (made,) = ask(control, Request("silence", "Rule1", 3_600.0, "backup"), CLOCK) or ()
    assert (made.target, made.author, made.reason) == ("Rule1", getpass.getuser(), "backup")
    assert read_silences(control) == [made]
    assert Silences(control).covering(alert(1), CLOCK.wall()) == made


def test_a_request_always_names_the_user_who_sent_it(control: Path):
    (made,) = ask(control, Request("ack", "0123456789abcdef", author="the boss"), CLOCK) or ()
    assert made.author == f"the boss (as {getpass.getuser()})"


def test_any_user_who_may_ask_can_end_a_silence(control: Path):
    ask(control, Request("silence", "Rule1", 3_600.0), CLOCK)
    assert monitor("unsilence", "Rule1", "--state", str(control)).code == 0
    assert read_silences(control) == []
    said = monitor("unsilence", "Rule1", "--state", str(control))
    assert said.code == 2 and "nothing silences" in said.err


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"{}\n",
        b"null\n",
        b"[1]\n",
        b"\xff\xfe\n",
        b'{"verb": "silence", "target": "Rule1", "for_s": 60}',
        b'{"verb": "reboot", "target": "Rule1"}\n',
        b'{"verb": "silence", "target": "Rule1"}\n',
        b'{"verb": "silence", "target": "Rule1", "for_s": -1}\n',
        b'{"verb": "silence", "target": "Rule1", "for_s": NaN}\n',
        b'{"verb": "silence", "target": "Rule1", "for_s": 1e999}\n',
        b'{"verb": "silence", "target": "Rule1", "for_s": "60"}\n',
        b'{"verb": "silence", "target": "Rule1", "for_s": true, "more": 1}\n',
        b'{"verb": "silence", "target": "Rule1", "for_s": true}\n',
        b'{"verb": "silence", "target": "../../etc", "for_s": 60}\n',
        b'{"verb": "silence", "target": "", "for_s": 60}\n',
        b'{"verb": "silence", "target": ["Rule1"], "for_s": 60}\n',
        b'{"verb": "ack", "target": "0123456789abcdef", "reason": {"a": 1}}\n',
        f'{{"verb": {DEEP}'.encode() + b"\n",
        b"x" * (2 * REQUEST_BYTES),
        b'{"verb": "silence", "target": "Rule1", "for_s": ' + b"9" * 5_000 + b"}\n",
    ],
    ids=range(21),
)
def test_nonsense_is_refused_and_changes_nothing(control: Path, data: bytes):
    assert "error" in talk(control, data)
    assert read_silences(control) == []
    assert ask(control, Request("silence", "Rule1", 60.0), CLOCK), "the next request is served"


def test_a_silent_client_delays_the_next_one_only_briefly(control: Path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(control / NAME))
        assert ask(control, Request("silence", "Rule1", 60.0), CLOCK)


def test_any_number_of_idle_clients_starves_no_other(control: Path):
    """Fifteen of them did, for 30 s."""
    with ExitStack() as idle:
        for _ in range(3 * MOST_CLIENTS):
            silent = idle.enter_context(socket.socket(socket.AF_UNIX))
            silent.connect(str(control / NAME))
        began = CLOCK.monotonic()
        assert ask(control, Request("silence", "Rule1", 60.0), CLOCK)
        assert CLOCK.monotonic() - began < PATIENCE_S


def test_silences_are_bounded_and_none_is_dropped_unseen(control: Path):
    many = [new_silence(f"Rule{number}", "me", "", 0.0, None) for number in range(MOST)]
    change_silences(control, lambda known: many)
    assert "there are 1,000 silences" in str(talk(control, b'{"verb": "ack", "target": "0123456789abcdef"}\n')["error"])
    assert len(read_silences(control)) == MOST


def test_everything_can_be_unsilenced_in_one_answer(control: Path):
    change_silences(control, lambda known: [new_silence("Rule1", "a" * 100, "r" * 300, at, None) for at in range(MOST)])
    assert ask(control, Request("unsilence", "Rule1"), CLOCK)
    assert read_silences(control) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"ends_at": 1e300},
        {"ends_at": float("nan")},
        {"begins_at": -1},
        {"begins_at": True},
        {"target": 5},
        {"id": None},
    ],
    ids=str,
)
def test_a_file_with_values_of_another_kind_is_refused(tmp_path: Path, wrong: dict[str, object]):
    one = {"id": "a", "target": "Rule1", "author": "me", "reason": "", "begins_at": 0.0, "ends_at": 1.0} | wrong
    (tmp_path / FILE).write_text(json.dumps([one]))
    with pytest.raises(StateError, match="does not contain silences"):
        read_silences(tmp_path)
    assert monitor("silence", "--state", str(tmp_path)).code == 2


def test_a_client_that_disconnects_harms_no_other(control: Path):
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(control / NAME))
            peer.sendall(b'{"verb": "silence", "target": "Rule1", "for_s": 60}\n')
    assert ask(control, Request("silence", "Rule2", 60.0), CLOCK)


def test_many_simultaneous_clients_are_all_served(control: Path):
    threads = [
        threading.Thread(target=ask, args=(control, Request("silence", f"Rule{number}", 60.0), CLOCK))
        for number in range(12)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.target for each in read_silences(control)} == {f"Rule{number}" for number in range(12)}


def test_the_stale_socket_of_a_killed_watch_is_ignored_and_replaced(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / NAME))
    assert ask(tmp_path, Request("silence", "Rule1", 60.0), CLOCK) is None
    with Control(tmp_path, CLOCK):
        assert ask(tmp_path, Request("silence", "Rule1", 60.0), CLOCK)
    assert not (tmp_path / NAME).exists()


def test_the_socket_works_in_a_folder_of_any_depth(tmp_path: Path):
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    with Control(deep, CLOCK):
        assert ask(deep, Request("silence", "Rule1", 60.0), CLOCK)


def test_a_folder_that_cannot_have_a_socket_is_one_error(tmp_path: Path):
    (tmp_path / NAME).write_text("somebody's own")
    with pytest.raises(StateError, match="cannot be created"):
        Control(tmp_path, CLOCK)
    assert (tmp_path / NAME).read_text() == "somebody's own"


def test_a_silenced_alert_of_a_running_watch_does_not_reach_people(tmp_path: Path):
    write(tmp_path / "run.log", EPOCH_1)
    state = tmp_path / "state"
    with web() as server:
        sinks = ["--sink", f"webhook:{server.url}", "--sink", "jsonl:alerts.jsonl"]
        with supervised(tmp_path, "run.log", "--state", "state", *sinks) as watch:
            until(lambda: watch.has_said("READY=1"))
            assert (state / NAME).is_socket()
            said = monitor("silence", "GradientZero", "--for", "1h", "--state", str(state))
            assert said.code == 0 and f"by {getpass.getuser()}" in said.out
            with (tmp_path / "run.log").open("ab") as file:
                file.write(joined(TROUBLED[len(EPOCH_1) :]))
            server.wait_for(1)
            until(lambda: "GradientZero" in (tmp_path / "alerts.jsonl").read_text())
            told = {each["alert"] for request in server.got for each in request.json["alerts"]}
    assert told and "GradientZero" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes where another user must read")
def test_a_silence_made_by_root_can_be_read_by_the_watchs_own_user(tmp_path: Path):
    os.chown(tmp_path, 65534, 65534)
    assert monitor("silence", "Rule1", "--for", "1h", "--state", str(tmp_path)).code == 0
    owners = {(each.stat().st_uid, each.stat().st_gid) for each in tmp_path.iterdir()}
    assert owners == {(65534, 65534)}
