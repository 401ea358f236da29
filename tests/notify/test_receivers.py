"""Each kind of sink against a real receiver: misbehaving web servers, a real SMTP server, programs."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from monitor.base.errors import MonitorError, Problems, SinkError
from monitor.base.evidence import Evidence
from monitor.notify import Delivery
from monitor.sinks import open_sinks
from monitor.sinks.command import Command
from monitor.sinks.http import Web as Address
from monitor.sinks.secret import Secret
from monitor.sinks.webhook import SIGNATURE, key_of
from tests.notify.receivers import Web, alert, critical, ended, free_port, until, web

HOSTILE = "loss <script>alert(1)</script> & @everyone `rm` \x1b[31m \u202e password=hunter2hunter2"


@pytest.fixture
def server() -> Iterator[Web]:
    with web() as found:
        yield found


def address(url: str) -> Secret:
    return Secret(url, "env:HOOK")


def open_sink(spec: Any) -> Any:
    (sink,) = open_sinks([spec]).sinks.values()
    return sink


def hostile() -> Any:
    return critical(1, summary=HOSTILE, evidence=(Evidence("run.log", 7, 99, 1e9, HOSTILE),))


# ---- the web


def test_a_webhook_gets_the_alerts_as_json_with_the_same_key_each_time(server: Web, monkeypatch: Any):
    monkeypatch.setenv("HOOK", f"{server.url}/hook?token=abc")
    sink = open_sink("webhook:env:HOOK")
    sink.send([alert(1), alert(2)])
    sink.send([alert(1), alert(2)])
    first, second = server.got
    assert first.path == "/hook?token=abc"
    assert first.json["alerts"] == [alert(1).to_json(), alert(2).to_json()]
    assert (first.json["version"], first.json["status"], first.json["run"]) == (1, "firing", "run-1")
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == key_of([alert(1), alert(2)])
    assert key_of([alert(1)]) != key_of([ended(alert(1))])


def test_a_signed_webhook_can_be_verified_with_the_key(server: Web, monkeypatch: Any):
    monkeypatch.setenv("HOOK", server.url)
    monkeypatch.setenv("KEY", "of the house")
    open_sink({"webhook": "env:HOOK", "secret": "env:KEY"}).send([alert(1)])
    (request,) = server.got
    at, signature = (part.partition("=")[2] for part in request.headers[SIGNATURE].split(","))
    expected = hmac.new(b"of the house", at.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signature, expected)


def texts_of(document: Any) -> list[str]:
    """Return every text of a document, in order."""
    if isinstance(document, dict):
        return [text for value in document.values() for text in texts_of(value)]
    if isinstance(document, list):
        return [text for value in document for text in texts_of(value)]
    return [document] if isinstance(document, str) else []


@pytest.mark.parametrize("form", ["slack", "discord", "ntfy"])
def test_a_chat_message_mentions_no_user_and_contains_no_secret(server: Web, form: str):
    open_sink({"webhook": f"{server.url}/topic", "format": form}).send([hostile()])
    (request,) = server.got
    text = request.body.decode()
    assert "hunter2" not in text and "\\u001b" not in text and "\\u202e" not in text
    words = "\n".join(texts_of(request.json))
    assert "Rule1" in words and "run.log:L7" in words.replace("\\", "").replace("\u2060", "")
    if form == "slack":
        assert "<script>" not in words and "‹script›" in words
    if form == "discord":
        assert request.json["allowed_mentions"] == {"parse": []} and len(words) <= 6_000
    if form == "ntfy":
        assert (request.path, request.json["topic"], request.json["priority"]) == ("/", "topic", 5)


@pytest.mark.parametrize(("code", "permanent"), [(500, False), (503, False), (429, False), (404, True), (401, True)])
def test_the_status_decides_whether_a_refusal_is_permanent(server: Web, code: int, permanent: bool):
    server.plan, server.headers = [code], {"Retry-After": "17"}
    with pytest.raises(SinkError, match=rf"env:HOOK: answered {code}") as caught:
        Address(address(server.url), "sink webhook").post(b"{}", {})
    assert (caught.value.permanent, caught.value.retry_after_s) == (permanent, 17.0)


def test_a_redirect_is_not_followed_to_another_host(server: Web):
    with web() as other:
        server.plan, server.headers = [302], {"Location": f"{other.url}/stolen"}
        with pytest.raises(SinkError, match="a redirect, which is not followed") as caught:
            Address(address(server.url), "sink webhook").post(b"secret words", {})
        assert caught.value.permanent
        assert other.got == []


@pytest.mark.parametrize("mood", ["close", "hang"])
def test_a_server_that_hangs_or_hangs_up_is_tried_again_later(server: Web, mood: str):
    server.plan = [mood]
    with pytest.raises(SinkError, match="does not answer") as caught:
        Address(address(server.url), "sink webhook", timeout_s=0.3).post(b"{}", {})
    assert not caught.value.permanent


def test_a_refused_connection_is_a_temporary_failure():
    with pytest.raises(SinkError, match="does not answer") as caught:
        Address(address(f"http://127.0.0.1:{free_port()}"), "sink webhook").post(b"{}", {})
    assert not caught.value.permanent


def test_a_server_that_hangs_does_not_delay_other_receivers(server: Web, tmp_path: Path):
    server.plan = ["hang"]
    sinks = open_sinks([f"webhook:{server.url}", f"jsonl:{tmp_path / 'alerts.jsonl'}"]).sinks
    delivery = Delivery(sinks)
    delivery.send(0.0, 1e9)
    delivery.add([critical(1)])
    delivery.send(1.0, 1e9)
    server.wait_for(1)
    delivery.add([critical(2)])
    delivery.send(2.0, 1e9 + 1)
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == 2
    assert delivery.is_busy


# ---- mail


class Mailbox:
    """A real SMTP server that records its mails."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refuses = ""
        self.port = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return self.refuses
        from email import message_from_bytes, policy

        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=policy.default)))
        return "250 OK"


