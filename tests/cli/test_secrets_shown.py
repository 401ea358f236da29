"""No output shows a secret that a log contains: evidence, commands, paths, settings, in each command and receiver."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from monitor import grammar
from monitor.base.secrets import REDACTED, redact
from monitor.sinks.message import subject_of, write_message
from monitor.sinks.webhook import FORMATS
from tests.base.secret_shapes import LOOK_ALIKES, SECRETS
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, write
from tests.lines import at, setting

TEXTS = [row for row in SECRETS if row.text != row.secret]
"""A line of a key file is a secret only by itself."""


def lines() -> Iterator[bytes]:
    """Yield a run with secrets wherever a log can have some."""
    command = " ".join(row.text.replace(";", "") for row in TEXTS if row.text.startswith(("train ", "run ")))
    yield at(0, grammar.RunStart(run="fit-1", pid=1, host="gpu1", cmd=command, attempt=1))
    yield from HEALTHY[1:-1]
    for number, row in enumerate(TEXTS):
        yield at(20, setting(f"NOTE_{number}", row.text))
        yield at(20, grammar.Checkpoint(action="save", path=f"s3://bucket/{row.text}/model.pt", epoch=1, step=number))
        yield row.text.encode()
        yield b"Traceback (most recent call last):"
        yield b'  File "train.py", line 3, in main'
        yield f"RuntimeError: {row.text}".encode()
        yield at(21, grammar.Error(type="RuntimeError", message=row.text))
    for row in SECRETS:
        yield row.text.encode()
    yield at(22, grammar.RunEnd(status="failed", epochs=1, error=TEXTS[0].text))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("secrets") / "run.log", lines())


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["check", "--json"],
        ["replay"],
        ["replay", "--json"],
        ["report"],
        ["report", "--format", "html"],
        ["report", "--format", "json"],
        ["doctor"],
        ["doctor", "--json"],
        ["init", "--out", "-"],
        ["dialects", "explain"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_secret(log: Path, words: list[str]) -> None:
    command, *options = words
    named = [command, options.pop(0)] if command == "dialects" else [command]
    said = monitor(*named, log, *options)
    assert said.code in (0, 1, 3), said.err
    assert _leaked(said.out + said.err) == []


@pytest.mark.parametrize("words", [["check", "--json"], ["replay"], ["report", "--format", "html"]], ids=" ".join)
def test_no_command_hides_what_only_looks_like_a_secret(tmp_path: Path, words: list[str]) -> None:
    texts = [text.encode() for text in LOOK_ALIKES]
    said = monitor(words[0], write(tmp_path / "run.log", [*HEALTHY[:-1], *texts, *_errors()]), *words[1:])
    assert REDACTED not in said.out + said.err
    assert any(text in unescape(said.out) for text in LOOK_ALIKES)


def _errors() -> Iterator[bytes]:
    """Yield the texts where alerts quote them: as the messages of errors."""
    for text in LOOK_ALIKES:
        yield at(21, grammar.Error(type="RuntimeError", message=text))
    yield at(22, grammar.RunEnd(status="failed", epochs=1, error=LOOK_ALIKES[0]))


def test_no_receiver_is_sent_a_secret(log: Path, tmp_path: Path) -> None:
    from monitor.api import read

    alerts = read(log).transitions
    assert len(alerts) > 3
    sent = [
        subject_of(alerts),
        *(write_message(alerts, template="message.txt.j2", language=each) for each in ("text",)),
    ]
    sent += [repr(make(alerts, None, "topic")) for make in FORMATS.values()]
    assert _leaked("\n".join(sent)) == []


def test_no_watch_prints_or_shows_a_secret(log: Path, tmp_path: Path) -> None:
    state, page = tmp_path / "state", tmp_path / "STATUS.md"
    said = monitor("watch", log, "--state", state, "--until-end", "--notify-history", "--report", page)
    shown = said.out + said.err + page.read_text()
    for words in (["status", "--state", state], ["status", "--state", state, "--json"]):
        shown += monitor(*words).out
    for alert in {line.split()[0] for line in monitor("show", "--state", state).out.splitlines() if line.strip()}:
        shown += monitor("show", alert, "--state", state).out
    assert _leaked(shown) == []


def _leaked(shown: str) -> list[str]:
    return [row.text for row in SECRETS if row.secret in shown and redact(row.text) != row.text]
