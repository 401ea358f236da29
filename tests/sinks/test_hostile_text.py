"""What a log prints cannot leave its place in a notice: no header, no line, no mention, no terminal code."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest

from monitor.alert import Alert
from monitor.base.evidence import Evidence
from monitor.sinks.alertmanager import Alertmanager
from monitor.sinks.apprise import Apprise
from monitor.sinks.command import Command
from monitor.sinks.heartbeat import Heartbeat
from monitor.sinks.jsonl import JsonLines, json_line
from monitor.sinks.message import subject_of
from monitor.sinks.secret import Secret
from monitor.sinks.smtp import Smtp
from monitor.sinks.spec import KINDS
from monitor.sinks.stderr import Stderr
from monitor.sinks.webhook import FORMATS
from tests.notify.receivers import alert, critical, web

HOSTILE = (
    "x\r\nBcc: thief@example.org\r\n\r\nbody",
    "x\n{}\n",
    "\x1b]0;title\x07\x1b[2J\x00\x7f",
    "=?utf-8?q?=0ABcc:_thief@example.org?=",
    "<script>alert(1)</script> <!channel> @everyone <@U1>",
    "\u202e\u2028\u2029\ud800\udfff",
    "{{ 7 * 7 }} {% raw %} ${HOME} $(id) `id` %s %n",
    "é" * 5_000,
)


def hostile(text: str) -> Alert:
    """Return an alert with the text wherever a log's words may come."""
    line = Evidence("run.log", 1, 0, 1e9, text)
    return alert(summary=text, reason=text, labels=(("group", text),), evidence=(line,), run=text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_mail_has_only_our_headers(text: str) -> None:
    options = Smtp.Options(from_="a@example.org", to=["b@example.org"], tls="none")
    mail = message_from_bytes(Smtp("localhost", "sinks", options)._mail([hostile(text)]).as_bytes())
    ours = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
    assert set(mail.keys()) == ours
    assert "thief" not in repr([value for name, value in mail.items() if name in ("To", "From")])


@pytest.mark.parametrize("text", HOSTILE)
def test_every_document_is_one_of_ours(text: str) -> None:
    one = hostile(text)
    assert "\n" not in subject_of([one])
    assert "\x1b" not in subject_of([one])
    for make in FORMATS.values():
        document = json.dumps(make([one], None, "topic"), allow_nan=False).encode("ascii")
        assert json.loads(document)
    manager = Alertmanager(Secret("http://localhost", "manager"), "sinks")
    assert json.dumps(manager._json(one), allow_nan=False).encode("ascii")
    assert "<!channel>" not in json.dumps(FORMATS["slack"]([one], None, ""))
    assert FORMATS["discord"]([one], None, "")["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_program_gets_one_line_of_json_per_alert(text: str, tmp_path: Path) -> None:
    code = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())"
    Command(f"{sys.executable} -c '{code}' {tmp_path / 'got'}", "sinks").send([hostile(text), alert(2)])
    got = (tmp_path / "got").read_bytes()
    assert got.isascii()
    assert [json.loads(line)["id"] for line in got.splitlines()] == [f"{1:016x}", f"{2:016x}"]
    assert got == "".join(f"{json_line(each)}\n" for each in (hostile(text), alert(2))).encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_the_journal_gets_one_line_per_alert(
    text: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    Stderr().send([hostile(text), alert(2)])
    lines = capfd.readouterr().err.splitlines()
    assert [line[:3] for line in lines] == ["<4>", "<4>"]
    assert not any(each in "".join(lines) for each in "\x1b\x07\x7f\u202e")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_file_gets_one_line_of_json_per_alert(text: str, tmp_path: Path) -> None:
    JsonLines(tmp_path / "alerts.jsonl", "sinks").send([hostile(text), alert(2)])
    got = (tmp_path / "alerts.jsonl").read_bytes()
    assert got.isascii()
    assert [json.loads(line)["id"] for line in got.splitlines()] == [f"{1:016x}", f"{2:016x}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_switch_gets_one_request_whose_address_no_log_decides(text: str) -> None:
    with web() as server:
        Heartbeat(Secret(f"{server.url}/ping", "switch"), "sinks").send([critical(1, summary=text, run=text)])
        (request,) = server.got
    path, _, rid = request.path.partition("?rid=")
    assert (path, str(uuid.UUID(rid))) == ("/ping/fail", rid)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what apprise imports
@pytest.mark.parametrize("text", HOSTILE)
def test_a_service_of_apprise_gets_one_title_of_one_line(text: str, require: Callable[[str], None]) -> None:
    require("apprise")
    with web() as server:
        address = Secret(f"json://127.0.0.1:{server.port}/", "service")
        Apprise(address, "sinks", Apprise.Options()).send([hostile(text)])
        (request,) = server.got
    assert len(request.json["title"].splitlines()) == 1
    assert not any(each in json.dumps(request.json, ensure_ascii=False) for each in "\x1b\x07\u202e")


def test_every_receiver_is_among_these() -> None:
    assert {"JsonLines", "Stderr", "Command", "Alertmanager", "Smtp", "Heartbeat", "Apprise", "Webhook"} == {
        *KINDS.values()
    }