@pytest.fixture
def mailbox(require: Callable[[str], None]) -> Iterator[Mailbox]:
    require("aiosmtpd")
    from aiosmtpd.controller import Controller

    found = Mailbox()
    found.port = free_port()
    controller = Controller(found, hostname="127.0.0.1", port=found.port)
    controller.start()
    yield found
    controller.stop()


def mail(port: int, **others: Any) -> Any:
    entry = {"smtp": f"127.0.0.1:{port}", "from": "monitor@example.com", "to": ["ops@example.com"], "tls": "none"}
    return open_sink({**entry, **others})


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_mail_has_the_worst_alert_as_subject_and_text_and_html_parts(mailbox: Mailbox):
    mail(mailbox.port, to=["ops@example.com", "night@example.com"]).send([hostile(), alert(2)])
    ((recipients, message),) = mailbox.mails
    assert recipients == ["ops@example.com", "night@example.com"]
    assert message["Subject"].startswith("🔴 loss <script>")
    assert message["Subject"].endswith("(+1)") and "\n" not in message["Subject"]
    text, html = (part.get_content() for part in message.iter_parts())
    assert "→ look at it" in text and "run.log:L7" in text
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "hunter2" not in message.as_string() and "hunter2" not in html


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("answer", "permanent"), [("451 try later", False), ("554 no", True)])
def test_the_mail_servers_answer_decides_whether_to_retry(mailbox: Mailbox, answer: str, permanent: bool):
    mailbox.refuses = answer
    with pytest.raises(SinkError, match=f"answered {answer[:3]}") as caught:
        mail(mailbox.port).send([alert(1)])
    assert caught.value.permanent == permanent


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_password_is_not_sent_to_a_server_without_tls(mailbox: Mailbox, monkeypatch: Any):
    monkeypatch.setenv("PASSWORD", "secret")
    with pytest.raises(SinkError, match=r"STARTTLS|does not|not support"):
        mail(mailbox.port, tls="starttls", user="me", password="env:PASSWORD").send([alert(1)])
    assert mailbox.mails == []


# ---- apprise


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what apprise imports
def test_a_service_of_apprise_gets_the_notice(require: Callable[[str], None]):
    require("apprise")
    with web() as server:
        open_sink(f"apprise:json://127.0.0.1:{server.port}/").send([critical(1), alert(2)])
        (request,) = server.got
    assert request.json["title"].startswith("🔴 something is wrong, number 1")
    assert "→ look at it" in request.json["message"]
    assert request.json["type"] == "failure"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what apprise imports
