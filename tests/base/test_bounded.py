"""What a user's template may take: time, memory and length are bounded, and each mistake is one clear error."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.base.bounded import BoundedError, Limits, run_bounded
from monitor.base.clock import SystemClock
from monitor.base.errors import MonitorError, SinkError
from monitor.sinks.message import check_template, write_message
from tests.cli.command import monitor
from tests.cli.logs import HEALTHY, write
from tests.notify.receivers import alert

SMALL = Limits(seconds=1.0, memory_mb=64, characters=10_000)


def endless() -> str:
    while True:
        pass


def deep(number: int = 0) -> str:
    return deep(number + 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (endless, "it took more than 1 s"),
        (deep, "it calls itself too deeply"),
        (lambda: "x" * 10**12, "it took more than 64 MB"),
        (lambda: "x" * 10_001, "it made more than 10,000 characters"),
        (lambda: str(1 / 0), "division by zero"),
    ],
    ids=range(5),
)
def test_whatever_goes_wrong_is_one_error(make, words: str) -> None:
    began = SystemClock().monotonic()
    with pytest.raises(BoundedError, match=words):
        run_bounded(make, SMALL)
    assert SystemClock().monotonic() - began < 10


def test_a_text_comes_back_as_it_is() -> None:
    assert run_bounded(lambda: "é\n🔴\ud800" * 100, SMALL) == "é\n🔴\ud800" * 100


HOSTILE = {
    "loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% set c = a %}{% endfor %}{% endfor %}",
    "memory": "{{ 'x' * 10000000000 }}",
    "output": "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
    "recursion": "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
    "nesting": "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "attribute": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "unknown": "{{ nothing.of.that }}",
    "syntax": "{% for %}",
    "type": "{{ 1 + 'x' }}",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_template_for_messages_is_one_error(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.j2"
    own.write_text(text)
    with pytest.raises(SinkError) as error:
        write_message([alert()], template="message.txt.j2", language="text", own=own)
    assert str(error.value).startswith(f"{own}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["nesting", "syntax"])
def test_a_hostile_template_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    own = tmp_path / "own.j2"
    own.write_text(HOSTILE[name])
    with pytest.raises(MonitorError, match="is not a valid template"):
        check_template(own, "sinks")


@pytest.mark.parametrize("name", ["output", "recursion", "memory", "unknown", "syntax"])
@pytest.mark.parametrize("wanted", ["md", "html"])
def test_a_hostile_template_for_pages_is_one_error(tmp_path: Path, name: str, wanted: str) -> None:
    own, log = tmp_path / "own.j2", write(tmp_path / "run.log", HEALTHY)
    own.write_text(HOSTILE[name])
    said = monitor("report", log, "--template", own, "--format", wanted)
    assert said.code == 2
    assert said.err.startswith(f"monitor: {own}")
    assert said.err.count("\n") == 1
