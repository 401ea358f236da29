"""What a log prints cannot leave its place in a notice: no header, no line, no mention, no terminal code."""

from __future__ import annotations

import json
import sys
from email import message_from_bytes
from pathlib import Path

import pytest

from monitor.alert import Alert
from monitor.base.evidence import Evidence
from monitor.sinks.alertmanager import Alertmanager
from monitor.sinks.command import Command
from monitor.sinks.jsonl import json_line
from monitor.sinks.message import subject_of
from monitor.sinks.secret import Secret
from monitor.sinks.smtp import Smtp
from monitor.sinks.webhook import FORMATS
from tests.notify.receivers import alert

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