def test_a_failed_notice_through_apprise_is_retried(require: Callable[[str], None]):
    require("apprise")
    with web() as server:
        server.plan = [500]
        with pytest.raises(SinkError, match="did not accept the notice") as caught:
            open_sink(f"apprise:json://127.0.0.1:{server.port}/").send([alert(1)])
    assert not caught.value.permanent


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what apprise imports
def test_an_address_unknown_to_apprise_is_refused(require: Callable[[str], None]):
    require("apprise")
    with pytest.raises(MonitorError, match="apprise does not know the address"):
        open_sink("apprise:nonsense://x")


# ---- programs, the journal, heartbeats


def test_a_command_gets_each_alert_as_a_line_of_json_and_runs_without_a_shell(tmp_path: Path):
    into = tmp_path / "got"
    program = f"{sys.executable} -c \"import sys; open(sys.argv[1], 'w').write(sys.stdin.read())\" '{into}' '$(id)'"
    open_sink(f"command:{program}").send([alert(1), ended(alert(1))])
    assert [json.loads(line)["state"] for line in into.read_text().splitlines()] == ["firing", "resolved"]


def test_a_failing_command_shows_its_error_and_a_hanging_one_is_killed_with_its_children(tmp_path: Path):
    with pytest.raises(SinkError, match="ended with 3: no such channel"):
        open_sink("command:sh -c 'echo no such channel >&2; exit 3'").send([alert(1)])
    mark = tmp_path / "alive"
    line = f"sh -c 'sh -c \"echo $$ > {mark}; sleep 60\" & wait'"
    with pytest.raises(SinkError, match=r"did not end within 0\.5 s"):
        Command(line, "sink command", timeout_s=0.5).send([alert(1)])
    child = int(mark.read_text())
    until(lambda: not Path(f"/proc/{child}/stat").exists() or ") Z " in Path(f"/proc/{child}/stat").read_text())


def test_lines_for_the_journal_have_a_priority(capfd: Any, monkeypatch: Any):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    sink = open_sink("stderr")
    sink.send([critical(1)])
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    sink.send([critical(1), ended(critical(1)), alert(2)])
    lines = capfd.readouterr().err.splitlines()
    assert lines[0].startswith("critical Rule1 firing: something is wrong, number 1 (run.log:41)")
    assert [line[:3] for line in lines[1:]] == ["<2>", "<5>", "<4>"]


def test_a_heartbeat_posts_a_start_then_beats_then_a_failure_instead_of_beats(server: Web):
    delivery = Delivery(open_sinks([f"heartbeat:{server.url}/ping/uuid"]).sinks)

    def at(second: float, expected: int) -> list[str]:
        delivery.send(second, 1e9 + second)
        server.wait_for(expected)
        delivery.send(second, 1e9 + second, patience_s=5.0)
        return [request.path for request in server.got]

    assert at(0.0, 2) == ["/ping/uuid/start", "/ping/uuid"]
    assert at(30.0, 2) == ["/ping/uuid/start", "/ping/uuid"]
    assert at(61.0, 3)[2:] == ["/ping/uuid"]
    delivery.add([critical(1)])
    paths = at(62.0, 4)
    assert paths[3].startswith("/ping/uuid/fail?rid=") and len(paths) == 4


# ---- names


def test_a_receiver_can_be_named(monkeypatch: Any):
    monkeypatch.setenv("HOOK", "https://example.com/one")
    opened = open_sinks([{"webhook": "env:HOOK", "name": "team"}, {"webhook": "env:HOOK", "name": "night.shift"}])
    assert list(opened.sinks) == ["team", "night.shift"]


@pytest.mark.parametrize("name", ["", "two words", "x" * 41, 7, "a\nb"])
def test_a_name_that_is_none_is_refused(name: object):
    assert "name is " in refusal({"webhook": "https://example.com", "name": name})


# ---- mistakes in the configuration


def refusal(*specs: Any) -> str:
    with pytest.raises(Problems) as caught:
        open_sinks(specs)
    return str(caught.value)


def test_all_mistakes_are_reported_at_once_one_line_each(tmp_path: Path, monkeypatch: Any):
    readable = tmp_path / "hook"
    readable.write_text("https://example.com/hook")
    readable.chmod(0o644)
    monkeypatch.delenv("NOWHERE", raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    said = refusal(
        "pigeon:coop",
        "webhook:ftp://example.com",
        "webhook:env:NOWHERE",
        f"webhook:file:{tmp_path / 'missing'}",
        f"webhook:file:{readable}",
        "webhook:credential:hook",
        "command:no-such-program-at-all",
        {"webhook": "https://example.com", "format": "telegram"},
        {"webhook": "https://example.com", "colour": "red"},
        {"webhook": "https://example.com", "secret": "in the open"},
        {"smtp": "mail.example.com", "to": ["ops@example.com"]},
        {"smtp": "mail.example.com", "from": "no address", "to": ["ops@example.com"]},
        {"colour": "red"},
        {"webhook": "https://example.com", "template": str(tmp_path / "none.j2")},
    ).splitlines()
    expected = [
        "unknown receiver 'pigeon'",
        "not a web address",
        "the variable 'NOWHERE' is not set",
        "missing cannot be read",
        "(mode 0644); expected chmod 600",
        "systemd passed no credentials",
        "cannot find the program 'no-such-program-at-all'",
        "unknown format 'telegram'",
        "unknown key colour",
        "secret is written in the watch file itself",
        "from is missing",
        "not a mail address: 'no address'",
        "names no receiver",
        "none.j2 cannot be read",
    ]
    assert len(said) == len(expected)
    for words, line in zip(expected, said, strict=True):
        assert words in line and "expected" in line, line


def test_a_secret_from_a_private_file_or_a_credential_is_not_shown(tmp_path: Path, monkeypatch: Any):
    hidden = tmp_path / "hook"
    hidden.write_text("https://example.com/T000/very-secret\n")
    hidden.chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    opened = open_sinks([f"webhook:file:{hidden}", "webhook:credential:hook", "webhook:https://example.com/T1/open"])
    assert "T000" not in "".join(opened.sinks) and "T1/open" not in "".join(opened.sinks)
    assert len(opened.warnings) == 1 and "T1" not in opened.warnings[0]


def test_two_addresses_on_one_host_are_two_receivers_but_a_repeated_one_is_a_mistake():
    opened = open_sinks(["webhook:https://example.com/a", "webhook:https://example.com/b"])
    assert len(opened.sinks) == 2
    with pytest.raises(MonitorError, match="is named twice"):
        open_sinks(["webhook:https://example.com/a", "webhook:https://example.com/a"])


def test_a_users_template_cannot_leave_its_sandbox(server: Web, tmp_path: Path):
    own = tmp_path / "own.j2"
    own.write_text("{{ ''.__class__.__mro__[1].__subclasses__() }}")
    sink = open_sink({"webhook": server.url, "format": "slack", "template": str(own)})
    with pytest.raises(SinkError, match="the template fails"):
        sink.send([alert(1)])
    own2 = tmp_path / "fine.j2"
    own2.write_text("{{ alerts | length }} of {{ run | esc }}: {{ subject | esc }}")
    open_sink({"webhook": server.url, "format": "slack", "template": str(own2)}).send([alert(1)])
    assert server.got[-1].json["text"].startswith("1 of run-1: something is wrong, number 1")


def test_threads_do_not_mix_up_the_receivers(server: Web):
    with web() as other:
        delivery = Delivery(open_sinks([f"alertmanager:{server.url}", f"alertmanager:{other.url}"]).sinks)
        delivery.send(0.0, 1e9)
        for number in range(5):
            delivery.add([alert(number)])
            delivery.send(float(number), 1e9 + number)
        until(lambda: not delivery.send(10.0, 1e9 + 10) and delivery.num_waiting == 0)
    ids = [[each["annotations"]["id"] for request in found.got for each in request.json] for found in (server, other)]
    assert ids[0] == ids[1] == [f"{number:016x}" for number in range(5)]
